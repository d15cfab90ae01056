"""EXIF: reading the few fields gyrosharp needs, and moving a block between TIFF and other containers unchanged.

An EXIF block is a small TIFF file: a header with the byte order, and directories (IFDs) of 12-byte entries. Entries are
kept as raw bytes in their own byte order, so nothing is lost or reformatted on the way. Layout after TIFF 6.0, section
2, and EXIF 2.32, section 4.6.
"""

import struct
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

EXIF_IFD, GPS_IFD, INTEROP_IFD = 0x8769, 0x8825, 0xA005
_SUB_IFDS = (EXIF_IFD, GPS_IFD, INTEROP_IFD)
_ORIENTATION = 0x0112
_ASCII, _SHORT, _LONG = 2, 3, 4
_TYPE_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_TYPE_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
# 1 GHz frame rates and centuries of exposure do not happen: what lies outside is a cleared or damaged field.
_LONGEST_EXPOSURE_S = 1e6


@dataclass(frozen=True)
class Entry:
    """One IFD entry: TIFF type number, number of values, and the values' raw bytes in the block's byte order."""

    type: int
    count: int
    raw: bytes


@dataclass(frozen=True)
class Ifd:
    """One directory: its plain entries by tag number, and the directories nested in it by the tag that points there."""

    entries: dict[int, Entry] = field(default_factory=dict)
    nested: dict[int, "Ifd"] = field(default_factory=dict)


@dataclass(frozen=True)
class PhotoTags:
    """What EXIF says about the shot; every field is None where it is silent.

    Attributes
    ----------
    exposure_time_s : float or None
        Exposure time, > 0.
    focal_length_mm : float or None
        Real focal length, > 0.
    focal_35mm : float or None
        35 mm equivalent focal length in millimetres, > 0.
    iso : int or None
        Sensitivity.
    make, model : str or None
        Camera maker and model.
    datetime_original : datetime or None
        When the shot was taken, with sub-seconds; aware if the file states the UTC offset, else naive local time.
    """

    exposure_time_s: float | None = None
    focal_length_mm: float | None = None
    focal_35mm: float | None = None
    iso: int | None = None
    make: str | None = None
    model: str | None = None
    datetime_original: datetime | None = None


