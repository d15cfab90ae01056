r"""Richardson-Lucy deconvolution: plain, with total variation, and accelerated.

Richardson-Lucy maximises the likelihood of light whose noise variance is proportional to its brightness,

    u <- u / (A^T 1) * A^T (B / A u)                                     (Richardson 1972, Lucy 1974)

for a blur A that may be any linear operator, here the camera's own motion (Tai et al. 2011). The noise of an 8-bit
photo fits that well: constant noise s after a square-root-like transfer curve is linear-light noise of variance
4 s^2 u. Total variation, coupled over the channels, enters the denominator (Dey et al. 2006, eq. 12), and pixels
that are not to be trusted (saturated, or lit from outside the image) are damped by c in [0, 1]:

    u <- u / (A^T 1 (1 - l W div(grad u / |grad u|))) * A^T (1 + c (B / A u - 1))

W = sqrt(0.2 / brightness) makes the total variation that of the transfer-encoded image, in which noise and visible
contrast are the same in the dark as in the light; it is worth 0.3 to 0.5 dB.

Acceleration is a longer step, c -> 1.25 c, and Nesterov's momentum: the step starts at y = u + b_k (u - u_before)
with b_k = (t_k - 1) / t_{k+1}, t_{k+1} = (1 + sqrt(1 + 4 t_k^2)) / 2. Unlike the momentum of Biggs and Andrews (1997),
which is computed from the image, this sequence is known in advance; and so is the number of iterations. All that is
decided, is decided from the noise and the trails of the whole photo (`plan`), so that tiles agree with each other.

References
----------
Richardson, "Bayesian-based iterative method of image restoration", JOSA 62(1), 1972.
Lucy, "An iterative technique for the rectification of observed distributions", AJ 79(6), 1974.
Biggs and Andrews, "Acceleration of iterative image restoration algorithms", Applied Optics 36(8), 1997.
Dey et al., "Richardson-Lucy algorithm with total variation regularization ...", Microsc. Res. Tech. 69(4), 2006.
Beck and Teboulle, "A fast iterative shrinkage-thresholding algorithm", SIAM J. Imaging Sci. 2(1), 2009, eq. 4.2.
Tai et al., "Richardson-Lucy deblurring for scenes under a projective motion path", TPAMI 33(8), 2011, eq. 12.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial, reduce

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.exact import thread_count
from gyrosharp.restore.problem import Problem, Progress
from gyrosharp.restore.solvers import _elementwise
from gyrosharp.restore.solvers._method import Facts, Method

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Settings:
    """Settings of a Richardson-Lucy run.

    Attributes
    ----------
    iterations : int
        Number of steps; each costs one forward and one adjoint blur.
    tv_strength : float
        l, weight of the total variation; 0 leaves it out.
    accelerated : bool
        Momentum and longer steps.
    trusted_residual : float
        t, transfer-encoded: of a pixel that the prediction misses by r > t only t is believed; see `_believed`.
    """

    iterations: int
    tv_strength: float
    accelerated: bool = True
    trusted_residual: float = np.inf


# Longer steps: Nesterov's scheme is stable up to 4/3 of the step whose fixed point iteration just descends.
OVER_RELAXATION = 1.25
# Predictions are kept above this: half a code of 8-bit sRGB is 1.5e-4, and dark noise must not be amplified.
PREDICTION_FLOOR = 1e-3
# Channel-coupled gradients below this count as flat. A third of it gains 0.06 dB, but the step is explicit: in flat
# areas single pixels then swing to and fro, and blow rounding differences between tiles up to two codes of 8 bit.
TV_EPSILON = 1e-2
# Brightness at which W = 1, and the least brightness that W tells apart (half a percent of white).
TV_BRIGHTNESS, TV_LEAST_BRIGHTNESS = 0.2, 5e-3
# Brightness is taken from the photo, smoothed over its noise; 2 to 20 px make no difference.
BRIGHTNESS_SIGMA_PX = 2.5
BRIGHTNESS_SIDE_PX = 9
# Light from outside the image is guessed: squared, the covered share of the exposure loses nothing inside and wins
# 0.1 dB (0.5 dB in the worst photo) in the outermost trail length.
COVERAGE_POWER = 2
# Points seen for less than this share of the exposure take shorter steps, down to none; 0.01 to 0.2 make no difference.
LEAST_SEEN = 0.05


# Fitted to eight photos (kodak24) x trails of 8 to 32 px x noise of 0.2 to 3 %, half real and half simulated motion.
# Per noise, the best strength is the same for all trails; the power lies between 1, which keeps the look, and 2, which
# the posterior mode asks for after infinitely many steps.
TV_AT_ONE_PERCENT, TV_POWER = 7e-3, 1.4
# Fewer steps in more noise: the fine detail that later steps bring is noise by then.
ITERATIONS_AT_ONE_PERCENT, ITERATIONS_POWER = 18.0, -0.3
LEAST_ITERATIONS, MOST_ITERATIONS = 8, 24
# From the half-size solution the long trails are solved already, and the fine detail is left.
STARTED_SHARE = 0.65
# Without acceleration; without total variation the iteration has to stop before the noise comes up.
UNACCELERATED_FACTOR = 2.5
PLAIN_ITERATIONS, PLAIN_LEAST, PLAIN_MOST = 30.0, 5, 50
# A few steps, whose total variation hardly holds back what is fine, nor the noise: a network tells them apart.
CONSISTENT_ITERATIONS, CONSISTENT_TV = 3, 0.1
# What a camera smoothed and sharpened after the blur is blurred by no motion, and comes out as rings. An estimate that
# has none misses it; where it misses the photo by more than this share of its noise, half a code of 8 bit, it is not
# pulled back any harder. By more where less of the noise was taken, for JPEGs that keep theirs lose 1.3 dB by it.
SMOOTHED_TRUSTED = 0.1
# Only keeps a division by nothing off.
LEAST_MISSED = 1e-6
# As many rows at a time stay in the cache: a third of the time.
BELIEVED_ROWS = 64
# Trails at which the numbers of steps above hold, and how they grow with length.
TRAIL_PX, TRAIL_POWER, PLAIN_TRAIL_POWER = 16.0, 0.2, 0.4
# Range of noise that the fits may be stretched to: 8-bit rounding alone is 0.1 %.
LEAST_NOISE, MOST_NOISE = 1e-3, 0.05


def visible_noise(facts: Facts) -> float:
    """Return the noise of the transfer-encoded photo, full scale 1, clipped to what the plans are fitted to.

    With a square root for the transfer curve, du = 2 sqrt(u) de: s_encoded = s_linear / (2 sqrt(brightness)).
    """
    encoded = facts.noise_std / (2.0 * np.sqrt(max(facts.brightness, TV_LEAST_BRIGHTNESS)))
    return float(np.clip(encoded, LEAST_NOISE, MOST_NOISE))


def plan(facts: Facts, started: bool = False, accelerated: bool = True) -> Settings:
    """Return settings for Richardson-Lucy with total variation.

    Parameters
    ----------
    facts : Facts
        Noise, brightness and trails of the whole photo.
    started : bool
        Whether it starts from the solution of the half-size photo.
    accelerated : bool
        Momentum and longer steps.
    """
    noise = visible_noise(facts) / 0.01
    count = ITERATIONS_AT_ONE_PERCENT * noise**ITERATIONS_POWER * _trail_factor(facts, TRAIL_POWER)
    count = float(np.clip(count, LEAST_ITERATIONS, MOST_ITERATIONS))
    count *= (STARTED_SHARE if started else 1.0) * (1.0 if accelerated else UNACCELERATED_FACTOR)
    return Settings(round(count), TV_AT_ONE_PERCENT * noise**TV_POWER, accelerated)


def plan_consistent(facts: Facts, started: bool = True) -> Settings:  # noqa: ARG001
    """Return settings for a few steps from an estimate that was made elsewhere, which pull it back to the photo."""
    trusted = SMOOTHED_TRUSTED * visible_noise(facts) / facts.taken if facts.taken > 0 else np.inf
    return Settings(CONSISTENT_ITERATIONS, CONSISTENT_TV * plan(facts).tv_strength, trusted_residual=trusted)


def plan_plain(facts: Facts, started: bool = False) -> Settings:  # noqa: ARG001
    """Return settings for plain Richardson-Lucy: when to stop."""
    noise = visible_noise(facts) / 0.01
    count = PLAIN_ITERATIONS / noise * _trail_factor(facts, PLAIN_TRAIL_POWER)
    return Settings(round(float(np.clip(count, PLAIN_LEAST, PLAIN_MOST))), 0.0, accelerated=False)


def _trail_factor(facts: Facts, power: float) -> float:
    return float((np.clip(facts.trail_px, 1.0, 100.0) / TRAIL_PX) ** power)


def solve(
    problem: Problem, progress: Progress | None = None, settings: Settings | None = None, start: Image | None = None
) -> Image:
    """Deconvolve.

    Parameters
    ----------
    problem : Problem
        Observed image (H, W, C), operator, noise and confidence.
    progress : callable or None
        Told (iterations done, all iterations).
    settings : Settings or None
        None takes `plan` of the problem at hand, with the operator's reach, half a trail, for the trails.
    start : (H, W, C) float32 array or None
        First estimate, > 0 where light is possible; overwritten. None takes the observed image.

    Returns
    -------
    (H, W, C) float32 array
        Linear light, >= 0; where the photo is saturated it may exceed 1.
    """
    if settings is None:
        trail_px = 2.0 * problem.operator.reach_px
        settings = plan(Facts(problem.noise_std, float(problem.observed.mean()), trail_px))
    observed = np.ascontiguousarray(problem.observed, dtype=np.float32)
    previous = observed.copy() if start is None else np.ascontiguousarray(start, dtype=np.float32)
    estimate = previous.copy()
    confidence = _trust(problem, settings)
    smoothing = _tv_weight(observed, settings) if settings.tv_strength > 0 else None
    normaliser, unseen, lacking = _filled_up(problem.seen)
    threads = thread_count()
    # Fresh memory for every blur would take a fifth of its time.
    predicted, correction = np.empty_like(estimate), np.empty_like(estimate)
    for done, momentum in enumerate(momenta(settings), 1):
        predicted = problem.operator.forward(estimate, predicted)
        if done == 1:
            confidence = _believed(observed, predicted, confidence, settings.trusted_residual)
        ratio = _elementwise.ratio(observed, predicted, confidence, PREDICTION_FLOOR, threads)
        correction = problem.operator.adjoint(ratio, correction)
        correction[unseen] += lacking
        # `ratio` has served; its memory takes the total variation.
        tv = None if smoothing is None else _elementwise.tv_divergence(estimate, TV_EPSILON, threads, ratio)
        _elementwise.update(estimate, correction, normaliser, tv, smoothing, previous, momentum, threads)
        if progress is not None:
            progress(done, settings.iterations)
    return previous


def step_length(settings: Settings) -> float:
    """Return by how much a step is longer than that whose fixed point iteration just descends."""
    return OVER_RELAXATION if settings.accelerated else 1.0


def momenta(settings: Settings) -> Iterator[float]:
    """Yield b_k, one per iteration."""
    t = 1.0
    for _ in range(settings.iterations):
        t_next = (1.0 + np.sqrt(1.0 + 4.0 * t * t)) / 2.0
        yield (t - 1.0) / t_next if settings.accelerated else 0.0
        t = t_next


def _trust(problem: Problem, settings: Settings) -> Image:
    """Return c times the step length (H, W)."""
    trust = problem.operator.coverage**COVERAGE_POWER
    trust *= problem.confidence
    trust *= np.float32(step_length(settings))
    return np.ascontiguousarray(trust)


def _believed(observed: Image, predicted: Image, trust: Image, most: float) -> Image:
    """Return c min(1, t / r) (H, W), the weights of a Huber loss, r = |sqrt(B) - sqrt(A u)| of the worst channel.

    The square root stands for the transfer curve. Weights of the first prediction serve for all of the few steps (one
    round of iterative reweighting; Huber, Robust Statistics, 1981, section 7.8).
    """
    if not np.isfinite(most):
        return trust
    believed = np.empty_like(trust)
    for first in range(0, len(trust), BELIEVED_ROWS):
        rows = slice(first, first + BELIEVED_ROWS)
        missed = np.sqrt(observed[rows])
        missed -= np.sqrt(np.maximum(predicted[rows], np.float32(0)))
        np.abs(missed, out=missed)
        # NumPy is slow to reduce the last, short axis.
        worst = reduce(np.maximum, (missed[..., c] for c in range(missed.shape[2])))
        share = np.float32(most) / np.maximum(worst, np.float32(LEAST_MISSED))
        np.multiply(trust[rows], np.minimum(share, np.float32(1)), out=believed[rows])
    return believed


def _filled_up(seen: Image) -> tuple[Image, tuple[NDArray[np.intp], ...], Image]:
    """Return A^T 1 raised to its least value, where (rows, columns), and by how much (n, 1).

    Points that no pixel saw, as at the border of a slow rolling shutter, have A^T 1 = 0 and would turn black. Adding
    what is lacking to the correction as well makes them keep what they were given.
    """
    unseen = np.nonzero(seen < LEAST_SEEN)
    lacking = LEAST_SEEN - seen[unseen]
    return np.maximum(seen, np.float32(LEAST_SEEN)), unseen, np.asarray(lacking[:, None], dtype=np.float32)


def _tv_weight(observed: Image, settings: Settings) -> Image:
    """Return l W times the step length (H, W)."""
    import cv2

    channels = observed.shape[2]
    brightness = cv2.transform(observed, np.full((1, channels), 1 / channels, np.float32)).reshape(observed.shape[:2])
    side = (BRIGHTNESS_SIDE_PX, BRIGHTNESS_SIDE_PX)
    smooth = cv2.GaussianBlur(brightness, side, BRIGHTNESS_SIGMA_PX, borderType=cv2.BORDER_REPLICATE)
    np.maximum(smooth, np.float32(TV_LEAST_BRIGHTNESS), out=smooth)
    np.divide(np.float32(TV_BRIGHTNESS), smooth, out=smooth)
    np.sqrt(smooth, out=smooth)
    smooth *= np.float32(settings.tv_strength * step_length(settings))
    return np.asarray(smooth, dtype=np.float32)


METHODS = (
    Method(
        "rl",
        "Richardson-Lucy with total variation and momentum: the default",
        plan,
        solve,
        takes_start=True,
        framed=True,
    ),
    Method(
        "rl-tv",
        "Richardson-Lucy with total variation, without acceleration",
        partial(plan, accelerated=False),
        solve,
        framed=True,
    ),
    Method("rl-plain", "Richardson-Lucy as published in 1972, stopped early", plan_plain, solve),
)
