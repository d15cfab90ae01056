"""Movies frame by frame: exactly one frame per stamp, in the order of showing, whatever is damaged."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import dropwhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImageError
from gyrosharp.media.movie_colour import FrameColour, frame_colour, luma, to_linear
from gyrosharp.media.movie_file import Decoded, decoded, open_movie, packets_from
from gyrosharp.media.movie_info import MovieInfo, movie_info

__all__ = ["MovieFrame", "MovieInfo", "movie_info", "read_frames"]


@dataclass(frozen=True, eq=False)
class MovieFrame:
    """One frame of a movie.

    Attributes
    ----------
    index : int
        Number in presentation order, from 0.
    stamp : int
        When it is shown, in ticks of the movie's time base.
    broken : str or None
        Why it could not be decoded cleanly; None if it could. A broken frame shows what the decoder could save, or
        the good frame before it.
    picture : av.VideoFrame
        The frame as it was decoded.
    colour : FrameColour
        How its codes mean colours.
    repeated : bool
        Whether nothing came of it at all, so that it shows the picture of another frame.
    """

    index: int
    stamp: int
    broken: str | None
    picture: Any = field(repr=False)
    colour: FrameColour = field(repr=False)
    repeated: bool = False

    def linear(self) -> NDArray[np.float32]:
        """Return the (H, W, 3) float32 linear light in [0, 1], as stored (not turned). Converted at each call."""
        return to_linear(self.picture, self.colour)

    def luma_small(self, factor: int) -> NDArray[np.float32]:
        """Return the (H // factor, W // factor) float32 luma Y', averaged over blocks; black 0, white 1, not linear."""
        import cv2

        full = luma(self.picture, self.colour)
        rows, columns = full.shape[0] // factor, full.shape[1] // factor
        whole = full[: rows * factor, : columns * factor]
        return np.asarray(cv2.resize(whole, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.float32)


def read_frames(movie: str | Path | MovieInfo, first: int = 0) -> Iterator[MovieFrame]:
    """Decode a movie from frame `first` on: one frame per stamp of `MovieInfo.stamps`, in that order.

    A frame that does not decode cleanly has `broken` set, and so have the frames after it up to the next one that
    decodes on its own, because they are built on it. Memory: a few frames, whatever the length.

    Parameters
    ----------
    movie : str, Path or MovieInfo
        The file, or what `movie_info` told of it, which saves reading its packets again.
    first : int
        Frame to start at; decoding starts at the frame before it that stands on its own. The number of frames itself
        gives none: nothing is left to do.

    Raises
    ------
    ImageError
        As `movie_info`, or if there is no frame `first`.
    """
    info = movie if isinstance(movie, MovieInfo) else movie_info(movie)
    count = info.stamps.size
    if not 0 <= first <= count:
        raise ImageError(f"{info.path}: expected a frame from 0 to {count - 1}, got {first}; choose one of them")
    if first == count:
        return iter(())
    keys = info.keys[info.keys <= info.stamps[first]]
    key = int(keys[-1]) if keys.size > 1 else None  # the first one needs no search
    return _frames(info, key, first)


def _frames(info: MovieInfo, key: int | None, first: int) -> Iterator[MovieFrame]:
    with open_movie(info.path) as (container, stream):
        pictures = decoded(packets_from(container, stream, key))
        start = 0 if key is None else int(np.searchsorted(info.stamps, key))
        yield from dropwhile(lambda frame: frame.index < first, _Line(info, start).fill(pictures))


class _Line:
    """Puts decoded pictures at their places in the row of stamps, and a substitute at every place left empty."""

    def __init__(self, info: MovieInfo, start: int) -> None:
        self._info = info
        self._next = start
        self._good: Any = None  # the picture a missing frame repeats, or else
        self._latest: Any = None  # the one before it, good or not
        self._errors: dict[int, str] = {}
        self._damaged_from: int | None = None

    def fill(self, pictures: Iterator[Decoded]) -> Iterator[MovieFrame]:
        """Yield one frame per stamp, from the start on."""
        stamps = self._info.stamps
        for picture, stamp, error in pictures:
            if picture is None:
                self._errors[stamp] = error or "it cannot be decoded"
                continue
            place = int(np.searchsorted(stamps, stamp))
            shown = place < stamps.size and stamps[place] == stamp and place >= self._next
            if not shown:
                continue  # decoded for the sake of others, or cut out by an edit list
            if (picture.width, picture.height) != (self._info.width, self._info.height):
                picture, error = self._scaled(picture)
            yield from self._missing(place, picture)
            yield self._frame(picture, error)
            self._latest = picture
            if error is None:
                self._good = picture
        if self._latest is None:
            raise ImageError(
                f"{self._info.path}: frame {self._next} cannot be decoded, nor any after it; is it damaged?"
            )
        yield from self._missing(stamps.size, None)

    def _scaled(self, picture: Any) -> tuple[Any, str]:  # noqa: ANN401
        width, height = self._info.width, self._info.height
        error = f"it is {picture.width} x {picture.height} px where {width} x {height} are due; scaled"
        return picture.reformat(width=width, height=height), error

    def _missing(self, place: int, picture: Any) -> Iterator[MovieFrame]:  # noqa: ANN401
        while self._next < place:
            stamp = int(self._info.stamps[self._next])
            error = self._errors.pop(stamp, "its data is missing")
            substitute = self._good or self._latest or picture
            yield self._frame(substitute, error, repeated=True)

    def _frame(self, picture: Any, error: str | None, repeated: bool = False) -> MovieFrame:  # noqa: ANN401
        index, stamp = self._next, int(self._info.stamps[self._next])
        self._next += 1
        reason = self._inherited(stamp) if error is None else error
        if error is not None:
            self._damaged_from = index
        return MovieFrame(index, stamp, reason, picture, frame_colour(picture, self._info.codec), repeated)

    def _inherited(self, stamp: int) -> str | None:
        """Return the reason that a frame has from a broken one that it may be built on."""
        keys = self._info.keys
        if keys.size and stamp < keys[0]:
            return "it comes before the first frame that decodes on its own"
        if self._damaged_from is None:
            return None
        origin = int(self._info.stamps[self._damaged_from])
        if np.searchsorted(keys, stamp, side="right") > np.searchsorted(keys, origin, side="right"):
            self._damaged_from = None
            return None
        return f"it may be built on frame {self._damaged_from}, which is broken"
