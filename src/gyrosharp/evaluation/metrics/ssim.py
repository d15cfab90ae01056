"""Structural similarity."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.evaluation.metrics._pictures import compared, weighted_mean
from gyrosharp.evaluation.metrics._windows import gaussian_taps, inside, windowed

NAME = "ssim"
DESCRIPTION = "similarity of local luminance, contrast and structure, 11 px Gaussian window; mean over channels"
PAPER = "Wang et al., TIP 2004"
UNIT = ""
BETTER = "higher"
REFERENCE = True
MASKED = True
NEEDS = ""

Array = NDArray[np.float64]

WINDOW = gaussian_taps(11, 1.5)
"""The paper's window: 11 x 11 px, standard deviation 1.5 px."""
LUMINANCE_CONSTANT = 0.01**2
"""C1 = (K1 L)^2 with K1 = 0.01 and full scale L = 1."""
CONTRAST_CONSTANT = 0.03**2
"""C2 = (K2 L)^2 with K2 = 0.03."""


def score(image: ArrayLike, truth: ArrayLike | None = None, mask: ArrayLike | None = None) -> float:
    """Return the mean structural similarity of two stored pictures, at most 1.

    Per channel and window, with weighted means m, variances s^2 and covariance s_xy (weights of sum 1: the population
    form of the authors' code)::

        SSIM = (2 m_x m_y + C1) (2 s_xy + C2) / ((m_x^2 + m_y^2 + C1) (s_x^2 + s_y^2 + C2))        (eq. 13)

    averaged over the windows that lie inside the picture, then over channels. The paper works on grey pictures; its
    variant for colour, SSIM of the luma, is ``score`` of grey pictures. The picture is not shrunk first, unlike in the
    authors' later script for large pictures.

    Parameters
    ----------
    image, truth : (H, W) or (H, W, C) arrays
        sRGB-encoded, [0, 1]; clipped first; sides of at least 11 px.
    mask : (H, W) array, optional
        Weights of the window centres. A window reaches 5 px beyond them.

    Raises
    ------
    UsageError, ImageError
        If pictures or mask cannot be compared; see `compared`.
    """
    first, second, weights = compared(NAME, image, truth, mask, len(WINDOW))
    luminance, contrast = similarity_maps(first, second)
    return weighted_mean(NAME, (luminance * contrast).mean(axis=2), inside(weights, WINDOW))


def similarity_maps(first: Array, second: Array) -> tuple[Array, Array]:
    """Return the two factors of SSIM for each window and channel: luminance, and contrast times structure.

    Parameters
    ----------
    first, second : (H, W, C) arrays
        Pictures, full scale 1.

    Returns
    -------
    luminance, contrast : (H - 10, W - 10, C) arrays
        Maps; their product is SSIM.
    """
    mean1, mean2 = windowed(first, WINDOW), windowed(second, WINDOW)
    cross, squares = mean1 * mean2, mean1**2 + mean2**2
    covariance = windowed(first * second, WINDOW) - cross
    variances = windowed(first**2 + second**2, WINDOW) - squares
    luminance = (2.0 * cross + LUMINANCE_CONSTANT) / (squares + LUMINANCE_CONSTANT)
    contrast = (2.0 * covariance + CONTRAST_CONSTANT) / (variances + CONTRAST_CONSTANT)
    return luminance, contrast
