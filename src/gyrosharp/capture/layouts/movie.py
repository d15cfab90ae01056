"""Any other movie: frame times from its stamps, the gyro log given or lying beside it."""

from pathlib import Path

import numpy as np

from gyrosharp.capture.cameras import profile_from_movie_tags
from gyrosharp.capture.layouts._frames import is_movie, movie_frames, unknown
from gyrosharp.capture.overrides import Overrides
from gyrosharp.capture.recording import Recording
from gyrosharp.errors import ImageError
from gyrosharp.geometry.shutter import Shutter
from gyrosharp.media.movie import frame_times, movie_size
from gyrosharp.media.movie_file import open_movie

NAME = "movie"
DEVICES = "any camera, with a gyro log given by -g or lying beside the movie as NAME.gcsv"
FILES = "NAME.mp4 (or another container) and NAME.gcsv"
FALLBACK = True


def claims(path: Path) -> bool:
    """Return whether this is a movie file."""
    return is_movie(path)


def read(path: Path, known: Overrides) -> Recording:
    """Read a movie's frame times and the log that belongs to it; the two clocks have nothing to do with each other.

    Raises
    ------
    ImageError
        If the movie cannot be read or has no frames.
    ImuError
        If the log cannot be read.
    """
    times_s = frame_times(path)
    if not times_s.size:
        raise ImageError(f"{path}: expected a movie with frames, got none; is the file cut?")
    sidecar = path.with_suffix(".gcsv")
    log = known.gyro or (sidecar if sidecar.is_file() else None)
    imu = None if log is None else known.read_imu(log)
    hints = None if imu is None else imu.frame_hints
    width, height = movie_size(path)
    profile = profile_from_movie_tags(_tags(path), width, height)
    readout_s = None if hints is None else hints.readout_s
    return Recording(
        source=path,
        layout=NAME,
        frames=movie_frames(path, times_s.size),
        size_px=(width, height),
        start_ns=np.rint(times_s * 1e9).astype(np.int64),
        exposure_s=unknown(times_s.size),
        camera=None if profile is None else profile.camera,
        readout_s=profile.readout_s if readout_s is None and profile is not None else readout_s,
        shutter=Shutter(hints.shutter) if hints is not None and hints.shutter else Shutter.TOP_TO_BOTTOM,
        imu=imu,
        R_cam_imu=None if imu is None else imu.R_cam_imu,
        offset_std_s=None,
        notes=() if profile is None else profile.notes,
    )


def _tags(path: Path) -> dict[str, str]:
    with open_movie(path) as (container, stream):
        return {**container.metadata, **stream.metadata}
