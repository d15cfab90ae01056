"""Data sets by their folder layout: one module per format, found by looking into this package.

A format is a module with

- ``NAME``: its name on the command line and in configs;
- ``DESCRIPTION``: one line;
- ``LAYOUT``: its folder tree, as text;
- ``LICENCE``: the terms of the public data;
- ``sniff(folder)``: whether a folder looks like it, from names alone;
- ``read(folder, split=None, ...)``: its entries; further keyword arguments are the format's options.

A format that gyrosharp also writes has besides

- ``NEEDS``: the encodings that a sample must bring;
- ``files_of(sample, split)``: the files of one sample, content by path within the data set; it depends on the sample
  alone, so samples can be written by any number of workers in any order;
- where there are any, ``finish(folder, split, names=None)``: the files that sum up a subset (lists, one long log),
  content by path, made from what `files_of` left in the folder; of the named samples, or of all that are there.

What such a module writes its own `read` reads back. Adding a format is adding such a file; modules whose name starts
with an underscore are not formats.
"""

import inspect
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Protocol, cast

from gyrosharp.datasets.formats._depth import DepthSource, OtherView, StereoRig
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.datasets.formats._planes import PlaneSource
from gyrosharp.datasets.sample import BlurSample
from gyrosharp.errors import ImageError, UsageError
from gyrosharp.registry import modules_by_name

__all__ = [
    "DatasetItem",
    "DepthSource",
    "Format",
    "OtherView",
    "PlaneSource",
    "StereoRig",
    "WritableFormat",
    "claims",
    "formats",
    "read_dataset",
    "summary_files",
    "table",
    "writable_formats",
]

Option = str | float | None
# These take any folder with pictures in it, so they count only where no other format claims a folder.
GENERAL = ("photo_depth", "images")


class Format(Protocol):
    """What a format module offers; see the package's docstring."""

    NAME: str
    DESCRIPTION: str
    LAYOUT: str
    LICENCE: str

    def sniff(self, folder: Path) -> bool:
        """Return whether a folder looks like this format."""

    def read(self, folder: Path, split: str | None = None) -> Sequence[DatasetItem]:
        """Return the entries of a data set."""


class WritableFormat(Format, Protocol):
    """What a format module offers that gyrosharp writes too."""

    NEEDS: tuple[str, ...]

    def files_of(self, sample: BlurSample, split: str) -> dict[str, bytes]:
        """Return the files of one sample."""


@cache
def formats() -> MappingProxyType[str, Format]:
    """Return the formats by name, sorted."""
    return modules_by_name(__name__)


def writable_formats() -> MappingProxyType[str, WritableFormat]:
    """Return the formats that gyrosharp can write, by name."""
    chosen = {name: module for name, module in formats().items() if hasattr(module, "files_of")}
    return MappingProxyType(cast(dict[str, WritableFormat], chosen))


def summary_files(name: str, folder: Path, split: str, names: Sequence[str] | None = None) -> dict[str, bytes]:
    """Return the files that sum up a subset of a written data set; none for most formats."""
    finish = getattr(writable_formats()[name], "finish", None)
    return {} if finish is None else cast(dict[str, bytes], finish(folder, split, names))


def claims(folder: str | Path) -> tuple[str, ...]:
    """Return the names of the formats that a folder looks like; the general ones only where no other does.

    Raises
    ------
    ImageError
        If there is no such folder.
    """
    path = _require_folder(Path(folder))
    names = [name for name, module in formats().items() if name not in GENERAL and module.sniff(path)]
    return tuple(names) or tuple(name for name in GENERAL if formats()[name].sniff(path))[:1]


def read_dataset(
    folder: str | Path, name: str | None = None, split: str | None = None, **options: Option
) -> Sequence[DatasetItem]:
    """Return the entries of a data set; pictures are decoded when an entry is asked for them.

    Parameters
    ----------
    folder : str or Path
        Its root.
    name : str or None
        The format; None finds out from the folder.
    split : str or None
        Name of one subset; None takes all.
    **options
        Of the format, e.g. ``units_per_m`` of ``tum_rgbd``.

    Raises
    ------
    UsageError
        If the format, the subset or an option is not known.
    ImageError
        If the folder is missing, of no known format, or incomplete.
    CaptureError
        If a list or a calibration is broken, naming file and line.
    """
    path = _require_folder(Path(folder))
    if name is not None and name not in formats():
        raise UsageError(f"format: expected one of {', '.join(formats())}, got {name!r}; leave it out to detect it")
    module = formats()[name if name is not None else _only_claim(path)]
    known = list(inspect.signature(module.read).parameters)[2:]
    unknown = [option for option in options if option not in known]
    if unknown:
        raise UsageError(f"{module.NAME}: expected options of {', '.join(known) or 'none'}, got {unknown[0]!r}")
    return module.read(path, split, **options)


def _require_folder(path: Path) -> Path:
    if not path.is_dir():
        raise ImageError(f"{path}: expected the folder of a data set, got none; check the path")
    return path


def _only_claim(path: Path) -> str:
    names = claims(path)
    if len(names) == 1:
        return names[0]
    if names:
        raise ImageError(f"{path}: expected one kind of data set, got {' and '.join(names)}; name the format")
    raise ImageError(f"{path}: expected a data set or pictures, got a folder without either; check the path")


def table() -> str:
    """Return a Markdown table of all formats, followed by their folder trees; docs/datasets.md shows it."""
    rows = ["| format | what | options | written | terms of the public data |", "|---|---|---|---|---|"]
    trees = []
    for name, module in formats().items():
        options = ", ".join(f"`{option}`" for option in list(inspect.signature(module.read).parameters)[2:])
        written = "yes" if name in writable_formats() else ""
        rows.append(f"| `{name}` | {module.DESCRIPTION} | {options} | {written} | {module.LICENCE} |")
        trees.append(f"### `{name}`\n\n```text\n{module.LAYOUT.strip()}\n```\n")
    return "\n".join(rows) + "\n\n" + "\n".join(trees)
