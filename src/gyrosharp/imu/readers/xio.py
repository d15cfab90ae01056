"""x-io Technologies' sensor table: ``Time (s),Gyroscope X (deg/s),...,Accelerometer X (g),...``.

Units: rates deg/s, accelerations g, stamps in seconds; all as the header says.
Axes: the sensor's own as printed on its case; `R_cam_imu` is None, since only the mount knows.
"""

from fractions import Fraction
from pathlib import Path

import numpy as np

from gyrosharp.imu.checks import checked
from gyrosharp.imu.readers._table import first_line, headed_columns, raw_samples
from gyrosharp.imu.recording import ImuRecording

NAME = "xio"
DESCRIPTION = "x-io sensor table (Gyroscope X (deg/s), Accelerometer X (g))"
DEVICES = "x-io Technologies NGIMU (sensors.csv) and x-IMU3 (Inertial.csv)"
EXTENSIONS = (".csv",)
GYRO_UNIT = "deg/s"

STANDARD_GRAVITY_M_S2 = 9.80665
_GYRO = ("gyroscope x", "gyroscope y", "gyroscope z")
_ACCEL = ("accelerometer x", "accelerometer y", "accelerometer z")


def sniff(head: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether the header names seconds and a gyroscope in deg/s."""
    line = first_line(head)[0].strip().lower()
    return line.startswith(("time (s)", '"time (s)"')) and "gyroscope x (deg/s)" in line


def read(path: Path) -> ImuRecording:
    """Read an x-io table; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If the header or a row is broken.
    """
    columns = headed_columns(path, [_GYRO], [_ACCEL])
    raw = raw_samples(columns, Fraction(10**9), np.pi / 180.0, STANDARD_GRAVITY_M_S2)
    return checked(raw, source=str(path), notes=columns.notes)
