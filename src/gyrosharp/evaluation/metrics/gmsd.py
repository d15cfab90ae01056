"""Gradient magnitude similarity deviation."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.evaluation.metrics._pictures import compared, luma, weighted_mean
from gyrosharp.evaluation.metrics._windows import halved

NAME = "gmsd"
DESCRIPTION = "spread of the similarity of gradient magnitudes, Prewitt on the halved luma"
PAPER = "Xue et al., TIP 2014"
UNIT = ""
BETTER = "lower"
REFERENCE = True
MASKED = True
NEEDS = ""

Array = NDArray[np.float64]

CONSTANT = 170.0
"""The paper's c, (8-bit codes / px)^2; keeps flat parts from deciding."""
LEAST_SIDE = 6
"""The halved picture must hold one gradient filter of 3 px."""


def score(image: ArrayLike, truth: ArrayLike | None = None, mask: ArrayLike | None = None) -> float:
    """Return the standard deviation of the gradient magnitude similarity, 0 for equal pictures.

    ::

        GMS = (2 m_x m_y + c) / (m_x^2 + m_y^2 + c)          (eq. 4)
        GMSD = sqrt(mean((GMS - mean(GMS))^2))               (eq. 6)

    of the luma's 2 x 2 means, with gradient magnitudes m by Prewitt's filters (divided by 3). The picture counts as
    zero outside, as in the authors' code.

    Parameters
    ----------
    image, truth : (H, W) or (H, W, C) arrays
        sRGB-encoded, [0, 1]; clipped first; sides of at least 6 px.
    mask : (H, W) array, optional
        Weights of both means, averaged over the 2 x 2 blocks.

    Raises
    ------
    UsageError, ImageError
        If pictures or mask cannot be compared; see `compared`.
    """
    first, second, weights = compared(NAME, image, truth, mask, LEAST_SIDE)
    magnitude1, magnitude2 = (_gradient_magnitude(halved(luma(picture), "zero")) for picture in (first, second))
    similarity = (2.0 * magnitude1 * magnitude2 + CONSTANT) / (magnitude1**2 + magnitude2**2 + CONSTANT)
    shares = halved(weights, "edge")
    mean = weighted_mean(NAME, similarity, shares)
    return float(np.sqrt(weighted_mean(NAME, (similarity - mean) ** 2, shares)))


def _gradient_magnitude(grey: Array) -> Array:
    import cv2

    difference, mean = np.array([-1.0, 0.0, 1.0]), np.full(3, 1.0 / 3.0)
    across = cv2.sepFilter2D(grey, cv2.CV_64F, difference, mean, borderType=cv2.BORDER_CONSTANT)
    down = cv2.sepFilter2D(grey, cv2.CV_64F, mean, difference, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(np.hypot(across, down), dtype=np.float64)
