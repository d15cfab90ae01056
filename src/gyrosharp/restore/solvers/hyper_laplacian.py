"""MAP deconvolution with the heavy-tailed gradients of natural images: |grad u|^0.8."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.depth_operator import DepthOperator
from gyrosharp.blur.operator import BlurOperator
from gyrosharp.restore.problem import Problem, Progress
from gyrosharp.restore.solvers import richardson_lucy, wiener

NAME = "map"
DESCRIPTION = "MAP with a hyper-Laplacian gradient prior: cleanest, slowest"

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Settings:
    """Settings of the hyper-Laplacian solver.

    Attributes
    ----------
    exponent : float
        alpha of the prior |difference|^alpha, in (0, 1]; natural images have 0.5 to 0.8.
    gradient_scale : float
        Scale g of the prior exp(-(|difference| / g)^alpha), linear, full scale 1.
    stages : int
        Values of the coupling beta, growing by `growth` from stage to stage.
    growth : float
        Factor between couplings.
    first_coupling : float
        First beta, in units of 1 / g^2.
    cg_steps : int
        Conjugate-gradient steps per stage; each costs one forward and one adjoint blur.
    """

    exponent: float = 0.8
    gradient_scale: float = 0.1
    stages: int = 4
    growth: float = 2.0 * 2.0**0.5
    first_coupling: float = 1.0
    cg_steps: int = 5


DEFAULTS = Settings()

# With noise below this the data term would outweigh the prior by more than float32 can resolve.
MIN_NOISE_STD = 2e-4
# Table of the scalar problem. Beyond its end the amount hardly falls any more, and is small against the value.
TABLE_END = 64
TABLE_STEPS_PER_UNIT = 256
NEWTON_STEPS = 30


def solve(
    problem: Problem,
    progress: Progress | None = None,
    settings: Settings = DEFAULTS,
    start: Image | None = None,
) -> Image:
    r"""Minimise the negative log posterior by half-quadratic splitting.

        E(u) = 1 / (2 s^2) sum_x c(x) ((A u)(x) - b(x))^2  +  sum_x (|D_x u| / g)^alpha + (|D_y u| / g)^alpha

    The differences get a copy w, held to them by beta / 2 |D u - w|^2, in units in which g = 1. For growing beta, in
    turn: w by table for every difference (it is a scalar problem), and u from the normal equations

        (A^T C A + s^2 beta / g^2 D^T D) u = A^T C b + s^2 beta / g D^T w

    by conjugate gradients from the last u.

    Parameters
    ----------
    problem : Problem
        Observed image b (H, W, C), operator A, noise s and confidence c.
    progress : callable or None
        Told (conjugate-gradient steps done, all steps).
    settings : Settings
        Prior and schedule.
    start : (H, W, C) array or None
        First u, e.g. the result of another solver; None takes the Wiener filter's, or with depth Richardson-Lucy's.

    Returns
    -------
    (H, W, C) float32 array
        Linear light, >= 0.

    References
    ----------
    Krishnan and Fergus, "Fast image deconvolution using hyper-Laplacian priors", NIPS 2009; Joshi et al., "Image
    deblurring using inertial measurement sensors", SIGGRAPH 2010, equation 9.
    """
    observed = np.asarray(problem.observed, dtype=np.float32)
    confidence = np.asarray(problem.confidence, dtype=np.float32)[..., None]
    data_side = problem.operator.adjoint(confidence * observed)
    prior_weight = (max(problem.noise_std, MIN_NOISE_STD) / settings.gradient_scale) ** 2
    u = _first_guess(problem) if start is None else np.asarray(start, dtype=np.float32)
    beta = settings.first_coupling
    for stage in range(settings.stages):
        system = _NormalEquations(problem.operator, confidence, prior_weight * beta)
        target = _shrunk_differences(u, beta, settings)
        right = data_side + system.weight * gradient_adjoint(*target)
        for step, iterate in enumerate(_conjugate_gradients(system, right, u, settings.cg_steps), 1):
            u = iterate
            if progress is not None:
                progress(stage * settings.cg_steps + step, settings.stages * settings.cg_steps)
        beta *= settings.growth
    return np.maximum(u, 0.0)


def _first_guess(problem: Problem) -> Image:
    """A filter rings where the blur tears at depth edges, and the few steps from there do not take that away."""
    if isinstance(problem.operator, DepthOperator):
        return richardson_lucy.solve(problem)
    return wiener.solve(problem)


def gradient(image: Image) -> tuple[Image, Image]:
    """Return the differences D_x u and D_y u to the next pixel, of the image's own size; 0 in the last line."""
    along_x, along_y = np.zeros_like(image), np.zeros_like(image)
    np.subtract(image[:, 1:], image[:, :-1], out=along_x[:, :-1])
    np.subtract(image[1:], image[:-1], out=along_y[:-1])
    return along_x, along_y


