"""Levin's protocol against a direct search with another interpolation routine."""

import numpy as np
import pytest
from scipy.ndimage import shift as spline_shift
from skimage import data

from gyrosharp.errors import ImageError, UsageError
from gyrosharp.evaluation.best_shift import best_shift, error_ratio


@pytest.fixture(scope="module")
def truth():
    return data.camera()[150:220, 180:255] / 255.0


def direct(image, truth):
    """Least squared error of all quarter-pixel shifts, with its (dx, dy)."""
    found = {}
    for dy in np.arange(-5.0, 5.01, 0.25):
        for dx in np.arange(-5.0, 5.01, 0.25):
            moved = spline_shift(image, (-dy, -dx), order=1)
            found[dx, dy] = float(((moved - truth)[15:-15, 15:-15] ** 2).sum())
    best = min(found, key=found.get)
    return found[best], best


def test_it_is_the_exhaustive_search(truth):
    rng = np.random.default_rng(17)
    image = np.clip(spline_shift(truth, (1.6, -2.1), order=3, mode="nearest") + rng.normal(0, 0.02, truth.shape), 0, 1)
    error, shift = direct(image, truth)
    found = best_shift(image, truth)
    assert found.shift_px == shift
    assert shift == pytest.approx((-2.1, 1.6), abs=0.25)
    assert found.squared_error == pytest.approx(error, rel=1e-9)
    assert ((found.image - found.truth) ** 2).sum() == pytest.approx(error, rel=1e-9)


@pytest.mark.parametrize("shift", [(5, -5), (-5, 5), (0, 0), (3, 1)])
def test_whole_pixels_are_undone_exactly(truth, shift):
    image = np.roll(truth, (shift[1], shift[0]), axis=(0, 1))
    found = best_shift(image, truth)
    assert found.squared_error == 0.0
    assert found.shift_px == shift
    assert found.image.shape == (40, 45, 1)


def test_the_ratio_compares_with_the_true_kernels_result(truth):
    """Twice the error everywhere is four times the squared error, wherever the result lies."""
    rng = np.random.default_rng(18)
    error = rng.uniform(-1e-3, 1e-3, truth.shape)
    inner = 0.25 + 0.5 * truth
    ratio = error_ratio(np.roll(inner + 2 * error, 2, axis=1), inner + error, inner)
    assert ratio == pytest.approx(4.0, rel=1e-9)


def test_what_cannot_be_compared_is_refused(truth):
    with pytest.raises(ImageError, match="best_shift: expected sides of at least 31 px, got 30 x 70"):
        best_shift(truth[:, :30], truth[:, :30])
    with pytest.raises(UsageError, match="error_ratio: expected a result with the true kernel that differs"):
        error_ratio(truth, truth, truth)
