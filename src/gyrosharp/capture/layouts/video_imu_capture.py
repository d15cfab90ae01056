"""VideoIMUCapture: video_recording.mp4 and video_meta.pb3 with IMU, exposure, readout, intrinsics and stabiliser."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.layouts._frames import movie_frames, unless_given
from gyrosharp.capture.lens_shift import LensShift
from gyrosharp.capture.overrides import Overrides
from gyrosharp.capture.recording import SYNCHRONISED_STD_S, Recording
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Shutter
from gyrosharp.imu.readers.video_imu_capture import CameraInfo, FrameInfo, VideoMeta, read_meta
from gyrosharp.media.movie import frame_times, movie_size

NAME = "video_imu_capture"
DEVICES = "Android phones with VideoIMUCapture"
FILES = "video_meta.pb3 and video_recording.mp4"

# fx and fy of a phone differ by less than this; the app's first versions scaled them by the two sides of the picture,
# which is wrong where it is a crop of the sensor.
SQUARE_PIXELS = 0.03

Ints = NDArray[np.int64]


def claims(path: Path) -> bool:
    """Return whether this is a folder of VideoIMUCapture, or the movie in it."""
    return (_folder(path) / "video_meta.pb3").is_file()


def read(path: Path, known: Overrides) -> Recording:
    """Read a VideoIMUCapture folder.

    Raises
    ------
    CaptureError
        If there is no movie or nothing about its frames, or a frame's data or the stabiliser's is damaged.
    ImuError, ImageError
        If the message or the movie cannot be read.
    """
    folder = _folder(path)
    meta = read_meta(folder / "video_meta.pb3")
    movie = folder / "video_recording.mp4"
    if not movie.is_file():
        raise CaptureError(f"{folder}: expected video_recording.mp4 beside video_meta.pb3, got none; copy it too")
    pts_ns = np.rint(frame_times(movie) * 1e9).astype(np.int64)
    told = _told(folder / "video_meta.pb3", meta.frames, pts_ns.size)
    start_ns, exposure_s = _stamps(pts_ns, told)
    info = meta.camera or CameraInfo()
    size_px = movie_size(movie)
    camera, camera_note = _camera(size_px, info, told)
    return Recording(
        source=path,
        layout=NAME,
        frames=movie_frames(movie, pts_ns.size),
        size_px=size_px,
        start_ns=start_ns,
        exposure_s=exposure_s,
        camera=camera,
        readout_s=_readout_s(told),
        shutter=_shutter(info),
        imu=(imu := known.read_imu(known.gyro or folder / "video_meta.pb3")),
        R_cam_imu=imu.R_cam_imu,
        offset_std_s=SYNCHRONISED_STD_S if info.joined_clocks else None,
        lens_shift=_lens_shift(told),
        notes=(*unless_given((known.fx or known.camera, camera_note)), *_notes(meta, info, told, pts_ns.size)),
    )


def _folder(path: Path) -> Path:
    return path.parent if path.name == "video_recording.mp4" else path


def _told(path: Path, frames: tuple[FrameInfo, ...], count: int) -> list[FrameInfo]:
    """Return what is told of the movie's frames: one per number, in order."""
    told = list({frame.number: frame for frame in frames if 0 <= frame.number < count}.values())
    if not told:
        raise CaptureError(f"{path}: expected data of the movie's frames, got none; record again")
    for frame in told:
        if frame.exposure_ns < 0 or frame.readout_ns < 0 or not np.isfinite(frame.focal_px):
            raise CaptureError(
                f"{path}, byte {frame.offset}: expected times and a focal length of frame {frame.number}, got "
                f"{frame.exposure_ns} ns, {frame.readout_ns} ns, {frame.focal_px:g} px; record again"
            )
    return told


