"""gyro_dump.txt of a phone's dash-camera recorder: a line per frame (SOF) and the gyro samples around it.

``SOF t, frameNum :n exp time s`` gives a frame's stamp and exposure time; ``frameid:n gyro:k x wx y wy z wz ts t`` a
sample. Samples on the border of two frames are listed with both.

Units: rad/s, stamps in whole microseconds of one clock for both kinds of lines; exposure times in seconds.
Axes: the device's (x right, y up, z out of the screen, phone upright); `R_cam_imu` is None: see the preset
android-landscape, which the sample recording fits.
"""

import re
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
    parse_columns,
    raw_samples,
    read_text,
    row_pattern,
    share_matching,
)
from gyrosharp.imu.recording import ImuRecording

NAME = "gyro-dump"
DESCRIPTION = "dash-camera gyro_dump.txt (SOF lines, and frameid:n gyro:k x wx y wy z wz ts t_us)"
DEVICES = "Android phones with the dash-camera recorder that writes framestamp.txt and gyro_dump.txt"
EXTENSIONS = (".txt",)
GYRO_UNIT = "rad/s"

_FRAME = re.compile(rf"SOF\s+(\d{{1,15}}),\s*frameNum\s*:\s*\d+\s+exp time\s+({NUMBER})")
_SAMPLE = row_pattern(r"frameid:\d+", r"gyro:\d+", "x", NUMBER, "y", NUMBER, "z", NUMBER, "ts", r"\d{1,15}")


def sniff(head: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether lines are those of samples, apart from those of frames."""
    return share_matching([line for line in head_lines(head) if not line.startswith("SOF")], _SAMPLE) >= 0.5


def read(path: Path) -> ImuRecording:
    """Read the samples of a gyro_dump.txt; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If a row is broken.
    """
    rows = _lines(path, frames=False)
    columns = parse_columns(rows, 9, (3, 5, 7))
    return checked(raw_samples(columns, Fraction(1000)), source=str(path), notes=columns.notes)


def read_frames(path: Path) -> dict[int, float]:
    """Return the exposure time in seconds of each frame of a gyro_dump.txt, by its stamp in ns.

    Raises
    ------
    ImuError
        If a line of a frame is broken.
    """
    rows = _lines(path, frames=True)
    exposures_s = {}
    for number, line in zip(rows.numbers, rows.lines, strict=True):
        match = _FRAME.fullmatch(line)
        if match is None:
            if not rows.complete and number == rows.numbers[-1]:
                break
            problem = f"expected 'SOF t, frameNum :n exp time s', got '{line[:60]}'; repair or delete that line"
            raise failure(path, problem, number)
        exposures_s[int(match[1]) * 1000] = float(match[2])
    return exposures_s


def _lines(path: Path, *, frames: bool) -> Rows:
    """Return the lines of frames or those of samples."""
    rows = data_rows(path, read_text(path), 0, None, 10)
    keep = [k for k, line in enumerate(rows.lines) if line.startswith("SOF") == frames]
    return replace(
        rows,
        lines=[rows.lines[k] for k in keep],
        numbers=[rows.numbers[k] for k in keep],
        complete=rows.complete or keep[-1:] != [len(rows.lines) - 1],
    )
