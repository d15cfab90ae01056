"""Gyroscope.csv of the phyphox app: ``"Time (s)","X (rad/s)","Y (rad/s)","Z (rad/s)"``.

Commas, tabs or semicolons separate the cells; with the latter two, the app also writes decimal commas.

Units: rad/s, stamps in seconds after the start of the experiment.
Axes: the device's (x right, y up, z out of the screen, phone upright); `R_cam_imu` is None.
"""

from fractions import Fraction
from pathlib import Path

from gyrosharp.imu.checks import checked
from gyrosharp.imu.readers._table import (
    HEAD_BYTES,
    bare_name,
    first_line,
    headed_columns,
    header_cells,
    named_columns,
    raw_samples,
    read_text,
)
from gyrosharp.imu.recording import ImuRecording

NAME = "phyphox"
DESCRIPTION = "phyphox app Gyroscope.csv"
DEVICES = "Android phones and iPhones with phyphox"
EXTENSIONS = (".csv",)
GYRO_UNIT = "rad/s"

_GYRO = (("x", "y", "z"), ("gyroscope x", "gyroscope y", "gyroscope z"))


def sniff(head: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether the header names seconds and rates x, y, z in rad/s."""
    line, _ = first_line(head)
    cells = header_cells(line, _delimiter(line))
    columns = named_columns(cells, *_GYRO)
    if columns is None or bare_name(cells[0]) != "time" or "(s)" not in cells[0]:
        return False
    return all("rad/s" in cells[k] for k in columns)


def read(path: Path) -> ImuRecording:
    """Read a Gyroscope.csv; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If the header or a row is broken.
    """
    columns = headed_columns(path, _GYRO, delimiter=_delimiter(first_line(read_text(path, HEAD_BYTES))[0]))
    return checked(raw_samples(columns, Fraction(10**9)), source=str(path), notes=columns.notes)


def _delimiter(line: str) -> str:
    return next((delimiter for delimiter in "\t;" if delimiter in line), ",")
