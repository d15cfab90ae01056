"""Koehler et al. (ECCV 2012): 4 pictures x 12 replayed camera shakes; the truth is every position of the replay.

A result is measured against all truth frames of its shake, best one counts. `read` gives the frame in the middle of the
replay as the sharp picture and all of them in `pictures`, as ``truth_<n>``.
"""

import re
from pathlib import Path

from gyrosharp.capture.capture import ImageSource
from gyrosharp.datasets.formats._folders import pictures_in, require_found
from gyrosharp.datasets.formats._item import DatasetItem

NAME = "koehler"
DESCRIPTION = "Koehler: replayed camera shake, with the truth at every position where it is there"
LICENCE = "research"
LAYOUT = """
Blurry<i>_<k>.png                           picture i under shake k
Image<i>/Kernel<k>/GroundTruth<i>_<k>_<n>.png   optional: sharp picture at position n of the shake
"""
_NAME = re.compile(r"Blurry(\d+)_(\d+)$")
NOTE = "measure against every truth_<n> of `pictures` and take the best, as the authors do"


def sniff(folder: Path) -> bool:
    """Return whether a picture is called Blurry<i>_<k>."""
    return any(_NAME.match(path.stem) for path in pictures_in(folder, "Blurry*"))


def read(folder: Path, split: str | None = None) -> list[DatasetItem]:  # noqa: ARG001 (one set)
    """Return the blurred pictures, with their truth where it is there; `split` means nothing here.

    Raises
    ------
    ImageError
        If there are none.
    """
    named = [(path, _NAME.match(path.stem)) for path in pictures_in(folder, "Blurry*")]
    items = [_item(folder, path, match[1], match[2]) for path, match in named if match]
    return require_found(folder, items, "pictures Blurry<i>_<k>")


def _item(folder: Path, path: Path, image: str, kernel: str) -> DatasetItem:
    truths = pictures_in(folder / f"Image{image}" / f"Kernel{kernel}", f"GroundTruth{image}_{kernel}_*")
    return DatasetItem(
        name=path.stem,
        sharp=ImageSource(truths[len(truths) // 2]) if truths else None,
        blurred=ImageSource(path),
        pictures={f"truth_{truth.stem.rsplit('_', 1)[1]}": ImageSource(truth) for truth in truths},
        notes=(NOTE,) if truths else (),
    )
