"""IMU tables in the EuRoC / ASL layout (also TUM-VI) and Kalibr's.

Units: stamps in whole nanoseconds, rates in rad/s, accelerations in m/s^2.
Axes: the IMU's own, as the data set's calibration calls them; the camera's place is in that calibration, not in the
log, so `R_cam_imu` is None.
"""

from fractions import Fraction
from pathlib import Path

from gyrosharp.imu.checks import checked
from gyrosharp.imu.readers._table import (
    bare_name,
    first_line,
    headed_columns,
    header_cells,
    named_columns,
    raw_samples,
)
from gyrosharp.imu.recording import ImuRecording

NAME = "euroc"
DESCRIPTION = "EuRoC, TUM-VI or Kalibr IMU table"
DEVICES = "data sets and robots: EuRoC MAV, TUM-VI, Kalibr's bag extractor (imu0.csv)"
EXTENSIONS = (".csv", ".txt")
GYRO_UNIT = "rad/s"

_GYRO = (("w_rs_s_x", "w_rs_s_y", "w_rs_s_z"), ("omega_x", "omega_y", "omega_z"))
_ACCEL = (("a_rs_s_x", "a_rs_s_y", "a_rs_s_z"), ("alpha_x", "alpha_y", "alpha_z"))


def sniff(head: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether the first line names a timestamp and the rates in either spelling."""
    cells = header_cells(first_line(head)[0], ",")
    return bool(cells) and bare_name(cells[0]) == "timestamp" and named_columns(cells, *_GYRO) is not None


def read(path: Path) -> ImuRecording:
    """Read an EuRoC or Kalibr table; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If the header or a row is broken.
    """
    columns = headed_columns(path, _GYRO, _ACCEL)
    return checked(raw_samples(columns, Fraction(1)), source=str(path), notes=columns.notes)
