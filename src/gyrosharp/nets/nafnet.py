"""NAFNet: a U-shaped network of NAFBlocks that sees the picture alone, the strongest plain baseline.

    sharp = image + trunk(image)

Its channel attention takes means over whatever it is given, so that tiles come out a little different from the whole
picture. The published remedy, means over windows (TLC), is not built in.
"""

from dataclasses import dataclass

from torch import Tensor

from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.errors import UsageError
from gyrosharp.nets._nafblock import NafTrunk, naf_blocks
from gyrosharp.nets._net import DeblurNet, Descriptor

NAME = "nafnet"
DESCRIPTION = "NAFNet: U-shaped, blocks without activation functions; sees the picture alone"
PAPER = "Chen et al., Simple Baselines for Image Restoration, ECCV 2022, arXiv 2204.04676"

# Channel means are over whatever is given: no margin makes a tile equal the whole picture. Convolutions alone reach
# 279 px in the full size, and 35 px in the tiny one.
MARGIN_PX = 64


@dataclass(frozen=True)
class Config:
    """Sizes of NAFNet.

    Attributes
    ----------
    width : int
        Channels at full size; they double from level to level.
    encoders, decoders : tuple of int
        Blocks per level, finest first and coarsest first.
    middle : int
        Blocks at the coarsest level.

    Raises
    ------
    UsageError
        If a number is below 1 or there are not as many decoders as encoders.
    """

    width: int = 32
    encoders: tuple[int, ...] = (1, 1, 1, 28)
    middle: int = 1
    decoders: tuple[int, ...] = (1, 1, 1, 1)

    def __post_init__(self) -> None:
        counts = (self.width, self.middle, *self.encoders, *self.decoders)
        if min(counts) < 1 or not self.encoders or len(self.encoders) != len(self.decoders):
            raise UsageError(
                f"{NAME}: expected width and numbers of blocks >= 1, as many decoders as encoders, got width "
                f"{self.width}, encoders {self.encoders}, middle {self.middle}, decoders {self.decoders}"
            )


SIZES = {"full": Config(), "tiny": Config(width=16, encoders=(1, 1, 2), middle=1, decoders=(1, 1, 1))}
PARAMETERS = {"full": 17_111_907}


class Net(DeblurNet):
    """NAFNet."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        levels = len(config.encoders)
        self.descriptor = Descriptor(NetworkInput(), 2**levels, None, MARGIN_PX)
        self.trunk = NafTrunk(config.width, config.encoders, config.decoders)
        self.middle = naf_blocks(config.middle, config.width << levels)

    def restore(self, image: Tensor, planes: Tensor | None) -> tuple[Tensor, ...]:  # noqa: ARG002
        """Return the sharp picture (B, 3, H, W)."""
        x, skips = self.trunk.encode(image)
        return (image + self.trunk.decode(self.middle(x), skips),)
