"""Movies out: pictures encoded anew, every stamp and every other stream kept, the file there whole or not at all."""

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import OutputError, UsageError
from gyrosharp.media.atomic import atomic_write, check_target
from gyrosharp.media.movie_colour import from_linear
from gyrosharp.media.movie_encoder import EncoderPlan, EncodingOptions, configure, frame_rate, plan_encoder
from gyrosharp.media.movie_info import MovieInfo
from gyrosharp.media.movie_join import join
from gyrosharp.media.movie_reader import MovieFrame
from gyrosharp.media.movie_segments import SegmentStore, StoredPacket

__all__ = ["EncodingOptions", "MovieWriter"]

_SEGMENT_S = 4
"""What an interruption costs at most, in seconds of the movie; also the longest way between key frames."""
_SEGMENT_FRAMES = (12, 240)
_LONGEST_NAME = 200
"""Bytes of the target's name in the folder's: names are limited to 255; a character takes up to 4."""
_LAYOUT = 1
"""Version of the partial folder; another one is not gone on with."""


class MovieWriter:
    """Writes a movie like its source, frame by frame, as a context manager.

    Encoded frames wait in a hidden folder beside the target, ``.<name>.gyrosharp-partial``. Leaving the block without
    an error joins them with the source's other streams, moves the file to its name and removes the folder. Leaving it
    with one (or being killed) leaves no target, but the folder, if a segment is finished, which a later run with
    `resume` goes on with.

    Parameters
    ----------
    target : str or Path
        File to write: .mp4, .m4v, .mov, .mkv or .webm.
    info : MovieInfo
        The source. Codec, pixel format, stamps, colour tags, rotation and metadata are taken from it.
    options : EncodingOptions, optional
        Codec, quality, preset.
    force : bool
        Replace an existing target.
    resume : bool
        Go on with an earlier run that was interrupted, if it had the same source, options and `work`; any other is
        started anew, and `notes` says so.
    work : str
        All else that decides the pictures, such as the settings of the restoration, as any text.

    Attributes
    ----------
    finished : int
        Frames that an earlier run has done: the first frame to write.
    notes : tuple of str
        What could not be kept like the source; complete after the block.

    Raises
    ------
    OutputError
        If the target exists and `force` is false, or cannot be written, or cannot hold the codec.
    UsageError
        If the target is the source, its suffix is unknown, or an option does not exist.
    """

    def __init__(
        self,
        target: str | Path,
        info: MovieInfo,
        options: EncodingOptions | None = None,
        *,
        force: bool = False,
        resume: bool = False,
        work: str = "",
    ) -> None:
        self._target, self._info, self._force = Path(target), info, force
        check_target(self._target, force)
        if self._target.exists() and self._target.samefile(info.path):
            raise UsageError(f"{target}: expected another file than the source, got the source; choose another name")
        self._plan = plan_encoder(info, options or EncodingOptions(), self._target)
        self._length = segment_length(info)
        self._resume, self._work = resume, work
        self._store: SegmentStore | None = None
        self._segment: _Encoder | None = None
        self._next = 0
        self.finished = 0
        self.notes = self._plan.notes

    def __enter__(self) -> Self:
        name = self._target.name
        short = name if len(os.fsencode(name)) <= _LONGEST_NAME else name[: _LONGEST_NAME // 4]
        identity = {"target": name, **_identity(self._info, self._plan, self._length, self._work)}
        self._store = SegmentStore(self._target.with_name(f".{short}.gyrosharp-partial"), identity, self._resume)
        if self._store.discarded:
            self.notes += ("an earlier, unfinished run had another source or other settings; it is started anew",)
        self.finished = self._next = self._store.finished
        return self

    def write(self, frame: MovieFrame, pixels_linear: NDArray[np.float32] | None = None) -> None:
        """Write the next frame.

        Parameters
        ----------
        frame : MovieFrame
            The frame of the source; frames come in order, from `finished` on.
        pixels_linear : (H, W, 3) float32 array, optional
            What it shall show, linear light. None = the frame as it was decoded, with no conversion of colour.

        Raises
        ------
        ValueError
            If it is not the next frame, the pixels have another size, or this is not inside a `with` block.
        OutputError
            If the encoder fails or the disk is full.
        """
        store = self._opened()
        if frame.index != self._next:
            raise ValueError(f"frame: expected number {self._next}, got {frame.index}")
        size = (self._info.height, self._info.width, 3)
        if pixels_linear is not None and pixels_linear.shape != size:
            raise ValueError(f"pixels_linear: expected shape {size}, got {pixels_linear.shape}")
        if self._segment is None:
            self._segment = _Encoder(store, self._plan, self._info)
        picture = frame.picture if pixels_linear is None else from_linear(pixels_linear, frame.picture, frame.colour)
        self._segment.encode(picture, frame.index)
        self._next += 1
        if self._next % self._length == 0:
            self._close_segment()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the movie, or keep the finished segments if there was an error."""
        if kind is not None:
            if self._segment is not None:
                self._segment.abandon()
            if self._store is not None and not self._store.finished:
                self._store.remove()  # there is nothing to go on with
            return
        self._close_segment()
        count = self._info.stamps.size
        if self._next != count:
            raise OutputError(f"{self._target}: expected {count} frames, got {self._next}; run again to go on")
        self._publish()

    def _close_segment(self) -> None:
        if self._segment is not None:
            segment, self._segment = self._segment, None
            segment.finish()

    def _publish(self) -> None:
        store = self._opened()
        joined = store.folder / f"joined{self._target.suffix}"
        with atomic_write(joined, overwrite=True) as temporary:
            self.notes += join(temporary, self._info, self._plan, store.segments)
        with atomic_write(self._target, self._force) as temporary:
            joined.replace(temporary)
        store.remove()

    def _opened(self) -> SegmentStore:
        if self._store is None:
            raise ValueError("MovieWriter: expected use in a `with` block, got none; open it with one")
        return self._store


def segment_length(info: MovieInfo) -> int:
    """Return the number of frames in a segment: about four seconds, but neither very few nor very many."""
    fewest, most = _SEGMENT_FRAMES
    return min(most, max(fewest, round(_SEGMENT_S * frame_rate(info))))


class _Encoder:
    """One run of the encoder, from a key frame to the end of a segment."""

    def __init__(self, store: SegmentStore, plan: EncoderPlan, info: MovieInfo) -> None:
        import av

        self._store, self._plan = store, plan
        self._context = av.codec.CodecContext.create(plan.encoder, "w")
        configure(self._context, plan, info)
        self._file = store.begin()
        self._count = 0

    def encode(self, picture: Any, index: int) -> None:  # noqa: ANN401 (av has no types here)
        """Encode the frame with this number; what it is called and when it is shown is not looked at."""
        picture.pict_type = 0  # the encoder must choose the kind of frame itself
        picture.time_base, picture.pts = self._context.time_base, index
        self._count += 1
        self._take(picture)

    def finish(self) -> None:
        """Take what the encoder still holds, and count the segment as done."""
        self._take(None)
        self._store.add(self._file.finish(self._count, self._context.extradata or b""))

    def abandon(self) -> None:
        """Leave nothing of this segment."""
        self._file.abandon()

    def _take(self, picture: Any) -> None:  # noqa: ANN401
        import av

        try:
            packets = self._context.encode(picture)
        except (av.FFmpegError, ValueError) as error:
            self._file.abandon()
            raise OutputError(
                f"{self._plan.encoder}: the frame cannot be encoded ({error}); try other options"
            ) from error
        for packet in packets:
            self._file.append(StoredPacket(packet.pts, packet.is_keyframe, bytes(packet)))


def _identity(info: MovieInfo, plan: EncoderPlan, length: int, work: str) -> dict[str, object]:
    """Return what must not change between the runs that make one movie, as JSON values."""
    import av

    status = info.path.stat()
    return {
        "layout": _LAYOUT,
        "source": [
            info.path.name,
            status.st_size,
            status.st_mtime_ns,
            hashlib.sha256(info.stamps.tobytes()).hexdigest(),
        ],
        "encoder": [plan.encoder, plan.pix_fmt, plan.container, plan.quantiser, dict(plan.options)],
        "segment_frames": length,
        "libraries": {name: list(version) for name, version in av.library_versions.items()},
        "work": work,
    }
