"""Edge loss: Charbonnier of the finest level of a Laplacian pyramid."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, pad

from gyrosharp.training.losses._scales import over_scales, require_positive
from gyrosharp.training.losses.charbonnier import charbonnier

NAME = "edge"
DESCRIPTION = "Charbonnier loss of the Laplacian pyramid's finest level"
PAPER = "MPRNet: Zamir et al., CVPR 2021, arXiv 2102.02808, eq. 3; Stripformer, ECCV 2022; Burt and Adelson 1983"

# Burt and Adelson's generating kernel with a = 0.4.
TAPS = (0.05, 0.25, 0.4, 0.25, 0.05)
REACH = len(TAPS) // 2


@dataclass(frozen=True)
class Loss:
    """L = mean sqrt((D(x) - D(y))^2 + eps^2), D(x) = x - expand(reduce(x)).

    Borders are repeated in reduce and in expand, so that D of a constant is 0 everywhere. The published code repeats
    borders after zeros have been put between the samples, which leaves a frame of up to 2 px in D.

    Attributes
    ----------
    eps : float
        As in the Charbonnier loss, > 0.

    Raises
    ------
    UsageError
        If eps is not > 0.
    """

    eps: float = 1e-3

    def __post_init__(self) -> None:
        """Check the option."""
        require_positive(NAME, "eps", self.eps)

    def __call__(self, outputs: tuple[Tensor, ...], target: Tensor) -> Tensor:
        """Return the loss."""
        # D is linear: D(x) - D(y) = D(x - y).
        return over_scales(lambda x, y: charbonnier(laplacian_level(x - y), self.eps), outputs, target)


def laplacian_level(image: Tensor) -> Tensor:
    """Return image - expand(reduce(image)), shaped as the image (B, C, H, W)."""
    channels, height, width = image.shape[1:]
    taps = image.new_tensor(TAPS)
    kernel = torch.outer(taps, taps).expand(channels, 1, -1, -1)
    reduced = conv2d(pad(image, (REACH,) * 4, mode="replicate"), kernel, stride=2, groups=channels)
    # Three of four samples of the finer grid are zero before smoothing: hence the factor 4. One sample is put around
    # the coarse grid, whose first then lies at -2 of the fine one, and the kernel reaches 2 further.
    wide = pad(reduced, (1,) * 4, mode="replicate")
    expanded = conv_transpose2d(wide, 4 * kernel, stride=2, groups=channels)
    start = 2 + REACH
    return image - expanded[..., start : start + height, start : start + width]
