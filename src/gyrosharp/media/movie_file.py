"""Opening a movie, and the table of its packets: when frames are shown, where decoding can start, what is missing."""

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImageError

_ATTACHED_PICTURE = 1 << 10
"""FFmpeg's disposition bit of a cover picture, which is a video stream of one packet."""
_OUTPUT_CORRUPT = 1 << 3
"""The codec flag that makes decoders hand out what they could save of a damaged frame."""
_TORN_S, _TORN_FRAMES = 0.05, 2
"""A file whose packets end this much before its stated duration was cut; muxers round by less, and some do not count
how long the last frame is shown."""
_STILL_FRAMES = 6
"""Frames apart by so many medians are worth a word; variable rates seldom reach three."""


@dataclass(frozen=True)
class PacketTable:
    """What the packets of a movie's pictures say, without decoding them.

    Attributes
    ----------
    stamps : (N,) int64 array
        When each frame is shown, in ticks, strictly increasing. Packets that are decoded but not shown are left out.
    keys : (K,) int64 array
        Stamps of the packets that decode on their own, increasing; shown or not.
    last_duration : int
        How long the last frame is shown, in ticks; 0 if the file does not say.
    notes : tuple of str
        What is wrong with the file: cut, frames that share a stamp.
    """

    stamps: NDArray[np.int64]
    keys: NDArray[np.int64]
    last_duration: int
    notes: tuple[str, ...]


class Decoded(NamedTuple):
    """What came of one packet: a picture (None if there is none), its stamp, and what is wrong with it."""

    picture: Any
    stamp: int
    error: str | None


@contextmanager
def open_movie(file: Path) -> Iterator[tuple[Any, Any]]:
    """Open a movie and its first stream of moving pictures; turn every failure into one line.

    Yields
    ------
    container, stream
        PyAV's objects. The stream decodes on several threads but without delay, so that an error belongs to its packet.

    Raises
    ------
    ImageError
        If the file does not exist, is no movie, or is damaged.
    """
    import av

    if not file.exists():
        raise ImageError(f"{file}: expected a movie, got no such file; check the path")
    if not file.is_file():
        raise ImageError(f"{file}: expected a movie, got a folder or device; name a file")
    try:
        # Text that is not UTF-8 must neither stop the reading nor change when it is copied.
        with av.open(str(file), metadata_errors="surrogateescape") as container:
            stream = next((s for s in container.streams.video if is_moving(s)), None)
            if stream is None:
                raise ImageError(f"{file}: expected a movie, got a file without pictures; check the file")
            stream.codec_context.thread_type = "SLICE"
            stream.codec_context.flags |= _OUTPUT_CORRUPT
            yield container, stream
    except av.FFmpegError as error:
        raise ImageError(f"{file}: expected a movie, got a damaged or unknown file ({error.strerror})") from error


def is_moving(stream: Any) -> bool:  # noqa: ANN401 (av has no types here)
    """Return whether a video stream can be decoded and is more than a cover picture."""
    return stream.codec_context is not None and not int(stream.disposition) & _ATTACHED_PICTURE


def stamp_of(packet: Any) -> int | None:  # noqa: ANN401
    """Return when a packet is shown, in ticks, or decoded where the container says no more; None at the end."""
    stamp: int | None = packet.dts if packet.pts is None else packet.pts
    return stamp


def read_table(container: Any, stream: Any) -> PacketTable:  # noqa: ANN401
    """Read all packets once, decoding none.

    Memory: 8 bytes per frame. A file whose end is missing gives the packets that are there, and a note.
    """
    stamps, keys = array("q"), array("q")
    last = (0, 0)
    end_s = 0.0
    problem = None
    for packet, trouble in _packets(container):
        problem = trouble or problem
        stamp = None if packet is None else stamp_of(packet)
        if stamp is None:
            continue
        end_s = max(end_s, float((stamp + (packet.duration or 0)) * packet.time_base))
        if packet.stream_index != stream.index:
            continue
        if packet.is_keyframe:
            keys.append(stamp)
        if not packet.is_discard:
            stamps.append(stamp)
            last = max(last, (stamp, packet.duration or 0))
    shown = np.unique(np.array(stamps, dtype=np.int64))
    shared = f"{len(stamps) - shown.size} frames share the stamp of another and are left out"
    shared = shared if len(stamps) > shown.size else ""
    notes = (problem, _cut(container, stream, shown, end_s), shared, _still(shown, stream.time_base))
    return PacketTable(shown, np.unique(np.array(keys, np.int64)), last[1], tuple(n for n in notes if n))


