"""Allan deviation against hand-worked values, analytic curves and simulated noise."""

import numpy as np
import pytest

from gyrosharp.errors import ImuError
from gyrosharp.imu.allan import FLATNESS, allan_deviation, quantisation_step, read_curve


def test_by_hand():
    # Angles 0, 1, 3, 7 at dt = 1: second differences 1 and 2; (1 + 4) / (2 * 2) = 1.25.
    assert allan_deviation([1.0, 2.0, 4.0], 1.0, [1])[0] == pytest.approx(np.sqrt(1.25))
    # Averages over two samples: (1 + 1) / 2 = 1 and (5 + 5) / 2 = 5; sigma^2 = (5 - 1)^2 / 2.
    assert allan_deviation([1.0, 1.0, 5.0, 5.0], 0.5, [2])[0] == pytest.approx(np.sqrt(8.0))


def test_overlapping_averages_as_defined():
    rng = np.random.default_rng(0)
    rate = rng.normal(size=50)
    for m in (1, 3, 8, 25):
        means = np.convolve(rate, np.ones(m) / m, mode="valid")
        differences = means[m:] - means[:-m]
        expected = np.sqrt(0.5 * np.mean(differences**2))
        assert allan_deviation(rate, 0.01, [m])[0] == pytest.approx(expected, rel=1e-10)


def test_a_constant_does_not_matter_and_units_carry_through():
    rate = np.random.default_rng(1).normal(size=1000)
    base = allan_deviation(rate, 0.01, [1, 5, 50])
    np.testing.assert_allclose(allan_deviation(rate + 1e6, 0.01, [1, 5, 50]), base, rtol=1e-6)
    np.testing.assert_allclose(allan_deviation(3 * rate, 0.01, [1, 5, 50]), 3 * base)
    np.testing.assert_allclose(allan_deviation(rate, 7.0, [1, 5, 50]), base)


def test_a_ramp_rises_in_proportion():
    """rate = a t: neighbouring averages over tau differ by a tau, so sigma = a tau / sqrt(2)."""
    dt, a = 0.1, 0.3
    rate = a * dt * np.arange(400)
    counts = np.array([1, 10, 100])
    np.testing.assert_allclose(allan_deviation(rate, dt, counts), a * counts * dt / np.sqrt(2), rtol=1e-9)


@pytest.mark.parametrize("counts", [[0], [-1], [6], [1, 100]])
def test_counts_out_of_range(counts):
    with pytest.raises(ImuError, match="averages over 1 to 5"):
        allan_deviation(np.zeros(10), 1.0, counts)


def test_white_noise_and_random_walk_follow_their_laws():
    """White noise of density N: sigma = N / sqrt(tau); a rate that walks with density K: sigma = K sqrt(tau / 3)."""
    rng = np.random.default_rng(2)
    count, dt, N, K = 400_000, 0.01, 3e-4, 5e-5
    counts = np.array([1, 10, 100, 1000])
    tau = counts * dt
    white = N / np.sqrt(dt) * rng.standard_normal(count)
    walk = np.cumsum(K * np.sqrt(dt) * rng.standard_normal(count))
    np.testing.assert_allclose(allan_deviation(white, dt, counts), N / np.sqrt(tau), rtol=0.1)
    # A sampled walk is a staircase: at tau = dt it has half the variance of the law.
    np.testing.assert_allclose(allan_deviation(walk, dt, counts[1:]), K * np.sqrt(tau[1:] / 3), rtol=0.15)


def curve(tau, N=0.0, B=0.0, K=0.0):
    return np.sqrt(N**2 / tau + (FLATNESS * B) ** 2 + K**2 * tau / 3)


TAU = np.geomspace(0.01, 1000, 80)


def test_all_three_figures_are_read_off_a_curve():
    white, floor, walk, reasons = read_curve(TAU, curve(TAU, 2e-4, 5e-5, 2e-7))
    assert white.value == pytest.approx(2e-4, rel=0.05) and white.from_s < 0.02 and white.to_s > 3
    assert 5e-5 <= floor.value < 5.5e-5
    assert walk is None and "log too short" in reasons["random_walk"]
    white, floor, walk, reasons = read_curve(TAU, curve(TAU, 2e-4, 0.0, 3e-5))
    assert white.value == pytest.approx(2e-4, rel=0.05)
    assert walk.value == pytest.approx(3e-5, rel=0.05) and walk.from_s > white.to_s
    assert not reasons


def test_what_the_curve_does_not_show_is_not_claimed():
    white, floor, walk, reasons = read_curve(TAU, curve(TAU, 2e-4))
    assert white.value == pytest.approx(2e-4, rel=1e-6)
    assert floor is None and walk is None
    assert "no floor up to 1e+03 s" in reasons["instability"] and "random_walk" in reasons
    white, floor, walk, reasons = read_curve(TAU, curve(TAU, K=1e-4))
    assert white is None and "1/sqrt(tau)" in reasons["white"]
    assert walk.value == pytest.approx(1e-4, rel=1e-6)
    short = TAU[:4]
    assert read_curve(short, curve(short, 1e-4))[:3] == (None, None, None)


def test_the_step_of_rounded_rates():
    rng = np.random.default_rng(3)
    rate = np.round(rng.normal(0, 8e-4, 3000) / 6.1e-4) * 6.1e-4
    assert quantisation_step(rate) == pytest.approx(6.1e-4, rel=1e-9)
    text = np.array([float(f"{value:.6f}") for value in rate])
    assert quantisation_step(text) == pytest.approx(6.1e-4, rel=2e-3)
    assert quantisation_step(rng.normal(size=3000)) is None
    assert quantisation_step(np.array([1.0, 1.0, 2.0])) is None
