"""PNG: chunks checked and carried over by hand, pixels decoded by OpenCV and encoded by zlib.

Pillow reads 16-bit RGB as 8 bit without a word; OpenCV decodes truncated files to grey rows and writes no metadata. So
every chunk's checksum is verified first, OpenCV sees the pixel chunks only, and the file is written here. Layout after
the PNG specification, third edition, sections 5 and 11.
"""

import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImageError
from gyrosharp.media.stored import Metadata, StoredImage, require_size

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP = b"XML:com.adobe.xmp\0"
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGB_ALPHA = 0, 2, 3, 4, 6
_COLOR_TYPES = {1: _GREY, 2: _GREY_ALPHA, 3: _RGB, 4: _RGB_ALPHA}
_PIXEL_CHUNKS = {b"IHDR", b"IDAT", b"IEND"}
# What describes the old pixels, or belongs to further frames, does not survive; text, colour and size chunks do.
_DROPPED = {b"PLTE", b"tRNS", b"bKGD", b"hIST", b"sPLT", b"sBIT", b"acTL", b"fcTL", b"fdAT"}
_UP_FILTER = 2
_LEVEL = 2
"""zlib level: 12 MP of 8-bit RGB take 0.4 s of one core; higher levels take twice that and more for a few percent."""
_STRIP_BYTES = 1 << 20
_INCH_M = 0.0254
_SRGB_GAMMA = 0.45455
_MAX_TEXT_BYTES = 1 << 26
"""Limit on a decompressed profile or packet: a file of kilobytes must not unfold to gigabytes."""


def decode(data: bytes, name: str) -> StoredImage:
    """Decode a PNG file of 8 or 16 bit per channel: grey or RGB, with or without alpha.

    Raises
    ------
    ImageError
        If it is too big, has a palette, or less than 8 bit per channel.
    ValueError, struct.error, zlib.error
        If it is damaged or truncated.
    """
    chunks = list(_chunks(data))
    width, height, color = _require_readable(chunks, name)
    pixels = _pixels([chunk for chunk in chunks if chunk[0] in _PIXEL_CHUNKS])
    if pixels.shape[:2] != (height, width):
        raise ValueError("the pixels do not fill the picture")
    codes = pixels[..., :1] if color in (_GREY, _GREY_ALPHA) else pixels[..., 2::-1]  # OpenCV gives BGR
    alpha = pixels[..., 3] if color in (_GREY_ALPHA, _RGB_ALPHA) else None
    names = {kind for kind, _ in chunks}
    notes = tuple(note for kind, note in _NOTES.items() if kind in names)
    return StoredImage(codes, alpha, _metadata(chunks), power=_power(chunks), notes=notes)


_NOTES = {
    b"tRNS": "the PNG file's transparent colour is not kept",
    b"acTL": "only the first picture of the animated PNG file is read",
}


def peek(data: bytes, name: str) -> tuple[int, int, bytes | None]:
    """Return width, height and EXIF block; raises as `decode` does."""
    chunks = list(_chunks(data))
    width, height, _ = _require_readable(chunks, name)
    return width, height, _metadata(chunks).exif


