"""PSNR and SSIM against scikit-image, and values worked by hand."""

import numpy as np
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from gyrosharp.errors import UsageError
from gyrosharp.evaluation.metrics import psnr, psnr_srgb
from gyrosharp.evaluation.metrics.peak_signal_to_noise import score as psnr_score
from gyrosharp.evaluation.metrics.ssim import score as ssim_score


@pytest.fixture(scope="module")
def pair():
    photo = data.astronaut()[40:247, 100:331] / 255.0
    return np.clip(photo + np.random.default_rng(2).normal(0.0, 0.05, photo.shape), 0.0, 1.0), photo


def test_psnr_is_scikit_images(pair):
    assert psnr_score(*pair) == pytest.approx(peak_signal_noise_ratio(pair[1], pair[0], data_range=1.0), abs=1e-10)


@pytest.mark.parametrize("shown", [slice(None), slice(0, 1)])
def test_ssim_is_scikit_images(pair, shown):
    image, photo = (picture[..., shown] for picture in pair)
    expected = structural_similarity(
        photo, image, data_range=1.0, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim_score(image, photo) == pytest.approx(expected, abs=1e-10)


def test_ssim_of_flat_pictures_is_its_luminance_term():
    dark, bright = np.full((20, 30), 0.2), np.full((20, 30), 0.6)
    assert ssim_score(dark, bright) == pytest.approx((2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4), abs=1e-12)


def test_masked_psnr_weighs_pixels():
    """Errors 0.1 and 0.3 with weights 1 and 1/2: MSE = (0.01 + 0.045) / 1.5."""
    truth = np.full((1, 2), 0.5)
    image = np.array([[0.6, 0.8]])
    expected = -10.0 * np.log10((0.01 + 0.5 * 0.09) / 1.5)
    assert psnr_score(image, truth, np.array([[1.0, 0.5]])) == pytest.approx(expected, abs=1e-9)


def test_masked_ssim_is_the_mean_of_its_map(pair):
    image, photo = pair
    _, full_map = structural_similarity(
        photo,
        image,
        data_range=1.0,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    mask = np.random.default_rng(3).uniform(size=photo.shape[:2])
    inner = (slice(5, -5), slice(5, -5))
    expected = np.average(full_map.mean(axis=2)[inner], weights=mask[inner])
    assert ssim_score(image, photo, mask) == pytest.approx(expected, abs=1e-10)


def test_plain_psnr_takes_values_as_they_are():
    assert psnr([1.5, 0.0], [1.4, 0.1]) == pytest.approx(20.0)
    assert psnr([0.5], [0.5]) == np.inf
    with pytest.raises(UsageError, match=r"psnr: expected images of one shape, got \(2,\) and \(3,\)"):
        psnr([0.0, 0.0], [0.0, 0.0, 0.0])


def test_srgb_psnr_encodes_first():
    """Linear 0.0331 and 0.2140 are sRGB 0.2 and 0.5."""
    assert psnr_srgb([0.0331047665708851], [0.214041140482232]) == pytest.approx(-20.0 * np.log10(0.3), abs=1e-3)
