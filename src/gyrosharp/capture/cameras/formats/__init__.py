"""Formats of camera files: one module per format, found by looking into this package.

A format is a module with

- ``NAME``: its name, lower case;
- ``DESCRIPTION``: one line for the list of formats;
- ``EXTENSIONS``: file name extensions it is usually found under (a hint for people);
- ``sniff(text, path)``: whether a file looks like this format. Quick, never raises, and true for a damaged file if
  its beginning is there, so that `read` can say what is wrong;
- ``read(file)``: its cameras by name, each for the size it was made for, in the order of preference. A format that
  does not tell the size takes that of the picture (`CameraFile.width`, `height`). Its docstring gives the
  conventions: lens model, pixel centres, signs.

Picking one of several cameras and fitting it to the picture is done for all formats by `find_camera`. Adding a format
is adding such a file; modules whose name starts with an underscore are not formats.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from gyrosharp.capture.cameras.formats._text import CameraFile, read_text
from gyrosharp.capture.cameras.profile import CameraProfile
from gyrosharp.errors import CaptureError
from gyrosharp.registry import modules_by_name

__all__ = ["CameraFile", "CameraFormat", "claims", "formats", "read_cameras"]


class CameraFormat(Protocol):
    """What a format module offers; see the package's docstring."""

    NAME: str
    DESCRIPTION: str
    EXTENSIONS: tuple[str, ...]

    def sniff(self, text: str, path: Path) -> bool:
        """Return whether a file looks like this format."""

    def read(self, file: CameraFile) -> Mapping[str, CameraProfile]:
        """Return the cameras in a file by name."""


@cache
def formats() -> MappingProxyType[str, CameraFormat]:
    """Return the formats of this package by name, sorted."""
    return modules_by_name(__name__)


def claims(text: str, path: Path) -> tuple[str, ...]:
    """Return the names of the formats that a file looks like."""
    return tuple(name for name, module in formats().items() if module.sniff(text, path))


def read_cameras(path: Path, width: int, height: int, choice: str | None = None) -> Mapping[str, CameraProfile]:
    """Return the cameras in a file by name, each for the size it was made for; at least one.

    Parameters
    ----------
    path : Path
        The file.
    width, height : int
        Of the picture that a camera is wanted for, px.
    choice : str or None
        Which camera is wanted, for formats that do not read all of them.

    Raises
    ------
    CaptureError
        If no format, or more than one, claims the file, or it is malformed (naming file and key or line).
    """
    text = read_text(path)
    names = claims(text, path)
    if len(names) != 1:
        got = f"one that looks like {' and '.join(names)}" if names else "something else"
        raise CaptureError(f"{path}: expected a camera file in one of these formats: {', '.join(formats())}; got {got}")
    cameras = formats()[names[0]].read(CameraFile(path, text, width, height, choice))
    if not cameras:
        raise CaptureError(f"{path}: expected a camera, got a {names[0]} file with none in it")
    return cameras