def parse_block(data: bytes) -> tuple[str, Ifd]:
    """Return byte order (``"<"`` or ``">"``) and first directory of an EXIF block or a classic TIFF file.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        raise ValueError("expected a TIFF header")
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        return order, _parse_ifd(data, order, start, depth=0)
    except struct.error as error:
        raise ValueError("a directory lies outside the block") from error


def build_block(order: str, ifd: Ifd) -> bytes:
    """Return an EXIF block with the directory `ifd` in byte order `order`; the inverse of `parse_block`."""
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(f"{order}I", 8) + build_ifd(order, ifd, 8)


def build_ifd(order: str, ifd: Ifd, offset: int) -> bytes:
    """Return the bytes of a directory and of what it points to, to be placed at `offset` of a block or TIFF file."""
    tags = sorted({*ifd.entries, *ifd.nested})
    table = struct.pack(f"{order}H", len(tags))
    body_offset = offset + 2 + 12 * len(tags) + 4
    body = b""
    for tag in tags:
        if tag in ifd.nested:
            payload = build_ifd(order, ifd.nested[tag], body_offset + len(body))
            table += struct.pack(f"{order}HHII", tag, _LONG, 1, body_offset + len(body))
            body += payload
            continue
        entry = ifd.entries[tag]
        table += struct.pack(f"{order}HHI", tag, entry.type, entry.count)
        if len(entry.raw) <= 4:
            table += entry.raw.ljust(4, b"\0")
        else:
            table += struct.pack(f"{order}I", body_offset + len(body))
            body += entry.raw + b"\0" * (len(entry.raw) % 2)  # values start on even offsets
    return table + struct.pack(f"{order}I", 0) + body


def orientation_block(orientation: int) -> bytes:
    """Return a minimal EXIF block that holds the Orientation (1 to 8) and nothing else."""
    return build_block("<", Ifd({_ORIENTATION: Entry(_SHORT, 1, struct.pack("<H", orientation))}))


def read_orientation(block: bytes | None) -> int:
    """Return the Orientation of an EXIF block, 1 to 8; 1 if it is missing, damaged or out of range."""
    try:
        order, ifd = parse_block(block or b"")
    except ValueError:
        return 1
    value = _number(order, ifd, _ORIENTATION)
    return int(value) if value is not None and value in range(1, 9) else 1


def read_tags(block: bytes | None) -> PhotoTags:
    """Return what an EXIF block says about the shot; fields that are missing or damaged are None."""
    try:
        order, ifd = parse_block(block or b"")
    except ValueError:
        return PhotoTags()
    shot = ifd.nested.get(EXIF_IFD, Ifd())
    exposure_s = _positive(order, shot, 0x829A)
    iso = _positive(order, shot, 0x8827)
    if iso is None or iso >= 65535:  # 65535 says: too large for this field, see RecommendedExposureIndex
        iso = _positive(order, shot, 0x8832) or iso
    return PhotoTags(
        exposure_time_s=exposure_s if exposure_s is not None and exposure_s < _LONGEST_EXPOSURE_S else None,
        focal_length_mm=_positive(order, shot, 0x920A),
        focal_35mm=_positive(order, shot, 0xA405),
        iso=None if iso is None else int(iso),
        make=_text(ifd, 0x010F),
        model=_text(ifd, 0x0110),
        datetime_original=_datetime(shot),
    )


def _parse_ifd(data: bytes, order: str, start: int, depth: int) -> Ifd:
    (count,) = struct.unpack_from(f"{order}H", data, start)
    ifd = Ifd()
    for index in range(count):
        tag, kind, length = struct.unpack_from(f"{order}HHI", data, start + 2 + 12 * index)
        raw = _values(data, order, start + 2 + 12 * index + 8, _TYPE_SIZES.get(kind, 0) * length)
        if raw is None:
            continue  # a value that lies outside the block: the others are still good
        if tag in _SUB_IFDS and len(raw) == 4 and depth < 3:  # a loop of pointers must end
            nested = _parse_nested(data, order, struct.unpack(f"{order}I", raw)[0], depth)
            if nested is not None:
                ifd.nested[tag] = nested
        elif length > 0:
            ifd.entries[tag] = Entry(kind, length, raw)
    return ifd


def _parse_nested(data: bytes, order: str, start: int, depth: int) -> Ifd | None:
    try:
        return _parse_ifd(data, order, start, depth + 1)
    except struct.error:
        return None


def _values(data: bytes, order: str, position: int, size: int) -> bytes | None:
    if size > 4:
        (position,) = struct.unpack_from(f"{order}I", data, position)
    raw = data[position : position + size]
    return raw if size and len(raw) == size else None


def _number(order: str, ifd: Ifd, tag: int) -> float | None:
    entry = ifd.entries.get(tag)
    if entry is None:
        return None
    if entry.type in (5, 10):  # rational
        top, bottom = struct.unpack_from(order + ("II" if entry.type == 5 else "ii"), entry.raw)
        return top / bottom if bottom else None
    code = _TYPE_CODES.get(entry.type)
    return None if code is None else float(struct.unpack_from(order + code, entry.raw)[0])


def _positive(order: str, ifd: Ifd, tag: int) -> float | None:
    value = _number(order, ifd, tag)
    return value if value is not None and 0 < value < float("inf") else None


def _text(ifd: Ifd, tag: int) -> str | None:
    entry = ifd.entries.get(tag)
    if entry is None or entry.type != _ASCII:
        return None
    text = entry.raw.split(b"\0")[0].decode("utf-8", errors="replace").strip()
    return text or None


def _datetime(shot: Ifd) -> datetime | None:
    text = _text(shot, 0x9003)
    try:
        moment = datetime.strptime(text or "", "%Y:%m:%d %H:%M:%S")
    except ValueError:
        return None
    fraction = _text(shot, 0x9291) or ""
    if fraction.isdecimal():
        moment += timedelta(seconds=float(f"0.{fraction}"))
    zone = _zone(_text(shot, 0x9011) or "")
    return moment if zone is None else moment.replace(tzinfo=zone)


def _zone(text: str) -> timezone | None:
    if text in ("Z", "+00:00"):
        return UTC
    try:
        return datetime.strptime(text, "%z").tzinfo  # type: ignore[return-value]
    except ValueError:
        return None
