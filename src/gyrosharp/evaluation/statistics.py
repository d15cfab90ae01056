"""Paired comparisons: mean differences with 95 % intervals, and what they allow to say about an order.

Two methods see the same shots, so their difference is taken shot by shot: what makes a shot hard for both cancels.
Intervals are Student's t over photos, as shots of one photo are not independent. With several training runs, runs and
photos are two crossed random effects; see `crossed_interval`.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.errors import UsageError

Array = NDArray[np.float64]
Order = Literal["better", "worse", "unresolved"]

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A mean and its 95 % interval.

    Attributes
    ----------
    mean : float
        The estimate.
    low, high : float
        Ends of the interval; -inf and inf where one value cannot say how much it varies.
    count : int
        Independent values behind it: groups, or cells of a table of runs and photos.
    """

    mean: float
    low: float
    high: float
    count: int

    @property
    def half(self) -> float:
        """Half its width."""
        return (self.high - self.low) / 2

    @property
    def order(self) -> Order:
        """Where it lies: above zero "better", below "worse", around zero "unresolved"."""
        if self.low > 0.0:
            return "better"
        return "worse" if self.high < 0.0 else "unresolved"


def mean_interval(values: ArrayLike, groups: Sequence[Hashable] | None = None) -> Interval:
    """Return the mean of values +- t s, t the 97.5 % quantile of Student's distribution with G - 1 degrees.

    With G groups, s^2 = G / (G - 1) sum_g (sum_{i in g} (v_i - mean))^2 / N^2, which lets values of one group depend on
    each other in any way (Liang and Zeger, Biometrika 1986); with a group for each value it is the sample variance over
    N.

    Parameters
    ----------
    values : (N,) array
        Values; differences for a paired comparison.
    groups : sequence of N names, optional
        Which values are not independent; by default all are.

    Raises
    ------
    UsageError
        If there are no values, one is not finite, or there is not one group for each.

    Examples
    --------
    >>> found = mean_interval([1.0, 2.0, 3.0])
    >>> round(found.mean, 3), round(found.low, 3), round(found.high, 3)
    (2.0, -0.484, 4.484)
    """
    array = _finite(values, 1)
    mean = float(array.mean())
    sums = _group_sums(array - mean, range(array.size) if groups is None else groups)
    count = sums.size
    variance = count / (count - 1) * float((sums**2).sum()) / array.size**2 if count > 1 else np.inf
    return _interval(mean, variance, count - 1, count)


def paired_interval(first: ArrayLike, second: ArrayLike, groups: Sequence[Hashable] | None = None) -> Interval:
    """Return the interval of first - second, pair by pair; see `mean_interval`.

    Raises
    ------
    UsageError
        If they are not of one length, or as in `mean_interval`.
    """
    a, b = _pair(first, second, 1)
    return mean_interval(a - b, groups)


def crossed_interval(first: ArrayLike, second: ArrayLike) -> Interval:
    """Return the interval of first - second over training runs and photos, both taken as samples of more.

    The differences d[r, p] = mean + run r + photo p + rest. With the mean squares of a two-way table without
    repetitions, Var(mean) = (MS_runs + MS_photos - MS_rest) / (R P), with Satterthwaite's degrees of freedom
    (Searle, Casella, McCulloch, "Variance Components", 1992, section 4.2). It is never taken below either of
    MS_runs / (R P) and MS_photos / (R P).

    Parameters
    ----------
    first, second : (R, P) arrays
        Scores of R runs on P photos. Runs that share a seed belong into one row; else any order will do.

    Raises
    ------
    UsageError
        If they are not of one shape, not finite, or there are fewer than two runs or photos.
    """
    a, b = _pair(first, second, 2)
    table = a - b
    runs, photos = table.shape
    if min(runs, photos) < 2:
        raise UsageError(f"crossed interval: expected at least 2 runs and 2 photos, got {runs} and {photos}")
    mean = float(table.mean())
    rows, columns = table.mean(axis=1) - mean, table.mean(axis=0) - mean
    rest = table - mean - rows[:, None] - columns
    degrees = np.array([runs - 1.0, photos - 1.0, (runs - 1.0) * (photos - 1.0)])
    squares = np.array([photos * (rows**2).sum(), runs * (columns**2).sum(), (rest**2).sum()]) / degrees
    total = max(float(squares[0] + squares[1] - squares[2]), float(squares[:2].max()))
    spread = float((squares**2 / degrees).sum())
    # A sum of mean squares has at least the degrees of its scarcest part; taking the rest off must not go below.
    freedom = max(total**2 / spread if spread > 0.0 else 0.0, float(degrees[:2].min()))
    return _interval(mean, total / (runs * photos), freedom, runs * photos)


def ordering(first: ArrayLike, second: ArrayLike, groups: Sequence[Hashable] | None = None) -> Order:
    """Return whether `first` scores higher than `second`, at 95 %.

    Parameters
    ----------
    first, second : (N,) or (R, P) arrays
        Scores on the same N shots, or of R training runs on the same P photos.
    groups : sequence of N names, optional
        Which shots belong together; for (N,) arrays.

    Returns
    -------
    str
        "better", "worse", or "unresolved" where the interval of the difference holds zero.

    Raises
    ------
    UsageError
        As `paired_interval` and `crossed_interval` do.
    """
    if np.ndim(first) == 2:
        return crossed_interval(first, second).order
    return paired_interval(first, second, groups).order


def _interval(mean: float, variance: float, freedom: float, count: int) -> Interval:
    from scipy.special import stdtrit

    if not np.isfinite(variance):
        return Interval(mean, -np.inf, np.inf, count)
    half = float(stdtrit(freedom, 0.5 + LEVEL / 2)) * float(np.sqrt(variance))
    return Interval(mean, mean - half, mean + half, count)


def _group_sums(values: Array, groups: Sequence[Hashable]) -> Array:
    if len(groups) != values.size:
        raise UsageError(f"statistics: expected a group for each of {values.size} values, got {len(groups)}")
    sums: dict[Hashable, float] = {}
    for group, value in zip(groups, values.tolist(), strict=True):
        sums[group] = sums.get(group, 0.0) + value
    return np.array(list(sums.values()))


def _pair(first: ArrayLike, second: ArrayLike, dimensions: int) -> tuple[Array, Array]:
    a, b = _finite(first, dimensions), _finite(second, dimensions)
    if a.shape != b.shape:
        raise UsageError(f"statistics: expected scores of the same shots, got arrays {a.shape} and {b.shape}")
    return a, b


def _finite(values: ArrayLike, dimensions: int) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != dimensions or not array.size:
        raise UsageError(f"statistics: expected values along {dimensions} axes, got an array {array.shape}")
    if not np.isfinite(array).all():
        raise UsageError("statistics: expected finite values, got NaN or infinity; leave such shots out")
    return array