def packets_from(container: Any, stream: Any, key: int | None) -> Iterator[Any]:  # noqa: ANN401
    """Yield the packets of a freshly opened movie's pictures, from the key frame with stamp `key` on or the first."""
    if key is None:
        yield from container.demux(stream)
        return
    container.seek(key, stream=stream, backward=True)
    packets = container.demux(stream)
    head = next(packets, None)
    stamp = None if head is None else stamp_of(head)
    if stamp is None or stamp > key:
        # some containers look for decoding times and land too late; from the start it takes longer but is right
        container.seek(-(1 << 62), stream=stream, backward=True)
        packets, head = container.demux(stream), None
    if head is not None:
        yield head
    yield from packets


def decoded(packets: Iterator[Any]) -> Iterator[Decoded]:
    """Decode packets; those that fail give an error at their stamp, and a container that breaks off ends the rest."""
    import av

    try:
        for packet in packets:
            try:
                pictures = packet.decode()
            except av.FFmpegError as error:
                stamp = stamp_of(packet)
                if stamp is not None:
                    yield Decoded(None, stamp, f"it cannot be decoded ({error.strerror})")
                continue
            for picture in pictures:
                stamp = picture.dts if picture.pts is None else picture.pts
                concealed = "its data is damaged; the decoder filled it in" if picture.is_corrupt else None
                if stamp is not None:
                    yield Decoded(picture, stamp, concealed)
    except av.FFmpegError:
        return  # `read_table` has said so


def first_picture(container: Any, stream: Any) -> Any:  # noqa: ANN401
    """Return the first picture that decodes without an error, else the first of all, else None."""
    damaged = None
    for picture, _, error in decoded(container.demux(stream)):
        if picture is not None and error is None:
            return picture
        damaged = damaged or picture
    return damaged


def seconds(stamps: NDArray[np.int64], time_base: Fraction) -> NDArray[np.float64]:
    """Return stamps in seconds: ticks times time base."""
    return np.multiply(stamps, float(time_base), dtype=np.float64)


def _packets(container: Any) -> Iterator[tuple[Any, str | None]]:  # noqa: ANN401
    """Yield the packets of all streams; a container that breaks off ends them with what it says."""
    import av

    try:
        for packet in container.demux():
            yield packet, None
    except av.FFmpegError as error:
        yield None, f"the file cannot be read to its end ({error.strerror})"


def _cut(container: Any, stream: Any, stamps: NDArray[np.int64], end_s: float) -> str | None:  # noqa: ANN401
    """Return what to say of a file that ends before the end its header states, or None.

    The number of frames alone proves nothing: an edit list may leave some out.
    """
    if container.duration is None or stamps.size < 2:
        return None
    missing_s = ((container.start_time or 0) + container.duration) / 1e6 - end_s
    gap_s = float(np.median(np.diff(stamps)) * stream.time_base)
    tolerance_s = gap_s / 2 if stamps.size < stream.frames else _TORN_S + _TORN_FRAMES * gap_s
    if missing_s <= tolerance_s:
        return None
    return f"the file is cut: its last {missing_s:.2f} s are missing"


def _still(stamps: NDArray[np.int64], time_base: Fraction) -> str | None:
    gaps = np.diff(stamps)
    if not gaps.size or gaps.max() < _STILL_FRAMES * np.median(gaps):
        return None
    longest = int(gaps.argmax())
    length_s = float(gaps[longest] * time_base)
    return f"no frame comes for {length_s:.2f} s after frame {longest}; were some lost there?"
