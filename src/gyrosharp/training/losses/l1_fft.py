"""L1 of the pixels and of the spectra, at all scales."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gyrosharp.training.losses._scales import over_scales, require_positive

NAME = "l1_fft"
DESCRIPTION = "L1 + 0.1 L1 of the spectrum"
PAPER = "MIMO-UNet: Cho et al., ICCV 2021, arXiv 2108.05054; also GAMD's and FFTformer's"


@dataclass(frozen=True)
class Loss:
    """L = mean |x - y| + frequency mean |F(x) - F(y)|.

    F is the unnormalised 2-D DFT over all H W frequencies, and the mean runs over its real and imaginary parts: noise
    of standard deviation s gives spectral differences of the order of s sqrt(H W / 2), so the second term grows with
    the crop's side. The weight 0.1 belongs to crops of 256 px.

    Attributes
    ----------
    frequency : float
        Weight of the spectral term, > 0.

    Raises
    ------
    UsageError
        If the weight is not > 0.
    """

    frequency: float = 0.1

    def __post_init__(self) -> None:
        """Check the option."""
        require_positive(NAME, "frequency", self.frequency)

    def __call__(self, outputs: tuple[Tensor, ...], target: Tensor) -> Tensor:
        """Return the loss."""
        return over_scales(self._both, outputs, target)

    def _both(self, output: Tensor, target: Tensor) -> Tensor:
        difference = output - target
        # The DFT is linear: one of the difference does. Real and imaginary parts have a gradient at 0, moduli do not.
        spectrum = torch.view_as_real(torch.fft.fft2(difference))
        return difference.abs().mean() + self.frequency * spectrum.abs().mean()
