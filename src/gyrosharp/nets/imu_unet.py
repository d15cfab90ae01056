"""The IMU U-Net: picture, length and direction of the motion as six channels into a U-Net with batch normalisation.

The code is not at hand. The stated 7,766,915 parameters are exactly those of five levels of 32 to 512 channels, each
with two 3x3 convolutions (with bias), batch normalisation and ReLU, with 2x2 transposed convolutions up and a 1x1
convolution at the end. The output is the picture itself.

``tiny`` is narrower, has one level less, corrects its input (without that, a short training learns to copy the picture
before it learns to deblur), and calls 32 px a length of 1.
"""

from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.errors import UsageError
from gyrosharp.nets._net import DeblurNet
from gyrosharp.nets._unet import PICTURE, UNet, require_unet, unet_descriptor

NAME = "imu_unet"
DESCRIPTION = "U-Net with batch normalisation on the picture, the motion's length and its direction"
PAPER = "gjazali, Image motion blur removal using inertial sensor data and CNN, 2023"


@dataclass(frozen=True)
class Config:
    """Sizes; the defaults are the published network.

    Attributes
    ----------
    width : int
        Channels of the finest level.
    levels : int
        Levels; sides are padded to a multiple of 2^(levels - 1).
    residual : bool
        Whether the output is added to the blurred picture.
    max_length_px : float
        Length of a motion vector that becomes 1, > 0; longer ones are clipped to it. The default is
        `vector_norm`'s; the author says only that lengths must lie in [0, 1].

    Raises
    ------
    UsageError
        If width or levels are below 1, or the length is not above 0.
    """

    width: int = 32
    levels: int = 5
    residual: bool = False
    max_length_px: float = 128.0

    def __post_init__(self) -> None:
        require_unet(NAME, self.width, self.levels)
        if not self.max_length_px > 0:
            raise UsageError(f"{NAME}: expected max_length_px above 0, got {self.max_length_px}")


SIZES = MappingProxyType({"full": Config(), "tiny": Config(width=12, levels=4, residual=True, max_length_px=32.0)})
PARAMETERS = MappingProxyType({"full": 7_766_915})


class Net(DeblurNet):
    """The IMU U-Net; see the module. Planes are norm in [0, 1], dx, dy in [-1, 1], as `vector_norm` makes them."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        inputs = NetworkInput("vector_norm", {"max_length_px": config.max_length_px})
        self.descriptor = unet_descriptor(inputs, config.levels)
        channels = PICTURE + inputs.channels
        self.unet = UNet(channels, config.width, config.levels, batch_norm=True, residual=config.residual)

    def restore(self, image: Tensor, planes: Tensor | None) -> tuple[Tensor, ...]:
        """Return the sharp picture, of one scale."""
        return (self.unet(torch.cat([image, planes], dim=1)),)
