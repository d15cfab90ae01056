"""The Galaxy Nexus dot-chart log (giro_data.txt): number of samples, capture stamp, then ``t wx wy wz``.

Units: rad/s, stamps in whole nanoseconds after the first sample; so is the capture stamp in line 2, which marks the end
of the frame and comes out as a note. Text lines after the samples repeat the header and are not read.
Axes: the device's, as written; `R_cam_imu` is None (its authors invert z and apply a fitted rotation).
"""

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from gyrosharp.imu.checks import checked
from gyrosharp.imu.readers._table import (
    NUMBER,
    data_rows,
    failure,
    head_lines,
    parse_columns,
    raw_samples,
    read_text,
    row_pattern,
)
from gyrosharp.imu.recording import ImuRecording

NAME = "gyro-chart"
DESCRIPTION = "Galaxy Nexus dot-chart log giro_data.txt (count, capture stamp, t_ns wx wy wz)"
DEVICES = "the Galaxy Nexus dot-chart photos' recorder"
EXTENSIONS = (".txt",)
GYRO_UNIT = "rad/s"

_ROW = row_pattern(r"\d+", NUMBER, NUMBER, NUMBER)
_COUNT = re.compile(r"\d{1,7}")
_STAMP = re.compile(r"-?\d{1,19}")


def sniff(head: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether a count, a stamp and a row of a whole number and three numbers open the file."""
    lines = head_lines(head)[:3]
    patterns = (_COUNT, _STAMP, _ROW)
    return len(lines) == 3 and all(p.fullmatch(line) for p, line in zip(patterns, lines, strict=True))


def read(path: Path) -> ImuRecording:
    """Read a giro_data.txt; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If the header or a row is broken.
    """
    text = read_text(path)
    count, capture = _header(path, text)
    rows = data_rows(path, text, 2, None, 4)
    if len(rows.lines) > count:  # what follows is text, and the last sample is whole
        rows = replace(rows, lines=rows.lines[:count], numbers=rows.numbers[:count], complete=True)
    columns = parse_columns(rows, 0, (1, 2, 3))
    notes = [*columns.notes, f"capture stamp {capture} ns"]
    if columns.ticks.size < count:
        notes.append(f"line 1 promises {count} samples, the file has {columns.ticks.size}")
    return checked(raw_samples(columns, Fraction(1)), source=str(path), notes=notes)


def _header(path: Path, text: str) -> tuple[int, int]:
    lines = [line.strip() for line in (text + "\n\n").split("\n")[:2]]
    for number, (pattern, line) in enumerate(zip((_COUNT, _STAMP), lines, strict=True), start=1):
        if pattern.fullmatch(line) is None:
            expected = "the number of samples" if number == 1 else "the capture stamp in nanoseconds"
            raise failure(path, f"expected {expected}, got '{line[:40]}'; check the format", number)
    return int(lines[0]), int(lines[1])
