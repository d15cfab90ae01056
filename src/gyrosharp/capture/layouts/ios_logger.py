"""The ios_logger app: Frames.m4v, Frames.txt (stamp, frame number, perhaps intrinsics), Gyro.txt, Accel.txt."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gyrosharp.capture.layouts._frames import movie_frames, pairing_note, unknown
from gyrosharp.capture.layouts._phone import ONE_CLOCK_STD_S, placement, placement_notes
from gyrosharp.capture.overrides import Overrides
from gyrosharp.capture.recording import Recording
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.imu.axes import parse_axes
from gyrosharp.media.movie import frame_times, movie_size

NAME = "ios_logger"
DEVICES = "iPhones and iPads with ios_logger"
FILES = "Gyro.txt, Accel.txt, Frames.txt, and Frames.m4v"


def claims(path: Path) -> bool:
    """Return whether a folder holds ios_logger's tables of frames and rates."""
    return (path / "Frames.txt").is_file() and (path / "Gyro.txt").is_file()


def read(path: Path, known: Overrides) -> Recording:
    """Read an ios_logger folder; the focal length is the median over the frames, exposure times are not recorded.

    Raises
    ------
    CaptureError
        If there is no movie, or Frames.txt is malformed or does not count from 0.
    ImuError, ImageError
        If the log or the movie cannot be read.
    """
    imu = known.read_imu(known.gyro or path / "Gyro.txt")
    rows = _rows(path / "Frames.txt")
    movie = path / "Frames.m4v"
    if not movie.is_file():
        raise CaptureError(f"{path}: expected Frames.m4v beside Frames.txt, got none; copy it from the device too")
    found = frame_times(movie).size
    pairing = pairing_note(found, len(rows))
    rows = rows[:found]
    size_px = movie_size(movie)
    axes, shutter = placement("ios", size_px)
    return Recording(
        source=path,
        layout=NAME,
        frames=movie_frames(movie, len(rows)),
        size_px=size_px,
        start_ns=np.array([row.start_ns for row in rows], dtype=np.int64),
        exposure_s=unknown(len(rows)),
        camera=_camera(size_px, rows),
        shutter=shutter,
        imu=imu,
        R_cam_imu=parse_axes(axes),
        offset_std_s=ONE_CLOCK_STD_S,
        notes=(*pairing, *placement_notes(known, axes, shutter)),
    )


@dataclass(frozen=True)
class _Row:
    start_ns: int
    intrinsics: tuple[float, ...]


def _rows(path: Path) -> list[_Row]:
    rows: list[_Row] = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            stamp, frame, *intrinsics = (float(cell) for cell in line.split(","))
            if len(intrinsics) not in (0, 4) or not np.isfinite([stamp, frame, *intrinsics]).all():
                raise ValueError
        except ValueError:
            raise CaptureError(
                f"{path}, line {number}: expected 't_s,frame' or 't_s,frame,fx,fy,cx,cy', got {line[:60]!r}; repair it"
            ) from None
        if frame != len(rows):
            raise CaptureError(f"{path}, line {number}: expected frame {len(rows)}, got {frame:g}; repair that line")
        rows.append(_Row(round(stamp * 1e9), tuple(intrinsics)))
    if not rows:
        raise CaptureError(f"{path}: expected one line per frame, got none")
    return rows


def _camera(size_px: tuple[int, int], rows: list[_Row]) -> CameraModel | None:
    known = [row.intrinsics for row in rows if row.intrinsics]
    if not known:
        return None
    fx, fy, cx, cy = np.median(known, axis=0)
    # Apple counts the principal point from the corner of the picture, not from the centre of its first pixel.
    return CameraModel(*size_px, float(fx), float(fy), float(cx) - 0.5, float(cy) - 0.5)
