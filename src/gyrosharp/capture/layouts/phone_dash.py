"""Dash-camera recorder: frames/RE_frame-i.jpg, framestamp.txt (line i is the stamp of frame i), gyro_dump.txt."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import ImageSource
from gyrosharp.capture.layouts._frames import number_of, pictures_in, size_of
from gyrosharp.capture.layouts._phone import ONE_CLOCK_STD_S, placement, placement_notes
from gyrosharp.capture.layouts.frames import read_frame_times
from gyrosharp.capture.overrides import Overrides
from gyrosharp.capture.recording import Recording
from gyrosharp.errors import CaptureError
from gyrosharp.imu.axes import parse_axes
from gyrosharp.imu.readers.gyro_dump import read_frames

NAME = "phone_dash"
DEVICES = "Android phones with the dash-camera recorder that writes gyro_dump.txt"
FILES = "gyro_dump.txt, framestamp.txt, and frames/RE_frame-i.jpg"

MICROSECOND_NS = 1000


def claims(path: Path) -> bool:
    """Return whether a folder holds the recorder's two tables."""
    return (path / "gyro_dump.txt").is_file() and (path / "framestamp.txt").is_file()


def read(path: Path, known: Overrides) -> Recording:
    """Read a dash-camera folder.

    Raises
    ------
    CaptureError
        If there are no numbered pictures, one of them has no stamp, or the stamps are malformed.
    ImuError
        If the gyro log is malformed.
    """
    imu = known.read_imu(known.gyro or path / "gyro_dump.txt")
    frames, start_ns = _frames(path)
    exposures_s = read_frames(path / "gyro_dump.txt")
    size_px = size_of(frames[0])
    axes, shutter = placement("android", size_px)
    return Recording(
        source=path,
        layout=NAME,
        frames=frames,
        size_px=size_px,
        start_ns=start_ns,
        exposure_s=np.array([exposures_s.get(stamp, np.nan) for stamp in start_ns.tolist()]),
        shutter=shutter,
        imu=imu,
        R_cam_imu=parse_axes(axes),
        offset_std_s=ONE_CLOCK_STD_S,
        notes=placement_notes(known, axes, shutter),
    )


def _frames(path: Path) -> tuple[tuple[ImageSource, ...], NDArray[np.int64]]:
    stamps_ns = read_frame_times(path / "framestamp.txt")
    place = path / "frames" if (path / "frames").is_dir() else path
    numbered = sorted((n, picture) for picture in pictures_in(place) if (n := number_of(picture)) is not None)
    if not numbered:
        raise CaptureError(f"{place}: expected pictures RE_frame-1.jpg ..., got none; extract them from the movie")
    for number, picture in numbered:
        if not 1 <= number <= stamps_ns.size:
            raise CaptureError(
                f"{picture}: expected a number from 1 to {stamps_ns.size}, the lines of framestamp.txt, got {number}"
            )
    starts = stamps_ns[[number - 1 for number, _ in numbered]]
    # Written as a float of seconds, whose last digits are noise; the recorder counts microseconds.
    exact = np.rint(starts / MICROSECOND_NS).astype(np.int64) * MICROSECOND_NS
    return tuple(ImageSource(picture) for _, picture in numbered), exact
