"""PSNR loss: the negative PSNR."""

from dataclasses import dataclass

import torch
from torch import Tensor

from gyrosharp.training.losses._scales import over_scales, require_positive

NAME = "psnr"
DESCRIPTION = "minus the PSNR of each picture, dB"
PAPER = "NAFNet: Chen et al., Simple Baselines for Image Restoration, ECCV 2022, arXiv 2204.04676; also GyroDeblurNet's"


@dataclass(frozen=True)
class Loss:
    """L = 10 log10(MSE + eps), MSE over each picture's own pixels and channels.

    Equal steps in dB weigh alike, whatever the blur: pictures that are nearly right have a large gradient, up to
    where MSE falls to eps, at 80 dB.

    Attributes
    ----------
    eps : float
        Floor of the MSE, > 0; keeps value and gradient finite at equality.

    Raises
    ------
    UsageError
        If eps is not > 0.
    """

    eps: float = 1e-8

    def __post_init__(self) -> None:
        """Check the option."""
        require_positive(NAME, "eps", self.eps)

    def __call__(self, outputs: tuple[Tensor, ...], target: Tensor) -> Tensor:
        """Return the loss, dB; -PSNR for pictures of full scale 1."""
        return over_scales(self._decibels, outputs, target)

    def _decibels(self, output: Tensor, target: Tensor) -> Tensor:
        return 10 * torch.log10((output - target).square().mean(dim=(1, 2, 3)) + self.eps)
