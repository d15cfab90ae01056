import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from gyrosharp.geometry.cubic_spline import spline_pieces


@pytest.mark.parametrize("count", [2, 3, 4, 5, 90])
def test_equals_scipys_spline(count):
    rng = np.random.default_rng(count)
    x, y = np.cumsum(rng.uniform(0.5, 2.0, count)), rng.normal(size=(count, 3))
    pieces, truth = spline_pieces(x, y), CubicSpline(x, y).c
    # Between two or three points scipy stores the one polynomial, of fewer coefficients, too.
    np.testing.assert_allclose(pieces[-truth.shape[0] :], truth, atol=1e-12)
    np.testing.assert_allclose(pieces[: 4 - truth.shape[0]], 0.0, atol=1e-12)


def test_a_parabola_through_three_points_by_hand():
    """y = x^2 at 0, 1 and 3: on [1, 3] it is (x - 1)^2 + 2 (x - 1) + 1."""
    x = np.array([0.0, 1.0, 3.0])
    np.testing.assert_allclose(spline_pieces(x, x[:, None] ** 2)[:, :, 0].T, [[0, 1, 0, 0], [0, 1, 2, 1]], atol=1e-14)
