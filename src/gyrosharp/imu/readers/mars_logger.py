"""gyro_accel.csv of the MARS logger (Android and iOS).

Units: stamps in whole nanoseconds of the phone's boot-time clock, the one its frame stamps use; rad/s; m/s^2.
Axes: the device's (x right, y up, z out of the screen, phone upright). How the picture lies in the device is a matter
of the recording, so `R_cam_imu` is None: see the presets android-portrait and android-landscape.
"""

from fractions import Fraction
from pathlib import Path

from gyrosharp.imu.checks import checked
from gyrosharp.imu.readers._table import (
    data_rows,
    failure,
    header_cells,
    named_columns,
    parse_columns,
    raw_samples,
    read_text,
)
from gyrosharp.imu.recording import ImuRecording

NAME = "mars"
DESCRIPTION = "MARS logger gyro_accel.csv"
EXTENSIONS = (".csv",)
GYRO_UNIT = "rad/s"

_TIME = "timestamp[nanosec]"


def sniff(head: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether the first line is MARS's: nanosecond stamps and rates in rad/s."""
    line = head.lstrip().split("\n", 1)[0].lower()
    return line.startswith(_TIME) and "gx[rad/s]" in line


def read(path: Path) -> ImuRecording:
    """Read a MARS gyro_accel.csv; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If the header or a row is broken.
    """
    text = read_text(path)
    header = header_cells(text.split("\n", 1)[0], ",")
    gyro = named_columns(header, ("gx", "gy", "gz"))
    if gyro is None:
        raise failure(path, "expected columns 'Timestamp[nanosec], gx[rad/s], ...', got others; check the format", 1)
    accel = named_columns(header, ("ax", "ay", "az")) or []
    columns = parse_columns(data_rows(path, text, 1, ",", len(header)), 0, gyro + accel)
    return checked(raw_samples(columns, Fraction(1)), source=str(path), clock="boottime", notes=columns.notes)
