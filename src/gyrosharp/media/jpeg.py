"""JPEG: pixels through Pillow, metadata by copying segments, at no less than the source's quality.

Segments are copied whole rather than through Pillow, which keeps what it does not know (IPTC, extended XMP, comments).
Layout after ITU-T T.81 annex B, the XMP specification part 3 and ICC.1:2022 annex B.4.
"""

import io
import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImageError, OutputError
from gyrosharp.media.stored import JpegCompression, Metadata, StoredImage, require_size

_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ICC = b"ICC_PROFILE\0"
_MULTI_PICTURE = b"MPF\0"
_APP0, _APP1, _APP2, _APP14, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_START_OF_SCAN = 0xDA
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_MAX_PAYLOAD = 65533
_MAX_ICC_PART = _MAX_PAYLOAD - len(_ICC) - 2
_MAX_SIDE = 65500
"""The limit of libjpeg; the format itself allows 65535."""
_MIN_QUALITY = 92
"""Restored detail is finer than what a stronger compression of the blurred source was tuned to keep."""
# ITU-T T.81 tables K.1 and K.2, natural order: what "quality" scales.
_LUMA = (
    "16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62 "
    "18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"
)
_CHROMA = (
    "17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 47 66 99 99 99 99 99 99 " + "99 " * 32
)


def decode(data: bytes, name: str) -> StoredImage:
    """Decode a JPEG file.

    Raises
    ------
    ImageError
        If it is too big, or neither grey nor RGB.
    OSError, SyntaxError, ValueError
        If it is damaged or truncated.
    """
    from PIL import JpegImagePlugin

    segments = list(_segments(data))
    _require_readable(segments, name)
    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as picture:
        pixels = np.asarray(picture)
        dpi = picture.info.get("dpi")
        compression = _compression(picture)
    metadata, notes = _metadata(segments, None if dpi is None else (float(dpi[0]), float(dpi[1])))
    codes = pixels[..., None] if pixels.ndim == 2 else pixels
    return StoredImage(codes, metadata=metadata, compression=compression, notes=notes)


def peek(data: bytes, name: str) -> tuple[int, int, bytes | None]:
    """Return width, height and EXIF block; raises as `decode` does."""
    segments = list(_segments(data))
    return (*_require_readable(segments, name), _metadata(segments, None)[0].exif)


def encode(image: StoredImage) -> bytes:
    """Return a JPEG file with the codes (H, W, 1 or 3) uint8 and the metadata of `image`.

    Quantisation is the finer, entry by entry, of the source's tables and those of quality 92; subsampling and
    progressive coding are the source's, or 4:4:4 and baseline if it was no JPEG.

    Raises
    ------
    OutputError
        If a side is longer than a JPEG can hold.
    """
    from PIL import Image

    height, width = image.codes.shape[:2]
    if max(height, width) > _MAX_SIDE:
        raise OutputError(
            f"expected sides of at most {_MAX_SIDE} px for JPEG, got {width} x {height}; write .png or .tif"
        )
    options: dict[str, object] = {"qtables": _fine_tables(image), "subsampling": 0}
    if isinstance(image.compression, JpegCompression):
        options |= {"subsampling": image.compression.subsampling, "progressive": image.compression.progressive}
    if image.metadata.dpi is not None:
        options["dpi"] = image.metadata.dpi
    buffer = io.BytesIO()
    codes = image.codes[..., 0] if image.codes.shape[2] == 1 else image.codes
    Image.fromarray(np.ascontiguousarray(codes)).save(buffer, "JPEG", **options)
    return _insert(buffer.getvalue(), _payloads(image.metadata))


