"""Candidates: refined guesses of delay, axes and focal length, and which of them the pictures leave standing."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.geometry.camera import CameraModel
from gyrosharp.sync.coarse import Guess, guesses
from gyrosharp.sync.fit import CAUCHY, CLUSTER_S, MOST_STEPS, Fit, Priors, fit
from gyrosharp.sync.model import (
    BIAS,
    COUNT,
    DELAY,
    DRIFT,
    FLOW,
    FOCAL,
    READOUT,
    SHAPES_OF_FLOW,
    TILT,
    TURNS_OF_FLOW,
    Scene,
    Unknowns,
    predict,
)

Array = NDArray[np.float64]

# Candidates are told apart on so many pairs and points: more cost time and change nothing.
TRIAL_PAIRS, TRIAL_POINTS, TRIAL_STEPS = 120, 24, 15
WIDE_PAIRS = 80
# Wider searches than this use fewer pairs.
WIDE_S = 3.0
# A rival is beaten if it is worse in this many standard errors over stretches of pairs, and its noise is larger by
# this factor; with few pairs, by the larger one.
BEATEN_SIGMAS, BEATEN_RATIO, BEATEN_FEW_RATIO = 3.0, 1.25, 1.8
FEW_CLUSTERS = 6
# From so many pairs on, steady translation can be told from turning.
FLOW_PAIRS = 10
# Driving at 10 m/s along a wall 10 m away stretches the picture once in a second; no more than a tenth of that is taken
# for turning at first.
SHAPE_STD_PER_S, TURN_STD_PER_S = 1.0, 0.1
# Guesses that leave this much more of the picture's motion unexplained than the best one are not refined.
HOPELESS_FACTOR, HOPELESS = 3.0, 0.1


@dataclass(frozen=True, eq=False)
class Beliefs:
    """What is believed before looking: expected values with standard deviations.

    Attributes
    ----------
    delay_s, delay_std_s : float
        Middle of a frame in gyro time less its stamp.
    readout_s, readout_std_s : float
        Readout; a standard deviation of 0 keeps it.
    bias_rad_s, bias_std_rad_s : (3,) array, float
        Gyro bias, IMU frame.
    tilt_std_rad : float
        How far axes lie off one of the 24 mappings.
    drift_std : float
        Drift between the clocks; 0 keeps it at none.
    few : bool
        Whether so few pairs were matched that assumptions do a part of the work.
    """

    delay_s: float
    delay_std_s: float
    readout_s: float
    readout_std_s: float
    bias_rad_s: Array
    bias_std_rad_s: float
    tilt_std_rad: float
    drift_std: float = 0.0
    few: bool = False

    def priors(self, start: Unknowns, flow_std: tuple[float, float]) -> Priors:
        """Return the priors of a fit that begins at some values; flow_std for turns and shapes, 1/s."""
        mean, std = np.zeros(COUNT), np.zeros(COUNT)
        mean[DELAY], std[DELAY] = self.delay_s - start.delay_s, self.delay_std_s
        std[FOCAL] = np.inf
        mean[READOUT], std[READOUT] = self.readout_s - start.readout_s, self.readout_std_s
        std[DRIFT] = self.drift_std
        std[TILT] = self.tilt_std_rad
        mean[BIAS], std[BIAS] = self.bias_rad_s - start.bias_rad_s, self.bias_std_rad_s
        flow = np.zeros(9)
        flow[TURNS_OF_FLOW], flow[SHAPES_OF_FLOW] = flow_std
        std[FLOW] = flow
        mean[FLOW] = -start.flow_per_s
        return Priors(mean, std)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A refined guess: the mapping it began with, its fit, and the costs of its pairs (M,)."""

    R_cube: Array
    fit: Fit
    costs: Array


@dataclass(frozen=True, eq=False)
class Standing:
    """The best candidate and the rivals that the pictures do not rule out."""

    best: Candidate
    rivals: tuple[Candidate, ...]


