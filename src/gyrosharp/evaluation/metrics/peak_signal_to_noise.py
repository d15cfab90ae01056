"""Peak signal-to-noise ratio."""

import numpy as np
from numpy.typing import ArrayLike

from gyrosharp.errors import UsageError
from gyrosharp.evaluation.metrics._pictures import compared, weighted_mean
from gyrosharp.media.transfer import SRGB

NAME = "psnr"
DESCRIPTION = "10 log10(1 / MSE) over all pixels and channels"
PAPER = "definition"
UNIT = "dB"
BETTER = "higher"
REFERENCE = True
MASKED = True
NEEDS = ""


def psnr(first: ArrayLike, second: ArrayLike) -> float:
    """Return the peak signal-to-noise ratio 10 log10(1 / MSE) of two images of full scale 1, in dB.

    Values are taken as they are: they may be linear, and nothing is clipped; `score` is the metric of tables.

    Raises
    ------
    UsageError
        If the shapes differ.

    Examples
    --------
    >>> round(psnr([0.0, 0.5], [0.1, 0.4]), 6)
    20.0
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape:
        raise UsageError(f"psnr: expected images of one shape, got {a.shape} and {b.shape}")
    return _decibels(float(np.mean((a - b) ** 2)))


def psnr_srgb(first_linear: ArrayLike, second_linear: ArrayLike) -> float:
    """Return the PSNR of two linear images after sRGB encoding, which is how people look at them, in dB."""
    return psnr(SRGB.encode(first_linear), SRGB.encode(second_linear))


def score(image: ArrayLike, truth: ArrayLike | None = None, mask: ArrayLike | None = None) -> float:
    """Return 10 log10(1 / MSE) of two stored pictures, dB; infinite for equal ones.

    Parameters
    ----------
    image, truth : (H, W) or (H, W, C) arrays
        sRGB-encoded, [0, 1]; clipped first.
    mask : (H, W) array, optional
        Weights: MSE = sum_x w(x) mean_c e(x, c)^2 / sum_x w(x).

    Raises
    ------
    UsageError, ImageError
        If pictures or mask cannot be compared; see `compared`.
    """
    first, second, weights = compared(NAME, image, truth, mask)
    return _decibels(weighted_mean(NAME, ((first - second) ** 2).mean(axis=2), weights))


def _decibels(error: float) -> float:
    return float("inf") if error == 0.0 else -10.0 * float(np.log10(error))
