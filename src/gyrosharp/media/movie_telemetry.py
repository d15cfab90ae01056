"""Data tracks of movies: which there are, their packets, and what cameras put beside the tracks. No decoding.

Cameras write telemetry as a track of its own kind into MP4 or MOV files: GoPro ``gpmd``, Sony ``rtmd``, DJI ``djmd``,
Google's camera motion ``camm``. The kind is the type of the track's sample description (ISO/IEC 14496-12, 8.5.2), which
is read from the file's boxes here; the packets and their times, edit lists applied, come from PyAV.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from gyrosharp.errors import ImageError

_HOLDING = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"udta"})
"""Boxes that hold boxes, as far as they are looked into."""
MAX_BOXES = 20_000
MAX_DEPTH = 8
# The longest box of interest: GoPro's settings have 25 kB, handler names and sample descriptions a few hundred bytes.
MAX_BOX_BYTES = 16 * 2**20
MAX_PACKET_BYTES = 64 * 2**20


@dataclass(frozen=True)
class MovieTrack:
    """One track of an MP4 or MOV file.

    Attributes
    ----------
    number : int
        Its track ID, from 1.
    handler : str
        ``"vide"``, ``"soun"``, ``"meta"``, ...
    kind : str
        Type of its first sample description, e.g. ``"gpmd"``; empty if it has none.
    name : str
        Name of its handler, e.g. ``"GoPro MET"``.
    mime : str
        MIME type of a track of kind ``"mett"``, e.g. ``"application/gyrolog"``; empty for others.
    """

    number: int
    handler: str
    kind: str
    name: str
    mime: str = ""


@dataclass(frozen=True)
class DataPacket:
    """One packet of a data track: presentation time and duration, s, in the movie's clock, and its bytes."""

    time_s: float
    duration_s: float
    data: bytes


def movie_tracks(path: str | Path) -> tuple[MovieTrack, ...]:
    """Return the tracks of an MP4 or MOV file; none for other files and for what is damaged.

    Only the boxes' headers and a few hundred bytes are read.
    """
    found: list[dict[bytes, bytes]] = []
    with _opened(Path(path)) as file:
        for key, data in () if file is None else _boxes(file):
            if key == b"trak":
                found.append({})
            elif found and key in (b"tkhd", b"hdlr", b"stsd"):
                found[-1].setdefault(key, data)
    return tuple(_track(boxes) for boxes in found)


def user_data(path: str | Path, key: str) -> bytes | None:
    """Return the bytes of a box of the movie's user data (``moov/udta``), None if there is none.

    GoPro keeps the settings of a recording in ``GPMF``.
    """
    with _opened(Path(path)) as file:
        for name, data in () if file is None else _boxes(file, wanted=key.encode()):
            if name == key.encode():
                return data
    return None


def data_packets(path: str | Path, kind: str, starts: bytes = b"", limit: int | None = None) -> tuple[DataPacket, ...]:
    """Return the packets of a movie's first data track of a kind, in order of time.

    Parameters
    ----------
    path : str or Path
        Movie file.
    kind : str
        Type of the sample description, e.g. ``"gpmd"``.
    starts : bytes
        What the first packet begins with. It is how the track is found where the container does not tell kinds.
    limit : int or None
        Stop after so many packets.

    Returns
    -------
    tuple of DataPacket
        Empty if there is no such track.

    Raises
    ------
    ImageError
        If the file does not exist, is no movie, or is damaged.
    """
    tracks = movie_tracks(path)
    numbers = {track.number for track in tracks if track.kind == kind}
    with _container(Path(path)) as container:
        for stream in container.streams:
            if stream.type not in ("data", "unknown") or (tracks and stream.id not in numbers):
                continue
            packets = _packets(container, stream, starts, limit)
            if packets:
                return packets
    return ()


@contextmanager
def _container(file: Path) -> Iterator[Any]:
    """Open a movie; turn every failure into one line."""
    import av

    if not file.is_file():
        raise ImageError(f"{file}: expected a movie, got no such file; check the path")
    try:
        with av.open(str(file), metadata_errors="replace") as container:
            yield container
    except av.FFmpegError as error:
        raise ImageError(f"{file}: expected a movie, got a damaged or unknown file ({error.strerror})") from error


def _packets(container: Any, stream: Any, starts: bytes, limit: int | None) -> tuple[DataPacket, ...]:  # noqa: ANN401
    from av.stream import Discard

    # What is discarded is not even read: the pictures of an hour have gigabytes.
    for other in container.streams:
        other.discard = Discard.default if other.index == stream.index else Discard.all
    container.seek(0)
    found: list[DataPacket] = []
    for packet in container.demux(stream):
        if packet.pts is None or not 0 < packet.size <= MAX_PACKET_BYTES:
            continue
        data = bytes(packet)
        if not found and not data.startswith(starts):
            return ()
        tick_s = float(packet.time_base)
        found.append(DataPacket(packet.pts * tick_s, (packet.duration or 0) * tick_s, data))
        if len(found) == limit:
            break
    return tuple(sorted(found, key=lambda packet: packet.time_s))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO | None]:
    """Open a file; None if it cannot be read."""
    try:
        file = path.open("rb")
    except OSError:
        yield None
        return
    with file:
        yield file


def _boxes(file: BinaryIO, wanted: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
    """Yield the boxes (type, content) of a file depth first; the content of those that are not needed is empty."""
    read = {b"tkhd", b"hdlr", b"stsd", wanted}
    size = file.seek(0, 2)
    pending = [(0, size, 0)]
    for _ in range(MAX_BOXES):
        while pending and pending[-1][0] + 8 > pending[-1][1]:
            pending.pop()
        if not pending:
            return
        start, end, depth = pending.pop()
        key, first, last = _header(file, start, end)
        if not start + 8 <= first <= last <= end:
            return
        pending.append((last, end, depth))
        content = b""
        if key in read and last - first <= MAX_BOX_BYTES:
            file.seek(first)
            content = file.read(last - first)
        yield key, content
        if key in _HOLDING and depth < MAX_DEPTH:
            pending.append((first, last, depth + 1))


def _header(file: BinaryIO, start: int, end: int) -> tuple[bytes, int, int]:
    """Return a box's type, and where its content begins and ends."""
    file.seek(start)
    head = file.read(16)
    size = int.from_bytes(head[:4], "big")
    if size == 1 and len(head) == 16:
        return head[4:8], start + 16, start + int.from_bytes(head[8:], "big")
    return head[4:8], start + 8, end if size == 0 else start + size


def _track(boxes: dict[bytes, bytes]) -> MovieTrack:
    header, handler, kinds = (boxes.get(key, b"") for key in (b"tkhd", b"hdlr", b"stsd"))
    # Version 1 of the track header has 64-bit times before the track ID (14496-12, 8.3.2).
    at = 20 if header[:1] == b"\1" else 12
    return MovieTrack(
        number=int.from_bytes(header[at : at + 4], "big"),
        handler=handler[8:12].decode("latin-1"),
        kind=kinds[12:16].decode("latin-1"),
        # QuickTime puts a length byte before the name, ISO a zero after it.
        name=handler[24:].decode("latin-1").strip("\0 \t\x0b\x0c\r\n"),
        mime=_mime(kinds) if kinds[12:16] == b"mett" else "",
    )


def _mime(kinds: bytes) -> str:
    """Return the MIME type of a text metadata description: an encoding and a type, each ended by 0 (12.3.3.2)."""
    words = kinds[24:].split(b"\0")
    return next((word.decode("latin-1") for word in words if b"/" in word), "")
