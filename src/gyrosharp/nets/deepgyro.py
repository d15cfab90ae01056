"""DeepGyro: a U-Net that sees the picture and one motion vector per pixel, as codes in two more channels.

Published: 64 to 1024 channels in five levels, no normalisation, and the output is the picture itself, not a correction
of the input. The blind variant (the paper's DeepBlind) sees the picture alone.

Differences: the published code takes any size by zero-padding maps on the way up where they came out one pixel short;
here the picture is padded by repeating its border (`DeblurNet`). ``tiny`` is narrower, has one level less, and corrects
its input: without that, a short training learns to copy the picture before it learns to deblur.
"""

from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.nets._net import DeblurNet
from gyrosharp.nets._unet import PICTURE, UNet, require_unet, unet_descriptor

NAME = "deepgyro"
DESCRIPTION = "U-Net on the picture and a coded start-to-end vector per pixel"
PAPER = "Mustaniemi et al., Gyroscope-Aided Motion Deblurring with Deep Networks, WACV 2019, arXiv 1810.00986"


@dataclass(frozen=True)
class Config:
    """Sizes; the defaults are the published network.

    Attributes
    ----------
    width : int
        Channels of the finest level.
    levels : int
        Levels; sides are padded to a multiple of 2^(levels - 1).
    blind : bool
        Whether the network sees the picture alone.
    residual : bool
        Whether the output is added to the blurred picture.

    Raises
    ------
    UsageError
        If width or levels are below 1.
    """

    width: int = 64
    levels: int = 5
    blind: bool = False
    residual: bool = False

    def __post_init__(self) -> None:
        require_unet(NAME, self.width, self.levels)


SIZES = MappingProxyType(
    {"full": Config(), "blind": Config(blind=True), "tiny": Config(width=12, levels=4, residual=True)}
)
PARAMETERS = MappingProxyType({"full": 31_033_027, "blind": 31_031_875})


class Net(DeblurNet):
    """DeepGyro; see the module. Planes are codes in [0, 1] as `linear_kernel` makes them, no motion 0.502."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        inputs = NetworkInput() if config.blind else NetworkInput("linear_kernel", {"form": "deepgyro"})
        self.descriptor = unet_descriptor(inputs, config.levels)
        self.unet = UNet(PICTURE + inputs.channels, config.width, config.levels, residual=config.residual)

    def restore(self, image: Tensor, planes: Tensor | None) -> tuple[Tensor, ...]:
        """Return the sharp picture, of one scale."""
        return (self.unet(image if planes is None else torch.cat([image, planes], dim=1)),)
