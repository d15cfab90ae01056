"""Grey, reduced frames of a recording, in order, decoded once."""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.recording import Recording
from gyrosharp.errors import ImageError
from gyrosharp.media.movie_reader import movie_info, read_frames

Grey = NDArray[np.uint8]

# From so many frames on, seeking is taken to be quicker than decoding what lies between.
FAR_FRAMES = 60


def grey_frames(recording: Recording, wanted: NDArray[np.intp], most_px: int) -> Iterator[tuple[int, Grey]]:
    """Yield (index, picture) for some frames, the longer side reduced to at most `most_px`; damaged ones are left out.

    Parameters
    ----------
    recording : Recording
        A movie or image files.
    wanted : (K,) int array
        Indices, increasing.
    most_px : int
        Longest side of the result; smaller frames stay as they are.

    Raises
    ------
    ImageError
        If the movie cannot be opened, or an image file cannot be read.
    """
    if recording.movie is None:
        for index in wanted:
            yield int(index), _reduced(_read_grey(recording.frames[index].path), most_px)
        return
    numbers = {number: int(index) for index in wanted if (number := recording.frames[index].frame) is not None}
    yield from _of_movie(recording.movie, numbers, most_px)


def _read_grey(path: Path) -> Grey:
    import cv2

    # Reading bytes first: OpenCV cannot open every path that Python can, and says nothing where it fails.
    codes = np.fromfile(path, dtype=np.uint8)
    picture = cv2.imdecode(codes, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION) if codes.size else None
    if picture is None:
        raise ImageError(f"{path}: expected a picture, got a damaged or unknown file; take it out or replace it")
    return np.asarray(picture, dtype=np.uint8)


def _reduced(picture: Grey, most_px: int) -> Grey:
    import cv2

    height, width = picture.shape
    scale = most_px / max(width, height)
    if scale >= 1.0:
        return picture
    size = (round(width * scale), round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _of_movie(path: Path, numbers: dict[int, int], most_px: int) -> Iterator[tuple[int, Grey]]:
    """Decode each stretch of wanted frames, from the key frame before it; damaged ones are left out."""
    info = movie_info(path)
    factor = max(max(info.width, info.height) // most_px, 1)
    left = deque(sorted(number for number in numbers if number < info.stamps.size))
    while left:
        for frame in read_frames(info, left[0]):
            if frame.index == left[0]:
                left.popleft()
                if frame.broken is None:
                    luma = np.clip(np.rint(255.0 * frame.luma_small(factor)), 0, 255).astype(np.uint8)
                    yield numbers[frame.index], _reduced(luma, most_px)
            if not left or left[0] - frame.index > FAR_FRAMES:
                break
