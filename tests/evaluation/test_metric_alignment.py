"""Scores after registration: known shifts, warps and gains are found and undone."""

import cv2
import numpy as np
import pytest
from skimage import data

from gyrosharp.errors import ImageError, UsageError
from gyrosharp.evaluation.alignment import align, aligned
from gyrosharp.evaluation.metrics import find_metric

SHIFT = (2.3, -1.7)


def scene(x, y):
    """A smooth scene that can be looked at anywhere, in [0.05, 0.95]: shifted pictures are exact."""
    rng = np.random.default_rng(14)
    value = np.zeros_like(x)
    for _ in range(60):
        across, down = rng.uniform(-0.12, 0.12, 2)
        value += np.sin(2.0 * np.pi * (across * x + down * y + rng.uniform()))
    return 0.5 + 0.45 * np.tanh(value / 10.0)


def grid(height=200, width=260):
    y, x = np.mgrid[:height, :width].astype(np.float64)
    return x, y


@pytest.fixture(scope="module")
def truth():
    x, y = grid()
    return np.stack([scene(x, y), scene(x + 500, y), scene(x, y + 500)], axis=2)


@pytest.fixture(scope="module")
def shifted():
    x, y = grid()
    x, y = x - SHIFT[0], y - SHIFT[1]
    return np.stack([scene(x, y), scene(x + 500, y), scene(x, y + 500)], axis=2)


def test_a_known_shift_is_found_and_undone(truth, shifted, record_property):
    before = find_metric("psnr").score(shifted, truth)
    after, found = aligned("psnr", shifted, truth)
    record_property("psnr_before", before)
    record_property("psnr_after", after)
    assert found.shift_px == pytest.approx(SHIFT, abs=0.01)
    assert before < 22.0 and after > 45.0
    assert np.array_equal(found.gain, np.ones(3))


def test_noise_and_blur_of_the_result_do_not_move_it(truth, shifted):
    noisy = shifted + np.random.default_rng(15).normal(0.0, 0.05, shifted.shape)
    assert align(noisy, truth).shift_px == pytest.approx(SHIFT, abs=0.05)
    assert align(cv2.GaussianBlur(shifted, (0, 0), 2.0), truth).shift_px == pytest.approx(SHIFT, abs=0.05)


def test_a_large_shift_is_found_by_phase_correlation():
    photo = data.astronaut()[:300, :300] / 255.0
    image, reference = photo[:240, :240], photo[35:275, 50:290]
    assert align(image, reference).shift_px == pytest.approx((50.0, 35.0), abs=0.01)


def test_the_mask_leaves_out_what_left_the_frame(truth, shifted):
    """The picture lies 2.3 px right and 1.7 px up: its right columns and top rows are gone from the frame."""
    mask = align(shifted, truth).mask
    assert not mask[:, -3:].any() and not mask[:2].any()
    assert mask[2:, :-3].all()


def test_a_mask_keeps_what_is_wrong_out_of_registration_and_score(truth, shifted):
    broken, mask = shifted.copy(), np.ones(truth.shape[:2])
    broken[60:140, 80:180] = truth[0:80, 0:100]
    mask[50:150, 70:190] = 0.0
    score, found = aligned("psnr", broken, truth, mask)
    assert found.shift_px == pytest.approx(SHIFT, abs=0.02)
    assert score > 45.0
    assert not found.mask[50:150, 70:190].any()


def test_a_homography_is_found_where_it_is_asked_for():
    x, y = grid()
    warp = np.array([[1.004, -0.006, 1.5], [0.005, 0.997, -0.8], [8e-6, -5e-6, 1.0]])
    inverse = np.linalg.inv(warp)
    across, down, scale = np.tensordot(inverse, np.stack([x, y, np.ones_like(x)]), axes=1)
    image = scene(across / scale, down / scale)
    reference = scene(x, y)
    assert aligned("psnr", image, reference)[0] < 35.0
    score, found = aligned("psnr", image, reference, homography=True)
    assert score > 45.0
    corners = np.array([[0, 259, 0, 259], [0, 0, 199, 199], [1, 1, 1, 1]], dtype=np.float64)
    expected, got = warp @ corners, found.homography @ corners
    assert got[:2] / got[2] == pytest.approx(expected[:2] / expected[2], abs=0.05)


def test_a_gain_is_found_per_channel(truth, shifted):
    gains = np.array([0.8, 1.0, 0.9])
    score, found = aligned("psnr", shifted * gains, truth, gain=True)
    assert found.gain == pytest.approx(1.0 / gains, rel=1e-3)
    assert score > 45.0
    assert aligned("psnr", shifted * gains, truth)[0] < 25.0


def test_nothing_to_register_is_refused():
    rng = np.random.default_rng(16)
    text = "align: expected pictures of one scene with some structure, found no shift"
    with pytest.raises(ImageError, match=text):
        align(np.full((64, 64), 0.5), np.full((64, 64), 0.5))
    with pytest.raises(ImageError, match=text):
        align(rng.uniform(size=(64, 64)), np.full((64, 64), 0.5))


def test_metrics_without_masks_are_refused(truth):
    with pytest.raises(
        UsageError, match="aligned: expected a metric that compares pictures and takes weights, got niqe"
    ):
        aligned("niqe", truth, truth)
    with pytest.raises(ImageError, match="align: expected sides of at least 32 px, got 20 x 200"):
        align(truth[:, :20], truth[:, :20])
