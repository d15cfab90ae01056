"""What layouts share: movies and folders of pictures as frames."""

import re
from pathlib import Path

import numpy as np

from gyrosharp.capture.capture import ImageSource
from gyrosharp.media.header import read_header
from gyrosharp.media.image_file import IMAGE_SUFFIXES
from gyrosharp.media.movie import MOVIE_SUFFIXES, movie_size


def is_movie(path: Path) -> bool:
    """Whether a path is a file whose name ends like a movie's."""
    return path.suffix.lower() in MOVIE_SUFFIXES and path.is_file()


def movie_frames(path: Path, count: int) -> tuple[ImageSource, ...]:
    """Return the first `count` frames of a movie."""
    return tuple(ImageSource(path, index) for index in range(count))


def pairing_note(frames: int, rows: int) -> tuple[str, ...]:
    """Return a note if a movie has more or fewer frames than its table has rows; a logger stops a bit off the movie."""
    if frames == rows:
        return ()
    return (f"the movie has {frames} frames, the table {rows} stamps: paired from the first on",)


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures of a folder, those with shorter names first, as people number them."""
    found = (path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.name[0] != ".")
    return sorted(found, key=lambda path: (len(path.stem), path.stem))


def number_of(path: Path) -> int | None:
    """Return the number that a picture's name ends with."""
    digits = re.search(r"(\d+)$", path.stem)
    return None if digits is None else int(digits.group(1))


def size_of(source: ImageSource) -> tuple[int, int]:
    """Return width and height of a frame as stored, px; only its header is read."""
    if source.frame is not None:
        return movie_size(source.path)
    header = read_header(source.path)
    return header.width, header.height


def unless_given(*assumed: tuple[object, str]) -> tuple[str, ...]:
    """Return the notes (given, note) of what was assumed because the user gave nothing."""
    return tuple(note for given, note in assumed if given is None)


def unknown(count: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Return `count` unknown values."""
    return np.full(count, np.nan)
