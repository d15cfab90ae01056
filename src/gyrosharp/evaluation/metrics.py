"""Full-reference image metrics."""

import numpy as np
from numpy.typing import ArrayLike

from gyrosharp.errors import UsageError
from gyrosharp.media.transfer import SRGB


def psnr(first: ArrayLike, second: ArrayLike) -> float:
    """Return the peak signal-to-noise ratio 10 log10(1 / MSE) of two images of full scale 1, in dB.

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
    error = float(np.mean((a - b) ** 2))
    return float("inf") if error == 0.0 else -10.0 * float(np.log10(error))


def psnr_srgb(first_linear: ArrayLike, second_linear: ArrayLike) -> float:
    """Return the PSNR of two linear images after sRGB encoding, which is how people look at them, in dB."""
    return psnr(SRGB.encode(first_linear), SRGB.encode(second_linear))
