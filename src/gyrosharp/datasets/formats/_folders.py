"""Finding pictures, their partners and subsets in a data set's folders."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from gyrosharp.capture.capture import ImageSource
from gyrosharp.errors import ImageError, UsageError
from gyrosharp.media.image_file import IMAGE_SUFFIXES

Entry = TypeVar("Entry")


def is_picture(path: Path) -> bool:
    """Whether a path looks like a picture that can be read; hidden files do not."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def natural_key(path: Path) -> list[tuple[int, str]]:
    """Return a sorting key under which 2 comes before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.name)]


def pictures_in(folder: Path, pattern: str = "*") -> list[Path]:
    """Return the pictures of a folder whose names match a pattern, numbers in order; none if there is no folder."""
    return sorted((path for path in folder.glob(pattern) if is_picture(path)), key=natural_key)


def folders_in(folder: Path) -> list[Path]:
    """Return the folders of a folder, numbers in order."""
    return sorted((path for path in folder.iterdir() if path.is_dir()), key=natural_key)


def partner(path: Path, folder: Path, what: str, suffixes: Iterable[str] = IMAGE_SUFFIXES, stem: str = "") -> Path:
    """Return the file of a folder that belongs to a picture: the same stem, or the given one.

    Raises
    ------
    ImageError
        If there is none.
    """
    found = partner_or_none(folder, stem or path.stem, suffixes)
    if found is None:
        raise ImageError(
            f"{path}: expected its {what} {folder / (stem or path.stem)}.*, got no such file; complete the set"
        )
    return found


def partner_or_none(folder: Path, stem: str, suffixes: Iterable[str] = IMAGE_SUFFIXES) -> Path | None:
    """Return the file of a folder with a stem and one of the suffixes; None if there is none."""
    return next((path for suffix in suffixes if (path := folder / f"{stem}{suffix}").is_file()), None)


def source(path: Path) -> ImageSource:
    """Return a picture file as an image source.

    Raises
    ------
    ImageError
        If there is no such file.
    """
    if not path.is_file():
        raise ImageError(f"{path}: expected a picture, got no such file; complete the set")
    return ImageSource(path)


def subsets(folder: Path, holds: Callable[[Path], bool], split: str | None) -> list[tuple[str | None, Path]]:
    """Return (name, folder) of the subsets of a data set: itself, nameless, or else its folders that hold data.

    Raises
    ------
    UsageError
        If a subset is asked for that is not there.
    ImageError
        If nothing holds data.
    """
    found: list[tuple[str | None, Path]] = [(None, folder)] if holds(folder) else []
    found = found or [(path.name, path) for path in folders_in(folder) if holds(path)]
    if not found:
        raise ImageError(f"{folder}: expected a data set of this format, got a folder without its files")
    return only_split(folder, found, split)


def only_split(
    folder: Path, found: list[tuple[str | None, Entry]], split: str | None
) -> list[tuple[str | None, Entry]]:
    """Return the entries of one subset, or all of them.

    Raises
    ------
    UsageError
        If there is no subset of that name.
    """
    chosen = [entry for entry in found if split is None or entry[0] == split]
    if not chosen:
        names = ", ".join(sorted({name for name, _ in found if name is not None})) or "none"
        raise UsageError(f"{folder}: expected one of the subsets {names}, got {split!r}")
    return chosen


def require_found(folder: Path, entries: list[Entry], what: str) -> list[Entry]:
    """Return the entries of a data set.

    Raises
    ------
    ImageError
        If there are none.
    """
    if not entries:
        raise ImageError(f"{folder}: expected {what}, got none; check the path")
    return entries
