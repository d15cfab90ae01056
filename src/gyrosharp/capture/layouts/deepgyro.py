"""DeepGyro's recorder: images/NNNN.jpg with images/images.txt (stamp, exposure), imu/imu.txt."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import ImageSource
from gyrosharp.capture.layouts._frames import pictures_in, size_of, unless_given
from gyrosharp.capture.overrides import Overrides
from gyrosharp.capture.recording import Recording
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel

NAME = "deepgyro"
DEVICES = "DeepGyro's recorder (NVIDIA Shield tablet)"
FILES = "images/NNNN.jpg, images/images.txt, imu/imu.txt"

# Calibration of the NVIDIA Shield tablet that DeepGyro's data was recorded with (published in its code, for
# 1920 x 1080 px). Its swap matrix is a mirror; the rotation it stands for is minus that matrix.
SHIELD = CameraModel(1920, 1080, 1558.6899, 1558.6899, 939.6533, 518.4131)
SHIELD_READOUT_S = 0.0244944
# Added to gyro time after both streams are counted from their own first row.
SHIELD_DELAY_S = 0.022
AXES: NDArray[np.float64] = -np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def claims(path: Path) -> bool:
    """Return whether a folder holds DeepGyro's two tables."""
    return (path / "images" / "images.txt").is_file() and (path / "imu" / "imu.txt").is_file()


def read(path: Path, known: Overrides) -> Recording:
    """Read a DeepGyro folder.

    Raises
    ------
    CaptureError
        If there are no pictures, or their table is malformed.
    """
    imu = known.read_imu(known.gyro or path / "imu" / "imu.txt")
    rows = _rows(path / "images" / "images.txt")
    pictures = pictures_in(path / "images")
    if not pictures:
        raise CaptureError(f"{path / 'images'}: expected pictures 0001.jpg ..., got none")
    count = min(len(rows), len(pictures))
    frames = tuple(ImageSource(picture) for picture in pictures[:count])
    width, height = size_of(frames[0])
    tablet = "of the NVIDIA Shield tablet assumed"
    return Recording(
        source=path,
        layout=NAME,
        frames=frames,
        size_px=(width, height),
        start_ns=np.array([stamp for stamp, _ in rows[:count]]),
        exposure_s=np.array([exposure_s for _, exposure_s in rows[:count]]),
        camera=SHIELD.scaled(width, height),
        readout_s=SHIELD_READOUT_S,
        imu=imu,
        R_cam_imu=AXES,
        time_offset_s=SHIELD_DELAY_S - (int(imu.time_ns[0]) - rows[0][0]) * 1e-9,
        notes=unless_given(
            (known.fx or known.camera, f"focal length {tablet}: {SHIELD.fx * width / SHIELD.width:.1f} px here"),
            (known.axes, f"gyro axes {tablet}: -y,-x,-z"),
            (known.readout_s, f"readout {tablet}: {SHIELD_READOUT_S * 1e3:.1f} ms, rolling_top_to_bottom"),
            (None, f"delay {tablet}: {SHIELD_DELAY_S * 1e3:.0f} ms, both streams counted from their first row"),
        ),
    )


def _rows(path: Path) -> list[tuple[int, float]]:
    frames = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            stamp, exposure = line.split()
            frames.append((int(stamp), int(exposure) * 1e-9))
        except ValueError:
            raise CaptureError(f"{path}, line {number}: expected 't_ns exposure_ns', got {line[:60]!r}") from None
    if not frames:
        raise CaptureError(f"{path}: expected one line per picture, got none")
    return frames
