"""Gyroscope.csv of the Sensor Logger app: ``time,seconds_elapsed,z,y,x``, in any order.

Units: rad/s, stamps in whole nanoseconds since 1970 (clock ``unix``).
Axes: the device's (x right, y up, z out of the screen, phone upright), the same on Android and iOS; columns are picked
by name, since their order is not; `R_cam_imu` is None. All sensors' files look the same, so a file is only recognised
if its name has "gyro" in it.
Accelerometer.csv has gravity taken out (and, on iOS, the other sign) and so is no specific force: it is not read.

Source: github.com/tszheichoi/awesome-sensor-logger, README.md and CROSSPLATFORM.md.
"""

from fractions import Fraction
from pathlib import Path

from gyrosharp.imu.checks import checked
from gyrosharp.imu.readers._table import bare_name, first_line, headed_columns, header_cells, raw_samples
from gyrosharp.imu.recording import ImuRecording

NAME = "sensor-logger"
DESCRIPTION = "Sensor Logger app Gyroscope.csv (time,seconds_elapsed,z,y,x)"
DEVICES = "Android phones and iPhones with Sensor Logger (Kelvin Choi)"
EXTENSIONS = (".csv",)
GYRO_UNIT = "rad/s"

_COLUMNS = {"time", "seconds_elapsed", "x", "y", "z"}


def sniff(head: str, path: Path) -> bool:
    """Return whether the header has Sensor Logger's columns and the file name has "gyro" in it."""
    names = {bare_name(cell) for cell in header_cells(first_line(head)[0], ",")}
    return "gyro" in path.name.lower() and names >= _COLUMNS


def read(path: Path) -> ImuRecording:
    """Read a Gyroscope.csv; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If the header or a row is broken.
    """
    columns = headed_columns(path, [("x", "y", "z")], time="time")
    return checked(raw_samples(columns, Fraction(1)), source=str(path), clock="unix", notes=columns.notes)
