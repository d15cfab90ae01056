"""MIMO-UNet and MIMO-UNet+: one U-Net that takes the picture at three scales and gives three (see `_mimo_trunk`).

Sides are padded to a multiple of 4 by repeating the border; the published code takes such sizes only. MIMO-UNet+ drops
fused channels in training, at 0.1, as its code does; the paper does not mention it.
"""

from dataclasses import dataclass
from types import MappingProxyType

from torch import Tensor

from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.nets._mimo_trunk import PICTURE, MimoTrunk, require_trunk, trunk_descriptor
from gyrosharp.nets._net import DeblurNet

NAME = "mimo_unet"
DESCRIPTION = "U-Net of residual blocks with three scales in and out; sees the picture alone"
PAPER = "Cho et al., Rethinking Coarse-to-Fine Approach in Single Image Deblurring, ICCV 2021, arXiv 2108.05054"


@dataclass(frozen=True)
class Config:
    """Sizes; the defaults are MIMO-UNet.

    Attributes
    ----------
    width : int
        Channels of the finest scale.
    blocks : int
        Residual blocks per scale, in encoder and decoder each.
    dropout : float
        Share of the fused channels that are dropped in training.

    Raises
    ------
    UsageError
        If the width is below 2, there is no block, or dropout is not in [0, 1).
    """

    width: int = 32
    blocks: int = 8
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require_trunk(NAME, PICTURE, self.width, self.blocks, self.dropout)


SIZES = MappingProxyType({"full": Config(), "plus": Config(blocks=20, dropout=0.1), "tiny": Config(width=8, blocks=2)})
PARAMETERS = MappingProxyType({"full": 6_807_171, "plus": 16_107_651})


class Net(DeblurNet):
    """MIMO-UNet; see the module."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.descriptor = trunk_descriptor(NetworkInput(), config.blocks)
        self.trunk = MimoTrunk(PICTURE, config.width, config.blocks, config.dropout)

    def restore(self, image: Tensor, planes: Tensor | None) -> tuple[Tensor, ...]:  # noqa: ARG002
        """Return the sharp picture at three scales."""
        return self.trunk(image)