def fits(block: bytes) -> bool:
    """Return whether an EXIF block or XMP packet fits into one JPEG segment (64 KB)."""
    return len(block) + len(_XMP) <= _MAX_PAYLOAD


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and payload of each segment before the pixels.

    Raises
    ------
    ValueError
        If the chain of segments breaks before the pixels begin.
    """
    position = 2
    while position + 4 <= len(data):
        if data[position] != 0xFF:
            raise ValueError("a segment is damaged")
        marker = data[position + 1]
        if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD7:  # fill bytes and markers without a payload
            position += 1 if marker == 0xFF else 2
            continue
        (length,) = struct.unpack_from(">H", data, position + 2)
        yield marker, data[position + 4 : position + 2 + length]
        if marker == _START_OF_SCAN:
            return
        position += 2 + length
    raise ValueError("the file is truncated")


def _require_readable(segments: list[tuple[int, bytes]], name: str) -> tuple[int, int]:
    """Return width and height of a picture that can be decoded."""
    frames = [payload for marker, payload in segments if marker in _FRAMES]
    if not frames:
        raise ValueError("no frame header")
    precision, height, width, components = struct.unpack_from(">BHHB", frames[0])
    require_size(name, width, height)
    if precision != 8 or components not in (1, 3):
        kind = "CMYK" if components == 4 else f"{components} channels of {precision} bit"
        raise ImageError(f"{name}: expected a grey or RGB JPEG of 8 bit, got {kind}; convert it to RGB first")
    return width, height


def _compression(picture: object) -> JpegCompression:
    from PIL import JpegImagePlugin

    assert isinstance(picture, JpegImagePlugin.JpegImageFile)
    # picture.layer: (component, horizontal, vertical sampling, table number) per channel
    tables = [np.asarray(picture.quantization[component[3]]) for component in picture.layer]
    chroma = np.minimum.reduce(tables[1:] or tables)
    return JpegCompression(
        luma=tuple(int(value) for value in tables[0]),
        chroma=tuple(int(value) for value in chroma),
        subsampling=max(JpegImagePlugin.get_sampling(picture), 0),  # -1: unusual, 4:4:4 is never worse
        progressive=bool(picture.info.get("progressive", False)),
    )


def _metadata(segments: list[tuple[int, bytes]], dpi: tuple[float, float] | None) -> tuple[Metadata, tuple[str, ...]]:
    exif = xmp = None
    icc: list[bytes] = []
    extras: list[tuple[str, bytes]] = []
    notes: tuple[str, ...] = ()
    for marker, payload in segments:
        if marker == _APP1 and payload.startswith(_EXIF) and exif is None:
            exif = payload[len(_EXIF) :]
        elif marker == _APP1 and payload.startswith(_XMP) and xmp is None:
            xmp = payload[len(_XMP) :]
        elif marker == _APP2 and payload.startswith(_ICC):
            icc.append(payload[len(_ICC) :])
        elif marker == _APP2 and payload.startswith(_MULTI_PICTURE):
            notes = ("further pictures in the JPEG file (preview or HDR gain map) are not kept",)
        elif marker == _COMMENT or (_APP1 <= marker <= 0xEF and marker != _APP14):  # APP14 describes the old coding
            extras.append((f"{marker:02X}", payload))
    profile = b"".join(part[2:] for part in sorted(icc)) or None  # each part starts with its number and the count
    return Metadata(exif, profile, xmp, dpi, tuple(extras)), notes


def _payloads(metadata: Metadata) -> Iterator[tuple[int, bytes]]:
    if metadata.exif is not None:
        yield _APP1, _EXIF + metadata.exif
    if metadata.xmp is not None:
        yield _APP1, _XMP + metadata.xmp
    profile = metadata.icc or b""
    count = -(-len(profile) // _MAX_ICC_PART)
    for part in range(count):
        yield _APP2, _ICC + bytes((part + 1, count)) + profile[part * _MAX_ICC_PART : (part + 1) * _MAX_ICC_PART]
    for marker, payload in metadata.extras:
        yield int(marker, 16), payload


def _insert(data: bytes, payloads: Iterator[tuple[int, bytes]]) -> bytes:
    """Put segments behind the start marker and the JFIF header, where readers look for them."""
    position = 2
    if data[position + 1] == _APP0:
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    added = b"".join(b"\xff" + bytes((marker,)) + struct.pack(">H", len(body) + 2) + body for marker, body in payloads)
    return data[:position] + added + data[position:]


def _fine_tables(image: StoredImage) -> list[list[int]]:
    tables = [_scaled(_LUMA), _scaled(_CHROMA)]
    if isinstance(image.compression, JpegCompression):
        source = (image.compression.luma, image.compression.chroma)
        tables = [np.minimum(table, own) for table, own in zip(tables, source, strict=True)]
    return [[int(value) for value in table] for table in tables]


def _scaled(base: str) -> NDArray[np.int64]:
    """Return a standard table at the smallest quality we write, by libjpeg's formula."""
    table = np.array(base.split(), dtype=np.int64)
    return np.clip((table * (200 - 2 * _MIN_QUALITY) + 50) // 100, 1, 255)
