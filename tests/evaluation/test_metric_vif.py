"""VIF against a direct, slow form of the pixel-domain definition, and where its value is known."""

import numpy as np
import pytest
from scipy.signal import convolve2d
from scipy.signal.windows import gaussian
from skimage import data

from gyrosharp.errors import UsageError
from gyrosharp.evaluation.metrics.vif import score


def direct(image, truth):
    """Sum the information window by window; pictures grey, 0 to 255."""
    kept = available = 0.0
    for scale in range(1, 5):
        length = 2 ** (5 - scale) + 1
        line = gaussian(length, length / 5.0)
        w = np.outer(line, line) / line.sum() ** 2
        if scale > 1:
            image, truth = (convolve2d(picture, w, "valid")[::2, ::2] for picture in (image, truth))
        for row in range(truth.shape[0] - length + 1):
            for column in range(truth.shape[1] - length + 1):
                x = truth[row : row + length, column : column + length]
                y = image[row : row + length, column : column + length]
                mx, my = (w * x).sum(), (w * y).sum()
                sxx, syy = (w * (x - mx) ** 2).sum(), (w * (y - my) ** 2).sum()
                sxy = (w * (x - mx) * (y - my)).sum()
                g = sxy / sxx if sxx > 1e-10 and sxy > 0.0 else 0.0
                kept += np.log2(1.0 + g * g * sxx / (syy - g * sxy + 2.0))
                available += np.log2(1.0 + sxx / 2.0)
    return kept / available


@pytest.fixture(scope="module")
def photo():
    return data.camera()[200:257, 200:264] / 255.0


@pytest.mark.parametrize("sigma", [0.02, 0.2])
def test_it_is_the_definition(photo, sigma):
    image = np.clip(photo + np.random.default_rng(5).normal(0.0, sigma, photo.shape), 0.0, 1.0)
    assert score(image, photo) == pytest.approx(direct(image * 255.0, photo * 255.0), rel=1e-6)


def test_colour_counts_by_its_luma():
    colour = data.astronaut()[:60, 200:260] / 255.0
    image = np.clip(colour + np.random.default_rng(6).normal(0.0, 0.05, colour.shape), 0.0, 1.0)
    grey, other = (255.0 * (0.299 * p[..., 0] + 0.587 * p[..., 1] + 0.114 * p[..., 2]) for p in (colour, image))
    assert score(image, colour) == pytest.approx(direct(other, grey), rel=1e-6)


def test_raised_contrast_carries_more_information_than_the_truth():
    truth = 0.3 + 0.1 * np.random.default_rng(7).uniform(-1.0, 1.0, (80, 80))
    assert score(0.3 + 1.5 * (truth - 0.3), truth) > 1.0
    assert score(0.3 + 0.5 * (truth - 0.3), truth) < 1.0


def test_a_negative_carries_none(photo):
    assert score(1.0 - photo, photo) == 0.0


def test_a_flat_picture_carries_none(photo):
    assert score(np.full_like(photo, 0.5), photo) == 0.0


def test_a_flat_truth_is_refused(photo):
    with pytest.raises(UsageError, match="vif: expected a true picture with some structure under the mask, got a flat"):
        score(photo, np.full_like(photo, 0.5))
