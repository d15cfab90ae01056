"""OpenEXR files written byte by byte after the file layout document, and read back."""

import struct
import zlib
from itertools import pairwise

import numpy as np
import pytest
from format_trees import picture, write_tree

from gyrosharp.datasets.formats import read_dataset
from gyrosharp.datasets.formats._exr import read_exr
from gyrosharp.errors import CaptureError

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


def ramp(height=37, width=11):
    """Smooth enough to be deflated, with an unknown and an infinite pixel."""
    values = np.linspace(0.5, 8.0, height * width, dtype=np.float32).reshape(height, width)
    values[3, 4], values[5, 6] = 0.0, np.inf
    return values


@pytest.mark.parametrize("compression", [NONE, ZIPS, ZIP])
@pytest.mark.parametrize("kind", ["float32", "float16"])
def test_values(compression, kind, tmp_path):
    truth = ramp().astype(kind)
    (tmp_path / "a.exr").write_bytes(exr({"Z": truth}, compression))
    np.testing.assert_array_equal(read_exr(tmp_path / "a.exr"), truth.astype(np.float32))


def test_integers_and_a_data_window_that_starts_elsewhere(tmp_path):
    (tmp_path / "a.exr").write_bytes(exr({"Z": np.arange(40, dtype=np.uint32).reshape(8, 5)}, ZIP, first_row=-3))
    assert read_exr(tmp_path / "a.exr")[7, 4] == 39


def test_noise_that_zip_leaves_as_it_is(tmp_path):
    noise = np.random.default_rng(1).integers(0, 2**32, (20, 9), dtype=np.uint32).view(np.float32)
    noise = np.where(np.isfinite(noise), noise, np.float32(1))
    (tmp_path / "a.exr").write_bytes(exr({"Z": noise}, ZIP))
    np.testing.assert_array_equal(read_exr(tmp_path / "a.exr"), noise)


@pytest.mark.parametrize(("names", "chosen"), [("RGB", "R"), ("ABGRZ", "Z"), ("V", "V"), ("Q", "Q")])
def test_which_channel(names, chosen, tmp_path):
    channels = {name: np.full((4, 3), ord(name), np.float32) for name in names}
    channels["A"] = np.ones((4, 3), np.float16) if "A" in channels else channels[names[0]]
    if "A" not in names:
        del channels["A"]
    (tmp_path / "a.exr").write_bytes(exr(channels, ZIPS))
    assert (read_exr(tmp_path / "a.exr") == ord(chosen)).all()


def test_unclear_channel(tmp_path):
    (tmp_path / "a.exr").write_bytes(exr({name: np.ones((2, 2), np.float32) for name in "PQ"}))
    with pytest.raises(CaptureError, match=r"expected a channel Z, .* or only one, got P, Q"):
        read_exr(tmp_path / "a.exr")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged or truncated"),
        (exr({"Z": ramp()})[:-9], "damaged or truncated"),
        (exr({"Z": ramp()})[:60], "damaged or truncated"),
        (exr({"Z": ramp()}, version=2 | 0x200), "single-part EXR file of scan lines"),
        (exr({"Z": ramp()}, version=2 | 0x1000), "single-part EXR file of scan lines"),
        (b"P5" + exr({"Z": ramp()}), "single-part EXR file of scan lines"),
        (exr({"Z": ramp()}, RLE), "compression none, ZIPS or ZIP, got RLE; save it with ZIP"),
    ],
)
def test_files_that_are_refused(content, message, tmp_path):
    (tmp_path / "a.exr").write_bytes(content)
    with pytest.raises(CaptureError, match=rf"a\.exr: expected .*{message}"):
        read_exr(tmp_path / "a.exr")


def test_missing_file(tmp_path):
    with pytest.raises(CaptureError, match="cannot be read"):
        read_exr(tmp_path / "a.exr")


def test_beside_a_photo(tmp_path):
    write_tree(tmp_path, {"a.png": picture(1, 11, 37), "a.exr": exr({"Z": ramp()})})
    (item,) = read_dataset(tmp_path)
    depth_m = item.depth_m()
    assert np.argwhere(np.isnan(depth_m)).tolist() == [[3, 4], [5, 6]]
    assert depth_m[-1, -1] == pytest.approx(8.0)
