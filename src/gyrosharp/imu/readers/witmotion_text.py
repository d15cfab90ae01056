"""Text logs of WitMotion sensors: what its Windows and phone programs export, and its Python SDKs write.

The header names the columns; these dialects are known, tab, comma or blank separated, decimal point or (unless comma
separated) decimal comma, with or without a "StartTime" line before the header:

- ``Time(s) ChipTime ax(g) ... wx(deg/s) ... AngleX(deg)``, and the same names without units
- ``time DeviceName ... AccX(g) ... AsX(°/s)``, also in Chinese: 时间, 加速度X(g), 角速度X(°/s)
- ``Time Device name Chip Time() Acceleration X(g) ... Angular velocity X(°/s)``
- ``timestamp,AccX,...,AsX,AsY,AsZ,...`` of the Bluetooth SDK

Units: rates are deg/s in every one of them (the header says so, or the name does) and come out in rad/s; accelerations
are g where the header says g; without a unit their size decides, with a note. Stamps are seconds, a date and a time,
or a time of day, taken as the time on the sensor's chip where it is given.
Axes: the sensor's own as printed on its case; `R_cam_imu` is None, since only the mount knows.

Programs that poll faster than the sensor sends repeat samples; repeats are dropped where they are most of the log and
come faster than 200 Hz, WitMotion's fastest output.
"""

import re
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.imu.checks import RawSamples, checked
from gyrosharp.imu.readers._table import (
    NUMBER,
    Rows,
    data_rows,
    failure,
    head_lines,
    header_cells,
    parse_columns,
    raw_samples,
    read_text,
)
from gyrosharp.imu.recording import ImuRecording

NAME = "witmotion"
DESCRIPTION = "WitMotion text export (header with wx(deg/s) or AsX, tab or comma separated)"
DEVICES = "WitMotion sensors (WT901, BWT901, WT9011 ...), log exported by WitMotion's programs or SDKs"
EXTENSIONS = (".txt", ".csv")
GYRO_UNIT = "deg/s"

STANDARD_GRAVITY_M_S2 = 9.80665
MAX_OUTPUT_HZ = 200.0
# Between 1 g and 9.81 m/s^2: the geometric middle of the two.
G_OR_SI = 3.1

_HEADER_LINES = 8
_UNIT = r"\s*[\[(](?P<unit>[^\])]*)[\])]"
_GYRO = re.compile(rf"(?:w|as|angular velocity\s?|角速度)(?P<axis>[xyz])(?:{_UNIT})?", re.IGNORECASE)
_ACCEL = re.compile(rf"(?:a|acc|acceleration\s?|加速度)(?P<axis>[xyz])(?:{_UNIT})?", re.IGNORECASE)
_ANGLE = re.compile(r"(?:ang|angle|角度)\s?x", re.IGNORECASE)
_CHIP_TIME = re.compile(r"(?:chip\s?time|片上时间)(?:\(\))?", re.IGNORECASE)
_TIME = re.compile(r"(?:time|timestamp|时间)(?:\(s?\))?", re.IGNORECASE)
_DATE = re.compile(r"date", re.IGNORECASE)
_DEVICE = re.compile(r"(?:device\s?name|设备名称|address)(?:\(\))?", re.IGNORECASE)
_DEG = re.compile(r"(?:deg|°|º|�).*/s|dps", re.IGNORECASE)

_STAMP = re.compile(
    r"(?:(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[ T]+)?"  # year, month, day
    r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.:,](\d{1,9}))?"  # hours, minutes, seconds, fraction
)


