"""OpenEXR files written byte by byte, and read back."""

import numpy as np
import pytest

from exr_files import NONE, RLE, ZIP, ZIPS, exr
from gyrosharp.capture.exr import read_exr
from gyrosharp.errors import CaptureError


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