def gradient_adjoint(along_x: Image, along_y: Image) -> Image:
    """Apply the transpose of `gradient`: D_x^T p + D_y^T q."""
    result = np.zeros_like(along_x)
    result[:, :-1] -= along_x[:, :-1]
    result[:, 1:] += along_x[:, :-1]
    result[:-1] -= along_y[:-1]
    result[1:] += along_y[:-1]
    return result


def shrink(values: Image, beta: float, exponent: float) -> Image:
    """Return argmin_w |w|^alpha + beta / 2 (w - v)^2 for each v, by table.

    With c = beta^(1 / (2 - alpha)) the problem for c w and c v has beta = 1, so one table serves all couplings. It
    holds |v| - |w|, which changes slowly; small v are taken to 0.
    """
    table = _shrinkage_table(exponent)
    scale = np.float32(beta ** (1.0 / (2.0 - exponent)))
    place = np.abs(values) * (scale * TABLE_STEPS_PER_UNIT) + np.float32(0.5)
    amount = table[np.minimum(place, len(table) - 1).astype(np.int32)] / scale
    return np.asarray(values - np.clip(values, -amount, amount), dtype=np.float32)


def _shrunk_differences(image: Image, beta: float, settings: Settings) -> tuple[Image, Image]:
    scale = np.float32(settings.gradient_scale)
    along_x, along_y = gradient(image)
    return (
        scale * shrink(along_x / scale, beta, settings.exponent),
        scale * shrink(along_y / scale, beta, settings.exponent),
    )


@lru_cache(maxsize=8)
def _shrinkage_table(exponent: float) -> Image:
    """Return |v| - |w| of the scalar problem with beta = 1 at v = 0, 1 / STEPS, ... END; infinite where w = 0."""
    v = np.arange(TABLE_END * TABLE_STEPS_PER_UNIT + 1, dtype=np.float64) / TABLE_STEPS_PER_UNIT
    w = v.copy()
    # Newton's method on w - v + alpha w^(alpha - 1) = 0 from above reaches the larger root, a minimum, where there is
    # one; below, it leaves the positive axis and is caught at a tiny w whose cost then loses against w = 0.
    for _ in range(NEWTON_STEPS):
        w = np.maximum(w, 1e-9)
        slope = np.maximum(1.0 + exponent * (exponent - 1.0) * w ** (exponent - 2.0), 1e-3)
        w = w - (w - v + exponent * w ** (exponent - 1.0)) / slope
    w = np.maximum(w, 0.0)
    better = w**exponent + 0.5 * (w - v) ** 2 < 0.5 * v**2
    return np.asarray(np.where(better, v - w, np.inf), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class _NormalEquations:
    """A^T C A + weight D^T D."""

    operator: BlurOperator
    confidence: Image
    weight: float

    def __call__(self, image: Image) -> Image:
        data = self.operator.adjoint(self.confidence * self.operator.forward(image))
        return np.asarray(data + np.float32(self.weight) * gradient_adjoint(*gradient(image)), dtype=np.float32)


def _conjugate_gradients(system: _NormalEquations, right: Image, start: Image, steps: int) -> Iterator[Image]:
    """Yield the iterates of conjugate gradients for system(u) = right (Hestenes and Stiefel, 1952)."""
    u = start
    residual = right - system(u)
    direction = residual
    energy = _dot(residual, residual)
    for _ in range(steps):
        image = system(direction)
        curvature = _dot(direction, image)
        # A vanishing curvature means that the residual is rounding error.
        if curvature > 0.0:
            length = energy / curvature
            u = u + np.float32(length) * direction
            residual = residual - np.float32(length) * image
            previous, energy = energy, _dot(residual, residual)
            direction = residual + np.float32(energy / previous) * direction
        yield u


def _dot(a: Image, b: Image) -> float:
    """Inner product, summed in float64: float32 sums over a photo lose four digits."""
    return float(np.einsum("i,i->", a.reshape(-1), b.reshape(-1), dtype=np.float64))
