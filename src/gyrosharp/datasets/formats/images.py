"""Any folder of photos, at any depth: sharp pictures to make samples from."""

from pathlib import Path

from gyrosharp.capture.capture import ImageSource
from gyrosharp.datasets.formats._folders import is_picture, require_found
from gyrosharp.datasets.formats._item import DatasetItem

NAME = "images"
DESCRIPTION = "Any folder of photos, folders within it included; they count as sharp"
LICENCE = "the user's own"
LAYOUT = """
**/*.{jpg,jpeg,png,tif,tiff,webp}
"""


def sniff(folder: Path) -> bool:
    """Return whether there is a picture in the folder or below it."""
    return any(is_picture(path) for path in folder.rglob("*"))


def read(folder: Path, split: str | None = None) -> list[DatasetItem]:  # noqa: ARG001 (one set)
    """Return the photos in order of their paths; `split` means nothing here.

    Raises
    ------
    ImageError
        If there are none.
    """
    found = sorted((path for path in folder.rglob("*") if _counts(folder, path)), key=lambda path: path.as_posix())
    items = [
        DatasetItem(name=path.relative_to(folder).with_suffix("").as_posix(), sharp=ImageSource(path)) for path in found
    ]
    return require_found(folder, items, "pictures")


def _counts(folder: Path, path: Path) -> bool:
    """Whether a path is a picture outside hidden folders."""
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and path.is_file() and is_picture(path)
