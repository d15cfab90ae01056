"""Multi-scale structural similarity."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.evaluation.metrics._pictures import compared, weighted_mean
from gyrosharp.evaluation.metrics._windows import halved, inside
from gyrosharp.evaluation.metrics.ssim import WINDOW, similarity_maps

NAME = "ms_ssim"
DESCRIPTION = "SSIM's contrast and structure at five scales, luminance at the coarsest; mean over channels"
PAPER = "Wang et al., Asilomar 2003"
UNIT = ""
BETTER = "higher"
REFERENCE = True
MASKED = True
NEEDS = ""

Array = NDArray[np.float64]

EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""The paper's weights of the scales, finest first, from observers who matched pictures across scales (section 3.2)."""
LEAST_SIDE = (len(WINDOW) - 1) * 2 ** (len(EXPONENTS) - 1) + 1
"""161 px: halved four times, rounding up, one window of 11 px is left."""


def score(image: ArrayLike, truth: ArrayLike | None = None, mask: ArrayLike | None = None) -> float:
    """Return the multi-scale structural similarity of two stored pictures, 0 to 1.

    ::

        MS-SSIM = l_5^a5  prod_{j=1..5} (c s)_j^aj                                                (eq. 7)

    for each channel, with the maps of SSIM averaged at each scale before the product; at the coarsest scale the mean
    of l c s is taken, as in the authors' code. Scales are made by 2 x 2 means. A negative mean counts as 0: its
    fractional power would not be real.

    Parameters
    ----------
    image, truth : (H, W) or (H, W, C) arrays
        sRGB-encoded, [0, 1]; clipped first; sides of at least 161 px.
    mask : (H, W) array, optional
        Weights of the window centres, averaged with the pictures from scale to scale.

    Raises
    ------
    UsageError, ImageError
        If pictures or mask cannot be compared; see `compared`.
    """
    first, second, weights = compared(NAME, image, truth, mask, LEAST_SIDE)
    product = np.ones(first.shape[2])
    for scale, exponent in enumerate(EXPONENTS):
        if scale > 0:
            first, second, weights = halved(first, "edge"), halved(second, "edge"), halved(weights, "edge")
        luminance, contrast = similarity_maps(first, second)
        factor = luminance * contrast if scale == len(EXPONENTS) - 1 else contrast
        product *= _channel_means(factor, inside(weights, WINDOW)) ** exponent
    return float(product.mean())


def _channel_means(factor: Array, weights: Array) -> Array:
    means = [weighted_mean(NAME, factor[..., channel], weights) for channel in range(factor.shape[2])]
    return np.maximum(means, 0.0)
