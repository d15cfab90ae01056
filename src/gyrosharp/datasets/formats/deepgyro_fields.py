"""The pictures of DeepGyro's paper with their blur fields: one start-to-end vector per pixel, as two grey pictures.

A code is 128 plus the displacement in px, turned around where needed so that dy <= 0 (the direction of time is lost,
and so is everything beyond +-127 px, which wraps around in the authors' files). The vectors are in pixels of these
pictures, which are the camera's at half resolution.
"""

from functools import partial
from pathlib import Path

from gyrosharp.capture.capture import ImageSource
from gyrosharp.datasets.formats._folders import partner, pictures_in, require_found
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.datasets.formats._planes import PlaneSource, offset_planes

NAME = "deepgyro_fields"
DESCRIPTION = "DeepGyro: blurred pictures with start-to-end vectors"
LICENCE = "none stated"
LAYOUT = """
blurred/NAME.png
blurx/NAME.png                              128 + dx
blury/NAME.png                              128 + dy, dy <= 0
"""
FOLDERS = ("blurx", "blury")


def sniff(folder: Path) -> bool:
    """Return whether blurred, blurx and blury are there."""
    return all((folder / name).is_dir() for name in ("blurred", *FOLDERS))


def read(folder: Path, split: str | None = None) -> list[DatasetItem]:  # noqa: ARG001 (one set)
    """Return the pictures; field ``linear_kernel`` is (2, H, W) in px. `split` means nothing here.

    Raises
    ------
    ImageError
        If a picture lacks a field.
    """
    decode = partial(offset_planes, offset=128, bands=(0,))
    items = [
        DatasetItem(
            name=path.stem,
            blurred=ImageSource(path),
            fields={
                "linear_kernel": PlaneSource(
                    tuple(partner(path, folder / name, f"field {name}") for name in FOLDERS), decode
                )
            },
            notes=("the vectors' direction of time is not known",),
        )
        for path in pictures_in(folder / "blurred")
    ]
    return require_found(folder, items, "pictures in blurred")
