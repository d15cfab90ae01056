"""MS-SSIM against a direct, slow form of the paper's equations."""

import numpy as np
import pytest
from scipy.signal import convolve2d
from skimage import data

from gyrosharp.evaluation.metrics.ms_ssim import score

PAPER_WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]


def window():
    square = [[np.exp(-(a * a + b * b) / (2 * 1.5**2)) for a in range(-5, 6)] for b in range(-5, 6)]
    return np.array(square) / np.sum(square)


def terms(x, y):
    """Means of l * cs and of cs over all windows inside the pictures."""
    w = window()
    mx, my = convolve2d(x, w, "valid"), convolve2d(y, w, "valid")
    sxx = convolve2d(x * x, w, "valid") - mx * mx
    syy = convolve2d(y * y, w, "valid") - my * my
    sxy = convolve2d(x * y, w, "valid") - mx * my
    structure = (2 * sxy + 0.03**2) / (sxx + syy + 0.03**2)
    return ((2 * mx * my + 0.01**2) / (mx * mx + my * my + 0.01**2) * structure).mean(), structure.mean()


def half(x):
    """Mean of each pixel with its right, lower and diagonal neighbour, the last ones repeated; every second kept."""
    padded = np.pad(x, ((0, 1), (0, 1)), mode="symmetric")
    return convolve2d(padded, np.full((2, 2), 0.25), "valid")[::2, ::2]


def direct(x, y):
    value = 1.0
    for scale, weight in enumerate(PAPER_WEIGHTS):
        whole, structure = terms(x, y)
        value *= max(whole if scale == 4 else structure, 0.0) ** weight
        x, y = half(x), half(y)
    return value


@pytest.mark.parametrize("size", [(176, 192), (181, 203)])
def test_it_is_the_papers_product(size):
    photo = data.astronaut()[: size[0], 100 : 100 + size[1]] / 255.0
    image = np.clip(photo + np.random.default_rng(4).normal(0.0, 0.08, photo.shape), 0.0, 1.0)
    expected = np.mean([direct(image[..., c], photo[..., c]) for c in range(3)])
    assert score(image, photo) == pytest.approx(expected, abs=1e-12)


def test_flat_pictures_differ_in_luminance_at_the_coarsest_scale_only():
    luminance = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    assert score(np.full((170, 170), 0.2), np.full((170, 170), 0.6)) == pytest.approx(luminance**0.1333, abs=1e-12)


def test_a_negative_counts_as_nothing():
    photo = data.camera()[:200, :200] / 255.0
    assert score(1.0 - photo, photo) == 0.0
