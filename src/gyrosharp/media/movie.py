"""Single frames of a movie, and when each was taken; PyAV does the decoding."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImageError
from gyrosharp.media.exif import orientation_block
from gyrosharp.media.image_file import ImageFile
from gyrosharp.media.movie_colour import curve_note
from gyrosharp.media.movie_file import open_movie, read_table, seconds
from gyrosharp.media.movie_reader import MovieFrame, MovieInfo, movie_info, read_frames
from gyrosharp.media.stored import Metadata

_CAMERA_SUFFIXES = (".360", ".insv", ".mxf", ".braw", ".lrv", ".mts")
MOVIE_SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".m4v", ".webm", ".3gp", *_CAMERA_SUFFIXES)
_ORIENTATION_OF_ROTATION = {0: 1, -90: 6, 90: 8, 180: 3, -180: 3}
"""EXIF Orientation for PyAV's rotation (degrees counter-clockwise that the frame must be turned to stand upright)."""


def frame_times(path: str | Path) -> NDArray[np.float64]:
    """Return the presentation times of all frames of a movie's first video stream, without decoding them.

    Returns
    -------
    (N,) float64 array
        Seconds in the movie's own clock, increasing.

    Raises
    ------
    ImageError
        If the file does not exist, is no movie, or is damaged.
    """
    with open_movie(Path(path)) as (container, stream):
        return seconds(read_table(container, stream).stamps, stream.time_base)


def movie_size(path: str | Path) -> tuple[int, int]:
    """Return width and height of a movie's frames as stored, px.

    Raises
    ------
    ImageError
        If the file does not exist or is no movie.
    """
    with open_movie(Path(path)) as (_, stream):
        return int(stream.width), int(stream.height)


def read_frame(movie: str | Path | MovieInfo, index: int) -> ImageFile:
    """Read one frame of a movie's first video stream to linear light.

    The BT.709 camera curve and sRGB are taken as one, as displays do. Frames of more than 8 bit become 16-bit pictures.

    Parameters
    ----------
    movie : str, Path or MovieInfo
        Movie file, or what `movie_info` told of it, which saves reading its packets again.
    index : int
        Frame number in presentation order, from 0.

    Returns
    -------
    ImageFile
        As stored, not turned: its `orientation` says how the movie asks to be shown. Its container is PNG.

    Raises
    ------
    ImageError
        If the file does not exist, is no movie, is damaged, or has no such frame.
    """
    info = movie if isinstance(movie, MovieInfo) else movie_info(movie)
    count = info.stamps.size
    if not 0 <= index < count:
        raise ImageError(f"{info.path}: expected a frame from 0 to {count - 1}, got {index}; choose one of them")
    frame = next(read_frames(info, index))
    if frame.repeated:
        raise ImageError(
            f"{info.path}: frame {index} cannot be decoded: {frame.broken}; choose another or re-encode the movie"
        )
    return _as_image(info, frame)


def _as_image(info: MovieInfo, frame: MovieFrame) -> ImageFile:
    pixels = frame.linear()
    pixels.setflags(write=False)
    orientation = _ORIENTATION_OF_ROTATION.get(info.rotation_deg, 1)
    curve = curve_note(info.colour.transfer)
    broken = None if frame.broken is None else f"frame {frame.index} is broken: {frame.broken}"
    return ImageFile(
        path=info.path,
        pixels_linear=pixels,
        container="png",
        bit_depth=16 if info.bit_depth > 8 else 8,
        metadata=Metadata(exif=None if orientation == 1 else orientation_block(orientation)),
        orientation=orientation,
        notes=tuple(note for note in (curve, broken) if note),
        lossy=True,
    )
