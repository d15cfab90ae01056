"""The reblur residual: how well a restored image, blurred by the recorded motion, gives back the photo."""

from dataclasses import dataclass, field
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from gyrosharp.restore.problem import Problem
from gyrosharp.restore.restoration import ReblurResidual

Image = NDArray[np.float32]

LEAST_CONFIDENCE, LEAST_COVERAGE = 0.5, 0.99
# Texture: the gradient of the photo, smoothed by 1.5 px, exceeds half the noise. Smoothing leaves noise gradients of
# s / sqrt(8 pi sigma^4) = 0.09 s per channel, so that flat areas hardly ever pass.
TEXTURE_SIGMA_PX, TEXTURE_IN_NOISE = 1.5, 0.5
# A photo with less texture than this is judged on all its trusted pixels.
LEAST_TEXTURED_SHARE = 0.01
# Unit of the residual for photos without noise: less than half a code of 8-bit sRGB in the dark.
LEAST_NOISE_STD = 1e-4


@dataclass
class ReblurSums:
    """Sums behind a reblur residual, filled part by part; textured and plain pixels are counted apart."""

    squares: NDArray[np.float64] = field(default_factory=lambda: np.zeros((2, 2)))
    counts: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))

    def add(self, problem: Problem, restored: Image, used: tuple[slice, slice] = (slice(None), slice(None))) -> None:
        """Count the pixels `used` of a problem and its solution."""
        trusted = (problem.confidence >= LEAST_CONFIDENCE) & (problem.operator.coverage >= LEAST_COVERAGE)
        textured = _textured(problem.observed, problem.noise_std)
        masks = [(trusted & textured)[used], (trusted & ~textured)[used]]
        self.counts += [mask.sum() for mask in masks]
        error = np.empty(restored.shape, np.float32)
        for row, image in enumerate((problem.observed, restored)):
            error = problem.operator.forward(image, error)
            error -= problem.observed
            squares = np.einsum("ijk,ijk->ij", error[used], error[used])
            self.squares[row] += [squares[mask].sum(dtype=np.float64) for mask in masks]

    def residual(self, noise_std: float, channels: int) -> ReblurResidual | None:
        """Return the residual in units of the noise, or None where no pixel can be trusted."""
        total = self.counts.sum()
        if total == 0:
            return None
        enough = self.counts[0] >= LEAST_TEXTURED_SHARE * total
        mean = self.squares[:, 0] / self.counts[0] if enough else self.squares.sum(axis=1) / total
        before, after = np.sqrt(mean / channels) / max(noise_std, LEAST_NOISE_STD)
        return ReblurResidual(float(before), float(after))


def reblur_residual(problem: Problem, restored: Image) -> ReblurResidual | None:
    """Return rms(A u - B) over trusted, covered, textured pixels in units of the noise, for u = B and u = restored.

    Parameters
    ----------
    problem : Problem
        Photo B, operator A, noise, confidence.
    restored : (H, W, C) float32 array
        Linear light.

    Returns
    -------
    ReblurResidual or None
        None where no pixel can be trusted.
    """
    sums = ReblurSums()
    sums.add(problem, restored)
    return sums.residual(problem.noise_std, restored.shape[2])


def _textured(observed: Image, noise_std: float) -> NDArray[np.bool_]:
    import cv2

    grey = reduce(np.add, (observed[..., c] for c in range(observed.shape[2]))) / np.float32(observed.shape[2])
    grey = cv2.GaussianBlur(grey, (0, 0), TEXTURE_SIGMA_PX)
    # Sobel's kernel sums to 8 times the gradient.
    along_x, along_y = (cv2.Sobel(grey, cv2.CV_32F, 1 - axis, axis, scale=0.125) for axis in (0, 1))
    limit = TEXTURE_IN_NOISE * max(noise_std, LEAST_NOISE_STD)
    return np.asarray(along_x**2 + along_y**2 > limit**2, dtype=np.bool_)
