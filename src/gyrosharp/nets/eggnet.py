"""A network in the manner of EggNet: deformable convolutions that only the gyro steers, inside a residual U-Net.

    g_1 = relu(conv3(relu(conv3(V / planes_scale)))),  g_{k+1} = relu(conv3_stride2(g_k))      motion at H / 2^k
    encoder level k >= 1:   x <- x + conv3(relu(deform_conv(x; offsets and mask from g_k)))    guided block
    sharp = image + decoders(x)

*What is known of EggNet.* GyroDeblurNet's paper trains it as prior work (25.49 dB beside its own 27.28 dB), and says
that it gets gyro data as one or two vectors per pixel; deformable convolutions use them. Its own paper (Ji et al.) was
not at hand, and no code of it is known. This is our own design after that description: its figures are not EggNet's. V
is the camera motion field of two vectors, the two halves of the exposure: enough to see a bend. The picture has no say
in the offsets, which is what GyroDeblurNet changed.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.errors import UsageError
from gyrosharp.nets._deform_conv import GuidedDeformConv
from gyrosharp.nets._first_weights import carry_variance
from gyrosharp.nets._nafblock import up_shuffled
from gyrosharp.nets._net import DeblurNet, Descriptor

NAME = "eggnet"
DESCRIPTION = "EggNet-style: residual U-Net with deformable convolutions that the gyro alone steers; our own design"
PAPER = "after the description of EggNet (Ji et al.) in Yang et al., CVPR 2025, arXiv 2404.00916"

STRIDE = 2
# Offsets have no limit: no margin makes a tile equal the whole picture in all cases.
MARGIN_PX = 64


@dataclass(frozen=True)
class Config:
    """Sizes of the network; the full one has 8,157,161 parameters, the tiny one 199,837.

    Attributes
    ----------
    width : int
        Channels at full size; they double from level to level.
    blocks : tuple of int
        Residual blocks per level, finest first, in encoder and decoder alike; the coarsest level has them once. At
        least two levels.
    gyro_width : int
        Channels of the motion features at half resolution; they double from level to level.
    pairs : int
        Vectors per pixel.
    planes_scale : float
        Px that 1 stands for in the network. Half an exposure moves pictures worth deblurring by about 10 px.

    Raises
    ------
    UsageError
        If a value is out of range.
    """

    width: int = 48
    blocks: tuple[int, ...] = (4, 4, 8)
    gyro_width: int = 32
    pairs: int = 2
    planes_scale: float = 10.0

    def __post_init__(self) -> None:
        counts = (self.width, self.gyro_width, self.pairs, *self.blocks)
        if min(counts) < 1 or len(self.blocks) < 2 or not self.planes_scale > 0:
            raise UsageError(
                f"{NAME}: expected widths, pairs and numbers of blocks >= 1, two levels or more and planes_scale > 0, "
                f"got {self}"
            )


SIZES = {"full": Config(), "tiny": Config(width=12, blocks=(1, 1, 2), gyro_width=16)}
PARAMETERS: dict[str, int] = {}


class Net(DeblurNet):
    """The EggNet-style network."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        widths = [config.width << level for level in range(len(config.blocks))]
        wanted = NetworkInput("camera_motion_field", {"pairs": config.pairs}, STRIDE)
        self.descriptor = Descriptor(wanted, 2 ** (len(widths) - 1), None, MARGIN_PX)
        self.first = nn.Conv2d(3, config.width, 3, padding=1)
        self.motion = MotionPyramid(config)
        self.encoders = nn.ModuleList(_blocks(n, c) for n, c in zip(config.blocks, widths, strict=True))
        self.guided = nn.ModuleList(
            GuidedBlock(width, config.gyro_width << level) for level, width in enumerate(widths[1:])
        )
        self.downs = nn.ModuleList(nn.Conv2d(c, 2 * c, 3, stride=2, padding=1) for c in widths[:-1])
        self.ups = nn.ModuleList(up_shuffled(c) for c in widths[:0:-1])
        self.decoders = nn.ModuleList(_blocks(n, c) for n, c in zip(config.blocks[-2::-1], widths[-2::-1], strict=True))
        self.last = nn.Conv2d(config.width, 3, 3, padding=1)

    def restore(self, image: Tensor, planes: Tensor | None) -> tuple[Tensor, ...]:
        """Return the sharp picture (B, 3, H, W)."""
        x = self.encoders[0](self.first(image.contiguous(memory_format=torch.channels_last)))
        skips = []
        levels = zip(self.downs, self.encoders[1:], self.guided, self.motion(planes), strict=True)
        for down, encoder, guided, motion in levels:
            skips.append(x)
            x = guided(encoder(down(x)), motion)
        for up, decoder, skip in zip(self.ups, self.decoders, reversed(skips), strict=True):
            x = decoder(up(x) + skip)
        return (image + self.last(x),)


class MotionPyramid(nn.Module):
    """Motion features at every level but the finest: (B, gyro_width 2^(k - 1), H / 2^k, W / 2^k), k = 1, 2, ..."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.gyro_width
        self.scale = config.planes_scale
        self.first = nn.Conv2d(2 * config.pairs, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        channels = [width << level for level in range(len(config.blocks) - 2)]
        self.downs = nn.ModuleList(nn.Conv2d(c, 2 * c, 3, stride=2, padding=1) for c in channels)
        carry_variance(self)

    def forward(self, planes: Tensor) -> list[Tensor]:
        """Return the features of the planes, which are at half resolution."""
        x = torch.relu(self.first(planes.contiguous(memory_format=torch.channels_last) / self.scale))
        features = [torch.relu(self.second(x))]
        for down in self.downs:
            features.append(torch.relu(down(features[-1])))
        return features


class GuidedBlock(nn.Module):
    """x + conv3(relu(deform_conv(x))), offsets and mask from the motion features alone."""

    def __init__(self, channels: int, motion_channels: int) -> None:
        super().__init__()
        self.deform = GuidedDeformConv(channels, motion_channels)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, motion: Tensor) -> Tensor:
        """Return features of the shape of x, for motion features of the same resolution."""
        return x + self.conv(torch.relu(self.deform(x, motion)))


class ResidualBlock(nn.Module):
    """x + conv3(relu(conv3(x)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the shape of x."""
        return x + self.second(torch.relu(self.first(x)))


def _blocks(count: int, channels: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))
