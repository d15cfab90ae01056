"""L1 and MSE in a fixed ratio."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss

from gyrosharp.training.losses._scales import over_scales, require_positive

NAME = "l1_mse"
DESCRIPTION = "ratio * L1 + MSE, ratio 10"
PAPER = "IMU U-Net (gjazali): its author's blog, where MSE alone is reported to fail"


@dataclass(frozen=True)
class Loss:
    """L = ratio mean |x - y| + mean (x - y)^2.

    Attributes
    ----------
    ratio : float
        Weight of L1 when that of MSE is 1; > 0.

    Raises
    ------
    UsageError
        If the ratio is not > 0.
    """

    ratio: float = 10.0

    def __post_init__(self) -> None:
        """Check the option."""
        require_positive(NAME, "ratio", self.ratio)

    def __call__(self, outputs: tuple[Tensor, ...], target: Tensor) -> Tensor:
        """Return the loss."""
        return over_scales(self._mixed, outputs, target)

    def _mixed(self, output: Tensor, target: Tensor) -> Tensor:
        return self.ratio * l1_loss(output, target) + mse_loss(output, target)