def _stamps(pts_ns: Ints, told: list[FrameInfo]) -> tuple[Ints, NDArray[np.float64]]:
    """Return start of exposure and exposure time of all frames.

    The app drops what it knows of some frames. Their start follows from the movie's own time, whose distance to the
    camera's clock is that of their neighbours.
    """
    numbers = np.array([frame.number for frame in told])
    starts_ns = np.array([frame.start_ns for frame in told], dtype=np.int64)
    base = int(starts_ns[0] - pts_ns[numbers[0]])
    distance = np.interp(np.arange(pts_ns.size), numbers, (starts_ns - pts_ns[numbers] - base).astype(np.float64))
    every_ns = pts_ns + base + np.rint(distance).astype(np.int64)
    every_ns[numbers] = starts_ns
    exposure_s = np.full(pts_ns.size, np.nan)
    exposure_s[numbers] = [frame.exposure_ns * 1e-9 if frame.exposure_ns else np.nan for frame in told]
    return every_ns, exposure_s


def _readout_s(told: list[FrameInfo]) -> float | None:
    readouts_ns = [frame.readout_ns for frame in told if frame.readout_ns > 0]
    return float(np.median(readouts_ns)) * 1e-9 if readouts_ns else None


def _shutter(info: CameraInfo) -> Shutter:
    """Return where the sensor's top line lies in the stored picture, which is turned clockwise by its orientation."""
    sides = (Shutter.TOP_TO_BOTTOM, Shutter.RIGHT_TO_LEFT, Shutter.BOTTOM_TO_TOP, Shutter.LEFT_TO_RIGHT)
    return sides[info.orientation_deg // 90 % 4]


def _lens_shift(told: list[FrameInfo]) -> LensShift | None:
    """Return the stabiliser's samples: Android's shift is that of the optical centre, and with it of every point."""
    samples = {stamp: (x, y) for frame in told for stamp, x, y in frame.shifts}
    if not samples:
        return None
    stamps = sorted(samples)
    return LensShift(np.array(stamps, dtype=np.int64), np.array([samples[stamp] for stamp in stamps]))


def _camera(size_px: tuple[int, int], info: CameraInfo, told: list[FrameInfo]) -> tuple[CameraModel | None, str]:
    """Return intrinsics of the frames as stored: the phone's own, or the app's estimate of the focal length."""
    width, height = size_px
    if len(info.intrinsics) >= 4 and info.size_px in ((0, 0), size_px):
        fx, fy, cx, cy = info.intrinsics[:4]
        if fx > 0 and abs(fy / fx - 1) < SQUARE_PIXELS:
            lens = () if info.corrected else _turned(info.distortion, info.orientation_deg)
            model = "opencv" if lens else "none"
            return CameraModel(
                width, height, fx, fy, cx, cy, model, lens
            ), f"focal length {fx:.1f} px as the phone tells"
    estimates = [frame.focal_px for frame in told if frame.focal_px > 0]
    if not estimates:
        return None, "no focal length recorded"
    fx = float(np.median(estimates))
    note = f"focal length {fx:.1f} px estimated from the lens and sensor sizes that the phone tells"
    return CameraModel(width, height, fx, fx, (width - 1) / 2, (height - 1) / 2), note


def _turned(distortion: tuple[float, ...], orientation_deg: int) -> tuple[float, ...]:
    """Return OpenCV's k1, k2, p1, p2, k3 in the turned picture, of Android's k1, k2, k3, k4, k5 on the sensor.

    Android's k4 and k5 are OpenCV's p1 and p2. In a picture that is turned by 90 degrees clockwise, x' = -y and
    y' = x; putting that into x_d = x r + 2 p1 x y + p2 (r^2 + 2 x^2) and its like gives p1' = p2 and p2' = -p1.
    """
    if len(distortion) != 5 or not any(distortion) or not np.isfinite(distortion).all():
        return ()
    k1, k2, k3, p1, p2 = distortion
    for _ in range(orientation_deg // 90 % 4):
        p1, p2 = p2, -p1
    return k1, k2, p1, p2, k3


def _notes(meta: VideoMeta, info: CameraInfo, told: list[FrameInfo], count: int) -> tuple[str, ...]:
    found = list(meta.notes)
    if len(told) < count:
        found.append(f"{count - len(told)} of {count} frames have no data of their own: stamped by the movie's time")
    if not info.joined_clocks:
        found.append("the phone does not say that camera and gyro share a clock")
    if info.stabilised_digitally:
        found.append("warning: digital stabilisation was on: the picture was turned after it was taken; switch it off")
    if info.stabilised_optically and not any(frame.shifts for frame in told):
        found.append("warning: optical stabilisation was on, and the phone does not tell what it did")
    return tuple(found)
