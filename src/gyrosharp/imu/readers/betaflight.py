"""Blackbox logs of flight controllers, decoded to CSV by blackbox_decode or exported by Blackbox Explorer.

blackbox_decode writes names with units in the first line, ``loopIteration, time (us), ..., gyroADC[0] (deg/s), ...``.
Blackbox Explorer writes ``"name",value`` lines of settings first, then names without units, then rows.

Units: stamps in microseconds after power-up unless the header says seconds. Rates are in deg/s or rad/s where the
header says so. Without a unit they are the controller's steps: deg/s, or what the settings gyroScale (rad/us per step)
and blackbox_high_resolution (tenths) say. Accelerations are g or m/s^2 where the header says so, or steps of 1/acc_1G g
where that setting is there; else they are left out.
Axes: the controller's own, x roll, y pitch, z yaw as Betaflight counts them, after its board alignment; `R_cam_imu` is
None, since only the mount knows how the camera sits on it.

Source: github.com/betaflight/blackbox-tools (README), betaflight/blackbox-log-viewer (csv-export-worker.js and
gyroRawToDegreesPerSecond).
"""

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from gyrosharp.imu.checks import checked
from gyrosharp.imu.readers._table import (
    NUMBER,
    Rows,
    failure,
    header_cells,
    parse_columns,
    raw_samples,
    read_text,
)
from gyrosharp.imu.recording import ImuRecording

NAME = "betaflight"
DESCRIPTION = "Blackbox log as CSV (time, gyroADC[0], gyroADC[1], gyroADC[2])"
DEVICES = "flight controllers with Betaflight, Cleanflight, INAV, Rotorflight or EmuFlight (decoded blackbox logs)"
EXTENSIONS = (".csv",)
GYRO_UNIT = "deg/s"

STANDARD_GRAVITY_M_S2 = 9.80665

_GYRO = tuple(f"gyroadc[{axis}]" for axis in range(3))
_ACCEL = tuple(f"accsmooth[{axis}]" for axis in range(3))
_COLUMN = re.compile(r"(?P<name>.*?)\s*(?:\((?P<unit>[^)]*)\))?")
_NS_PER_TICK = {None: Fraction(1000), "us": Fraction(1000), "ms": Fraction(10**6), "s": Fraction(10**9)}
_RAD_PER_UNIT = {"deg/s": math.radians(1.0), "rad/s": 1.0}
_M_S2_PER_UNIT = {"g": STANDARD_GRAVITY_M_S2, "m/s/s": 1.0, "m/s2": 1.0, "m/s^2": 1.0}
# A setting that Blackbox Explorer writes first of all.
_SETTING = re.compile(r'"frameIntervalI"\s*,')


def sniff(head: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether the head has a line of blackbox column names, or begins with Blackbox Explorer's settings."""
    return _SETTING.search(head) is not None or any(_Header.parse(line) is not None for line in head.split("\n"))


def read(path: Path) -> ImuRecording:
    """Read a decoded blackbox log; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If there is no line of column names, a unit is not known, or a row is broken.
    """
    text = read_text(path)
    lines = text.split("\n")
    found = ((n, _Header.parse(line)) for n, line in enumerate(lines, 1) if "gyroADC" in line)
    number, header = next(((n, parsed) for n, parsed in found if parsed is not None), (0, None))
    if header is None:
        raise failure(
            path, "expected columns time and gyroADC[0] to gyroADC[2], got none; log the gyro and decode again"
        )
    settings = _settings(lines[: number - 1])
    gyro_scale, gyro_note = _gyro_scale(path, header, settings, number)
    accel_scale = _accel_scale(header, settings)
    accel = header.accel if accel_scale else []
    columns = parse_columns(_rows(path, text, number, header.width), header.time, header.gyro + accel)
    raw = raw_samples(columns, _ns_per_tick(path, header, number), gyro_scale, accel_scale or 1.0)
    return checked(raw, source=str(path), notes=(*columns.notes, *gyro_note))


@dataclass(frozen=True)
class _Header:
    """Where the columns are, and their units (None where the header has none)."""

    width: int
    time: int
    gyro: list[int]
    accel: list[int]
    units: tuple[str | None, str | None, str | None]

    @classmethod
    def parse(cls, line: str) -> "_Header | None":
        cells = [_named(cell) for cell in header_cells(line, ",")]
        names = [name for name, _ in cells]
        if "time" not in names or not all(name in names for name in _GYRO):
            return None
        time, gyro = names.index("time"), [names.index(name) for name in _GYRO]
        accel = [names.index(name) for name in _ACCEL] if all(name in names for name in _ACCEL) else []
        units = cells[time][1], cells[gyro[0]][1], cells[accel[0]][1] if accel else None
        return cls(len(cells), time, gyro, accel, units)


def _named(cell: str) -> tuple[str, str | None]:
    """Return a column's name in lower case, and its unit."""
    match = _COLUMN.fullmatch(cell)
    return (match["name"].lower(), match["unit"]) if match else ("", None)


def _rows(path: Path, text: str, skip: int, width: int) -> Rows:
    """Return the data rows; unlike in other tables, the last cells of a row may be empty (no GPS fix yet)."""
    numbered = [(n, line.strip()) for n, line in enumerate(text.split("\n")[skip:], skip + 1) if line.strip(" \t\f\v,")]
    return Rows(
        path, [_trimmed(line, width) for _, line in numbered], [n for n, _ in numbered], ",", width, text[-1:] == "\n"
    )


def _trimmed(line: str, width: int) -> str:
    """Drop empty cells beyond the last column."""
    while line.count(",") >= width and line.endswith(","):
        line = line[:-1].rstrip()
    return line


def _settings(lines: list[str]) -> dict[str, float]:
    """Return the settings that are numbers, by name."""
    settings = {}
    for line in lines:
        name, _, value = line.partition(",")
        value = value.strip().strip('"')
        if re.fullmatch(NUMBER, value):
            settings[name.strip().strip('"')] = float(value)
    return settings


def _ns_per_tick(path: Path, header: _Header, number: int) -> Fraction:
    unit = header.units[0]
    if unit not in _NS_PER_TICK:
        raise failure(
            path, f"expected time in us, ms or s, got '{unit}'; decode again with --unit-frame-time us", number
        )
    return _NS_PER_TICK[unit]


def _gyro_scale(path: Path, header: _Header, settings: dict[str, float], number: int) -> tuple[float, tuple[str, ...]]:
    """Return rad/s per unit of the gyro columns, and what was assumed."""
    unit = header.units[1]
    if unit is not None:
        if unit not in _RAD_PER_UNIT:
            raise failure(path, f"expected rates in deg/s or rad/s, got '{unit}'; decode again", number)
        return _RAD_PER_UNIT[unit], () if unit == GYRO_UNIT else (f"the rates are in {unit}, as their names say",)
    tenths = 0.1 if settings.get("blackbox_high_resolution", 0.0) > 0 else 1.0
    if settings.get("gyroScale", 0.0) > 0:
        return settings["gyroScale"] * 1e6 * tenths, ()
    return _RAD_PER_UNIT["deg/s"] * tenths, ("the rates have no unit: taken as deg/s, Betaflight's steps",)


def _accel_scale(header: _Header, settings: dict[str, float]) -> float | None:
    """Return m/s^2 per unit of the accelerometer columns; None if it is not known."""
    unit = header.units[2]
    if unit is not None:
        return _M_S2_PER_UNIT.get(unit)
    steps_per_g = settings.get("acc_1G", 0.0)
    return STANDARD_GRAVITY_M_S2 / steps_per_g if steps_per_g > 0 else None
