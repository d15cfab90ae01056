"""MSE loss: the mean squared difference."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import mse_loss

from gyrosharp.training.losses._scales import over_scales

NAME = "mse"
DESCRIPTION = "mean squared difference"
PAPER = "DeepGyro: Mustaniemi et al., Gyroscope-Aided Motion Deblurring with Deep Networks, WACV 2019, arXiv 1810.00986"


@dataclass(frozen=True)
class Loss:
    """L = mean (x - y)^2. It has no options."""

    def __call__(self, outputs: tuple[Tensor, ...], target: Tensor) -> Tensor:
        """Return the loss."""
        return over_scales(mse_loss, outputs, target)
