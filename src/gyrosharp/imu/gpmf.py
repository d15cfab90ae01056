"""GPMF, GoPro's metadata format: payloads of keys, lengths and values as streams of numbers.

A payload is a tree of entries. Each starts on a multiple of 4 bytes, all numbers are big endian:

    FourCC key | type (1 byte) | size of one structure (1 byte) | number of structures (2 bytes) | data | padding

An entry of type 0 holds entries: ``DEVC`` (a device) holds ``STRM`` (streams), and the last entry of a stream is its
data; those before it say what it means (scale, unit, axes, stamps). How stamps and axes are used:
`gyrosharp.imu.gpmf_log`.

Source: the format's description in the documentation of gopro/gpmf-parser.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImuError

HEADER_BYTES = 8
# Devices hold streams, streams hold at most one more level (delayed samples with TICK and TOCK). More is damage.
MAX_DEPTH = 8
# The longest real payloads (one second at 3200 Hz) have 24 kB in some 200 entries.
MAX_PAYLOAD_BYTES = 64 * 2**20
MAX_ENTRIES = 200_000
MAX_COLUMNS = 255
"""A structure has at most 255 bytes, so no more numbers."""

_NUMBERS = MappingProxyType(
    {"b": "i1", "B": "u1", "s": ">i2", "S": ">u2", "l": ">i4", "L": ">u4", "j": ">i8", "J": ">u8"}
    | {"f": ">f4", "d": ">f8", "q": ">i4", "Q": ">i8"}
)
_OPAQUE_BYTES = MappingProxyType({"c": 1, "F": 4, "G": 16, "U": 16})
"""Types that are not numbers: characters, FourCC, UUID, date; their columns are NaN."""
_FIXED_POINT = MappingProxyType({"q": 2.0**-16, "Q": 2.0**-32})
_ABOUT = frozenset(
    {"STMP", "TSMP", "TICK", "TOCK", "TIMO", "EMPT", "STNM", "DVNM", "DVID", "RMRK", "SIUN", "UNIT", "SCAL", "TYPE"}
    | {"ORIN", "ORIO", "MTRX", "TMPC", "VPTS", "GPSF", "GPSU", "GPSP", "GPSA"}
)
"""Entries that describe the data of their stream."""
_KEY = re.compile(rb"[ -~]{4}")
_ARRAY = re.compile(r"([A-Za-z])(?:\[(\d{1,3})\])?")


@dataclass(frozen=True)
class Entry:
    """One key with its data.

    Attributes
    ----------
    key : str
        Its four characters.
    kind : str
        Type letter; the character 0 for an entry that holds entries.
    size : int
        Bytes of one structure.
    repeat : int
        Number of structures.
    data : bytes
        Without padding.
    offset : int
        Where the entry starts in its payload, bytes.
    children : tuple of Entry
        What an entry of type 0 holds.
    """

    key: str
    kind: str
    size: int
    repeat: int
    data: bytes
    offset: int
    children: "tuple[Entry, ...]" = ()

    @property
    def text(self) -> str:
        """The data as Latin-1 text (which has the units' superscripts), without padding."""
        return self.data.decode("latin-1").rstrip("\0 ").strip("\0")

    def numbers(self, complex_type: str = "") -> NDArray[np.float64]:
        """Return the data as numbers (repeat, k); what is not a number is NaN.

        Parameters
        ----------
        complex_type : str
            For an entry of type ``?``: the letters of its stream's ``TYPE``.

        Raises
        ------
        ImuError
            If the type is unknown, or does not fit the size of the structure.
        """
        dtype = _structure(self, complex_type)
        rows = np.frombuffer(self.data, dtype=dtype, count=self.repeat)
        columns = [_column(rows[name], dtype.metadata or {}, name) for name in dtype.names or ()]
        return np.column_stack(columns) if columns else np.empty((self.repeat, 0))

    def number(self) -> float:
        """Return the first number; NaN if there is none, or it is damaged."""
        numbers = self.vector()
        return float(numbers[0]) if numbers.size else float("nan")

    def vector(self) -> NDArray[np.float64]:
        """Return all numbers in one row; none if they are damaged. For what describes data, which goes on without."""
        try:
            return self.numbers().ravel()
        except ImuError:
            return np.empty(0)


@dataclass(frozen=True, eq=False)
class Stream:
    """The samples of one stream in one payload.

    Attributes
    ----------
    key : str
        FourCC of the data, e.g. ``"GYRO"``.
    device : str
        Name of the device it belongs to.
    samples : (N, k) float64 array
        In the order of the file, divided by the scale; their unit is `unit`.
    about : mapping of str to Entry
        The entries that describe the data.
    """

    key: str
    device: str
    samples: NDArray[np.float64]
    about: Mapping[str, Entry] = field(default_factory=dict)

    def text(self, key: str) -> str:
        """Return a describing text such as ``STNM``; empty where there is none."""
        return self.about[key].text if key in self.about else ""

    def number(self, key: str) -> float:
        """Return a describing number such as ``TSMP``; NaN where there is none."""
        return self.about[key].number() if key in self.about else float("nan")

    @property
    def unit(self) -> str:
        """SI unit, or the unit to display; empty where there is none."""
        return self.text("SIUN") or self.text("UNIT")

    @property
    def total(self) -> float:
        """Samples since the recording began, this payload's included; NaN where they were not counted."""
        return self.number("TSMP")

    @property
    def stamp_s(self) -> float:
        """Stamp of the first sample in the camera's clock, s: microseconds (STMP) or milliseconds (TICK), else NaN."""
        return self.number("STMP") * 1e-6 if "STMP" in self.about else self.number("TICK") * 1e-3


@dataclass(frozen=True)
class Payload:
    """One payload: its streams, the entries its devices hold beside streams, and what was damaged, in plain words."""

    streams: tuple[Stream, ...]
    settings: Mapping[str, Entry]
    notes: tuple[str, ...] = ()

    def stream(self, key: str) -> Stream | None:
        """Return the first stream of a key, None if there is none: the camera is the first device."""
        return next((stream for stream in self.streams if stream.key == key), None)


def is_gpmf(data: bytes) -> bool:
    """Whether bytes start like a payload: a device, of type 0, that holds something."""
    return len(data) >= HEADER_BYTES and data[:5] == b"DEVC\0" and data[5] > 0 and data[6:8] != b"\0\0"


def parse_payload(data: bytes, source: str, keys: Collection[str] | None = None) -> Payload:
    """Return the streams of one payload; what is damaged is left out and noted with its byte.

    Parameters
    ----------
    data : bytes
        The payload, or several of them one after the other.
    source : str
        Where it comes from, for messages.
    keys : collection of str or None
        FourCCs of the streams to return; None returns all.

    Raises
    ------
    ImuError
        If the bytes are no GPMF payload, or longer than 64 MiB.
    """
    entries, notes = parse_entries(data, source)
    streams: list[Stream] = []
    settings: dict[str, Entry] = {}
    for device in entries:
        if device.key != "DEVC":
            continue
        name = next((entry.text for entry in device.children if entry.key == "DVNM"), "")
        for entry in device.children:
            if entry.key != "STRM":
                settings.setdefault(entry.key, entry)
            elif entry.children and (keys is None or entry.children[-1].key in keys):
                streams += _stream(entry, name, source, notes)
    return Payload(tuple(streams), MappingProxyType(settings), tuple(notes))


def parse_entries(data: bytes, source: str) -> tuple[tuple[Entry, ...], list[str]]:
    """Return the tree of entries, and notes on what is damaged.

    Raises
    ------
    ImuError
        If the bytes are no GPMF payload, or longer than 64 MiB.
    """
    if not is_gpmf(data):
        raise ImuError(f"{source}, byte 0: expected a GPMF payload (DEVC), got {data[:8]!r}; is it GoPro telemetry?")
    if len(data) > MAX_PAYLOAD_BYTES:
        raise ImuError(f"{source}: expected a GPMF payload of at most {MAX_PAYLOAD_BYTES} bytes, got {len(data)}")
    parser = _Parser(data, source)
    return parser.entries(0, len(data), 0), parser.notes


class _Parser:
    """Walks the tree; counts entries so that damage cannot make it endless."""

    def __init__(self, data: bytes, source: str) -> None:
        self.data, self.source = data, source
        self.notes: list[str] = []
        self.count = 0

    def entries(self, start: int, end: int, depth: int) -> tuple[Entry, ...]:
        return tuple(self._walk(start, end, depth))

    def _walk(self, offset: int, end: int, depth: int) -> Iterator[Entry]:
        while offset + HEADER_BYTES <= end:
            key = self.data[offset : offset + 4]
            if key == b"\0\0\0\0":
                return  # padding up to the end
            problem = self._problem(key, offset, end, depth)
            if problem:
                self.notes.append(f"{self.source}, byte {offset}: {problem}; damaged or cut, the rest is left out")
                return
            kind, size, repeat = self._length(offset)
            # A group may be cut: its first entries are whole, and the one that is not is noted.
            first, last = offset + HEADER_BYTES, min(offset + HEADER_BYTES + size * repeat, end)
            children = () if kind != "\0" else self.entries(first, last, depth + 1)
            yield Entry(key.decode(), kind, size, repeat, self.data[first:last], offset, children)
            offset = last + -last % 4

    def _length(self, offset: int) -> tuple[str, int, int]:
        kind, size = self.data[offset + 4], self.data[offset + 5]
        return chr(kind), size, int.from_bytes(self.data[offset + 6 : offset + 8], "big")

    def _problem(self, key: bytes, offset: int, end: int, depth: int) -> str:
        self.count += 1
        if self.count > MAX_ENTRIES or depth >= MAX_DEPTH:
            return f"expected at most {MAX_ENTRIES} entries, {MAX_DEPTH} deep, got more"
        if not _KEY.fullmatch(key):
            return f"expected four characters, got {key!r}"
        kind, size, repeat = self._length(offset)
        room = end - offset - HEADER_BYTES
        if size * repeat <= room:
            return ""
        problem = f"expected {key.decode()} of at most {room} bytes, got {size * repeat}"
        if kind != "\0":
            return problem
        self.notes.append(f"{self.source}, byte {offset}: {problem}; damaged or cut, its end is missing")
        return ""


def _stream(group: Entry, device: str, source: str, notes: list[str]) -> list[Stream]:
    """Return the group's stream in a list, which is empty if it holds no data or damaged data."""
    about = {entry.key: entry for entry in group.children if entry.key in _ABOUT}
    key = group.children[-1].key
    parts = [entry for entry in group.children if entry.key == key and entry.kind != "\0"]
    if not parts or key in _ABOUT:
        return []
    letters = about["TYPE"].text if "TYPE" in about else ""
    try:
        samples = np.concatenate([entry.numbers(letters) for entry in parts])
        return [Stream(key, device, _scaled(samples, about), MappingProxyType(about))]
    except (ImuError, ValueError) as error:
        notes.append(f"{source}, byte {parts[0].offset}: {key} left out: {error}")
        return []


def _scaled(samples: NDArray[np.float64], about: Mapping[str, Entry]) -> NDArray[np.float64]:
    if "SCAL" not in about:
        return samples
    scale = about["SCAL"].numbers().ravel()
    if scale.size not in (1, samples.shape[1]) or not (np.isfinite(scale) & (scale != 0)).all():
        raise ImuError(f"expected one scale, or one per column, other than 0, got {scale.tolist()[:8]}")
    with np.errstate(over="ignore"):  # a damaged scale may be tiny; what is not finite is refused with the log
        return np.asarray(samples / scale, dtype=np.float64)


def _structure(entry: Entry, complex_type: str) -> "np.dtype[np.void]":
    """Return the dtype of one structure; its metadata tells which fields are fixed point."""
    letters = _expanded(complex_type) if entry.kind == "?" else entry.kind * _columns(entry)
    fields: list[tuple[str, str]] = []
    factors: dict[str, float] = {}
    for k, letter in enumerate(letters):
        if letter not in _NUMBERS and letter not in _OPAQUE_BYTES:
            raise ImuError(f"expected a GPMF type, got {letter!r}")
        fields.append((f"{k}", _NUMBERS.get(letter) or f"V{_OPAQUE_BYTES[letter]}"))
        if letter in _FIXED_POINT:
            factors[f"{k}"] = _FIXED_POINT[letter]
    dtype = np.dtype(fields, metadata=factors)
    if entry.repeat and dtype.itemsize != entry.size:
        raise ImuError(f"expected structures of {dtype.itemsize} bytes for type {letters!r}, got {entry.size}")
    return dtype


def _columns(entry: Entry) -> int:
    if entry.kind in _OPAQUE_BYTES:
        return max(entry.size // _OPAQUE_BYTES[entry.kind], 1)
    return max(entry.size // np.dtype(_NUMBERS.get(entry.kind, "u1")).itemsize, 1)


def _expanded(letters: str) -> str:
    """Return a complex type with its arrays written out: ``"f[3]L"`` is ``"fffL"``."""
    parts = _ARRAY.findall(letters)
    written = "".join(letter * int(count or 1) for letter, count in parts)
    if not 0 < len(written) <= MAX_COLUMNS or _ARRAY.sub("", letters).strip():
        raise ImuError(f"expected a TYPE of at most {MAX_COLUMNS} letters, got {letters[:40]!r}")
    return written


def _column(values: NDArray[np.generic], factors: Mapping[str, float], name: str) -> NDArray[np.float64]:
    if values.dtype.kind == "V":
        return np.full(values.shape, np.nan)
    with np.errstate(invalid="ignore"):  # damaged floats may be signalling NaN
        return values.astype(np.float64) * factors.get(name, 1.0)
