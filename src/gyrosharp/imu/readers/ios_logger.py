"""Gyro.txt of the ios_logger app, with Accel.txt beside it: ``t,x,y,z`` per line.

Units: rad/s, stamps in seconds since 1970 (clock ``unix``). Accel.txt is in g as Core Motion gives it, which is the
negative of the specific force (a phone on its back reads z = -1), and is interpolated linearly to the gyro's stamps.
Axes: the device's (x right, y up, z out of the screen, phone upright); `R_cam_imu` is None: see the preset
ios-landscape. All sensors' files look alike, so a file is only recognised if its name begins with "gyro".

The app writes from several threads and now and then swaps two neighbouring lines; they are put back, with a note.
"""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from gyrosharp.imu.checks import RawSamples, checked
from gyrosharp.imu.readers._table import (
    NUMBER,
    data_rows,
    head_lines,
    interpolated,
    parse_columns,
    raw_samples,
    read_text,
    row_pattern,
    share_matching,
)
from gyrosharp.imu.recording import ImuRecording

NAME = "ios-logger"
DESCRIPTION = "ios_logger app Gyro.txt (with Accel.txt beside it)"
DEVICES = "iPhone and iPad with the ios_logger app"
EXTENSIONS = (".txt",)
GYRO_UNIT = "rad/s"

STANDARD_GRAVITY_M_S2 = 9.80665
_ROW = row_pattern(r"\d{5,10}\.\d+", NUMBER, NUMBER, NUMBER, delimiter=r"\s*,\s*")


def sniff(head: str, path: Path) -> bool:
    """Return whether rows are seconds and three numbers, in a file whose name begins with "gyro"."""
    return path.name.lower().startswith("gyro") and share_matching(head_lines(head), _ROW) >= 0.5


def read(path: Path) -> ImuRecording:
    """Read a Gyro.txt and the Accel.txt beside it; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If a row of either file is broken.
    """
    gyro, notes = _samples(path)
    gyro, swaps = _unswapped(gyro)
    if swaps:
        notes += (f"{swaps} pairs of neighbouring lines were swapped: put back",)
    sibling = path.with_name("Accel.txt")
    if path.name == "Gyro.txt" and sibling.is_file():
        accel, _ = _samples(sibling)
        force = interpolated(gyro.time_ns, accel.time_ns, -STANDARD_GRAVITY_M_S2 * accel.gyro_rad_s)
        gyro = replace(gyro, accel_m_s2=force)
    return checked(gyro, source=str(path), clock="unix", notes=notes)


def _samples(path: Path) -> tuple[RawSamples, tuple[str, ...]]:
    columns = parse_columns(data_rows(path, read_text(path), 0, ",", 4), 0, (1, 2, 3))
    return raw_samples(columns, Fraction(10**9)), columns.notes


def _unswapped(raw: RawSamples) -> tuple[RawSamples, int]:
    """Put back pairs of neighbours that were swapped; anything worse is left for the checks to refuse."""
    order = np.argsort(raw.time_ns, kind="stable")
    moved = np.abs(order - np.arange(order.size))
    if not moved.any() or moved.max() > 1:
        return raw, 0
    lines = None if raw.lines is None else raw.lines[order]
    return RawSamples(raw.time_ns[order], raw.gyro_rad_s[order], lines=lines), int(moved.sum()) // 2
