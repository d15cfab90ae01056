r"""Self-calibration: small corrections of the gyro, found from the blurred photo itself.

The corrections theta = (time offset, gyro bias about three axes, log focal length factor) maximise

    E(theta) = kappa * mean evidence of the windows under the corrected motion + log p(z),   z_i = theta_i / sigma_i,
    log p(z) = -1/2 |z|^2   or   log (exp(A - 1/2 |z / s|^2) + exp(-1/2 |z|^2)),

the spectral evidence of `gyrosharp.restore.spectrum` with a prior: a Gaussian, or, for gyros that are often right,
the sum of a narrow and a wide one (spike and slab; Mitchell and Beauchamp, Bayesian Variable Selection in Linear
Regression, JASA 83, 1988). E has many maxima, and the search is coarse to fine: points drawn from the prior are
looked at at low frequencies, where there are fewer; the best are refined by Levenberg's damped scoring, with the
curvature

    H_ij = kappa * mean J_i J_j + w delta_ij,     J_i = d log M / d z_i,

w being that of the parabola that touches -log p at z, and lies above it. With the wide prior's w = 1 the inverse of H
is the covariance reported.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.exact import thread_count
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import Capture
from gyrosharp.errors import CaptureError, ImuError
from gyrosharp.restore.spectrum import Fit, Spectra, SpectralEvidence

Array = NDArray[np.float64]

# Poses along a trail of at most 24 px (in the reduced photo): 1 px apart.
POSES = 24
COARSE_FREQUENCY, FINE_FREQUENCY = 0.15, 0.42
# Nats per frequency -> nats. A window has some 3,500 frequencies, but their deviations from a smooth spectrum are no
# noise: neighbours deviate together, and so do windows. 1,000 for 40 windows gave the best motion over 24 photos (300
# to 3,000 do).
CONFIDENCE = 25.0
# Points drawn in prior standard deviations: offsets twice as wide, for logs that nobody has synchronised.
DRAWS, DRAWN_STDS = 160, (2.0, 1.2, 1.2, 1.2, 1.2)
# Climbs at low frequencies, from starts this far apart; and at all frequencies, from their ends.
COARSE_CLIMBS, COARSE_APART = 5, 1.0
FINE_CLIMBS, FINE_APART = 2, 0.3
COARSE_STEPS, FINE_STEPS = 5, 6
# Most further fits of a point before it is compared with another.
MOST_REFITS = 40
# Finite differences and longest step, in prior standard deviations.
PROBE, LONGEST_STEP = 0.1, 1.5
# Spike and slab: advantage A in nats, and width s of the spike. Of 48 shots with an exact gyro the best correction
# gains up to 2.0 nats, in three more than 1.2; of 48 with all errors together 1.2 to 57. To hold on to a wrong motion
# costs more than to leave a right one by the 0.1 px that corrections are off.
SPIKE, SPIKE_WIDTH = 1.0, 0.15
# Nats below which a step is not worth another one.
ENOUGH = 0.05


@dataclass(frozen=True)
class CalibrationPriors:
    """Standard deviations of the corrections.

    Attributes
    ----------
    offset_s : float
        Time offset left after synchronisation; video frames are some milliseconds apart in their stamps.
    bias_rad_s : float
        Gyro bias per axis; phones show 0.002 to 0.02 rad/s.
    log_focal : float
        Logarithm of the focal length factor: EXIF focal lengths, focus breathing and stabiliser crops.
    """

    offset_s: float = 0.005
    bias_rad_s: float = 0.02
    log_focal: float = 0.04

    def __post_init__(self) -> None:
        if not (self.sigmas > 0).all():
            raise CaptureError(f"calibration priors: expected standard deviations > 0, got {self}")

    @property
    def sigmas(self) -> Array:
        """Standard deviations (5,) of offset, bias x, y, z, log focal factor."""
        return np.array([self.offset_s, *[self.bias_rad_s] * 3, self.log_focal])


@dataclass(frozen=True)
class Prior:
    """Density of corrections z (5,) in standard deviations.

    Attributes
    ----------
    often_right : bool
        Whether many logs and cameras need no correction at all: a spike at 0 besides the Gaussian.
    """

    often_right: bool = False

    def log_density(self, z: Array) -> float:
        """Return log p(z), up to a constant."""
        wide = -0.5 * float(z @ z)
        return float(np.logaddexp(SPIKE + wide / SPIKE_WIDTH**2, wide)) if self.often_right else wide

    def weight(self, z: Array) -> float:
        """Return the curvature w of the parabola that touches -log p at z: -d log p / dz = w z."""
        if not self.often_right:
            return 1.0
        odds = 0.5 * float(z @ z) * (1.0 / SPIKE_WIDTH**2 - 1.0) - SPIKE
        spike = 1.0 / (1.0 + np.exp(min(odds, 700.0)))
        return float(spike / SPIKE_WIDTH**2 + 1.0 - spike)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Corrections found, and what they achieve.

    Attributes
    ----------
    capture : Capture
        The corrected capture; its reference time is that of the capture it came from.
    corrections : (5,) array
        Time offset (s), gyro bias x, y, z (rad/s, IMU frame), log focal length factor.
    uncertainties : (5,) array
        Standard deviations of the corrections.
    priors : CalibrationPriors
        What was expected of the corrections.
    """

    capture: Capture
    corrections: Array
    uncertainties: Array
    priors: CalibrationPriors

    @property
    def distance(self) -> float:
        """Sum of the squared corrections in prior standard deviations; 5 on average if the priors hold."""
        return float(np.sum((self.corrections / self.priors.sigmas) ** 2))


