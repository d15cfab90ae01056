"""Single frames of a movie, and when each was taken; PyAV does the decoding."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImageError
from gyrosharp.media.exif import orientation_block
from gyrosharp.media.image_file import ImageFile
from gyrosharp.media.stored import Metadata, require_size
from gyrosharp.media.transfer import SRGB, decode_codes

_ORIENTATION_OF_ROTATION = {0: 1, -90: 6, 90: 8, 180: 3, -180: 3}
"""EXIF Orientation for PyAV's rotation (degrees counter-clockwise that the frame must be turned to stand upright)."""
_UNSPECIFIED = 2
_HD_HEIGHT = 720
_HDR_CURVES = {16: "PQ", 18: "HLG"}
"""FFmpeg's numbers of the transfer curves that are far from sRGB's."""


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
    with _video(Path(path)) as (container, stream):
        return np.multiply(_stamps(container, stream), float(stream.time_base), dtype=np.float64)


def movie_size(path: str | Path) -> tuple[int, int]:
    """Return width and height of a movie's frames as stored, px.

    Raises
    ------
    ImageError
        If the file does not exist or is no movie.
    """
    with _video(Path(path)) as (_, stream):
        return int(stream.width), int(stream.height)


def read_frame(path: str | Path, index: int) -> ImageFile:
    """Read one frame of a movie's first video stream to linear light.

    The BT.709 camera curve and sRGB are taken as one, as displays do. Frames of more than 8 bit become 16-bit pictures.

    Parameters
    ----------
    path : str or Path
        Movie file.
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
    file = Path(path)
    with _video(file) as (container, stream):
        stamps = _stamps(container, stream)
        if not 0 <= index < stamps.size:
            raise ImageError(f"{file}: expected a frame from 0 to {stamps.size - 1}, got {index}; choose one of them")
        require_size(str(file), stream.width, stream.height)
        frame = _decode(container, stream, int(stamps[index]))
        if frame is None:
            raise ImageError(f"{file}: frame {index} cannot be decoded; choose another or re-encode the movie")
        return _as_image(file, frame)


@contextmanager
def _video(file: Path) -> Iterator[tuple[Any, Any]]:
    """Open a movie and its first video stream; turn every failure into one line."""
    import av

    if not file.exists():
        raise ImageError(f"{file}: expected a movie, got no such file; check the path")
    if not file.is_file():
        raise ImageError(f"{file}: expected a movie, got a folder or device; name a file")
    try:
        with av.open(str(file)) as container:
            if not container.streams.video:
                raise ImageError(f"{file}: expected a movie, got a file without pictures; check the file")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            yield container, stream
    except av.FFmpegError as error:
        raise ImageError(f"{file}: expected a movie, got a damaged or unknown file ({error.strerror})") from error


def _stamps(container: Any, stream: Any) -> NDArray[np.int64]:  # noqa: ANN401 (av has no types here)
    """Return the sorted stamps of all packets to be shown, in units of the stream's time base."""
    packets = container.demux(stream)
    stamps = [packet.pts for packet in packets if packet.pts is not None and not packet.is_discard]
    return np.sort(np.array(stamps, dtype=np.int64))


def _decode(container: Any, stream: Any, stamp: int) -> Any:  # noqa: ANN401
    """Return the frame with a stamp, decoding from the key frame before it; None if it does not come."""
    container.seek(stamp, stream=stream, backward=True)
    for frame in container.decode(stream):
        if frame.pts is not None and frame.pts >= stamp:
            return frame if frame.pts == stamp else None
    return None


def _as_image(file: Path, frame: Any) -> ImageFile:  # noqa: ANN401
    depth = 16 if max(component.bits for component in frame.format.components) > 8 else 8
    codes = frame.to_ndarray(format="rgb48le" if depth == 16 else "rgb24", src_colorspace=_color_matrix(frame))
    pixels = decode_codes(codes, SRGB)
    pixels.setflags(write=False)
    orientation = _ORIENTATION_OF_ROTATION.get(round(frame.rotation), 1)
    curve = _HDR_CURVES.get(int(frame.color_trc))
    return ImageFile(
        path=file,
        pixels_linear=pixels,
        container="png",
        bit_depth=depth,
        metadata=Metadata(exif=None if orientation == 1 else orientation_block(orientation)),
        orientation=orientation,
        notes=() if curve is None else (f"the movie's {curve} curve is read as sRGB",),
        lossy=True,
    )


def _color_matrix(frame: Any) -> int | None:  # noqa: ANN401
    """Return the colour matrix for frames that do not name theirs: BT.709 from 720 rows on, as players assume."""
    from av.video.reformatter import Colorspace

    if int(frame.colorspace) != _UNSPECIFIED:
        return None
    return int(Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601)
