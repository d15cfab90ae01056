"""Encoded pictures on their way to a movie: closed groups of frames in small files, so that a broken run can go on.

A segment file holds the packets of one run of the encoder, in decoding order, each as a record

    frame (int64) | key frame (uint8) | size (uint32) | data

with little-endian numbers, then a JSON footer, its length (uint32), and the CRC-32 of all before it (uint32). It
appears under its name only when it is complete. Times are kept as frame numbers: no stamp passes through a rounding.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import BinaryIO, NamedTuple

from gyrosharp.errors import OutputError
from gyrosharp.media.atomic import atomic_write, make_folder

_RECORD = struct.Struct("<qBI")
_END = struct.Struct("<II")
_STATE = "state.json"
_CHUNK = 1 << 20


class StoredPacket(NamedTuple):
    """One encoded picture: the number of its frame, whether it decodes on its own, its data."""

    frame: int
    key: bool
    data: bytes


@dataclass(frozen=True)
class Segment:
    """A finished segment file.

    Attributes
    ----------
    path : Path
        The file.
    first, count : int
        Number of its first frame, and how many frames it holds.
    delay : int
        By how many places, at most, a packet comes before its turn: what decoding must run ahead of showing.
    extradata : bytes
        The parameter sets its packets need.
    """

    path: Path
    first: int
    count: int
    delay: int
    extradata: bytes

    def packets(self) -> Iterator[StoredPacket]:
        """Yield its packets in decoding order."""
        with self.path.open("rb") as file:
            for _ in range(self.count):
                frame, key, size = _RECORD.unpack(file.read(_RECORD.size))
                yield StoredPacket(frame, bool(key), file.read(size))


class SegmentStore:
    """The folder of segments beside a movie that is being written.

    Parameters
    ----------
    folder : Path
        Its place; made if it is not there.
    identity : dict
        All that decides the encoded bytes, as JSON values. Segments made under another identity are thrown away.
    resume : bool
        Keep the finished segments of an earlier run with the same identity.

    Attributes
    ----------
    segments : list of Segment
        The finished ones, in order, with no gap.
    discarded : bool
        Whether there was an earlier run of another identity, which could not be gone on with though that was asked.

    Raises
    ------
    OutputError
        If the folder cannot be made or written.
    """

    def __init__(self, folder: Path, identity: dict[str, object], resume: bool) -> None:
        self.folder = folder
        self.segments: list[Segment] = []
        state = json.dumps(identity, sort_keys=True, indent=1)
        earlier = _text(folder / _STATE)
        if resume and earlier == state:
            self.segments = list(_finished(folder))
        self.discarded = resume and earlier not in (None, state)
        self._keep_only({_STATE, *(segment.path.name for segment in self.segments)} if self.segments else set())
        make_folder(folder)
        with atomic_write(folder / _STATE, overwrite=True) as temporary:
            temporary.write_text(state, encoding="utf-8")

    @property
    def finished(self) -> int:
        """Number of frames in finished segments."""
        return sum(segment.count for segment in self.segments)

    def begin(self) -> "SegmentFile":
        """Open the next segment."""
        first = self.finished
        return SegmentFile(self.folder / f"{first:09d}.segment", first)

    def add(self, segment: Segment) -> None:
        """Count a finished segment in.

        Raises
        ------
        OutputError
            If it needs other parameter sets than the segments before it, so that they cannot be joined.
        """
        if self.segments and self.segments[0].extradata != segment.extradata:
            raise OutputError(f"{self.folder}: expected segments of one encoder, got two; delete it and start anew")
        self.segments.append(segment)

    def remove(self) -> None:
        """Delete the folder; what cannot be deleted is left."""
        rmtree(self.folder, ignore_errors=True)

    def _keep_only(self, names: set[str]) -> None:
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                if path.name not in names:
                    with suppress(OSError):
                        path.unlink()


class SegmentFile:
    """A segment being written; it gets its name in `finish`, and leaves nothing behind in `abandon`.

    Parameters
    ----------
    path : Path
        The final name.
    first : int
        Number of its first frame.
    """

    def __init__(self, path: Path, first: int) -> None:
        self.path, self.first = path, first
        self._stack = ExitStack()
        temporary = self._stack.enter_context(atomic_write(path, overwrite=True))
        self._file: BinaryIO = self._stack.enter_context(temporary.open("wb"))
        self._crc = 0
        self._seen: set[int] = set()
        self._delay = 0

    def append(self, packet: StoredPacket) -> None:
        """Add a packet, in decoding order.

        Raises
        ------
        OutputError
            If the disk is full.
        """
        self._delay = max(self._delay, self.first + len(self._seen) - packet.frame)
        self._seen.add(packet.frame)
        self._write(_RECORD.pack(packet.frame, packet.key, len(packet.data)) + packet.data)

    def finish(self, count: int, extradata: bytes) -> Segment:
        """Close the file, whole, under its name.

        Parameters
        ----------
        count : int
            How many frames were given to the encoder.
        extradata : bytes
            The encoder's parameter sets.

        Raises
        ------
        OutputError
            If the encoder did not give one packet per frame, or the disk is full.
        """
        if self._seen != set(range(self.first, self.first + count)):
            self.abandon()
            raise OutputError(
                f"{self.path}: expected {count} encoded frames, got {len(self._seen)}; choose another codec"
            )
        values = {"first": self.first, "count": count, "delay": self._delay, "extradata": extradata.hex()}
        footer = json.dumps(values).encode()
        self._write(footer)
        self._write(struct.pack("<I", len(footer)))
        self._write(struct.pack("<I", self._crc))
        self._stack.close()
        return Segment(self.path, self.first, count, self._delay, extradata)

    def abandon(self) -> None:
        """Close and delete the unfinished file."""
        with suppress(_Abandoned), self._stack:
            raise _Abandoned

    def _write(self, data: bytes) -> None:
        self._crc = zlib.crc32(data, self._crc)
        try:
            self._file.write(data)
        except OSError as error:
            self._stack.__exit__(type(error), error, error.__traceback__)  # says why, as an OutputError
            raise


class _Abandoned(Exception):
    """Tells `atomic_write` to throw its file away."""


def _finished(folder: Path) -> Iterator[Segment]:
    """Yield the whole segments from the first on, up to the first gap or damaged file."""
    first = 0
    while (segment := _read(folder / f"{first:09d}.segment", first)) is not None:
        yield segment
        first += segment.count


def _read(path: Path, first: int) -> Segment | None:
    try:
        with path.open("rb") as file:
            file.seek(-_END.size, 2)
            body = file.tell()
            size, crc = _END.unpack(file.read(_END.size))
            file.seek(body - size)
            values = json.loads(file.read(size))
            file.seek(0)
            if values["first"] != first or _checksum(file, body + 4) != crc:
                return None
            return Segment(path, first, int(values["count"]), int(values["delay"]), bytes.fromhex(values["extradata"]))
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None  # not there, or not ours


def _checksum(file: BinaryIO, length: int) -> int:
    crc = 0
    while length > 0 and (data := file.read(min(_CHUNK, length))):
        crc, length = zlib.crc32(data, crc), length - len(data)
    return crc


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
