"""Photos with a depth map beside each: ``NAME_depth.*`` or ``NAME.depth.*``, or ``NAME.exr`` / ``NAME.npy``.

Float maps (EXR, NPY, TIFF, PFM) hold metres, 16-bit PNG millimetres unless `units_per_m` says otherwise. This is also
how frames of NYU Depth v2 come as NumPy files.
"""

from pathlib import Path

from gyrosharp.capture.capture import ImageSource
from gyrosharp.capture.depth import CODES_PER_M
from gyrosharp.datasets.formats._depth import DepthSource
from gyrosharp.datasets.formats._folders import is_picture, require_found
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.errors import ImageError

NAME = "photo_depth"
DESCRIPTION = "Photos with a depth map beside each (EXR, NPY, PFM, TIFF in metres or 16-bit PNG), e.g. NYU as NPY"
LICENCE = "the user's own; NYU Depth v2: research"
LAYOUT = """
**/NAME.jpg
**/NAME_depth.{npy,exr,pfm,tif,png}         or NAME.depth.*, or NAME.{npy,exr,pfm}
"""
SUFFIXES = (".npy", ".exr", ".pfm", ".tif", ".tiff", ".png")
MARKS = ("_depth", ".depth")
# A map of the photo's own stem must differ in kind from a photo.
BARE_SUFFIXES = (".npy", ".exr", ".pfm")


def sniff(folder: Path) -> bool:
    """Return whether a photo in the folder or below it has a depth map beside it."""
    return any(_depth(path) is not None for path in _photos(folder))


def read(folder: Path, split: str | None = None, *, units_per_m: float = CODES_PER_M) -> list[DatasetItem]:  # noqa: ARG001
    """Return the photos with their maps; `split` means nothing here.

    Parameters
    ----------
    folder : Path
        Root.
    split : str or None
        Not used.
    units_per_m : float
        Codes of PNG maps per metre.

    Raises
    ------
    ImageError
        If a photo has no map, or there are no photos.
    """
    items = [_item(folder, path, units_per_m) for path in _photos(folder)]
    return require_found(folder, items, "photos with depth maps")


def _item(folder: Path, path: Path, units_per_m: float) -> DatasetItem:
    depth = _depth(path)
    if depth is None:
        raise ImageError(
            f"{path}: expected its depth map {path.stem}_depth.*, got no such file; complete the set or move the photo"
        )
    name = path.relative_to(folder).with_suffix("").as_posix()
    return DatasetItem(name=name, sharp=ImageSource(path), depth=DepthSource(depth, units_per_m))


def _photos(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if is_picture(path) and not path.stem.endswith(MARKS))
    return sorted(found, key=lambda path: path.as_posix())


def _depth(path: Path) -> Path | None:
    marked = [path.with_name(f"{path.stem}{mark}{suffix}") for mark in MARKS for suffix in SUFFIXES]
    bare = [path.with_suffix(suffix) for suffix in BARE_SUFFIXES]
    return next((candidate for candidate in (*marked, *bare) if candidate.is_file()), None)
