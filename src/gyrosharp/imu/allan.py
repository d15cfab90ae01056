"""Allan deviation of a gyro at rest, and the noise figures read from it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.errors import ImuError

Array = NDArray[np.float64]

SLOPE_TOLERANCE = 0.15
"""A stretch of the curve belongs to a noise process if its slope is this close to the process's."""
SLOPE_SPAN = 3.0
"""Ratio of averaging times over which the local slope is taken, and that a noise process must show itself for."""
FLATNESS = float(np.sqrt(2 * np.log(2) / np.pi))
"""Allan deviation of flicker noise over its bias instability (IEEE Std 952-1997, C.1.3)."""


@dataclass(frozen=True)
class NoiseFigure:
    """A figure read off the Allan deviation, with the averaging times it was read at.

    Attributes
    ----------
    value : float
    from_s, to_s : float
        Averaging times over which the curve has the slope of this noise.
    """

    value: float
    from_s: float
    to_s: float


def allan_deviation(rate: ArrayLike, interval_s: float, counts: ArrayLike) -> Array:
    """Return the overlapping Allan deviation of a rate, sampled at equal intervals.

    With theta_k = dt sum_{i<k} rate_i, k = 0 ... N, and tau = m dt,

        sigma^2(tau) = 1 / (2 tau^2 (N - 2 m + 1)) sum_{k=0}^{N-2m} (theta_{k+2m} - 2 theta_{k+m} + theta_k)^2

    (IEEE Std 952-1997, equation C.11, with one more term for the angle before the first sample.)

    Parameters
    ----------
    rate : (N,) array
        Rates, e.g. rad/s.
    interval_s : float
        dt, s.
    counts : (T,) integer array
        Samples per average m, 1 <= m <= N / 2.

    Returns
    -------
    (T,) array
        In the unit of the rate.

    Raises
    ------
    ImuError
        If a count is out of range.

    Examples
    --------
    >>> allan_deviation([1.0, 2.0, 4.0], 1.0, [1]).round(6).tolist()
    [1.118034]
    """
    values = np.asarray(rate, dtype=np.float64)
    sizes = np.asarray(counts, dtype=np.int64)
    if not ((sizes >= 1) & (2 * sizes <= values.size)).all():
        raise ImuError(f"Allan deviation: expected averages over 1 to {values.size // 2} samples, got {sizes.tolist()}")
    # The mean is taken off first: it does not matter to second differences, but would cost digits in the sum.
    angle = np.concatenate([[0.0], np.cumsum(values - values.mean())]) * interval_s
    result = np.empty(sizes.size)
    for k, m in enumerate(sizes):
        second = angle[2 * m :] - 2 * angle[m:-m] + angle[: -2 * m]
        result[k] = np.sqrt((second @ second) / (2.0 * second.size)) / (m * interval_s)
    return result


def read_curve(
    tau_s: Array, deviation: Array
) -> tuple[NoiseFigure | None, NoiseFigure | None, NoiseFigure | None, dict[str, str]]:
    """Read angle random walk, bias instability and rate random walk off an Allan deviation.

    A process is read where the local slope in log-log axes is within 0.15 of its own (-1/2, 0, +1/2) over a ratio of
    averaging times of at least 3. The floor need not be that long; but the curve must rise again, or stay level, after
    it: otherwise the log ends before the floor.

    Returns
    -------
    white, instability, random_walk : NoiseFigure or None
    reasons : dict
        Why one is None.
    """
    slope = _local_slopes(tau_s, deviation)
    falling = _stretch(tau_s, slope, -0.5)
    rising = _stretch(tau_s, slope, 0.5)
    reasons: dict[str, str] = {}
    white = None
    if falling is None:
        reasons["white"] = "no stretch of the curve falls as 1/sqrt(tau)"
    else:
        white = _read(tau_s, deviation * np.sqrt(tau_s), falling)
    walk = None
    if rising is None or (falling is not None and rising.start < falling.stop):
        reasons["random_walk"] = f"the curve does not rise as sqrt(tau) up to {tau_s[-1]:.3g} s: log too short"
    else:
        walk = _read(tau_s, deviation * np.sqrt(3.0 / tau_s), rising)
    instability = _floor(tau_s, deviation, slope)
    if instability is None:
        reasons["instability"] = f"the curve has no floor up to {tau_s[-1]:.3g} s: log too short"
    return white, instability, walk, reasons


def quantisation_step(rate: Array) -> float | None:
    """Return the step of the grid that rates lie on, or None if they lie on none.

    The smallest difference between two values is the step if all differences are whole multiples of it to a tenth.
    """
    values = np.unique(rate)
    if values.size < 3:
        return None
    gaps = np.diff(values)
    # Text rounds: differences under a thousandth of the usual are one value written in two ways.
    gaps = gaps[gaps > 1e-3 * np.median(gaps)]
    step = float(np.median(gaps[gaps < 1.5 * gaps.min()]))
    off = np.abs(gaps / step - np.round(gaps / step))
    if np.quantile(off, 0.95) > 0.1 or step < 1e-12:
        return None
    # Over long gaps the rounding of the text averages out.
    return float(gaps.sum() / np.round(gaps / step).sum())


def _local_slopes(tau: Array, deviation: Array) -> Array:
    """Return the slope of log deviation over log tau within a factor sqrt(3) to both sides of each point."""
    x, y = np.log(tau), np.log(np.maximum(deviation, 1e-300))
    half = 0.5 * np.log(SLOPE_SPAN)
    slopes = np.full(tau.size, np.nan)
    for k in range(tau.size):
        near = np.abs(x - x[k]) <= half * (1 + 1e-9)
        if near.sum() >= 3 and x[near][-1] - x[near][0] > half:
            slopes[k] = np.polyfit(x[near], y[near], 1)[0]
    return slopes


def _stretch(tau: Array, slope: Array, wanted: float) -> slice | None:
    """Return the longest stretch of points whose slope is near the wanted one, or None if there is none long enough."""
    fits = np.abs(slope - wanted) <= SLOPE_TOLERANCE
    edges = np.flatnonzero(np.diff(np.concatenate([[0], fits.astype(int), [0]])))
    runs = [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    runs = [run for run in runs if tau[run.stop - 1] >= SLOPE_SPAN * tau[run.start]]
    return max(runs, key=lambda run: tau[run.stop - 1] / tau[run.start], default=None)


def _read(tau: Array, levels: Array, run: slice) -> NoiseFigure:
    """Return the mean level over a stretch; short averaging times, of which there are more, count for more."""
    weights = 1.0 / tau[run]
    value = float(np.exp(np.average(np.log(levels[run]), weights=weights)))
    return NoiseFigure(value, float(tau[run.start]), float(tau[run.stop - 1]))


def _floor(tau: Array, deviation: Array, slope: Array) -> NoiseFigure | None:
    """Return the bias instability, if the curve no longer falls over the last factor 3 of averaging times or more."""
    known = np.flatnonzero(np.isfinite(slope))
    falling = known[slope[known] <= -SLOPE_TOLERANCE]
    first = int(falling[-1]) + 1 if falling.size else 0
    if not known.size or first >= tau.size or tau[-1] < SLOPE_SPAN * tau[first]:
        return None
    lowest = int(deviation.argmin())
    return NoiseFigure(float(deviation[lowest]) / FLATNESS, float(tau[lowest]), float(tau[lowest]))
