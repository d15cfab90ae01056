"""OpenCamera Sensors: VID_x.mp4, and a folder with VID_xgyro.csv, VID_xaccel.csv and one frame stamp per line."""

from dataclasses import dataclass
from glob import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import ImageSource
from gyrosharp.capture.layouts._frames import (
    is_movie,
    movie_frames,
    number_of,
    pairing_note,
    pictures_in,
    size_of,
    unknown,
)
from gyrosharp.capture.layouts._phone import ONE_CLOCK_STD_S, placement, placement_notes
from gyrosharp.capture.layouts.frames import read_frame_times
from gyrosharp.capture.overrides import Overrides
from gyrosharp.capture.recording import Recording
from gyrosharp.errors import CaptureError
from gyrosharp.imu.axes import parse_axes
from gyrosharp.media.movie import frame_times

NAME = "opencamera"
DEVICES = "Android phones with OpenCamera Sensors"
FILES = "*gyro.csv, *accel.csv, *timestamps.csv, and VID_*.mp4 (beside the folder or in it) or frames/STAMP.jpg"

# The app's versions name the table of stamps in two ways.
_TABLES = ("_imu_timestamps.csv", "_timestamps.csv")


def claims(path: Path) -> bool:
    """Return whether this is a folder of OpenCamera Sensors, or a movie with such a folder beside it."""
    return _find(path) is not None


def read(path: Path, known: Overrides) -> Recording:
    """Read a recording of OpenCamera Sensors; exposure times are not recorded.

    Raises
    ------
    CaptureError
        If there is neither a movie nor a picture, or the table of stamps is malformed.
    ImuError, ImageError
        If the log or the movie cannot be read.
    """
    parts = _find(path)
    if parts is None:
        raise CaptureError(f"{path}: expected one *gyro.csv and one *timestamps.csv, got another folder")
    imu = known.read_imu(known.gyro or parts.gyro)
    frames, start_ns, notes = _frames(parts)
    size_px = size_of(frames[0])
    axes, shutter = placement("android", size_px)
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
        offset_std_s=ONE_CLOCK_STD_S,
        notes=(*notes, *placement_notes(known, axes, shutter)),
    )


@dataclass(frozen=True)
class _Parts:
    """The files of one recording; `name` is what they begin with."""

    folder: Path
    name: str
    gyro: Path
    stamps: Path

    @property
    def movie(self) -> Path | None:
        places = (self.folder / f"{self.name}.mp4", self.folder.parent / f"{self.name}.mp4")
        return next((place for place in places if place.is_file()), None)


def _find(path: Path) -> _Parts | None:
    if path.is_dir():
        return _parts_in(path, "")
    if not is_movie(path):
        return None
    # The folder is named by the movie's date; early versions wrote the tables beside the movie.
    folders = (path.with_name(path.stem.removeprefix("VID_")), path.parent)
    return next((parts for folder in folders if (parts := _parts_in(folder, path.stem)) is not None), None)


def _parts_in(folder: Path, start: str) -> _Parts | None:
    """Return the only recording of a folder whose files begin with `start`."""
    tables = list(folder.glob(f"{escape(start)}*timestamps.csv")) if folder.is_dir() else []
    ends = [end for end in _TABLES if len(tables) == 1 and tables[0].name.endswith(end)]
    if not ends:
        return None
    name = tables[0].name.removesuffix(ends[0])
    logs = [folder / f"{name}{middle}gyro.csv" for middle in ("", "_")]
    return next((_Parts(folder, name, log, tables[0]) for log in logs if log.is_file()), None)


def _frames(parts: _Parts) -> tuple[tuple[ImageSource, ...], NDArray[np.int64], tuple[str, ...]]:
    """Return the frames with their stamps, and what does not fit."""
    stamps_ns = read_frame_times(parts.stamps)
    if parts.movie is not None:
        found = frame_times(parts.movie).size
        count = min(found, stamps_ns.size)
        return movie_frames(parts.movie, count), stamps_ns[:count], pairing_note(found, stamps_ns.size)
    pictures = _stamped(parts.folder, set(stamps_ns.tolist()))
    if not pictures:
        raise CaptureError(
            f"{parts.folder}: expected {parts.name}.mp4 in it or beside it, or frames/STAMP.jpg, got neither; "
            "copy the movie from the phone's DCIM/OpenCamera too"
        )
    return tuple(ImageSource(picture) for _, picture in pictures), np.array([stamp for stamp, _ in pictures]), ()


def _stamped(folder: Path, stamps_ns: set[int]) -> list[tuple[int, Path]]:
    """Return the pictures that are named by a stamp of the table, in order of time."""
    place = folder / "frames" if (folder / "frames").is_dir() else folder
    named = [(number_of(picture), picture) for picture in pictures_in(place)]
    return sorted((number, picture) for number, picture in named if number is not None and number in stamps_ns)
