"""SSIM loss: 1 - SSIM."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import conv2d

from gyrosharp.errors import ImageError
from gyrosharp.training.losses._scales import over_scales

NAME = "ssim"
DESCRIPTION = "1 - SSIM of each picture"
PAPER = "Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, IEEE TIP 2004, eq. 13"

# The paper's window, and its constants (0.01 L)^2 and (0.03 L)^2 for a full scale L of 1.
WINDOW, SIGMA = 11, 1.5
C1, C2 = 0.01**2, 0.03**2


@dataclass(frozen=True)
class Loss:
    """L = 1 - mean of SSIM over channels and over windows that lie wholly in the picture.

    Windows are 11 x 11 Gaussians of sigma 1.5 px; variances are weighted by them, without Bessel's correction. It has
    no options.
    """

    def __call__(self, outputs: tuple[Tensor, ...], target: Tensor) -> Tensor:
        """Return the loss, 0 to 2.

        Raises
        ------
        ImageError
            If a scale is smaller than a window.
        """
        return over_scales(lambda output, sharp: 1 - ssim(output, sharp), outputs, target)


def ssim(first: Tensor, second: Tensor) -> Tensor:
    """Return SSIM of pictures (B, C, H, W) of full scale 1, a mean per picture: (B,).

    Raises
    ------
    ImageError
        If they are smaller than a window.
    """
    if min(first.shape[2:]) < WINDOW:
        size = " x ".join(str(side) for side in first.shape[2:])
        raise ImageError(f"ssim: expected at least {WINDOW} x {WINDOW} px at every scale, got {size}; use larger crops")
    mean_a, mean_b = _windowed(first), _windowed(second)
    variance_a = _windowed(first.square()) - mean_a.square()
    variance_b = _windowed(second.square()) - mean_b.square()
    covariance = _windowed(first * second) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + C1) / (mean_a.square() + mean_b.square() + C1)
    structure = (2 * covariance + C2) / (variance_a + variance_b + C2)
    return (luminance * structure).mean(dim=(1, 2, 3))


def _windowed(image: Tensor) -> Tensor:
    """Return Gaussian means over windows that lie wholly in the picture."""
    channels = image.shape[1]
    distance = torch.arange(WINDOW, device=image.device, dtype=image.dtype) - WINDOW // 2
    taps = torch.exp(-distance.square() / (2 * SIGMA**2))
    taps = (taps / taps.sum()).expand(channels, 1, 1, -1)
    return conv2d(conv2d(image, taps, groups=channels), taps.mT, groups=channels)