def sniff(head: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether one of the first lines is a WitMotion header."""
    return any(_Header.parse(line) is not None for line in head_lines(head)[:_HEADER_LINES])


def read(path: Path) -> ImuRecording:
    """Read a WitMotion text log; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If there is no known header, the log mixes several sensors, or a row is broken.
    """
    text = read_text(path)
    lines = text.split("\n")
    found = ((n, _Header.parse(line)) for n, line in enumerate(lines[: 2 * _HEADER_LINES], start=1))
    size, header = next(((n, parsed) for n, parsed in found if parsed is not None), (0, None))
    if header is None:
        raise failure(path, "expected a header with wx(deg/s) or AsX columns, got none; export it with column names")
    rows = _without_headers(data_rows(path, text, size, header.delimiter, header.width), lines[size - 1])
    time_column, rows = _with_numeric_time(rows, header)
    _require_one_device(rows, header)
    columns = parse_columns(rows, time_column, header.gyro + header.accel)
    scale, note = header.accel_scale(columns.values[:, 3:])
    raw = raw_samples(columns, _ns_per_tick(rows, header), np.pi / 180.0, scale)
    raw, repeats = _without_repeats(raw)
    notes = [*columns.notes, *note]
    if repeats:
        notes.append(f"{repeats} rows repeat the sample before (polled faster than the sensor sends): dropped")
    return checked(raw, source=str(path), clock="wall", notes=notes)


@dataclass(frozen=True)
class _Header:
    """Where the columns are."""

    delimiter: str | None
    cells: list[str]
    gyro: list[int]
    accel: list[int]
    width: int

    @classmethod
    def parse(cls, line: str) -> "_Header | None":
        delimiter = "\t" if "\t" in line else "," if "," in line else None
        cells = header_cells(line, delimiter)
        gyro = _axes(cells, _GYRO)
        named_by_angle = any(_ANGLE.match(cell) for cell in cells)
        if gyro is None or not all(_in_deg(cells[k], named_by_angle) for k in gyro):
            return None
        if not any(_CHIP_TIME.fullmatch(cell) or _TIME.fullmatch(cell) for cell in cells):
            return None
        return cls(delimiter, cells, gyro, _axes(cells, _ACCEL) or [], len(cells))

    def column(self, pattern: re.Pattern[str]) -> int | None:
        return next((k for k, cell in enumerate(self.cells) if pattern.fullmatch(cell)), None)

    def accel_scale(self, accel: NDArray[np.float64]) -> tuple[float, tuple[str, ...]]:
        """Return the factor to m/s^2, and a note where it had to be guessed."""
        if not self.accel or not len(accel):
            return 1.0, ()
        match = _ACCEL.fullmatch(self.cells[self.accel[0]])
        unit = (match["unit"] or "").strip().lower() if match else ""
        if unit:
            return (STANDARD_GRAVITY_M_S2 if unit == "g" else 1.0), ()
        in_g = float(np.median(np.linalg.norm(accel, axis=1))) < G_OR_SI
        name = "g" if in_g else "m/s^2"
        return (STANDARD_GRAVITY_M_S2 if in_g else 1.0), (f"accelerations have no unit: taken as {name} by their size",)


def _axes(cells: list[str], pattern: re.Pattern[str]) -> list[int] | None:
    found = {match["axis"].lower(): k for k, cell in enumerate(cells) if (match := pattern.fullmatch(cell))}
    return [found[axis] for axis in "xyz"] if set(found) == set("xyz") else None


def _in_deg(cell: str, named_by_angle: bool) -> bool:
    match = _GYRO.fullmatch(cell)
    if match is None:
        return False
    if match["unit"] is not None:
        return _DEG.match(match["unit"].strip()) is not None
    # "AsX" is WitMotion's own word; a bare "wx" could be anybody's, so it must come with WitMotion's angles.
    return cell.lower().startswith("as") or named_by_angle


def _without_headers(rows: Rows, header: str) -> Rows:
    """Drop repetitions of the header: the exporter writes it anew when a sensor reconnects."""
    wanted = header.strip()
    keep = [k for k, line in enumerate(rows.lines) if line != wanted]
    return replace(rows, lines=[rows.lines[k] for k in keep], numbers=[rows.numbers[k] for k in keep])


def _require_one_device(rows: Rows, header: _Header) -> None:
    column = header.column(_DEVICE)
    if column is None or not rows.lines:
        return
    first = rows.split(rows.lines[0])[column]
    for number, line in zip(rows.numbers, rows.lines, strict=True):
        cells = rows.split(line)
        if len(cells) > column and cells[column] != first:
            problem = f"expected samples of one sensor ('{first}'), got '{cells[column]}'; export one alone"
            raise failure(rows.path, problem, number)


def _time_columns(rows: Rows, header: _Header) -> list[int]:
    """Return the chip's time, or the computer's where the chip has none, or its date and time."""
    first = rows.split(rows.lines[0]) if rows.lines else []
    for pattern in (_CHIP_TIME, _TIME):
        column = header.column(pattern)
        if column is not None and column < len(first) and first[column].lower() not in ("", "null", "none"):
            day = header.column(_DATE)
            return [column] if day is None else [day, column]
    raise failure(rows.path, "expected rows with a time, got none; switch time output on and record again")


def _with_numeric_time(rows: Rows, header: _Header) -> tuple[int, Rows]:
    """Return the time column, and the rows with dates turned into nanoseconds and decimal commas into points."""
    columns = _time_columns(rows, header)
    time_column = columns[-1]
    if _is_seconds(rows, time_column):
        return time_column, rows
    separator = rows.delimiter or " "
    lines = []
    for number, line in zip(rows.numbers, rows.lines, strict=True):
        cells = line.split(rows.delimiter)
        if len(cells) >= rows.width:  # a row that is too short may end inside its time; it is refused or dropped later
            cells[time_column] = str(_stamp_ns(rows, " ".join(cells[k].strip() for k in columns), number))
        joined = separator.join(cells)
        lines.append(joined if separator == "," else joined.replace(",", "."))
    return time_column, replace(rows, lines=lines)


def _is_seconds(rows: Rows, time_column: int) -> bool:
    return re.fullmatch(NUMBER, rows.split(rows.lines[0])[time_column]) is not None


def _ns_per_tick(rows: Rows, header: _Header) -> Fraction:
    # After _with_numeric_time the column holds whole nanoseconds unless it was seconds to begin with.
    cell = rows.split(rows.lines[0])[_time_columns(rows, header)[-1]]
    return Fraction(1) if cell.isdigit() and len(cell) > 12 else Fraction(10**9)


def _stamp_ns(rows: Rows, text: str, number: int) -> int:
    match = _STAMP.fullmatch(text.strip())
    if match is None:
        problem = f"expected a time such as 2024-05-31 12:30:15.250, got '{text[:40]}'; repair that line"
        raise failure(rows.path, problem, number)
    year, month, day, hours, minutes, seconds, fraction = match.groups()
    try:
        days = 0 if year is None else _days(int(year), int(month), int(day))
    except ValueError:
        raise failure(rows.path, f"expected a date, got '{text[:40]}'; repair that line", number) from None
    whole_s = ((days * 24 + int(hours)) * 60 + int(minutes)) * 60 + int(seconds)
    return whole_s * 10**9 + int((fraction or "0").ljust(9, "0"))


@cache
def _days(year: int, month: int, day: int) -> int:
    """Return days since 1970: from year 1, nanoseconds would not fit into 64 bits."""
    return date(year, month, day).toordinal() - date(1970, 1, 1).toordinal()


def _without_repeats(raw: RawSamples) -> tuple[RawSamples, int]:
    """Drop samples equal to the one before, if that is most of them and they come faster than the sensor can send."""
    values = raw.gyro_rad_s if raw.accel_m_s2 is None else np.hstack([raw.gyro_rad_s, raw.accel_m_s2])
    if len(values) < 3 or np.median(np.diff(raw.time_ns)) * MAX_OUTPUT_HZ >= 1e9:
        return raw, 0
    new = np.append(True, (np.diff(values, axis=0) != 0).any(axis=1))
    new[-1] = True  # keeps the length of the log
    if new.mean() > 0.5 or new.sum() < 3:
        return raw, 0
    kept = RawSamples(
        time_ns=raw.time_ns[new],
        gyro_rad_s=raw.gyro_rad_s[new],
        accel_m_s2=None if raw.accel_m_s2 is None else raw.accel_m_s2[new],
        lines=None if raw.lines is None else raw.lines[new],
    )
    return kept, int((~new).sum())
