"""Readers of gyro logs: one module per format, found by looking into this package.

A reader is a module with

- ``NAME``: the format's name, as given to ``--imu-format``;
- ``DESCRIPTION``: one line for the list of formats;
- ``DEVICES``: which devices and apps write it, in plain words, for the table of supported devices;
- ``EXTENSIONS``: file name extensions it is usually found under (a hint for people and folder scans);
- ``GYRO_UNIT``: the unit the format gives rates in, ``"rad/s"`` or ``"deg/s"``;
- ``sniff(head, path)``: whether the first 4 KiB of text look like this format. Two logs of one app can have the same
  content (gyroscope and accelerometer columns without a header); there, and only there, the file name decides;
- ``sniff_bytes(head, path)``, in place of ``sniff``: the same for a binary format, from the first 4 KiB as bytes. It
  sees the heads of text files too and must refuse them; ``sniff`` never sees a binary head;
- ``read(path)``: the log as an `ImuRecording`; its docstring states units and axes. What is broken is refused with
  file and line, in a binary file with file and byte offset.

Adding a format is adding such a file; modules whose name starts with an underscore are not readers.
"""

import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from gyrosharp.errors import ImuError, UsageError
from gyrosharp.imu.checks import rate_warning, units_warning
from gyrosharp.imu.filtering import rejected_spikes
from gyrosharp.imu.readers._table import HEAD_BYTES, as_text, read_bytes
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.registry import modules_by_name

GYRO_UNITS = ("rad/s", "deg/s")


class TextReader(Protocol):
    """What a reader of a text format offers; see the package's docstring."""

    NAME: str
    DESCRIPTION: str
    DEVICES: str
    EXTENSIONS: tuple[str, ...]
    GYRO_UNIT: str

    def sniff(self, head: str, path: Path) -> bool:
        """Return whether the head of a text file looks like this format."""

    def read(self, path: Path) -> ImuRecording:
        """Return the log as a recording."""


class BinaryReader(Protocol):
    """What a reader of a binary format offers; see the package's docstring."""

    NAME: str
    DESCRIPTION: str
    DEVICES: str
    EXTENSIONS: tuple[str, ...]
    GYRO_UNIT: str

    def sniff_bytes(self, head: bytes, path: Path) -> bool:
        """Return whether the head of a file looks like this format."""

    def read(self, path: Path) -> ImuRecording:
        """Return the log as a recording."""


Reader = TextReader | BinaryReader


@cache
def readers() -> MappingProxyType[str, Reader]:
    """Return the readers of this package by name, sorted."""
    return modules_by_name(__name__)


def claims(path: str | Path) -> tuple[str, ...]:
    """Return the names of the formats that a file looks like.

    Raises
    ------
    ImuError
        If the file cannot be read or is empty.
    """
    path = Path(path)
    data = read_bytes(path, HEAD_BYTES)
    text = as_text(data, cut=True)
    return tuple(name for name, reader in readers().items() if _sniffs(reader, data, text, path))


def read_imu(path: str | Path, format: str | None = None, gyro_unit: str | None = None) -> ImuRecording:  # noqa: A002
    """Read a gyro log, check it, and take single-sample spikes out.

    Parameters
    ----------
    path : str or Path
        The log.
    format : str or None
        Name of its format; None finds out from the content.
    gyro_unit : "rad/s", "deg/s" or None
        Forces the unit of the rates; None takes the format's word, and adds a warning to the notes if the rates
        look like deg/s.

    Returns
    -------
    ImuRecording
        Rates in rad/s in the frame that the reader documents.

    Raises
    ------
    ImuError
        If no format, or more than one, claims the file, or the log is broken (naming file and line).
    UsageError
        If `format` or `gyro_unit` is not known.
    """
    path = Path(path)
    _require_known(format, gyro_unit)
    reader = readers()[format if format is not None else _only_claim(path)]
    recording = rejected_spikes(reader.read(path))
    odd = rate_warning(recording)
    if odd is not None:
        recording = recording.noted(odd)
    if gyro_unit is None:
        if reader.GYRO_UNIT in GYRO_UNITS[1:]:
            recording = recording.noted(f"rates converted from {reader.GYRO_UNIT}, the unit of this format")
        warning = units_warning(recording)
        return recording if warning is None else recording.noted(warning)
    return _in_unit(recording, reader.GYRO_UNIT, gyro_unit)


def _require_known(name: str | None, gyro_unit: str | None) -> None:
    if name is not None and name not in readers():
        raise UsageError(f"imu format: expected one of {', '.join(readers())}, got '{name}'; leave it out to detect it")
    if gyro_unit is not None and gyro_unit not in GYRO_UNITS:
        raise UsageError(f"gyro unit: expected {' or '.join(GYRO_UNITS)}, got '{gyro_unit}'")


def _sniffs(reader: Reader, data: bytes, text: str | None, path: Path) -> bool:
    if hasattr(reader, "sniff_bytes"):
        return reader.sniff_bytes(data, path)
    return text is not None and reader.sniff(text, path)


def _only_claim(path: Path) -> str:
    names = claims(path)
    if len(names) == 1:
        return names[0]
    if names:
        raise ImuError(
            f"{path}: expected a log of one format, got one that looks like {' and '.join(names)}; "
            f"say which with --imu-format NAME"
        )
    if as_text(read_bytes(path, HEAD_BYTES), cut=True) is None:
        binary = (name for name, reader in readers().items() if hasattr(reader, "sniff_bytes"))
        raise ImuError(
            f"{path}: expected a gyro log, got binary data that is none of {', '.join(binary)}; "
            f"export the log as text (CSV)"
        )
    # Some apps write all sensors alike; there the name decides, and this one does not say that it is the gyro's.
    alike = [name for name, reader in readers().items() if _named_gyro(reader, path)]
    if alike:
        raise ImuError(
            f"{path}: expected a gyro log, got a table of {' or '.join(alike)} for any sensor, whose name does not "
            f"begin with gyro; give the gyro's file, or say that this is it with --imu-format {alike[0]}"
        )
    raise ImuError(
        f"{path}: expected a gyro log in a known format ({', '.join(readers())}), got none of them; "
        f"convert it to gcsv, or force a format with --imu-format NAME"
    )


def _named_gyro(reader: Reader, path: Path) -> bool:
    """Whether a format would claim a text file if it were called a gyroscope's."""
    data = read_bytes(path, HEAD_BYTES)
    return _sniffs(reader, data, as_text(data, cut=True), path.with_name(f"gyroscope{path.suffix}"))


def _in_unit(recording: ImuRecording, declared: str, forced: str) -> ImuRecording:
    if declared == forced:
        return recording
    factor = math.radians(1.0) if forced == "deg/s" else math.degrees(1.0)
    note = f"rates taken as {forced} on request; the format's own unit is {declared}"
    return replace(recording, gyro_rad_s=recording.gyro_rad_s * factor).noted(note)
