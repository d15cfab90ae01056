"""Gyroflow's gcsv, versions 1.0 to 1.3.

Units: the file's scales turn raw numbers into seconds (tscale, 0.001 if absent), rad/s (gscale, 1) and g (ascale, 1).
Stamps are IMU time and are not shifted; `frame_readout_time` (ms) and `frame_readout_direction` become frame hints.

Axes: the `orientation` letters are applied here, as gyroflow does: output axis k is the input axis that letter k names,
upper case plus, lower case minus. What comes out is gyroflow's frame, whose camera axes are
``R_cam_imu = [[0, -1, 0], [-1, 0, 0], [0, 0, -1]]`` (see `gyrosharp.imu.axes`), for frames as stored in the movie. A
file without the line says nothing about its axes: the columns come out as written and `R_cam_imu` is None.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from gyrosharp.geometry.shutter import Shutter
from gyrosharp.imu.axes import letters_matrix, parse_axes
from gyrosharp.imu.checks import checked
from gyrosharp.imu.readers._table import (
    data_rows,
    failure,
    first_line,
    header_cells,
    named_columns,
    parse_columns,
    raw_samples,
    read_text,
)
from gyrosharp.imu.recording import FrameHints, ImuRecording

NAME = "gcsv"
DESCRIPTION = "Gyroflow IMU log (gcsv 1.0-1.3)"
DEVICES = "loggers made for Gyroflow (esp-gyrologger, Flowshutter) and any log converted to gcsv"
EXTENSIONS = (".gcsv", ".csv")
GYRO_UNIT = "rad/s"

STANDARD_GRAVITY_M_S2 = 9.80665
MAX_READOUT_MS = 1000.0

_TITLES = ("GYROFLOW IMU LOG", "CAMERA IMU LOG")
_OPPOSITE = {
    Shutter.TOP_TO_BOTTOM: Shutter.BOTTOM_TO_TOP,
    Shutter.BOTTOM_TO_TOP: Shutter.TOP_TO_BOTTOM,
    Shutter.LEFT_TO_RIGHT: Shutter.RIGHT_TO_LEFT,
    Shutter.RIGHT_TO_LEFT: Shutter.LEFT_TO_RIGHT,
}
_DIRECTIONS = {
    "0": Shutter.TOP_TO_BOTTOM,
    "1": Shutter.BOTTOM_TO_TOP,
    "2": Shutter.LEFT_TO_RIGHT,
    "3": Shutter.RIGHT_TO_LEFT,
    "toptobottom": Shutter.TOP_TO_BOTTOM,
    "bottomtotop": Shutter.BOTTOM_TO_TOP,
    "lefttoright": Shutter.LEFT_TO_RIGHT,
    "righttoleft": Shutter.RIGHT_TO_LEFT,
}
_ABOUT = ("vendor", "note", "lensprofile")


def sniff(head: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether the first line is gcsv's title."""
    return first_line(head)[0].strip().upper().startswith(_TITLES)


def read(path: Path) -> ImuRecording:
    """Read a gcsv log; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If the header or a row is broken.
    """
    header = _Header.parse(path, read_text(path))
    rows = data_rows(path, header.text, header.size, ",", len(header.columns))
    columns = parse_columns(rows, 0, header.axes())
    raw = raw_samples(
        columns,
        header.scale("tscale", "0.001"),
        float(header.scale("gscale", "1")),
        float(header.scale("ascale", "1")) * STANDARD_GRAVITY_M_S2,
    )
    notes = [*columns.notes, *header.about()]
    letters = header.letters()
    if letters is None:
        notes.append("the file has no orientation: columns are taken as written, their axes are not known")
    else:
        turn = letters_matrix(letters)
        accel = raw.accel_m_s2
        raw = replace(raw, gyro_rad_s=raw.gyro_rad_s @ turn.T, accel_m_s2=None if accel is None else accel @ turn.T)
        if np.linalg.det(turn) < 0:
            notes.append(f"orientation {letters} turns left-handed columns into right-handed ones")
    return checked(
        raw,
        source=str(path),
        R_cam_imu=None if letters is None else parse_axes("gyroflow"),
        frame_hints=header.frame_hints(),
        notes=notes,
    )


