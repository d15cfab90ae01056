"""GMSD against a direct form of the paper's equations."""

import numpy as np
import pytest
from scipy.signal import convolve2d
from skimage import data

from gyrosharp.evaluation.metrics.gmsd import score


def direct(image, truth, mask=None):
    """The paper's formula; pictures grey, 0 to 255, of any size."""
    magnitudes = []
    for picture in (image, truth):
        # The mean of a pixel with its right, lower and diagonal neighbour, zero outside.
        small = convolve2d(picture, np.full((2, 2), 0.25))[1:, 1:][::2, ::2]
        prewitt = np.array([[1, 0, -1], [1, 0, -1], [1, 0, -1]]) / 3.0
        gx, gy = convolve2d(small, prewitt, "same"), convolve2d(small, prewitt.T, "same")
        magnitudes.append(np.sqrt(gx**2 + gy**2))
    a, b = magnitudes
    similarity = (2 * a * b + 170.0) / (a**2 + b**2 + 170.0)
    if mask is None:
        return similarity.std()
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    weights = convolve2d(padded, np.full((2, 2), 0.25), "valid")[::2, ::2]
    mean = np.average(similarity, weights=weights)
    return np.sqrt(np.average((similarity - mean) ** 2, weights=weights))


@pytest.mark.parametrize("size", [(64, 90), (51, 77)])
def test_it_is_the_papers_formula(size):
    photo = data.camera()[150 : 150 + size[0], 150 : 150 + size[1]] / 255.0
    rng = np.random.default_rng(8)
    image = np.clip(photo + rng.normal(0.0, 0.05, size), 0.0, 1.0)
    assert score(image, photo) == pytest.approx(direct(255.0 * image, 255.0 * photo), rel=1e-9)
    mask = rng.uniform(size=size)
    assert score(image, photo, mask) == pytest.approx(direct(255.0 * image, 255.0 * photo, mask), rel=1e-9)


def test_it_is_symmetric():
    photo, other = data.camera()[:100, :100] / 255.0, data.camera()[100:200, 100:200] / 255.0
    assert score(photo, other) == pytest.approx(score(other, photo), rel=1e-12)
    assert 0.0 < score(photo, other) < 0.5