def corrected(capture: Capture, corrections: Array) -> Capture:
    """Return a capture with corrections (5,) applied; the reference time stays."""
    assert capture.imu is not None
    return replace(
        capture,
        time_offset_s=capture.time_offset_s + float(corrections[0]),
        imu=capture.imu.minus_bias(corrections[1:4]),
        camera=capture.camera.refocused(float(np.exp(corrections[4]))),
    )


def displacements(capture: Capture, centres_px: Array, poses: int = POSES) -> Array:
    """Return the displacements (W, T, 2) that blur the pixels (W, 2), px.

    Raises
    ------
    ImuError, CaptureError
        If the motion does not cover the exposure.
    """
    motion = CameraMotion.from_capture(capture)
    phases = (np.arange(poses) + 0.5) / poses
    times = motion.line_times_ns(centres_px, phases)
    return motion.displacements(centres_px, times)


def refine_motion(capture: Capture, spectra: Spectra, priors: CalibrationPriors | None = None) -> Calibration:
    """Find the corrections under which a capture explains its photo best.

    Parameters
    ----------
    capture : Capture
        The shot, with a gyro log.
    spectra : Spectra
        Windows of the photo, see `textured_spectra`; without any, or with known poses, nothing is corrected.
    priors : CalibrationPriors or None
        Standard deviations of the corrections.

    Raises
    ------
    ImuError, CaptureError
        If the log does not cover the exposure.
    """
    priors = priors or CalibrationPriors()
    sigmas = priors.sigmas
    if capture.imu is None or len(spectra) == 0:
        return Calibration(capture, np.zeros(5), sigmas, priors)
    search = _Search(capture, spectra, sigmas, Prior())
    return _calibration(capture, search, search.best(), priors)


def settle_motion(capture: Capture, calibration: Calibration, spectra: Spectra) -> Calibration:
    """Return the motion to undo: the told one, unless the photo makes a case for another.

    The evidence of a photo is noisy, and its maximum lies beside the truth even if the gyro was exact; deconvolution
    feels a fifth of a pixel. A spike in the prior (see the module) holds the motion where it was told, until the
    evidence for a correction outweighs it; and then lets it go.

    Parameters
    ----------
    capture : Capture
        The shot as it was told.
    calibration : Calibration
        What `refine_motion` made of it: where the evidence is highest.
    spectra : Spectra
        The same windows of the photo.
    """
    if capture.imu is None or len(spectra) == 0:
        return calibration
    priors = calibration.priors
    search = _Search(capture, spectra, priors.sigmas, Prior(often_right=True))
    return _calibration(capture, search, search.higher(np.zeros(5), calibration.corrections / priors.sigmas), priors)


def _calibration(capture: Capture, search: "_Search", found: "_State", priors: CalibrationPriors) -> Calibration:
    spread = np.sqrt(np.diag(np.linalg.inv(search.precision(found)))) * priors.sigmas
    theta = found.z * priors.sigmas
    return Calibration(corrected(capture, theta), theta, spread, priors)


COARSE, FINE = 0, 1


@dataclass(frozen=True, eq=False)
class _State:
    """One point of the search: corrections z in prior standard deviations, and the fit there."""

    z: Array
    level: int
    fit: Fit
    objective: float


