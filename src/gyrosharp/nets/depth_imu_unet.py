"""The Oulu thesis's U-Net: DeepGyro's, correcting its input, that sees a plane of depth and the planes of the motion.

Four variants are compared: blind, depth, kernel (the motion), and both.

The thesis rescales depth and kernel to 0 ... 255, as the picture is. Here all is [0, 1] sized: depth as it comes (see
`NetworkInput`), and kernel vectors in px divided by ``planes_scale``, with their sign, so that no motion is 0. Against
a rescaling that moves zero, the first layer's biases make up the difference, but for the picture's very border.

The thesis states no parameter counts. Its text says DeepGyro's network, whose 31,031,875 of three input channels become
31,032,451 (depth), 31,033,027 (kernel) and 31,033,603 (both) here.
"""

from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.errors import UsageError
from gyrosharp.nets._net import DeblurNet
from gyrosharp.nets._unet import PICTURE, UNet, require_unet, unet_descriptor

NAME = "depth_imu_unet"
DESCRIPTION = "U-Net that corrects the picture, with depth and a start-to-end vector per pixel"
PAPER = (
    "Alhawwary, Depth and IMU Aided Image Deblurring Based on Deep Learning, master's thesis, University of Oulu, 2020"
)

VIEWS = ("blind", "depth", "kernel", "both")


@dataclass(frozen=True)
class Config:
    """Sizes and inputs; the defaults are the thesis's network.

    Attributes
    ----------
    width : int
        Channels of the finest level.
    levels : int
        Levels; sides are padded to a multiple of 2^(levels - 1).
    sees : "blind", "depth", "kernel" or "both"
        What the network sees besides the picture.
    planes_scale : float
        Length of a kernel vector that becomes 1, px, > 0. The thesis states its range only as 0 ... 255.
    depth_far_m : float
        Depth that becomes 1, m, > 0.

    Raises
    ------
    UsageError
        If width or levels are below 1, a scale is not above 0, or `sees` is none of the four.
    """

    width: int = 64
    levels: int = 5
    sees: str = "both"
    planes_scale: float = 32.0
    depth_far_m: float = 10.0

    def __post_init__(self) -> None:
        require_unet(NAME, self.width, self.levels)
        if self.sees not in VIEWS:
            raise UsageError(f"{NAME}: expected sees to be one of {', '.join(VIEWS)}, got {self.sees!r}")
        if not (self.planes_scale > 0 and self.depth_far_m > 0):
            raise UsageError(
                f"{NAME}: expected planes_scale and depth_far_m above 0, got {self.planes_scale} and {self.depth_far_m}"
            )

    @property
    def inputs(self) -> NetworkInput:
        """The planes that this variant takes."""
        encoding = "linear_kernel" if self.sees in ("kernel", "both") else None
        depth = self.sees in ("depth", "both")
        return NetworkInput(encoding, {"form": "vector"} if encoding else {}, 1, depth, self.depth_far_m)


SIZES = MappingProxyType({"full": Config(), "tiny": Config(width=12, levels=4)})
# Not stated in the thesis; DeepGyro's, and one more plane: 31,033,027 + 9 x 64.
PARAMETERS = MappingProxyType({"full": 31_033_603})

# Channels of linear_kernel: dx, dy.
KERNEL_PLANES = 2


class Net(DeblurNet):
    """The thesis's network; see the module. Planes are dx, dy in px, then depth in [0, 1], as far as there are such."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.descriptor = unet_descriptor(config.inputs, config.levels)
        self.sees, self.planes_scale = config.sees, config.planes_scale
        self.unet = UNet(PICTURE + config.inputs.channels, config.width, config.levels, residual=True)

    def restore(self, image: Tensor, planes: Tensor | None) -> tuple[Tensor, ...]:
        """Return the sharp picture, of one scale."""
        return (self.unet(torch.cat([image, *self._scaled(planes)], dim=1)),)

    def _scaled(self, planes: Tensor | None) -> list[Tensor]:
        if planes is None:
            return []
        if self.sees == "depth":
            return [planes]
        return [planes[:, :KERNEL_PLANES] / self.planes_scale, planes[:, KERNEL_PLANES:]]
