"""Depth files of a capture: kinds, units, marks, and what is refused."""

import cv2
import numpy as np
import pytest
import tifffile

from exr_files import exr
from gyrosharp.capture.depth import read_depth, read_map
from gyrosharp.capture.pfm import read_pfm
from gyrosharp.errors import CaptureError

# 2 m everywhere but for one unknown pixel (x = 1, y = 0) and one at 0.75 m (x = 2, y = 1).
METRES = np.array([[2.0, np.nan, 2.0], [2.0, 2.0, 0.75]], np.float32)
CODES = np.array([[2000, 0, 2000], [2000, 2000, 750]], np.uint16)


def pfm(values, order="<"):
    scale = -1.0 if order == "<" else 1.0
    kind = "Pf" if values.ndim == 2 else "PF"
    header = f"{kind}\n{values.shape[1]} {values.shape[0]}\n{scale}\n"
    return header.encode() + values[::-1].astype(f"{order}f4").tobytes()


def write(folder, name):
    path = folder / name
    match name:
        case "d.png":
            cv2.imwrite(str(path), CODES)
        case "codes.tif":
            tifffile.imwrite(path, CODES)
        case "d.tiff":
            tifffile.imwrite(path, METRES)
        case "d.npy":
            np.save(path, METRES.astype(np.float64)[..., None])
        case "d.npz":
            np.savez(path, METRES)
        case "d.exr":
            path.write_bytes(exr({"Z": METRES}))
        case "d.PFM":
            path.write_bytes(pfm(np.where(np.isnan(METRES), np.inf, METRES)))
    return path


@pytest.mark.parametrize("name", ["d.png", "codes.tif", "d.tiff", "d.npy", "d.npz", "d.exr", "d.PFM"])
def test_metres_from_every_kind(tmp_path, name):
    depth_m = read_depth(write(tmp_path, name), 3, 2)
    assert depth_m.dtype == np.float32
    np.testing.assert_array_equal(depth_m, METRES)


@pytest.mark.parametrize("name", ["d.png", "d.npy", "d.exr", "d.PFM"])
def test_another_size_is_refused(tmp_path, name):
    with pytest.raises(CaptureError, match=r"expected a map of 2 x 3 px like the image, got shape \(2, 3\)"):
        read_depth(write(tmp_path, name), 2, 3)


def test_negative_depth_is_refused_but_not_a_negative_number(tmp_path):
    np.save(tmp_path / "d.npy", np.array([[1.0, -0.5]], np.float32))
    with pytest.raises(CaptureError, match=r"expected depths >= 0, got -0\.5 m"):
        read_depth(tmp_path / "d.npy", 2, 1)
    assert read_map(tmp_path / "d.npy", 2, 1).tolist() == [[1.0, -0.5]]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.jpg", b"", r"expected a depth map as \.png, .*got \.jpg"),
        ("d", b"", "got no suffix"),
        ("d.png", b"no picture", "cannot be decoded"),
        ("d.tif", b"no picture", "cannot be decoded"),
        ("d.npy", b"no array", "cannot be decoded"),
        ("d.npy", b"", "cannot be decoded"),
        ("d.npz", b"PK\x03\x04 not a zip", "cannot be decoded"),
        ("d.exr", b"no picture", "single-part EXR"),
        ("d.pfm", b"Pf\n3 2\n-1\n\0\0", "truncated"),
    ],
)
def test_what_is_no_depth_map(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CaptureError, match=message) as caught:
        read_depth(tmp_path / name, 3, 2)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(CaptureError, match=r"none\.exr: expected a depth map, got no such file"):
        read_depth(tmp_path / "none.exr", 3, 2)


def test_eight_bit_codes_are_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "d.png"), np.full((2, 3), 9, np.uint8))
    with pytest.raises(CaptureError, match="expected 16-bit codes or floats, got uint8"):
        read_depth(tmp_path / "d.png", 3, 2)


class TestPfm:
    def test_rows_run_from_the_bottom(self, tmp_path):
        path = tmp_path / "a.pfm"
        path.write_bytes(b"Pf\n2 2\n1.0\n" + np.array([3, 4, 1, 2], ">f4").tobytes())
        assert read_pfm(path).tolist() == [[1, 2], [3, 4]]

    def test_colour(self, tmp_path):
        (tmp_path / "a.pfm").write_bytes(pfm(np.array([[[1.0, 2.0, 3.0]]])))
        assert read_pfm(tmp_path / "a.pfm").tolist() == [[[1, 2, 3]]]

    @pytest.mark.parametrize(
        "content",
        [b"", b"P6\n2 2\n1\n", b"Pf\n2\n1\n", b"Pf\n2 2\n-1\n\0\0\0\0", b"Pf\nx y\n1\n", b"Pf\n-1 2\n1\n\0\0\0\0"],
    )
    def test_broken(self, content, tmp_path):
        (tmp_path / "a.pfm").write_bytes(content)
        with pytest.raises(CaptureError, match=r"a\.pfm: expected a PFM float map"):
            read_pfm(tmp_path / "a.pfm")

    def test_missing(self, tmp_path):
        with pytest.raises(CaptureError, match="cannot be read"):
            read_pfm(tmp_path / "none.pfm")
