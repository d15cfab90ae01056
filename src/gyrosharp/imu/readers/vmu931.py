"""VMU931's text export: ``gyroscope,t,x,y,z`` per line, with or without a header.

Units: rates deg/s, stamps in whole milliseconds after power-up; at 1 kHz several samples share one, and are averaged.
Axes: the sensor's own as printed on its case; `R_cam_imu` is None, since only the mount knows.
"""

import re
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from gyrosharp.imu.checks import checked
from gyrosharp.imu.readers._table import (
    NUMBER,
    data_rows,
    head_lines,
    parse_columns,
    raw_samples,
    read_text,
    row_pattern,
    share_matching,
)
from gyrosharp.imu.recording import ImuRecording

NAME = "vmu931"
DESCRIPTION = "VMU931 text export (gyroscope,t_ms,x,y,z)"
DEVICES = "Variense VMU931"
EXTENSIONS = (".csv",)
GYRO_UNIT = "deg/s"

_ROW = re.compile("(?i:gyroscope)," + row_pattern(r"\d+", NUMBER, NUMBER, NUMBER, delimiter=r"\s*,\s*").pattern)
_HEADER = "attribute,"


def sniff(head: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether rows are the word gyroscope, a whole number and three numbers."""
    lines = [line for line in head_lines(head) if not line.lower().startswith(_HEADER)]
    return share_matching(lines, _ROW) >= 0.5


def read(path: Path) -> ImuRecording:
    """Read a VMU931 export; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If a row is broken.
    """
    rows = data_rows(path, read_text(path), 0, ",", 5)
    if rows.lines and rows.lines[0].lower().startswith(_HEADER):
        rows = replace(rows, lines=rows.lines[1:], numbers=rows.numbers[1:])
    columns = parse_columns(rows, 1, (2, 3, 4))
    return checked(raw_samples(columns, Fraction(10**6), np.pi / 180.0), source=str(path), notes=columns.notes)
