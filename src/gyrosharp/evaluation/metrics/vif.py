"""Visual information fidelity in the pixel domain."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.errors import UsageError
from gyrosharp.evaluation.metrics._pictures import compared, luma
from gyrosharp.evaluation.metrics._windows import gaussian_taps, inside, windowed

NAME = "vif"
DESCRIPTION = "information about the scene that survives, pixel-domain variant (VIFp), four scales of the luma"
PAPER = "Sheikh and Bovik, TIP 2006"
UNIT = ""
BETTER = "higher"
REFERENCE = True
MASKED = True
NEEDS = ""

Array = NDArray[np.float64]

WINDOWS = tuple(gaussian_taps(length, length / 5) for length in (17, 9, 5, 3))
"""Windows of the scales, finest first: n = 2^(5 - scale) + 1 px, standard deviation n / 5."""
NOISE_VARIANCE = 2.0
"""Variance of the noise of the eye, (8-bit codes)^2, as in the authors' code."""
FLAT = 1e-10
"""Variances below it, (8-bit codes)^2, count as none: rounding errors of flat parts."""
LEAST_SIDE = 41
"""41 px shrink to 17, 7 and 3 px at the coarser scales: one window of 3 px is left."""


def score(image: ArrayLike, truth: ArrayLike | None = None, mask: ArrayLike | None = None) -> float:
    """Return the visual information fidelity of a stored picture, 0 to about 1; above 1 where contrast is raised.

    The picture's local model is image = g truth + v. With local variances s^2 of the truth and s_v^2 of v, and the
    eye's noise s_n^2 (eq. 15 in the scalar, pixel-domain form that the authors published as VIFp)::

        VIF = sum log2(1 + g^2 s^2 / (s_v^2 + s_n^2)) / sum log2(1 + s^2 / s_n^2)

    over windows and four scales, on the luma. The wavelet form of the paper gives other numbers.

    Parameters
    ----------
    image, truth : (H, W) or (H, W, C) arrays
        sRGB-encoded, [0, 1]; clipped first; sides of at least 41 px.
    mask : (H, W) array, optional
        Weights of the window centres in both sums.

    Raises
    ------
    UsageError
        If the truth is flat under the mask: it holds no information to lose.
    UsageError, ImageError
        If pictures or mask cannot be compared; see `compared`.
    """
    first, second, weights = compared(NAME, image, truth, mask, LEAST_SIDE)
    distorted, true = luma(first), luma(second)
    kept = available = 0.0
    for scale, taps in enumerate(WINDOWS):
        if scale > 0:
            distorted, true = windowed(distorted, taps)[::2, ::2], windowed(true, taps)[::2, ::2]
            weights = inside(weights, taps)[::2, ::2]
        image_information, true_information = _information(distorted, true, taps)
        centres = inside(weights, taps)
        kept += float((centres * image_information).sum())
        available += float((centres * true_information).sum())
    if available == 0.0:
        raise UsageError(f"{NAME}: expected a true picture with some structure under the mask, got a flat one")
    return kept / available


def _information(distorted: Array, true: Array, taps: Array) -> tuple[Array, Array]:
    """Return the bits about the scene in each window of the picture and of the truth."""
    variance, noise, gain = _local_model(distorted, true, taps)
    kept = np.log2(1.0 + gain**2 * variance / (noise + NOISE_VARIANCE))
    return kept, np.log2(1.0 + variance / NOISE_VARIANCE)


def _local_model(distorted: Array, true: Array, taps: Array) -> tuple[Array, Array, Array]:
    """Return s^2, s_v^2 and g of image = g truth + v; where truth or image is flat or inverted, all of it is noise."""
    mean, true_mean = windowed(distorted, taps), windowed(true, taps)
    image_variance = np.maximum(windowed(distorted**2, taps) - mean**2, 0.0)
    variance = np.maximum(windowed(true**2, taps) - true_mean**2, 0.0)
    covariance = windowed(distorted * true, taps) - mean * true_mean
    related = (variance >= FLAT) & (image_variance >= FLAT) & (covariance > 0.0)
    gain = np.where(related, covariance / np.maximum(variance, FLAT), 0.0)
    noise = np.where(related, np.maximum(image_variance - gain * covariance, 0.0), image_variance)
    return np.where(variance >= FLAT, variance, 0.0), noise, gain
