"""Averages of bursts: numbers worked by hand, exact identities, and the order of the domains."""

import numpy as np
import pytest

from gyrosharp.datasets.synthesis.frame_averaging import AVERAGING_DOMAINS, average_frames
from gyrosharp.errors import ImageError, UsageError


def burst(values, dtype=np.uint8):
    return [np.array([[value]], dtype) for value in values]


@pytest.mark.parametrize(
    ("domain", "rounding", "expected"),
    [
        # (0 + 0 + 255) / 3 = 85; light a third of white: 255 (1/3)^(1/2.2) = 154.75,
        # sRGB 255 (1.055 (1/3)^(1/2.4) - 0.055) = 156.16.
        ("encoded", "down", 85),
        ("gamma", "nearest", 155),
        ("gamma", "down", 154),
        ("srgb", "nearest", 156),
        ("srgb", "down", 156),
    ],
)
def test_one_white_frame_of_three(domain, rounding, expected):
    assert average_frames(burst([0, 0, 255]), domain, rounding).item() == expected


def test_halves_round_up_or_are_cut_off():
    assert average_frames(burst([10, 11]), "encoded", "nearest").item() == 11
    assert average_frames(burst([10, 11]), "encoded", "down").item() == 10


@pytest.mark.parametrize("domain", AVERAGING_DOMAINS)
@pytest.mark.parametrize("rounding", ["nearest", "down"])
@pytest.mark.parametrize(("dtype", "largest"), [(np.uint8, 255), (np.uint16, 65535)])
def test_a_still_burst_is_its_frame(domain, rounding, dtype, largest):
    every_code = np.arange(largest + 1, dtype=dtype).reshape(1, -1)
    mean = average_frames([every_code] * 7, domain, rounding)
    assert mean.dtype == dtype
    np.testing.assert_array_equal(mean, every_code)


def test_encoded_down_is_integer_division():
    frames = np.random.default_rng(0).integers(0, 256, (11, 64, 48, 3), dtype=np.uint8)
    np.testing.assert_array_equal(average_frames(frames, "encoded", "down"), frames.sum(axis=0, dtype=int) // 11)


@pytest.mark.parametrize("domain", ["gamma", "srgb"])
def test_light_is_conserved(domain):
    """Averaging in light keeps the mean light; averaging codes loses some wherever the frames differ (Jensen)."""
    frames = np.random.default_rng(1).integers(0, 65536, (8, 40, 40), dtype=np.uint16)
    light = AVERAGING_DOMAINS[domain].decode
    of_frames = light(frames / 65535).mean()
    assert light(average_frames(frames, domain) / 65535).mean() == pytest.approx(of_frames, rel=1e-5)
    assert light(average_frames(frames, "encoded") / 65535).mean() < 0.9 * of_frames


def test_order_and_source_of_frames_do_not_matter():
    frames = np.random.default_rng(2).integers(0, 256, (5, 9, 7, 3), dtype=np.uint8)
    whole = average_frames(frames)
    np.testing.assert_array_equal(average_frames(frame for frame in frames[::-1]), whole)
    assert whole.shape == (9, 7, 3)


def test_unknown_names_are_refused():
    with pytest.raises(UsageError, match=r"averaging domain: expected one of encoded, gamma, srgb, got 'linear'"):
        average_frames(burst([1]), "linear")
    with pytest.raises(UsageError, match=r"rounding: expected one of nearest, down, got 'up'"):
        average_frames(burst([1]), "srgb", "up")


def test_bursts_that_do_not_fit_are_refused():
    with pytest.raises(ImageError, match="expected at least one frame, got none"):
        average_frames([])
    with pytest.raises(ImageError, match="expected 8- or 16-bit codes, got float32"):
        average_frames([np.zeros((2, 2), np.float32)])
    with pytest.raises(ImageError, match=r"frame 2 of the burst: expected uint8 \(2, 2\).*got uint8 \(2, 3\)"):
        average_frames([np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8)])
    with pytest.raises(ImageError, match=r"frame 3 of the burst: .*got uint16"):
        average_frames([*burst([1, 2]), *burst([3], np.uint16)])