def encode(image: StoredImage) -> bytes:
    """Return a PNG file with the codes (uint8 or uint16), alpha and metadata of `image`."""
    height, width = image.codes.shape[:2]
    planes = image.codes if image.alpha is None else np.dstack([image.codes, image.alpha])
    depth = planes.dtype.itemsize * 8
    header = struct.pack(">IIBBBBB", width, height, depth, _COLOR_TYPES[planes.shape[2]], 0, 0, 0)
    chunks = [(b"IHDR", header), *_metadata_chunks(image.metadata)]
    chunks += [(b"IDAT", _compress(planes.astype(planes.dtype.newbyteorder(">")))), (b"IEND", b"")]
    return SIGNATURE + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield type and content of every chunk up to the end chunk.

    Raises
    ------
    ValueError
        If a checksum is wrong or the file ends before its end chunk.
    """
    view, position = memoryview(data), len(SIGNATURE)
    while position + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, position)
        end = position + 8 + length
        if end + 4 > len(data):
            break
        kind = data[position + 4 : position + 8]
        if zlib.crc32(view[position + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise ValueError("a chunk is damaged")
        yield kind, data[position + 8 : end]
        if kind == b"IEND":
            return
        position = end + 4
    raise ValueError("the file is truncated")


def _require_readable(chunks: list[tuple[bytes, bytes]], name: str) -> tuple[int, int, int]:
    """Return width, height and colour type of a picture that can be decoded."""
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        raise ValueError("no header chunk")
    width, height, depth, color = struct.unpack_from(">IIBB", chunks[0][1])
    require_size(name, width, height)
    if color == _PALETTE:
        raise ImageError(f"{name}: expected grey or RGB pixels, got a palette; convert it to RGB first")
    if depth not in (8, 16):
        raise ImageError(f"{name}: expected 8 or 16 bit per channel, got {depth}; convert it to 8 bit first")
    return width, height, color


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(content, zlib.crc32(kind)))


def _pixels(chunks: list[tuple[bytes, bytes]]) -> NDArray[Any]:
    """Return (H, W, 1, 3 or 4) codes in OpenCV's channel order, from the chunks that hold pixels and nothing else.

    Without the other chunks there is nothing for libpng to warn of, to expand or to rotate by.
    """
    from gyrosharp.media.opencv import decode_pixels

    pixels = decode_pixels(SIGNATURE + b"".join(_chunk(*chunk) for chunk in chunks))
    return pixels if pixels.ndim == 3 else pixels[..., None]


def _compress(planes: NDArray[Any]) -> bytes:
    """Return filtered and deflated rows: each row minus the one above, which suits photographs."""
    rows = np.ascontiguousarray(planes).reshape(planes.shape[0], -1).view(np.uint8)
    filtered = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    filtered[:, 0] = _UP_FILTER
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])  # modulo 256, as the format wants
    return _deflate(filtered)


def _deflate(rows: NDArray[np.uint8]) -> bytes:
    """Return a zlib stream whose strips of rows were deflated side by side, each ending on a whole byte."""
    strips = np.array_split(rows, max(1, rows.size // _STRIP_BYTES))

    def work(strip: NDArray[np.uint8]) -> bytes:
        stream = zlib.compressobj(_LEVEL, wbits=-15)  # without header and checksum
        return stream.compress(strip.data) + stream.flush(zlib.Z_SYNC_FLUSH)

    with ThreadPoolExecutor() as pool:
        parts = list(pool.map(work, strips))
    end = zlib.compressobj(wbits=-15).flush()  # an empty last block
    return b"\x78\x5e" + b"".join(parts) + end + struct.pack(">I", zlib.adler32(rows.data))


def _metadata(chunks: list[tuple[bytes, bytes]]) -> Metadata:
    exif = icc = xmp = dpi = None
    extras: list[tuple[str, bytes]] = []
    for kind, content in chunks:
        if kind == b"eXIf":
            exif = content
        elif kind == b"iCCP":
            icc = _inflate(content.split(b"\0", 1)[1][1:])  # name, zero, compression method, profile
        elif kind == b"iTXt" and content.startswith(_XMP):
            xmp = _xmp(content)
        elif kind not in _PIXEL_CHUNKS | _DROPPED:
            extras.append((kind.decode("latin-1"), content))
        if kind == b"pHYs" and len(content) == 9:
            x, y, unit = struct.unpack(">IIB", content)
            dpi = (x * _INCH_M, y * _INCH_M) if unit == 1 else None
    return Metadata(exif, icc, xmp, dpi, tuple(extras))


def _metadata_chunks(metadata: Metadata) -> Iterator[tuple[bytes, bytes]]:
    if metadata.icc is not None:
        yield b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)
    for kind, content in metadata.extras:
        yield kind.encode("latin-1"), content
    if metadata.dpi is not None and "pHYs" not in dict(metadata.extras):
        x, y = (round(value / _INCH_M) for value in metadata.dpi)
        yield b"pHYs", struct.pack(">IIB", x, y, 1)
    if metadata.exif is not None:
        yield b"eXIf", metadata.exif
    if metadata.xmp is not None:
        # no compression (flag, method), no language, no translated keyword
        yield b"iTXt", _XMP + b"\0\0\0\0" + metadata.xmp


def _xmp(content: bytes) -> bytes:
    compressed, rest = content[len(_XMP)], content[len(_XMP) + 2 :]
    text = rest.split(b"\0", 2)[2]  # behind language and translated keyword
    return _inflate(text) if compressed else text


def _inflate(content: bytes) -> bytes:
    stream = zlib.decompressobj()
    result = stream.decompress(content, _MAX_TEXT_BYTES)
    if stream.unconsumed_tail:
        raise ValueError("a profile or packet is too long")
    return result


def _power(chunks: list[tuple[bytes, bytes]]) -> float | None:
    """Return the decoding power of a gAMA chunk; None without one, or if sRGB's own chunk or value overrules it."""
    contents = dict(chunks)
    if b"sRGB" in contents or len(contents.get(b"gAMA", b"")) != 4:
        return None
    gamma = struct.unpack(">I", contents[b"gAMA"])[0] / 100000
    is_srgb = abs(gamma - _SRGB_GAMMA) < 0.005
    return None if is_srgb or not 0.3 < gamma < 3.5 else 1 / gamma