@dataclass(frozen=True)
class _Header:
    """The ``key,value`` lines, each with its line number, and the names of the data columns."""

    path: Path
    text: str
    values: dict[str, tuple[str, int]]
    columns: list[str]
    size: int

    @classmethod
    def parse(cls, path: Path, text: str) -> "_Header":
        values: dict[str, tuple[str, int]] = {}
        for number, line in enumerate(text.split("\n"), start=1):
            cells = header_cells(line, ",")
            if cells and cells[0].lower() in ("t", "time"):
                return cls(path, text, values, cells, number)
            key, _, value = line.partition(",")
            values[key.strip().lower()] = value.strip().rstrip(",").strip(), number
        raise failure(path, "expected a line 't,gx,gy,gz' before the samples, got none; add it")

    def failure(self, key: str, expected: str) -> Exception:
        value, line = self.values[key]
        return failure(self.path, f"expected {key} to be {expected}, got '{value}'; correct that line", line)

    def axes(self) -> list[int]:
        gyro = named_columns(self.columns, ("gx", "gy", "gz"))
        if gyro is None:
            got = ",".join(self.columns)
            raise failure(self.path, f"expected columns t,gx,gy,gz[,ax,ay,az], got '{got}'; rename them", self.size)
        return gyro + (named_columns(self.columns, ("ax", "ay", "az")) or [])

    def scale(self, key: str, default: str) -> Fraction:
        """Return a scale; tscale in nanoseconds per tick."""
        try:
            scale = Fraction(self.values.get(key, (default, 0))[0])
        except (ValueError, ZeroDivisionError):
            raise self.failure(key, "a number over 0") from None
        if scale <= 0:
            raise self.failure(key, "a number over 0")
        return scale * 10**9 if key == "tscale" else scale

    def letters(self) -> str | None:
        if "orientation" not in self.values:
            return None
        letters = self.values["orientation"][0]
        try:
            letters_matrix(letters)
        except ValueError:
            raise self.failure("orientation", "three letters such as XYZ or YxZ, each axis once") from None
        return letters

    def about(self) -> list[str]:
        known = [f"{key} {self.values[key][0]}" for key in _ABOUT if self.values.get(key, ("", 0))[0]]
        return [f"gcsv: {', '.join(known)}"] if known else []

    def frame_hints(self) -> FrameHints:
        readout_ms = self._number("frame_readout_time")
        shutter = self._shutter()
        if readout_ms is not None and abs(readout_ms) > MAX_READOUT_MS:
            raise self.failure("frame_readout_time", f"milliseconds, at most {MAX_READOUT_MS:g}")
        if readout_ms is not None and shutter is None:
            shutter = Shutter.TOP_TO_BOTTOM  # gyroflow's default
        if readout_ms is not None and shutter is not None and readout_ms < 0:
            shutter = _OPPOSITE[shutter]  # older files give the direction as a sign
        return FrameHints(
            readout_s=None if readout_ms is None else abs(readout_ms) * 1e-3,
            shutter=None if shutter is None else shutter.value,
            frame_rate_hz=self._number("fps"),
        )

    def _shutter(self) -> Shutter | None:
        if "frame_readout_direction" not in self.values:
            return None
        name = self.values["frame_readout_direction"][0].lower()
        if name not in _DIRECTIONS:
            raise self.failure("frame_readout_direction", "0 (top to bottom), 1 (bottom to top), 2 or 3 (sideways)")
        return _DIRECTIONS[name]

    def _number(self, key: str) -> float | None:
        if not self.values.get(key, ("", 0))[0]:
            return None
        try:
            number = float(self.values[key][0])
        except ValueError:
            raise self.failure(key, "a number") from None
        if not np.isfinite(number):
            raise self.failure(key, "a finite number")
        return number
