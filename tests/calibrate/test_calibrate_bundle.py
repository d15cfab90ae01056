"""The least-squares solver against hand-worked and independent solutions."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from gyrosharp.calibrate.bundle import fit_bundle


def test_a_line_with_an_offset_per_group():
    """y = a x + b_v: solved by hand with the groups' means taken off."""
    rng = np.random.default_rng(1)
    owner = np.repeat([0, 1, 2], 20)
    x, noise = rng.uniform(0, 5, 60), 0.1 * rng.standard_normal(60)
    y = 3.0 * x + np.array([1.0, -2.0, 40.0])[owner] + noise
    found = fit_bundle(lambda s, o: y - s[0] * x - o[owner, 0], owner, np.zeros(1), np.zeros((3, 1)))
    within = x - np.array([x[owner == v].mean() for v in range(3)])[owner]
    slope = (within @ y) / (within @ within)
    assert found.shared[0] == pytest.approx(slope, rel=1e-9)
    assert found.own[2, 0] == pytest.approx((y - slope * x)[owner == 2].mean(), rel=1e-6)
    spread = found.residuals @ found.residuals / (60 - 4)
    assert found.std[0] == pytest.approx(np.sqrt(spread / (within @ within)), rel=1e-5)


def test_the_same_minimum_as_scipy():
    rng = np.random.default_rng(2)
    owner = np.repeat(np.arange(4), 15)
    t = np.tile(np.linspace(0, 1, 15), 4)
    y = np.array([1.0, 2.0, 0.5, 3.0])[owner] * np.exp(-1.7 * t) + 0.3 + 0.01 * rng.standard_normal(60)

    def residuals(shared, own):
        return y - own[owner, 0] * np.exp(-shared[0] * t) - shared[1]

    found = fit_bundle(residuals, owner, np.array([1.0, 0.0]), np.ones((4, 1)))
    other = least_squares(lambda p: residuals(p[:2], p[2:, None]), np.r_[1.0, 0.0, np.ones(4)], xtol=1e-14, ftol=1e-14)
    np.testing.assert_allclose(found.shared, other.x[:2], rtol=1e-5)
    J, s2 = other.jac, 2 * other.cost / (60 - 6)
    np.testing.assert_allclose(found.covariance, (s2 * np.linalg.inv(J.T @ J))[:2, :2], rtol=1e-3)


def test_what_the_data_does_not_determine_is_uncertain_without_end():
    x = np.linspace(0, 1, 20)
    y = 2 * x + 0.1 * np.sin(40 * x)
    found = fit_bundle(lambda s, o: y - (s[0] + s[1]) * x - o[0, 0], np.zeros(20, int), np.ones(2), np.zeros((1, 1)))
    assert found.std.min() > 1e4


def test_nothing_shared():
    y = np.array([1.0, 3.0, 10.0, 14.0])
    owner = np.array([0, 0, 1, 1])
    found = fit_bundle(lambda _, o: y - o[owner, 0], owner, np.zeros(0), np.zeros((2, 1)))
    np.testing.assert_allclose(found.own[:, 0], [2.0, 12.0], atol=1e-6)
    assert found.covariance.shape == (0, 0)


def test_steps_into_nonsense_are_taken_back():
    def residuals(shared, own):
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(shared[0] > 0, np.log(shared[0]) - own[:, 0], np.inf) * np.ones(5) + np.arange(5) * 0

    owner = np.zeros(5, int)
    found = fit_bundle(lambda s, o: residuals(s, o) + s[0] - 1.0, owner, np.array([8.0]), np.zeros((1, 1)))
    assert np.isfinite(found.residuals).all()


def test_a_start_that_makes_no_sense_comes_back():
    owner = np.zeros(3, int)
    found = fit_bundle(lambda *_: np.full(3, np.inf), owner, np.ones(2), np.ones((1, 1)))
    assert np.isinf(found.residuals).all() and np.isinf(found.covariance).all()
