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
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.exact import thread_count
from gyrosharp.restore.problem import Problem, Progress
from gyrosharp.restore.solvers import _elementwise

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
    """

    iterations: int
    tv_strength: float
    accelerated: bool = True


# Longer steps: Nesterov's scheme is stable up to 4/3 of the step whose fixed point iteration just descends.
OVER_RELAXATION = 1.25
# Predictions are kept above this: half a code of 8-bit sRGB is 1.5e-4, and dark noise must not be amplified.
PREDICTION_FLOOR = 1e-3
# Channel-coupled gradients below this count as flat; results change by 0.02 dB between 1e-3 and 1e-2.
TV_EPSILON = 3e-3
# Brightness at which W = 1, and the least brightness that W tells apart (half a percent of white).
TV_BRIGHTNESS, TV_LEAST_BRIGHTNESS = 0.2, 5e-3
# Brightness is taken from the photo, smoothed over its noise; 2 to 20 px make no difference.
BRIGHTNESS_SIGMA_PX = 2.5
BRIGHTNESS_SIDE_PX = 9
# Light from outside the image is guessed: squared, the covered share of the exposure loses nothing inside and wins
# 0.1 dB (0.5 dB in the worst photo) in the outermost trail length.
COVERAGE_POWER = 2


def plan(noise_std: float, brightness: float, trail_px: float) -> Settings:
    """Return the settings of `rl`."""
    raise NotImplementedError


def solve(problem: Problem, progress: Progress | None = None, settings: Settings | None = None) -> Image:
    """Deconvolve.

    Parameters
    ----------
    problem : Problem
        Observed image (H, W, C), operator, noise and confidence.
    progress : callable or None
        Told (iterations done, all iterations).
    settings : Settings or None
        None takes `plan` of the problem at hand, with the operator's reach for the trail length.

    Returns
    -------
    (H, W, C) float32 array
        Linear light, >= 0; where the photo is saturated it may exceed 1.
    """
    if settings is None:
        settings = plan(problem.noise_std, float(problem.observed.mean()), 2.0 * problem.operator.reach_px)
    image = np.array(problem.observed, dtype=np.float32, order="C")
    for done, image in enumerate(iterates(problem, settings), 1):
        if progress is not None:
            progress(done, settings.iterations)
    return image
