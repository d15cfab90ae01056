import numpy as np
import pytest

from gyrosharp.restore.video.combination import combined


def one(theta, spread, sigma):
    """Combine one quantity of several frames."""
    found = combined(np.array(theta)[:, None], np.array(spread, dtype=float)[:, None], np.array([sigma]))
    return found.corrections[0], found.uncertainties[0], found.scatter[0], found.outliers[0]


def posterior(likelihood_mean, likelihood_std, sigma):
    """Peak and spread of a Gaussian likelihood under the prior N(0, sigma^2)."""
    precision = likelihood_std**-2 + sigma**-2
    return likelihood_mean * likelihood_std**-2 / precision, precision**-0.5


def test_a_single_frame_is_taken_as_it_is():
    assert one([2.0], [0.5], 1.0)[:2] == pytest.approx((2.0, 0.5))


def test_the_prior_counts_once():
    """Two frames that see 3 +- 1, the second counted half: 3 +- sqrt(2/3); with the prior 0 +- 1, 1.8 +- sqrt(2/5)."""
    peak, spread = posterior(3.0, 1.0, 1.0)
    assert peak == 1.5
    mean, std, scatter, _ = one([peak, peak], [spread, spread], 1.0)
    assert mean == pytest.approx(1.8)
    assert std == pytest.approx(0.4**0.5)
    assert scatter == pytest.approx(0.0, abs=1e-12)


def test_surer_frames_weigh_more():
    pairs = [posterior(1.0, 0.1, 100.0), posterior(1.3, 0.2, 100.0)]
    mean, _, _, _ = one(*zip(*pairs, strict=True), 100.0)
    assert mean == pytest.approx((1.0 * 100 + 1.3 * 25) / 125, rel=1e-4)


def test_an_outlier_is_left_out():
    pairs = [posterior(m, 0.1, 10.0) for m in (1.0, 1.05, 0.95, 7.0)]
    mean, _, _, outliers = one(*zip(*pairs, strict=True), 10.0)
    assert mean == pytest.approx(1.0, abs=0.03)
    assert outliers == 1


def test_frames_that_scatter_are_less_sure():
    close = [posterior(m, 0.1, 10.0) for m in (1.0, 1.05, 0.95)]
    apart = [posterior(m, 0.1, 10.0) for m in (1.0, 1.2, 0.8)]
    surer, vaguer = (one(*zip(*pairs, strict=True), 10.0) for pairs in (close, apart))
    assert surer[1] == pytest.approx(0.1 / 2**0.5, rel=1e-3)
    assert vaguer[2] == pytest.approx(2.0 * (2 / 3) ** 0.5, rel=1e-3)
    assert vaguer[1] == pytest.approx(vaguer[2] * surer[1], rel=1e-3)


def test_what_no_frame_tells_keeps_its_prior():
    mean, std, scatter, _ = one([0.3, -0.2], [1.0, 0.999], 1.0)
    assert (mean, std) == (0.0, 1.0)
    assert np.isnan(scatter)


def test_quantities_do_not_mix():
    found = combined(np.array([[1.0, 5.0]]), np.array([[0.1, 0.2]]), np.array([1.0, 10.0]))
    np.testing.assert_allclose(found.corrections, [1.0, 5.0])
    np.testing.assert_allclose(found.uncertainties, [0.1, 0.2])
