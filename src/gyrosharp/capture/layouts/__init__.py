"""Layouts of recordings: one module per kind of folder or movie, found by looking into this package.

A layout is a module with

- ``NAME``: its name, lower case;
- ``DEVICES``: who writes it, in plain words, for the table of supported devices;
- ``FILES``: what it consists of, in plain words;
- ``claims(path)``: whether a folder or file is one of these; quick, and False for what cannot be read;
- ``read(path, known)``: the recording, with `known.read_imu` for logs and `known.gyro` in place of its own log if that
  is given; what the user knows better otherwise is put in afterwards, by `Recording.overridden`. Notes tell what was
  assumed, unless `known` says it;
- ``FALLBACK`` (optional): True if it takes what no other layout claims.

Adding a layout is adding such a file; modules whose name starts with an underscore are not layouts.
"""

from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from gyrosharp.capture.overrides import NOTHING_KNOWN, Overrides
from gyrosharp.capture.recording import Recording
from gyrosharp.errors import CaptureError, GyrosharpError
from gyrosharp.registry import modules_by_name

MOVIE = "movie"
"""The layout of movies that nothing is known of."""


class Layout(Protocol):
    """What a layout module offers; see the package's docstring."""

    NAME: str
    DEVICES: str
    FILES: str

    def claims(self, path: Path) -> bool:
        """Return whether a folder or file has this layout."""

    def read(self, path: Path, known: Overrides) -> Recording:
        """Return the recording."""


@cache
def layouts() -> MappingProxyType[str, Layout]:
    """Return the layouts of this package by name, sorted, those that take what no other claims last."""
    found = modules_by_name(__name__)
    return MappingProxyType(dict(sorted(found.items(), key=lambda item: (_last(item[1]), item[0]))))


def layout_of(path: Path, known: Overrides = NOTHING_KNOWN) -> Layout | None:
    """Return the layout of a folder or movie; None if it is no recording. Stamps that are given make any folder one."""
    found = next((layout for layout in layouts().values() if layout.claims(path)), None)
    return layouts()["frames"] if found is None and known.frame_times is not None and path.is_dir() else found


def is_recording(path: Path) -> bool:
    """Whether a path is a recording that `read_recording` understands."""
    return layout_of(path) is not None


def read_recording(path: str | Path, known: Overrides | None = None) -> Recording:
    """Return a recording with what the user knows better in place of what it says.

    Parameters
    ----------
    path : str or Path
        Folder, movie or ``*.recording.json``.
    known : Overrides or None
        What the user knows better.

    Raises
    ------
    CaptureError
        If the path is no recording, or a part of it is missing or malformed.
    ImuError, ImageError
        If a log or a movie in it cannot be read.
    """
    source, known = Path(path), known or NOTHING_KNOWN
    layout = layout_of(source, known)
    if layout is None:
        found = "no such file or folder" if not source.exists() else "none of these"
        raise CaptureError(
            f"{source}: expected a recording ({', '.join(layouts())}), got {found}; `gyrosharp probe` lists the files "
            "each consists of; or name a capture file, or an image with -g GYRO"
        )
    recording = _of_folder(source, known) if layout.NAME == MOVIE and known.gyro is None else None
    recording = recording or layout.read(source, known)
    if recording.read_with == NOTHING_KNOWN:
        recording = replace(recording, read_with=known)
    return recording.overridden(known)


def _of_folder(movie: Path, known: Overrides) -> Recording | None:
    """Return the recording that a movie's folder holds, if it is of this movie."""
    layout = layout_of(movie.absolute().parent)
    if layout is None or _last(layout):
        return None
    try:
        recording = layout.read(movie.parent, known)
    except GyrosharpError:
        return None
    return recording if recording.movie == movie else None


def _last(layout: Layout) -> bool:
    return bool(getattr(layout, "FALLBACK", False))
