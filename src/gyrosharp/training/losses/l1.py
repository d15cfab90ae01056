"""L1 loss: the mean absolute difference."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import l1_loss

from gyrosharp.training.losses._scales import over_scales

NAME = "l1"
DESCRIPTION = "mean absolute difference"
PAPER = "Zhao et al., Loss Functions for Image Restoration with Neural Networks, IEEE TCI 2017"


@dataclass(frozen=True)
class Loss:
    """L = mean |x - y|. It has no options."""

    def __call__(self, outputs: tuple[Tensor, ...], target: Tensor) -> Tensor:
        """Return the loss."""
        return over_scales(l1_loss, outputs, target)
