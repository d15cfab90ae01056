"""gyro.csv of OpenCamera Sensors, with the accel.csv beside it (also GyroDVD's gyro.csv).

Rows are ``x,y,z,t`` without a header. Units: rad/s (accel.csv: m/s^2), stamps in whole nanoseconds of the phone's
boot-time clock, the one its frame stamps use. The accelerometer has stamps of its own and is interpolated linearly to
the gyro's.
Axes: the device's (x right, y up, z out of the screen, phone upright); `R_cam_imu` is None because the picture may be
stored in portrait or as the sensor delivers it: see the presets android-portrait and android-landscape.
"""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from gyrosharp.imu.checks import RawSamples, checked
from gyrosharp.imu.readers._table import (
    NUMBER,
    data_rows,
    head_lines,
    interpolated,
    parse_columns,
    raw_samples,
    read_text,
    row_pattern,
    share_matching,
)
from gyrosharp.imu.recording import ImuRecording

NAME = "opencamera"
DESCRIPTION = "OpenCamera Sensors *gyro.csv (with *accel.csv beside it)"
DEVICES = "Android phones with OpenCamera Sensors; GyroDVD's recorder"
EXTENSIONS = (".csv",)
GYRO_UNIT = "rad/s"

_ROW = row_pattern(NUMBER, NUMBER, NUMBER, r"\d{10,19}", delimiter=r"\s*,\s*")
_OTHER_SENSORS = ("accel", "magnetic", "mag")


def sniff(head: str, path: Path) -> bool:
    """Return whether rows are x,y,z and a nanosecond stamp, and the name is not that of another sensor's file."""
    return not path.stem.lower().endswith(_OTHER_SENSORS) and share_matching(head_lines(head), _ROW) >= 0.5


def read(path: Path) -> ImuRecording:
    """Read a gyro.csv and the accel.csv with the same prefix; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If a row of either file is broken.
    """
    gyro, notes = _samples(path)
    sibling = _accel_file(path)
    if sibling is not None:
        other, accel_notes = _samples(sibling)
        accel = interpolated(gyro.time_ns, other.time_ns, other.gyro_rad_s)
        notes += tuple(f"{sibling.name}: {note}" for note in accel_notes)
        if accel is None:
            notes += (f"{sibling.name} does not overlap with the gyro in time: not used",)
        gyro = replace(gyro, accel_m_s2=accel)
    return checked(gyro, source=str(path), clock="boottime", notes=notes)


def _samples(path: Path) -> tuple[RawSamples, tuple[str, ...]]:
    columns = parse_columns(data_rows(path, read_text(path), 0, ",", 4), 3, (0, 1, 2))
    return raw_samples(columns, Fraction(1)), columns.notes


def _accel_file(path: Path) -> Path | None:
    if not path.stem.lower().endswith("gyro"):
        return None
    sibling = path.with_name(f"{path.stem[:-4]}accel{path.suffix}")
    return sibling if sibling.is_file() and sibling.stat().st_size else None
