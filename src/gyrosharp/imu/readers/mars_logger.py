"""gyro_accel.csv of the MARS logger (Android and iOS).

Units: stamps in whole nanoseconds of the phone's boot-time clock, the one its frame stamps use; rad/s; m/s^2.
Axes: the device's (x right, y up, z out of the screen, phone upright). How the picture lies in the device is a matter
of the recording, so `R_cam_imu` is None: see the presets android-portrait and android-landscape.
"""

from fractions import Fraction
from pathlib import Path

from gyrosharp.imu.checks import checked
from gyrosharp.imu.readers._table import first_line, headed_columns, raw_samples
from gyrosharp.imu.recording import ImuRecording

NAME = "mars"
DESCRIPTION = "MARS logger gyro_accel.csv"
DEVICES = "Android phones and iPhones with MARS logger"
EXTENSIONS = (".csv",)
GYRO_UNIT = "rad/s"

_TIME = "timestamp[nanosec]"


def sniff(head: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether the first line is MARS's: nanosecond stamps and rates in rad/s."""
    line = first_line(head)[0].strip().lower()
    return line.startswith(_TIME) and "gx[rad/s]" in line


def read(path: Path) -> ImuRecording:
    """Read a MARS gyro_accel.csv; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If the header or a row is broken.
    """
    columns = headed_columns(path, [("gx", "gy", "gz")], [("ax", "ay", "az")])
    return checked(raw_samples(columns, Fraction(1)), source=str(path), clock="boottime", notes=columns.notes)