def refined(scene: Scene, start: Unknowns, beliefs: Beliefs) -> Fit:
    """Fit a scene, with as much steady translation as its pictures show.

    Steady translation turns the picture like a bias and stretches it unlike one. So its share that looks like a turn
    is bounded by twice what its stretches show.
    """
    first = first_fit(scene, start, beliefs)
    if len(scene) < FLOW_PAIRS:
        return first
    shown = float(np.sqrt(np.mean(first.at.flow_per_s[SHAPES_OF_FLOW] ** 2)))
    # The starting mapping is where tilt is counted from.
    begin = Unknowns(first.at.delay_s, first.at.camera, first.at.readout_s, 0.0, start.R_cam_imu, first.at.bias_rad_s)
    return fit(scene, begin, beliefs.priors(begin, (2.0 * shown + 5e-4, SHAPE_STD_PER_S)))


def standing_candidates(scene: Scene, camera: CameraModel, delays_s: Array, beliefs: Beliefs) -> Standing | None:
    """Return what explains the pictures best, and what else would; None if nothing could be compared.

    Parameters
    ----------
    scene : Scene
        The matches.
    camera : CameraModel
        Lens and size.
    delays_s : (T,) array
        Delays to try.
    beliefs : Beliefs
        For refining.
    """
    wide = float(delays_s[-1] - delays_s[0]) > WIDE_S
    trial = trial_scene(scene, WIDE_PAIRS if wide else TRIAL_PAIRS)
    guessed = guesses(trial, camera, delays_s)
    if not guessed:
        return None
    bound = HOPELESS_FACTOR * guessed[0].misfit + HOPELESS
    found = [(guess.R_cam_imu, _trial_fit(trial, camera, guess, beliefs)) for guess in guessed if guess.misfit <= bound]
    noise_px = min(one.noise_px for _, one in found)
    scored = [Candidate(R_cube, one, costs(trial, one, noise_px)) for R_cube, one in found]
    best = min(scored, key=lambda one: float(one.costs.mean()))
    rivals = tuple(one for one in scored if one is not best and not beaten(trial, best, one))
    return Standing(best, rivals)


def beaten(scene: Scene, best: Candidate, rival: Candidate, least_ratio: float = BEATEN_RATIO) -> bool:
    """Return whether a rival explains the pictures clearly worse than the best, by its noise and stretch by stretch."""
    ratio = rival.fit.noise_px / best.fit.noise_px
    stretch = np.floor((scene.stamp_a_s - scene.stamp_a_s.min()) / CLUSTER_S).astype(int)
    _, cluster = np.unique(stretch, return_inverse=True)
    worse = np.bincount(cluster, rival.costs - best.costs) / np.bincount(cluster)
    if worse.size < FEW_CLUSTERS:
        return bool(ratio > BEATEN_FEW_RATIO and (worse > 0).all())
    error = float(worse.std(ddof=1)) / np.sqrt(worse.size)
    return bool(ratio > least_ratio and worse.mean() > BEATEN_SIGMAS * error)


def _trial_fit(scene: Scene, camera: CameraModel, guess: Guess, beliefs: Beliefs) -> Fit:
    start = Unknowns(
        guess.delay_s,
        camera.refocused(guess.focal_px / camera.fx),
        beliefs.readout_s,
        0.0,
        guess.R_cam_imu,
        beliefs.bias_rad_s,
    )
    return first_fit(scene, start, beliefs, TRIAL_STEPS)


def first_fit(scene: Scene, start: Unknowns, beliefs: Beliefs, steps: int = MOST_STEPS) -> Fit:
    """Fit a scene with any steady translation that is usual."""
    flow_std = (0.0, 0.0) if len(scene) < FLOW_PAIRS else (TURN_STD_PER_S, SHAPE_STD_PER_S)
    return fit(scene, start, beliefs.priors(start, flow_std), steps)


def costs(scene: Scene, found: Fit, noise_px: float) -> Array:
    """Return what is left unexplained of each pair (M,), mean over its points, for a noise that candidates share."""
    spread = (predict(scene, found.at).residual_px ** 2).sum(axis=1) / (CAUCHY * noise_px) ** 2
    pair = scene.points.pair
    return np.asarray(np.bincount(pair, np.log1p(spread)) / np.bincount(pair), dtype=np.float64)


def trial_scene(scene: Scene, most: int = TRIAL_PAIRS) -> Scene:
    """Return so much of a scene as tells candidates apart: `most` pairs at most, evenly taken."""
    count = len(scene)
    pairs = np.arange(count) if count <= most else np.unique(np.linspace(0, count - 1, most).astype(np.intp))
    return scene.chosen(pairs, TRIAL_POINTS)
