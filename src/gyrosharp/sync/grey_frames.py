"""Grey, reduced frames of a recording, in order, decoded once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.recording import Recording
from gyrosharp.errors import ImageError

Grey = NDArray[np.uint8]


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
    numbers = {recording.frames[index].frame: int(index) for index in wanted}
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


def _of_movie(path: Path, numbers: dict[int | None, int], most_px: int) -> Iterator[tuple[int, Grey]]:
    """Decode from the key frame before each stretch of wanted frames; whatever does not come is left out."""
    import av

    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            stamps = np.sort([p.pts for p in container.demux(stream) if p.pts is not None and not p.is_discard])
            by_stamp = {int(stamps[k]): index for k, index in numbers.items() if k is not None and k < stamps.size}
            left = sorted(by_stamp)
            while left:
                container.seek(left[0], stream=stream, backward=True)
                first, left = left[0], left[1:]
                for frame in _decoded(container, stream):
                    if frame.pts is None or frame.pts < first:
                        continue
                    if frame.pts in by_stamp:
                        yield by_stamp[frame.pts], _reduced(_luma(frame), most_px)
                    left = [stamp for stamp in left if stamp > frame.pts]
                    if not left or left[0] - frame.pts > _far(stamps):
                        break
    except (av.FFmpegError, IndexError, OSError) as error:
        raise ImageError(f"{path}: expected a movie, got a damaged or unknown file ({error})") from error


def _decoded(container: Any, stream: Any) -> Iterator[Any]:  # noqa: ANN401 (av has no types here)
    """Frames until the end, or until the file is too damaged to go on."""
    import av

    try:
        yield from container.decode(stream)
    except av.FFmpegError:
        return


def _far(stamps: NDArray[np.int64]) -> float:
    """From this many ticks on, seeking is taken to be quicker than decoding what lies between: two seconds' worth."""
    return 60.0 * float(np.median(np.diff(stamps))) if stamps.size > 1 else 0.0


def _luma(frame: Any) -> Grey:  # noqa: ANN401
    grey = frame.to_ndarray(format="gray")
    return np.asarray(grey, dtype=np.uint8)
