"""The smartphone-attitude benchmark of the Tyrex team: ``t wx wy wz`` per line, t in seconds.

Units: rad/s, stamps in seconds. Axes: the device's (x right, y up, z out of the screen, phone upright); no camera was
recorded, so `R_cam_imu` is None. The accelerometer's file looks just the same, so a file is only recognised if its name
begins with "gyro".
"""

from fractions import Fraction
from pathlib import Path

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

NAME = "tyrex"
DESCRIPTION = "Tyrex smartphone benchmark gyroscope*.txt (t_s wx wy wz)"
DEVICES = "the Tyrex smartphone benchmark (Nexus 5, iPhone 4S, iPhone 5)"
EXTENSIONS = (".txt",)
GYRO_UNIT = "rad/s"

_ROW = row_pattern(r"\d{1,10}\.\d+", NUMBER, NUMBER, NUMBER)


def sniff(head: str, path: Path) -> bool:
    """Return whether rows are seconds and three numbers, in a file whose name begins with "gyro"."""
    return path.name.lower().startswith("gyro") and share_matching(head_lines(head), _ROW) >= 0.5


def read(path: Path) -> ImuRecording:
    """Read a Tyrex gyroscope file; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If a row is broken.
    """
    columns = parse_columns(data_rows(path, read_text(path), 0, None, 4), 0, (1, 2, 3))
    return checked(raw_samples(columns, Fraction(10**9)), source=str(path), notes=columns.notes)
