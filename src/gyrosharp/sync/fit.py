r"""Robust least squares over point pairs, with pairs of frames, not points, as what is independent.

The unknowns x minimise

    cost(x) = sum_k c_k sum_(i in k) rho(|r_i(x)| / sigma) + sum_j (x_j - m_j)^2 / (2 p_j^2)

over pairs k of frames and their points i, with Cauchy's rho, so that what moves by itself counts little. Translation
and gyro noise move all points of a pair together, like a small turn of its own, of standard deviation s. So n points
of a pair do not count n times but

    c_k n = n / (1 + n (s f / sigma)^2)

(the design effect of survey statistics); s and sigma are re-estimated after every step. What happens within a pair
is not modelled further: parallax looks like a shorter lens, and a model that trusts it more than the gyro is misled.

The covariance of x is that of the normal equations, or the cluster-robust ("sandwich") one where that is larger, with
stretches of pairs as clusters (Cameron and Miller, "A practitioner's guide to cluster-robust inference", 2015).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gyrosharp.sync.model import COUNT, Prediction, Scene, Unknowns, predict

Array = NDArray[np.float64]

MOST_STEPS = 40
# A step below this share of every standard deviation changes nothing that is reported.
CONVERGED = 0.01
# Cauchy's constant: 95 % efficient on normal errors.
CAUCHY = 2.385
# Normal errors in two dimensions have this median length.
MEDIAN_LENGTH = 1.1774
LEAST_NOISE_PX = 0.02
# What is expected of a pair's own turn before it is seen, rad: gyro noise, and a hand that moves the camera
# sideways. Worth so many pairs of evidence.
TURN_RAD, TURN_RAD_PER_S, TURN_PAIRS = 1e-4, 1e-3, 2.0
# Pairs within so many seconds share a hand's translation: they count as one cluster.
CLUSTER_S = 0.25
FEWEST_CLUSTERS = 8
# Steps may fail so often in a row before the descent ends.
MOST_FAILURES = 6


@dataclass(frozen=True, eq=False)
class Priors:
    """What is believed of the unknowns beforehand, in the order of `gyrosharp.sync.model`.

    Attributes
    ----------
    mean : (19,) array
        Expected difference from the starting values.
    std : (19,) array
        Standard deviation of that; 0 keeps an unknown at its start, infinity leaves it free.
    """

    mean: Array
    std: Array

    @property
    def free(self) -> NDArray[np.bool_]:
        """Which unknowns are estimated."""
        return self.std > 0

    @property
    def weight(self) -> Array:
        """One over the variance; 0 where nothing is believed."""
        safe = np.where(self.free, self.std, 1.0)
        return np.where(np.isfinite(safe), 1.0 / safe**2, 0.0)


@dataclass(frozen=True, eq=False)
class Fit:
    """What fitting found.

    Attributes
    ----------
    at : Unknowns
        The estimates.
    covariance : (19, 19) array
        Of the estimates, zero for what was kept.
    shifts_px : (M, 2) array
        Mean residual of each pair: what its own turn looks like.
    turn_std_rad : float
        Median over the pairs of their standard deviation s.
    noise_px : float
        Standard deviation sigma of a coordinate about the prediction.
    weights : (N,) array
        Cauchy's weights, 0 to 1: near 0 for points that move by themselves.
    residual_px : (N, 2) array
        Predicted by the gyro less seen.
    """

    at: Unknowns
    covariance: Array
    shifts_px: Array
    turn_std_rad: float
    noise_px: float
    weights: Array
    residual_px: Array

    @property
    def std(self) -> Array:
        """Standard deviations (19,)."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    @property
    def rms_px(self) -> float:
        """Root mean square length of the residuals, weighted."""
        return float(np.sqrt(np.average((self.residual_px**2).sum(axis=1), weights=self.weights)))


@dataclass(frozen=True, eq=False)
class _Scales:
    """Noise sigma, px; each pair's turn variance (M,), rad^2; how much each point counts (N,)."""

    noise_px: float
    turn_var: Array
    worth: Array


@dataclass(frozen=True, eq=False)
class _System:
    """Normal matrix (19, 19), scores (M, 19) per pair, and the pairs' mean residuals (M, 2), px."""

    matrix: Array
    scores: Array
    shifts_px: Array


def fit(scene: Scene, start: Unknowns, priors: Priors, steps: int = MOST_STEPS) -> Fit:
    """Fit the unknowns to a scene, from a start near enough for a descent.

    Parameters
    ----------
    scene : Scene
        The matches; at least one pair.
    start : Unknowns
        First values.
    priors : Priors
        What is believed, and what is kept.
    steps : int
        At most so many.
    """
    at, moved = start, np.zeros(COUNT)
    seen = predict(scene, at)
    scales = _scales(scene, at, seen, None)
    damping, failures = 1e-3, 0
    for _ in range(steps):
        system = _normal(scene, seen, scales)
        step, size = _step(system, priors, moved, damping)
        trial_at = at.stepped(step)
        trial = predict(scene, trial_at)
        if _cost(trial, scales, priors, moved + step) > _cost(seen, scales, priors, moved) * (1 + 1e-9):
            damping, failures = damping * 10.0, failures + 1
            if failures > MOST_FAILURES:
                break
            continue
        damping, failures = max(damping / 10.0, 1e-9), 0
        at, moved, seen = trial_at, moved + step, trial
        scales = _scales(scene, at, seen, _normal(scene, seen, scales))
        if size < CONVERGED:
            break
    return _finished(scene, at, seen, scales, priors)


