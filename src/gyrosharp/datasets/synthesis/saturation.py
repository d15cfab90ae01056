"""Saturation synthesis: light that the sharp picture lost to clipping, put back before blurring.

The blur A is linear, so adding alpha to the clipped pixels M of the sharp picture before it is RSBlur's alpha times the
blurred mask after it::

    A (I + alpha M) = A I + alpha A M

RSBlur averages the masks of the frames of a video, in which highlights move with the scene and every frame was clipped
for itself; here one sharp picture's mask travels with the picture.

References
----------
Rim et al., "Realistic blur synthesis for learning image deblurring", ECCV 2022, section 4.
"""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import UsageError
from gyrosharp.media.transfer import SRGB

Image = NDArray[np.float32]

CLIPPED_LINEAR = float(SRGB.decode(254.5 / 255))
"""Linear light that an 8-bit sRGB file stores as its largest code: nobody knows how much brighter it was."""


def saturation_mask(sharp_linear: Image) -> Image:
    """Return 1 where a channel is clipped and 0 elsewhere, (H, W, C) float32.

    Blurred, it is the share of its exposure during which a pixel saw clipped light.
    """
    return (sharp_linear >= np.float32(CLIPPED_LINEAR)).astype(np.float32)


def saturated_anywhere(sharp_linear: Image) -> Image:
    """Return 1 where any channel is clipped and 0 elsewhere, (H, W, 1) float32."""
    brightest = sharp_linear[..., :1]
    # One after the other: a maximum over three interleaved values takes thirty times as long.
    for channel in range(1, sharp_linear.shape[2]):
        brightest = np.maximum(brightest, sharp_linear[..., channel : channel + 1])
    return saturation_mask(brightest)


def saturated(sharp_linear: Image, alpha: float) -> Image:
    """Return I + alpha M: clipped pixels as bright as they may have been, so that their trails stay bright.

    Parameters
    ----------
    sharp_linear : (H, W, C) float32 array
        Sharp picture, linear light, clipped at 1.
    alpha : float
        Light added where a channel is clipped, in units of white, >= 0.

    Raises
    ------
    UsageError
        If alpha is negative or not finite.
    """
    if not 0.0 <= alpha < np.inf:
        raise UsageError(f"saturation alpha: expected a finite number >= 0, got {alpha:g}")
    return sharp_linear + np.float32(alpha) * saturation_mask(sharp_linear) if alpha else sharp_linear
