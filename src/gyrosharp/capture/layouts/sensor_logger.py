"""Sensor Logger: the unzipped export with Gyroscope.csv and Camera/<ms since 1970>.mp4.

The movie's name is the moment when recording was asked for; the first frame comes some tenths of a second later. Newer
versions of the app write each frame's time in nanoseconds since 1970 into a data track of the movie, in the clock of
the CSV files. With that track clocks are joined; without it they are not.

Source: github.com/tszheichoi/awesome-sensor-logger, VIDEO_SYNCHRONIZATION.md.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import ImageSource
from gyrosharp.capture.layouts._frames import is_movie, movie_frames, number_of, pictures_in, size_of, unknown
from gyrosharp.capture.layouts._phone import ONE_CLOCK_STD_S, placement, placement_notes
from gyrosharp.capture.overrides import Overrides
from gyrosharp.capture.recording import Recording
from gyrosharp.errors import CaptureError, ImuError
from gyrosharp.imu.axes import parse_axes
from gyrosharp.imu.readers import claims as formats_of
from gyrosharp.media.movie import frame_times

NAME = "sensor_logger"
DEVICES = "Android phones and iPhones with Sensor Logger (unzipped CSV export)"
FILES = "Gyroscope.csv, and a movie or pictures in Camera/ or beside it, named by ms since 1970"

# Nanoseconds since 1970 in the years 2001 to 2128.
EARLIEST_NS, LATEST_NS = 10**18, 5 * 10**18
MILLISECOND_NS = 10**6

Ints = NDArray[np.int64]


def claims(path: Path) -> bool:
    """Return whether this is a folder of Sensor Logger, or the movie in it."""
    log = _folder(path) / "Gyroscope.csv"
    if not log.is_file() or (log.parent / "frame_times.txt").is_file():
        return False
    try:
        return "sensor-logger" in formats_of(log)
    except ImuError:
        return False


def read(path: Path, known: Overrides) -> Recording:
    """Read a Sensor Logger folder; exposure times are not recorded.

    Raises
    ------
    CaptureError
        If there is not exactly one movie, and no pictures named by their time.
    ImuError, ImageError
        If the log or the movie cannot be read.
    """
    folder = _folder(path)
    imu = known.read_imu(known.gyro or folder / "Gyroscope.csv")
    frames, start_ns, joined = _frames(path, folder)
    size_px = size_of(frames[0])
    axes, shutter = placement("android", size_px)
    clock_note = (
        "frame times from the movie's data track"
        if joined
        else ("frame times counted from the file's name, which is some tenths of a second early")
    )
    return Recording(
        source=path,
        layout=NAME,
        frames=frames,
        size_px=size_px,
        start_ns=start_ns,
        exposure_s=unknown(len(frames)),
        shutter=shutter,
        imu=imu,
        R_cam_imu=parse_axes(axes),
        offset_std_s=ONE_CLOCK_STD_S if joined else None,
        notes=(clock_note, *placement_notes(known, axes, shutter)),
    )


def _folder(path: Path) -> Path:
    if not is_movie(path):
        return path
    return path.parent.parent if path.parent.name == "Camera" else path.parent


def _frames(path: Path, folder: Path) -> tuple[tuple[ImageSource, ...], Ints, bool]:
    """Return the frames, their times in ns since 1970, and whether these are exact."""
    place = folder / "Camera" if (folder / "Camera").is_dir() else folder
    movies = [path] if is_movie(path) else sorted(file for file in place.iterdir() if is_movie(file))
    if len(movies) == 1:
        start_ns, joined = _movie_times(movies[0])
        return movie_frames(movies[0], start_ns.size), start_ns, joined
    numbered = ((number_of(picture) or 0, picture) for picture in pictures_in(place))
    pictures = sorted((n * MILLISECOND_NS, file) for n, file in numbered if _is_epoch(n * MILLISECOND_NS))
    if movies or not pictures:
        raise CaptureError(
            f"{place}: expected one movie or pictures named by ms since 1970, got {len(movies)} movies and "
            f"{len(pictures)} such pictures; name the movie itself, or record with the camera switched on"
        )
    return tuple(ImageSource(file) for _, file in pictures), np.array([stamp for stamp, _ in pictures]), False


def _movie_times(movie: Path) -> tuple[Ints, bool]:
    """Return the frames' times in ns since 1970: from the data track, else counted from the movie's name."""
    shown_ns = np.rint(frame_times(movie) * 1e9).astype(np.int64)
    track_ns, epochs_ns = _data_track(movie)
    if track_ns.size:
        base = int(epochs_ns[0] - track_ns[0])
        late_ns = np.interp(shown_ns, track_ns, (epochs_ns - track_ns - base).astype(np.float64))
        return shown_ns + base + np.rint(late_ns).astype(np.int64), True
    started_ns = (number_of(movie) or 0) * MILLISECOND_NS
    return shown_ns + (started_ns if _is_epoch(started_ns) else 0), False


def _data_track(movie: Path) -> tuple[Ints, Ints]:
    """Return when the samples of the movie's data tracks are due, ns in the movie's time, and the epochs they hold."""
    import av

    found: dict[int, int] = {}
    try:
        with av.open(str(movie)) as container:
            for packet in container.demux(*container.streams.data) if container.streams.data else ():
                epoch_ns = _epoch_ns(bytes(packet))
                if epoch_ns is not None and packet.pts is not None and packet.time_base is not None:
                    found[round(packet.pts * packet.time_base * 10**9)] = epoch_ns
    except av.FFmpegError:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    shown_ns = sorted(found)
    return np.array(shown_ns, dtype=np.int64), np.array([found[shown] for shown in shown_ns], dtype=np.int64)


def _epoch_ns(sample: bytes) -> int | None:
    """Return the time in a sample of timed metadata: a box (size, key, value) or the bare value; None if it is none."""
    value = sample[8:] if len(sample) > 8 and int.from_bytes(sample[:4], "big") == len(sample) else sample
    epoch_ns = int.from_bytes(value, "big") if len(value) == 8 else int(value) if value.isdigit() else 0
    return epoch_ns if _is_epoch(epoch_ns) else None


def _is_epoch(time_ns: int) -> bool:
    return EARLIEST_NS <= time_ns < LATEST_NS
