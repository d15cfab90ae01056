"""Charbonnier loss: L1, smooth at zero."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gyrosharp.training.losses._scales import over_scales, require_positive

NAME = "charbonnier"
DESCRIPTION = "mean of sqrt(difference^2 + eps^2)"
PAPER = "Charbonnier et al., ICIP 1994; Stripformer: Tsai et al., ECCV 2022, arXiv 2204.04627"


@dataclass(frozen=True)
class Loss:
    """L = mean sqrt((x - y)^2 + eps^2), which is eps at equality.

    Attributes
    ----------
    eps : float
        Differences below it count as squares, above it as absolute values; > 0.

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
        return over_scales(lambda output, sharp: charbonnier(output - sharp, self.eps), outputs, target)


def charbonnier(difference: Tensor, eps: float) -> Tensor:
    """Return mean sqrt(difference^2 + eps^2), a scalar."""
    return torch.sqrt(difference.square() + eps**2).mean()
