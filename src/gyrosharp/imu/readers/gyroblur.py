"""GyroDeblurNet's gyro log: ``t wx wy wz`` per line, blanks or tabs between.

Units: rad/s, stamps in whole nanoseconds. Axes: its authors take them as the camera's; the phone and the recording
app are not named, so `R_cam_imu` is None.
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

NAME = "gyroblur"
DESCRIPTION = "GyroDeblurNet gyro log (t_ns wx wy wz)"
DEVICES = "GyroDeblurNet's recorder (GyroBlur-Synth, Android)"
EXTENSIONS = (".txt",)
GYRO_UNIT = "rad/s"

_ROW = row_pattern(r"\d{10,19}", NUMBER, NUMBER, NUMBER)


def sniff(head: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether rows are a nanosecond stamp of 10 digits or more and three numbers."""
    return share_matching(head_lines(head), _ROW) >= 0.5


def read(path: Path) -> ImuRecording:
    """Read a GyroDeblurNet log; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If a row is broken.
    """
    columns = parse_columns(data_rows(path, read_text(path), 0, None, 4), 0, (1, 2, 3))
    return checked(raw_samples(columns, Fraction(1)), source=str(path), notes=columns.notes)
