"""DeepGyro's imu.txt: lines ``type t x y z``, type 4 = gyro, 1 = accelerometer, 2 = magnetometer.

Units: rad/s, m/s^2, stamps in whole nanoseconds. The accelerometer is interpolated linearly to the gyro's stamps.
Axes: the Android device's (x right, y up, z out of the screen, device upright); `R_cam_imu` is None. DeepGyro's own
swap of x and y is a mirror that hides a sign: the rotation it means is its negative, the preset android-landscape.
"""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from gyrosharp.imu.checks import checked
from gyrosharp.imu.readers._table import (
    NUMBER,
    Rows,
    data_rows,
    failure,
    head_lines,
    interpolated,
    parse_columns,
    raw_samples,
    read_text,
    row_pattern,
    share_matching,
)
from gyrosharp.imu.recording import ImuRecording

NAME = "deepgyro"
DESCRIPTION = "DeepGyro imu.txt (type t_ns x y z)"
DEVICES = "DeepGyro's recorder (NVIDIA Shield tablet, Android)"
EXTENSIONS = (".txt",)
GYRO_UNIT = "rad/s"

# Android's sensor types: 1 accelerometer, 2 magnetometer, 4 gyroscope (and up to two digits for others).
_ROW = row_pattern(r"\d{1,2}", r"\d{9,19}", NUMBER, NUMBER, NUMBER)
_GYRO, _ACCEL = "4", "1"


def sniff(head: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether rows are a sensor type, a nanosecond stamp and three numbers."""
    return share_matching(head_lines(head), _ROW) >= 0.5


def read(path: Path) -> ImuRecording:
    """Read an imu.txt; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If a row is broken or there are no gyro rows.
    """
    rows = data_rows(path, read_text(path), 0, None, 5)
    _require_types(rows)
    columns = parse_columns(rows.starting_with(_GYRO), 1, (2, 3, 4))
    raw = raw_samples(columns, Fraction(1))
    accel_rows = rows.starting_with(_ACCEL)
    if accel_rows.lines:
        other = raw_samples(parse_columns(accel_rows, 1, (2, 3, 4)), Fraction(1))
        raw = replace(raw, accel_m_s2=interpolated(raw.time_ns, other.time_ns, other.gyro_rad_s))
    return checked(raw, source=str(path), notes=columns.notes)


def _require_types(rows: Rows) -> None:
    for number, line in zip(rows.numbers, rows.lines, strict=True):
        kind = line.split(None, 1)[0]
        if not kind.isdigit():
            raise failure(rows.path, f"expected a sensor type such as 4 or 1, got '{kind}'; delete that line", number)