class _Search:
    """The objective and its derivatives at two levels of detail."""

    def __init__(self, capture: Capture, spectra: Spectra, sigmas: Array, prior: Prior) -> None:
        self._capture = capture
        self._centres = spectra.centres_px
        self._sigmas, self._prior = sigmas, prior
        self._weight = CONFIDENCE * len(spectra)
        self._levels = [SpectralEvidence(spectra, bound) for bound in (COARSE_FREQUENCY, FINE_FREQUENCY)]
        displacements(capture, self._centres)

    def state(self, z: Array, level: int, near: Fit | None = None) -> _State | None:
        """Evaluate a point; None where the log does not cover the exposure any more."""
        try:
            motion = displacements(corrected(self._capture, z * self._sigmas), self._centres)
        except (ImuError, CaptureError):
            return None
        fit = self._levels[level].fit(motion, near)
        evidence = float(self._levels[level].per_window(fit).mean())
        return _State(z, level, fit, self._weight * evidence + self._prior.log_density(z))

    def best(self) -> _State:
        """Return the highest point found."""
        draws = np.random.default_rng(0).standard_normal((DRAWS, 5)) * DRAWN_STDS
        with ThreadPoolExecutor(thread_count()) as pool:
            coarse = list(pool.map(partial(self.state, level=COARSE), (np.zeros(5), *draws)))
        starts = _apart([state for state in coarse if state is not None], COARSE_CLIMBS, COARSE_APART)
        ends = _apart([self._climb(state, COARSE_STEPS) for state in starts], FINE_CLIMBS, FINE_APART)
        fine = [self.state(end.z, FINE) for end in ends]
        return _highest([self._climb(state, FINE_STEPS) for state in fine if state is not None])[0]

    def higher(self, *starts: Array) -> _State:
        """Return the highest point found from these, compared by fits that have arrived."""
        states = [self.state(z, FINE) for z in starts]
        ends = [self._climb(self._arrived(state), FINE_STEPS) for state in states if state is not None]
        return _highest([self._arrived(end) for end in ends])[0]

    def _arrived(self, state: _State) -> _State:
        """Carry a fit on until it gains next to nothing: what it still lacks may be more than motions differ by."""
        for _ in range(MOST_REFITS):
            again = self.state(state.z, state.level, state.fit)
            if again is None or again.objective - state.objective < ENOUGH:
                break
            state = again
        return state

    def precision(self, state: _State) -> Array:
        """Return the inverse covariance (5, 5) under the Gaussian prior."""
        return self.curvature(state)[1] + (1.0 - self._prior.weight(state.z)) * np.eye(5)

    def _climb(self, state: _State, steps: int) -> _State:
        damping = 0.1
        for _ in range(steps):
            gradient, curvature = self.curvature(state)
            better, damping = self._step(state, gradient, curvature, damping)
            if better is None:
                break
            gained, state = better.objective - state.objective, better
            if gained < ENOUGH:
                break
        return state

    def _step(self, state: _State, gradient: Array, curvature: Array, damping: float) -> tuple[_State | None, float]:
        """Levenberg: shorten the step until the objective grows."""
        for _ in range(4):
            move = np.linalg.solve(curvature + damping * np.diag(np.diag(curvature)), gradient)
            move *= min(1.0, LONGEST_STEP / float(np.abs(move).max()))
            tried = self.state(state.z + move, state.level, state.fit)
            if tried is not None and tried.objective > state.objective:
                return tried, 0.3 * damping
            damping = 5.0 * max(damping, 0.03)
        return None, damping

    def curvature(self, state: _State) -> tuple[Array, Array]:
        """Return gradient (5,) and curvature (5, 5) of the objective."""
        with ThreadPoolExecutor(thread_count()) as pool:
            slopes, gradient = zip(*pool.map(partial(self._slope, state), range(5)), strict=True)
        flat = np.stack(slopes).reshape(5, -1)
        weight, held = self._weight / flat.shape[1], self._prior.weight(state.z)
        return np.array(gradient), np.asarray(weight * flat @ flat.T, dtype=float) + held * np.eye(5)

    def _slope(self, state: _State, axis: int) -> tuple[NDArray[np.float32], float]:
        """Return d log M / d z and d E / d z by central differences, or one-sided ones at the end of the log.

        All fits of a difference take the same number of steps from the same start: what these steps still gain is no
        slope.
        """
        step = PROBE * np.eye(len(state.z))[axis]
        tried = {k: self.state(state.z + k * step, state.level, state.fit) for k in (1, -1)}
        if None in tried.values():
            tried[0] = self.state(state.z, state.level, state.fit)
        ends = [(k, found) for k, found in sorted(tried.items()) if found is not None]
        (low, before), (high, after) = ends[0], ends[-1]
        if low == high:
            return np.zeros_like(state.fit.log_model), 0.0
        run = (high - low) * PROBE
        slope = (after.fit.log_model - before.fit.log_model) / np.float32(run)
        return slope, (after.objective - before.objective) / run


def _highest(states: list[_State]) -> list[_State]:
    return sorted(states, key=lambda state: -state.objective)


def _apart(states: list[_State], count: int, distance: float) -> list[_State]:
    """Return the highest states that are this far from each other."""
    kept: list[_State] = []
    for state in _highest(states):
        if len(kept) < count and all(np.linalg.norm(state.z - other.z) > distance for other in kept):
            kept.append(state)
    return kept
