"""Mosaic and demosaic: the published filter weights, exact cases, and a photo against bilinear interpolation."""

import cv2
import numpy as np
import pytest
from skimage import data

from gyrosharp.datasets.synthesis.bayer import (
    ABOVE_GREEN,
    ACROSS,
    BESIDE_GREEN,
    GREEN_AT_RED_OR_BLUE,
    PATTERNS,
    demosaic,
    mosaic,
)
from gyrosharp.errors import ImageError, UsageError

# OpenCV names a mosaic after the 2 x 2 cell that starts one pixel further down and right.
OPENCV = {"RGGB": cv2.COLOR_BayerBG2RGB, "BGGR": cv2.COLOR_BayerRG2RGB, "GRBG": cv2.COLOR_BayerGB2RGB,
          "GBRG": cv2.COLOR_BayerGR2RGB}  # fmt: skip


def db(a, b, border=8):
    inner = (slice(border, -border),) * 2
    return -10 * np.log10(np.mean((np.asarray(a, float)[inner] - np.asarray(b, float)[inner]) ** 2))


def astronaut():
    return (data.astronaut() / 255).astype(np.float32)


def test_each_photosite_keeps_its_own_colour():
    image = np.arange(2 * 2 * 3, dtype=np.float32).reshape(2, 2, 3)  # pixel (y, x) holds 6 y + 3 x + channel
    assert mosaic(image, "RGGB").tolist() == [[0, 4], [7, 11]]
    assert mosaic(image, "BGGR").tolist() == [[2, 4], [7, 9]]
    assert mosaic(image, "GRBG").tolist() == [[1, 3], [8, 10]]
    assert mosaic(image, "GBRG").tolist() == [[1, 5], [6, 10]]


def impulse_response(pattern, y, x):
    """What a single bright photosite at (y, x) does, times 8."""
    raw = np.zeros((12, 12), np.float32)
    raw[y, x] = 8
    return demosaic(raw, pattern)


def test_published_weights_by_impulses():
    """Malvar, He, Cutler 2004, fig. 2, read off around the pixel (6, 6), which is red in RGGB."""
    red = impulse_response("RGGB", 6, 6)
    assert red[6, 6].tolist() == [8, 4, 6]  # itself; green 4/8; blue there 6/8
    assert red[6, 8, 1] == red[4, 6, 1] == -1  # green two away
    assert red[6, 8, 2] == red[8, 6, 2] == -1.5  # blue at the next red
    assert red[7, 7].tolist() == [2, 0, 0]  # red at the diagonal blue; its green does not look at diagonals
    assert red[6, 7].tolist() == [4, 0, 0]  # red at the green beside it
    assert red[7, 6].tolist() == [4, 0, 0]  # and below it
    green = impulse_response("RGGB", 6, 7)  # green, red to its left and right
    assert green[6, 7].tolist() == [5, 8, 5]
    assert green[6, 6].tolist() == [0, 2, 0]
    assert green[7, 8].tolist() == [-1, 0, -1]  # a diagonal green
    assert green[6, 9].tolist() == [-1, 0, 0.5]  # two along the row: across for red, and blue lies in columns there
    assert green[8, 7].tolist() == [0.5, 0, -1]


def test_filters_pass_flat_and_sloped_colours():
    for kernel in (GREEN_AT_RED_OR_BLUE, BESIDE_GREEN, ABOVE_GREEN, ACROSS):
        assert kernel.sum() == pytest.approx(1)
        assert np.array_equal(kernel, kernel[::-1, ::-1])


@pytest.mark.parametrize("pattern", PATTERNS)
def test_constant_colour_is_exact_up_to_the_border(pattern):
    colour = np.broadcast_to(np.array([0.2, 0.5, 0.9], np.float32), (9, 14, 3))
    np.testing.assert_allclose(demosaic(mosaic(colour, pattern), pattern), colour, atol=1e-6)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_colour_s_own_slope_is_exact_inside(pattern):
    y, x = np.mgrid[:17, :20]
    ramp = np.stack([0.01 * x + 0.02 * y, 0.3 - 0.005 * x, 0.6 + 0.01 * x - 0.015 * y], -1).astype(np.float32)
    inside = (slice(2, -2), slice(2, -2))
    np.testing.assert_allclose(demosaic(mosaic(ramp, pattern), pattern)[inside], ramp[inside], atol=1e-6)


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("cut", [(0, 0), (1, 0), (0, 1)])
def test_photo_against_bilinear(pattern, cut):
    """Right colours whatever the phase, on even and odd sizes, and 3.4 to 4.4 dB better than bilinear."""
    photo = np.ascontiguousarray(astronaut()[: 512 - cut[0], : 512 - cut[1]])
    ours = db(demosaic(mosaic(photo, pattern), pattern), photo)
    codes = np.rint(mosaic(photo, pattern) * 255).astype(np.uint8)
    bilinear = db(cv2.cvtColor(codes, OPENCV[pattern]) / 255, photo)
    assert ours > 33
    assert ours > bilinear + 3


def test_wrong_phase_is_seen():
    photo = astronaut()
    assert db(demosaic(mosaic(photo, "RGGB"), "BGGR"), photo) < 20


def test_errors():
    with pytest.raises(ImageError, match="expected an image"):
        mosaic(np.zeros((4, 4), np.float32), "RGGB")
    with pytest.raises(ImageError, match="expected photosites"):
        demosaic(np.zeros((4, 4, 3), np.float32), "RGGB")
    with pytest.raises(UsageError, match="RGBG"):
        mosaic(np.zeros((4, 4, 3), np.float32), "RGBG")
    with pytest.raises(UsageError, match="bayer pattern"):
        demosaic(np.zeros((4, 4), np.float32), "")
