"""One channel of an OpenEXR file: OpenCV's wheels are built without OpenEXR.

Single-part files of scan lines, uncompressed or with ZIP or ZIPS compression (what renderers write for depth),
channels of 16-bit or 32-bit floats or 32-bit integers. Layout after the "OpenEXR file layout" document of the OpenEXR
project.
"""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import CaptureError

MAGIC = b"\x76\x2f\x31\x01"
# Version 2; the flags above it say tiled, long names (harmless), deep and multi-part.
SCAN_LINES_ONLY = 0x02 | 0x400
TYPES = {0: "<u4", 1: "<f2", 2: "<f4"}
COMPRESSIONS = {
    0: "none",
    1: "RLE",
    2: "ZIPS",
    3: "ZIP",
    4: "PIZ",
    5: "PXR24",
    6: "B44",
    7: "B44A",
    8: "DWAA",
    9: "DWAB",
}
LINES_PER_BLOCK = {0: 1, 2: 1, 3: 16}
# Names that renderers give the depth channel, in order of preference.
DEPTH_CHANNELS = ("Z", "depth.Z", "Depth.Z", "V", "Y", "R")
LARGEST_SIDE_PX = 100_000


def read_exr(path: Path) -> NDArray[np.float32]:
    """Return the depth channel (H, W) of an OpenEXR file: Z, V, Y or R, or the only one.

    Raises
    ------
    CaptureError
        If the file is missing, damaged, or of a kind that is not supported.
    """
    try:
        data = path.read_bytes()
        header = _header(path, data)
        return _channel(header, data, _depth_channel(path, header))
    except OSError as error:
        raise CaptureError(f"{path}: expected an EXR file, got one that cannot be read ({error.strerror})") from None
    except (struct.error, ValueError, IndexError, KeyError, zlib.error):
        raise CaptureError(f"{path}: expected an EXR file, got a damaged or truncated one") from None


@dataclass(frozen=True)
class _Header:
    channels: tuple[tuple[str, str], ...]
    compression: int
    width: int
    height: int
    first_row: int
    end: int

    @property
    def row_bytes(self) -> int:
        return sum(np.dtype(kind).itemsize for _, kind in self.channels) * self.width


def _header(path: Path, data: bytes) -> _Header:
    magic, version = data[:4], struct.unpack_from("<I", data, 4)[0]
    if magic != MAGIC or version & ~SCAN_LINES_ONLY:
        raise CaptureError(f"{path}: expected a single-part EXR file of scan lines, got another kind; save it as that")
    attributes, position = {}, 8
    while data[position] != 0:
        name, position = _text(data, position)
        _, position = _text(data, position)
        size = struct.unpack_from("<i", data, position)[0]
        attributes[name] = data[position + 4 : position + 4 + size]
        position += 4 + size
    compression = attributes["compression"][0]
    if compression not in LINES_PER_BLOCK:
        kind = COMPRESSIONS.get(compression, str(compression))
        raise CaptureError(f"{path}: expected EXR compression none, ZIPS or ZIP, got {kind}; save it with ZIP")
    x0, y0, x1, y1 = struct.unpack("<4i", attributes["dataWindow"])
    if not (0 <= x1 - x0 < LARGEST_SIDE_PX and 0 <= y1 - y0 < LARGEST_SIDE_PX):
        raise ValueError("size")
    return _Header(_channels(attributes["channels"]), compression, x1 - x0 + 1, y1 - y0 + 1, y0, position + 1)


def _text(data: bytes, position: int) -> tuple[str, int]:
    end = data.index(b"\0", position)
    return data[position:end].decode("latin-1"), end + 1


def _channels(block: bytes) -> tuple[tuple[str, str], ...]:
    """Name and NumPy type of each channel, in the order in which a row holds them."""
    found, position = [], 0
    while block[position] != 0:
        name, position = _text(block, position)
        kind, _, x_step, y_step = struct.unpack_from("<iIii", block, position)
        if (x_step, y_step) != (1, 1):
            raise ValueError("a subsampled channel")
        found.append((name, TYPES[kind]))
        position += 16
    return tuple(found)


def _depth_channel(path: Path, header: _Header) -> int:
    names = [name for name, _ in header.channels]
    wanted = [name for name in DEPTH_CHANNELS if name in names]
    if not wanted and len(names) != 1:
        raise CaptureError(
            f"{path}: expected a channel {', '.join(DEPTH_CHANNELS)} or only one, got {', '.join(names)}"
        )
    return names.index(wanted[0]) if wanted else 0


def _channel(header: _Header, data: bytes, index: int) -> NDArray[np.float32]:
    before = sum(np.dtype(kind).itemsize for _, kind in header.channels[:index]) * header.width
    kind = header.channels[index][1]
    lines = LINES_PER_BLOCK[header.compression]
    blocks = -(-header.height // lines)
    image = np.empty((header.height, header.width), np.float32)
    for offset in struct.unpack_from(f"<{blocks}Q", data, header.end):
        row, size = struct.unpack_from("<ii", data, offset)
        first = row - header.first_row
        count = min(lines, header.height - first)
        raw = _unpacked(data[offset + 8 : offset + 8 + size], header.compression, count * header.row_bytes)
        for k in range(count):
            image[first + k] = np.frombuffer(raw, kind, header.width, k * header.row_bytes + before)
    return image


def _unpacked(packed: bytes, compression: int, size: int) -> bytes:
    """Undo ZIP: inflate, add up differences from 128, and interleave the two halves."""
    if compression == 0 or len(packed) >= size:
        return packed
    # One byte more than expected would show a damaged block without unfolding gigabytes.
    steps = np.frombuffer(zlib.decompressobj().decompress(packed, size + 1), np.uint8).astype(np.int64)
    if steps.size != size:
        raise ValueError("a block of another size")
    values = (np.cumsum(steps) - 128 * np.arange(size)).astype(np.uint8)
    half = (size + 1) // 2
    ordered = np.empty(size, np.uint8)
    ordered[0::2], ordered[1::2] = values[:half], values[half:]
    return ordered.tobytes()
