"""The cubic spline through gyro samples: scipy's not-a-knot CubicSpline, set up in a quarter of its time.

A training sample needs one spline over some hundred rates, and scipy's checks then cost more than the sums.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def spline_pieces(x: Array, y: Array) -> Array:
    """Return the coefficients (4, N - 1, D) of the not-a-knot cubic spline through points, highest power first.

    With h_i = x_i+1 - x_i, chords d_i = (y_i+1 - y_i) / h_i and slopes s_i at the knots, the second derivative is
    continuous where

        h_i s_i-1 + 2 (h_i-1 + h_i) s_i + h_i-1 s_i+1 = 3 (h_i d_i-1 + h_i-1 d_i)

    and the third one is continuous at the second and at the last but one knot, which closes the system. Up to three
    points lie on one polynomial of their own degree.

    Parameters
    ----------
    x : (N,) array
        Strictly increasing knots, N >= 2.
    y : (N, D) array
        Values.

    References
    ----------
    de Boor, "A Practical Guide to Splines", 1978, chapter IV.

    Examples
    --------
    >>> spline_pieces(np.arange(5.0), np.arange(5.0)[:, None] ** 3)[:, 2, 0].round(9).tolist()
    [1.0, 6.0, 12.0, 8.0]
    """
    h = np.diff(x)[:, None]
    chord = np.diff(y, axis=0) / h
    slope = _slopes(h, chord) if x.size > 3 else _slopes_of_few(h, chord)
    bend = (slope[:-1] + slope[1:] - 2.0 * chord) / h
    return np.stack([bend / h, (chord - slope[:-1]) / h - bend, slope[:-1], y[:-1]])


def _slopes(h: Array, chord: Array) -> Array:
    from scipy.linalg.lapack import dgtsv

    width = h[:-1] + h[1:]
    diagonal = np.concatenate([h[1], 2.0 * width[:, 0], h[-2]])
    below = np.concatenate([h[1:, 0], width[-1]])
    above = np.concatenate([width[0], h[:-1, 0]])
    first = ((h[0] + 2.0 * width[0]) * h[1] * chord[0] + h[0] ** 2 * chord[1]) / width[0]
    last = ((h[-1] + 2.0 * width[-1]) * h[-2] * chord[-1] + h[-1] ** 2 * chord[-2]) / width[-1]
    inner = 3.0 * (h[1:] * chord[:-1] + h[:-1] * chord[1:])
    slopes = dgtsv(below, diagonal, above, np.concatenate([first[None], inner, last[None]]))[3]
    return np.asarray(slopes, dtype=np.float64)


def _slopes_of_few(h: Array, chord: Array) -> Array:
    """Slopes of the line through two points, or of the parabola through three."""
    if len(h) == 1:
        return np.concatenate([chord, chord])
    middle = (h[1] * chord[0] + h[0] * chord[1]) / (h[0] + h[1])
    return np.stack([2.0 * chord[0] - middle, middle, 2.0 * chord[1] - middle])
