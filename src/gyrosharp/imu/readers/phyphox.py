"""Gyroscope.csv of the phyphox app: ``"Time (s)","X (rad/s)","Y (rad/s)","Z (rad/s)"``, comma or tab separated.

Units: rad/s, stamps in seconds after the start of the experiment.
Axes: the device's (x right, y up, z out of the screen, phone upright); `R_cam_imu` is None.
"""

from fractions import Fraction
from pathlib import Path

from gyrosharp.imu.checks import checked
from gyrosharp.imu.readers._table import (
    bare_name,
    data_rows,
    failure,
    header_cells,
    named_columns,
    parse_columns,
    raw_samples,
    read_text,
)
from gyrosharp.imu.recording import ImuRecording

NAME = "phyphox"
DESCRIPTION = "phyphox app Gyroscope.csv"
EXTENSIONS = (".csv",)
GYRO_UNIT = "rad/s"

_GYRO = (("x", "y", "z"), ("gyroscope x", "gyroscope y", "gyroscope z"))


def sniff(head: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether the header names seconds and rates x, y, z in rad/s."""
    line = head.lstrip().split("\n", 1)[0]
    return _gyro_columns(line) is not None


def read(path: Path) -> ImuRecording:
    """Read a Gyroscope.csv; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If the header or a row is broken.
    """
    text = read_text(path)
    line = text.split("\n", 1)[0]
    gyro = _gyro_columns(line)
    if gyro is None:
        raise failure(path, "expected columns 'Time (s)','X (rad/s)',..., got others; check the format", 1)
    delimiter = _delimiter(line)
    columns = parse_columns(data_rows(path, text, 1, delimiter, len(header_cells(line, delimiter))), 0, gyro)
    return checked(raw_samples(columns, Fraction(10**9)), source=str(path), notes=columns.notes)


def _delimiter(line: str) -> str:
    return "\t" if "\t" in line else ","


def _gyro_columns(line: str) -> list[int] | None:
    cells = header_cells(line, _delimiter(line))
    columns = named_columns(cells, *_GYRO)
    if columns is None or bare_name(cells[0]) != "time" or "(s)" not in cells[0]:
        return None
    return columns if all("rad/s" in cells[k] for k in columns) else None