def _scales(scene: Scene, at: Unknowns, seen: Prediction, system: _System | None) -> _Scales:
    lengths = np.linalg.norm(seen.residual_px, axis=1)
    noise_px = max(float(np.median(lengths)) / MEDIAN_LENGTH, LEAST_NOISE_PX)
    expected = (TURN_RAD + TURN_RAD_PER_S * (scene.stamp_b_s - scene.stamp_a_s)) ** 2
    turn_var, counts = expected, np.diff(scene.points.bounds)
    if system is not None:
        # What the pairs' mean residuals scatter beyond the noise of the points, as a factor on what was expected.
        shown = np.maximum(system.shifts_px**2 - noise_px**2 / counts[:, None], 0.0)
        shown /= expected[:, None] * at.camera.fx**2
        turn_var = expected * (shown.sum() + 2.0 * TURN_PAIRS) / (shown.size + 2.0 * TURN_PAIRS)
    worth = 1.0 / (1.0 + counts * turn_var * (at.camera.fx / noise_px) ** 2)
    return _Scales(noise_px, turn_var, worth[scene.points.pair])


def _weights(seen: Prediction, noise_px: float) -> Array:
    spread = (seen.residual_px**2).sum(axis=1) / (CAUCHY * noise_px) ** 2
    return np.asarray(1.0 / (1.0 + spread), dtype=np.float64)


def _cost(seen: Prediction, scales: _Scales, priors: Priors, moved: Array) -> float:
    spread = (seen.residual_px**2).sum(axis=1) / (CAUCHY * scales.noise_px) ** 2
    points = 0.5 * CAUCHY**2 * float((scales.worth * np.log1p(spread)).sum())
    return points + 0.5 * float((priors.weight * (moved - priors.mean) ** 2).sum())


def _normal(scene: Scene, seen: Prediction, scales: _Scales) -> _System:
    weight = _weights(seen, scales.noise_px) / scales.noise_px**2
    rows = np.concatenate([seen.by_unknown, seen.residual_px[:, :, None]], axis=2)
    rows = (rows * np.sqrt(weight)[:, None, None]).reshape(-1, COUNT + 1)
    bounds = scene.points.bounds
    sums = np.stack([rows[2 * a : 2 * b].T @ rows[2 * a : 2 * b] for a, b in pairwise(bounds)])
    total = np.add.reduceat(weight, bounds[:-1])
    shifts = np.add.reduceat(weight[:, None] * seen.residual_px, bounds[:-1], axis=0) / total[:, None]
    worth = scales.worth[bounds[:-1]]
    return _System(
        np.tensordot(worth, sums[:, :COUNT, :COUNT], 1),
        -worth[:, None] * sums[:, :COUNT, -1],
        shifts,
    )


def _step(system: _System, priors: Priors, moved: Array, damping: float) -> tuple[Array, float]:
    """Return a damped step, and the largest part of it in standard deviations."""
    free = priors.free
    matrix = (system.matrix + np.diag(priors.weight))[np.ix_(free, free)]
    score = (system.scores.sum(axis=0) - priors.weight * (moved - priors.mean))[free]
    # Marquardt's damping, with a floor for what the motion says nothing about.
    scale = np.diag(matrix) + 1e-12 * np.diag(matrix).max()
    step = np.zeros(COUNT)
    step[free] = np.linalg.solve(matrix + np.diag(damping * scale), score)
    return step, float(np.abs(step[free] * np.sqrt(scale)).max(initial=0.0))


def _finished(scene: Scene, at: Unknowns, seen: Prediction, scales: _Scales, priors: Priors) -> Fit:
    system = _normal(scene, seen, scales)
    free = np.ix_(priors.free, priors.free)
    matrix = (system.matrix + np.diag(priors.weight))[free]
    # What nothing is known about gets an enormous variance instead of a singular matrix.
    matrix += np.diag(1e-12 * np.diag(matrix) + 1e-18 * np.diag(matrix).max())
    covariance = np.zeros((COUNT, COUNT))
    covariance[free] = _widened(
        np.asarray(np.linalg.inv(matrix), dtype=np.float64), system.scores[:, priors.free], scene
    )
    return Fit(
        at=at,
        covariance=covariance,
        shifts_px=system.shifts_px,
        turn_std_rad=float(np.sqrt(np.median(scales.turn_var))),
        noise_px=scales.noise_px,
        weights=_weights(seen, scales.noise_px),
        residual_px=seen.residual_px,
    )


def _widened(inverse: Array, scores: Array, scene: Scene) -> Array:
    """Return the covariance, widened where the scores of stretches of pairs scatter more than the model expects."""
    stretch = np.floor((scene.stamp_a_s - scene.stamp_a_s.min()) / CLUSTER_S).astype(int)
    _, cluster = np.unique(stretch, return_inverse=True)
    count = int(cluster.max()) + 1
    if count < FEWEST_CLUSTERS:
        return inverse
    sums = np.zeros((count, scores.shape[1]))
    np.add.at(sums, cluster, scores)
    sandwich = inverse @ (sums.T @ sums) @ inverse * count / (count - 1.0)
    wider = np.sqrt(np.maximum(np.diag(sandwich) / np.diag(inverse), 1.0))
    return np.asarray(inverse * np.outer(wider, wider), dtype=np.float64)
