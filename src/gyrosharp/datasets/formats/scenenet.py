"""SceneNet RGB-D (McCormac et al., ICCV 2017): rendered rooms, 320 x 240 px; the source of the thesis's training data.

Depth is 16-bit millimetres ALONG EACH PIXEL'S RAY, not along the z axis (the set's own code multiplies it by unit
rays), and is divided by the ray's length here: by 1.23 in the corners. The camera has opening angles of 60 x 45
degrees, so its pixels are not quite square.
"""

import math
from pathlib import Path

from gyrosharp.capture.capture import ImageSource
from gyrosharp.datasets.formats._depth import DepthSource
from gyrosharp.datasets.formats._folders import folders_in, partner, pictures_in, require_found
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.errors import UsageError
from gyrosharp.geometry.camera import CameraModel

NAME = "scenenet"
DESCRIPTION = "SceneNet RGB-D: millimetres along the ray, turned into depth along z"
LICENCE = "see the set's site"
LAYOUT = """
[{train,val}/][N/][TRAJECTORY/]photo/0.jpg
[{train,val}/][N/][TRAJECTORY/]depth/0.png      16-bit millimetres along the ray, 0 unknown
[{train,val}/][N/][TRAJECTORY/]instance/0.png   (not read)
"""
SPLITS = ("train", "val")
CAMERA = CameraModel(
    320, 240, 160 / math.tan(math.radians(30.0)), 120 / math.tan(math.radians(22.5)), cx=159.5, cy=119.5
)
DEEPEST = 3


def sniff(folder: Path) -> bool:
    """Return whether photo and depth folders are here or up to three levels down."""
    return _first(folder, DEEPEST)


def read(folder: Path, split: str | None = None) -> list[DatasetItem]:
    """Return the views of all trajectories.

    Parameters
    ----------
    folder : Path
        Root, or a part of it.
    split : str or None
        "train" or "val", where the root has such folders.

    Raises
    ------
    UsageError
        If there is no such folder.
    ImageError
        If a photo has no depth map.
    """
    if split is not None and not (folder / split).is_dir():
        raise UsageError(f"{folder}: expected a folder {' or '.join(SPLITS)} for the subset, got none for {split!r}")
    root = folder if split is None else folder / split
    items = [_item(folder, path) for place in _places(root, DEEPEST) for path in pictures_in(place / "photo")]
    return require_found(folder, items, "pictures in photo folders")


def _item(folder: Path, path: Path) -> DatasetItem:
    place = path.parent.parent
    parts = place.relative_to(folder).parts
    return DatasetItem(
        name="/".join((*parts, path.stem)),
        split=parts[0] if parts and parts[0] in SPLITS else None,
        sharp=ImageSource(path),
        camera=CAMERA,
        depth=DepthSource(partner(path, place / "depth", "depth map", (".png",)), rays=CAMERA),
    )


def _is_place(folder: Path) -> bool:
    return (folder / "photo").is_dir() and (folder / "depth").is_dir()


def _first(folder: Path, levels: int) -> bool:
    if _is_place(folder):
        return True
    return levels > 0 and any(_first(path, levels - 1) for path in folders_in(folder))


def _places(folder: Path, levels: int) -> list[Path]:
    if _is_place(folder):
        return [folder]
    return [place for path in folders_in(folder) for place in _places(path, levels - 1)] if levels > 0 else []
