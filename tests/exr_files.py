"""OpenEXR files written byte by byte after the file layout document."""

import struct
import zlib
from itertools import pairwise

NONE, RLE, ZIPS, ZIP = 0, 1, 2, 3


def attribute(name, kind, value):
    return name.encode() + b"\0" + kind.encode() + b"\0" + struct.pack("<i", len(value)) + value


def packed(raw):
    """Even bytes, then odd bytes, as differences plus 128, deflated."""
    ordered = list(raw[0::2]) + list(raw[1::2])
    steps = [ordered[0]] + [(b - a + 128) % 256 for a, b in pairwise(ordered)]
    return zlib.compress(bytes(steps))


def exr(channels, compression=ZIP, version=2, first_row=0):
    """Channels is {name: (H, W) array of float16, float32 or uint32}."""
    codes = {"float32": 2, "float16": 1, "uint32": 0}
    names = sorted(channels)
    height, width = channels[names[0]].shape
    block = b"".join(
        name.encode() + b"\0" + struct.pack("<iIii", codes[str(channels[name].dtype)], 0, 1, 1) for name in names
    )
    window = struct.pack("<4i", 5, first_row, 5 + width - 1, first_row + height - 1)
    header = b"\x76\x2f\x31\x01" + struct.pack("<I", version)
    header += attribute("channels", "chlist", block + b"\0")
    header += attribute("compression", "compression", bytes([compression]))
    header += attribute("dataWindow", "box2i", window) + attribute("lineOrder", "lineOrder", b"\0") + b"\0"
    lines = 16 if compression == ZIP else 1
    blocks = []
    for start in range(0, height, lines):
        rows = range(start, min(start + lines, height))
        raw = b"".join(channels[name][row].tobytes() for row in rows for name in names)
        small = raw if compression == NONE else packed(raw)
        content = small if len(small) < len(raw) else raw
        blocks.append(struct.pack("<ii", first_row + start, len(content)) + content)
    offset, table = len(header) + 8 * len(blocks), b""
    for content in blocks:
        table += struct.pack("<Q", offset)
        offset += len(content)
    return header + table + b"".join(blocks)
