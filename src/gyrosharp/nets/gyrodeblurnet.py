"""GyroDeblurNet: NAFBlocks that are told the camera's motion, and that mistrust it.

The camera motion field V (M vectors per pixel, half resolution) is turned into features g, refined by what the picture
shows, brought down to the resolution of the trunk's middle, and there steers deformable convolutions:

    g = conv3(V / planes_scale)                              H / 2
    per encoder level but the first, at its resolution, with its features x:
        g <- conv3_stride2( relu( conv3( w g ) ) ),          w = conv( mean([x, g]) ): gyro refinement
    after every group of middle blocks but the last:
        d = deform_conv(x; offsets and mask from [x, g]),    gyro deblurring
        x <- conv3( [d, NAFBlock(attention(d))] )
    sharp = image + decoders(x)

w is one number per channel and picture, without a limit. attention(d) = d sigmoid(BN(conv7([max d, mean d]))), max and
mean over channels (CBAM, Woo et al., ECCV 2018).

*Against the public code* (hmyang0727/GyroDeblurNet, e29895e). Same layers and the same count of parameters. Its w comes
from a 3 x 3 convolution of a map of one pixel, where only the middle tap sees anything; the paper says 1 x 1. The count
is only right with the former: `pooled_kernel` chooses. The code takes clean and noisy fields and blends them after its
first layer, which is linear; here V is blended before (`gyrosharp.blur.network_input.blended`), which is the same. The
code pads the picture, with zeros, but not the field; here both are, by repeating their borders. The code draws weights
as torch does by default. Then w is near 0, and of a motion of 2 px there is 0.0002 left where offsets are read off, too
little to learn from in a short training; here w starts near 1 and the motion's convolutions keep its size
(`carry_variance`).
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.errors import UsageError
from gyrosharp.nets._deform_conv import GuidedDeformConv
from gyrosharp.nets._first_weights import carry_variance
from gyrosharp.nets._nafblock import NAFBlock, NafTrunk, naf_blocks
from gyrosharp.nets._net import DeblurNet, Descriptor

NAME = "gyrodeblurnet"
DESCRIPTION = "GyroDeblurNet: NAFBlocks with refinement of the gyro's field and deformable convolutions that follow it"
PAPER = "Yang et al., Gyro-based Neural Single Image Deblurring, CVPR 2025, arXiv 2404.00916"

STRIDE = 2
# Offsets have no limit, and channel means are over whatever is given: no margin makes a tile equal the whole picture.
MARGIN_PX = 64
REFINEMENTS = ("full", "without_image", "none")
OFFSETS = ("gyro_image", "gyro")
ATTENTION_KERNEL = 7
# Of the running statistics in the spatial attention, as published: they average some 100 batches.
MOMENTUM = 0.01


def _require(value: object, choices: tuple[object, ...], field: str) -> None:
    if value not in choices:
        raise UsageError(f"{NAME}: expected {field} out of {', '.join(map(str, choices))}, got {value!r}")


@dataclass(frozen=True)
class Config:
    """Sizes of GyroDeblurNet, and what its paper's ablations take away from it.

    Attributes
    ----------
    width : int
        Channels at full size; they double from level to level.
    encoders, decoders : tuple of int
        Blocks per level, finest first and coarsest first; at least two levels.
    middle : tuple of int
        Blocks per group in the middle; a gyro deblurring block follows every group but the last.
    gyro_width : int
        Channels of the motion features at half resolution; they double with every refinement.
    pairs : int
        M, vectors per pixel: 8; the paper compares 2 and 16.
    planes_scale : float
        Px that 1 stands for in the network. The published one takes plain px.
    gyro : bool
        False leaves the plain trunk, which sees the picture alone.
    refinement : {"full", "without_image", "none"}
        What the channel weights w of the motion features look at: picture and motion, motion, or no weights.
    offsets : {"gyro_image", "gyro"}
        What the offsets and masks of the deformable convolutions are read off.
    pooled_kernel : {3, 1}
        Side of the convolution that makes w.

    Raises
    ------
    UsageError
        If a value is out of range.
    """

    width: int = 32
    encoders: tuple[int, ...] = (2, 2, 2)
    middle: tuple[int, ...] = (4, 4, 4, 4)
    decoders: tuple[int, ...] = (1, 1, 1)
    gyro_width: int = 64
    pairs: int = 8
    planes_scale: float = 1.0
    gyro: bool = True
    refinement: Literal["full", "without_image", "none"] = "full"
    offsets: Literal["gyro_image", "gyro"] = "gyro_image"
    pooled_kernel: Literal[1, 3] = 3

    def __post_init__(self) -> None:
        counts = (self.width, self.gyro_width, self.pairs, *self.encoders, *self.middle, *self.decoders)
        if min(counts) < 1 or not self.planes_scale > 0:
            raise UsageError(
                f"{NAME}: expected widths, pairs and numbers of blocks >= 1 and planes_scale > 0, got {self}"
            )
        if len(self.encoders) < 2 or len(self.decoders) != len(self.encoders) or not self.middle:
            raise UsageError(
                f"{NAME}: expected two encoders or more, as many decoders and a group in the middle, got encoders "
                f"{self.encoders}, middle {self.middle}, decoders {self.decoders}"
            )
        _require(self.refinement, REFINEMENTS, "refinement")
        _require(self.offsets, OFFSETS, "offsets")
        _require(self.pooled_kernel, (1, 3), "pooled_kernel")


# Two levels instead of three: a middle at H / 4 keeps more of the detail that a short training can learn to move. Steps
# between instants are some px long: divided by 5, motion features are about as large as those of the picture.
TINY = Config(width=12, encoders=(1, 1), middle=(1, 1, 1), decoders=(1, 1), gyro_width=24, planes_scale=5.0)
SIZES = {"full": Config(), "tiny": TINY}
PARAMETERS = {"full": 16_311_296}


class Net(DeblurNet):
    """GyroDeblurNet."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        levels = len(config.encoders)
        channels = config.width << levels
        self.descriptor = Descriptor(_inputs(config), 2**levels, None, MARGIN_PX)
        self.trunk = NafTrunk(config.width, config.encoders, config.decoders)
        self.middle = nn.ModuleList(naf_blocks(count, channels) for count in config.middle)
        self.motion = MotionFeatures(config) if config.gyro else None
        coarse = config.gyro_width << (levels - 1)
        count = len(config.middle) - 1 if config.gyro else 0
        self.deblurring = nn.ModuleList(DeblurringBlock(channels, coarse, config.offsets) for _ in range(count))

    def restore(self, image: Tensor, planes: Tensor | None) -> tuple[Tensor, ...]:
        """Return the sharp picture (B, 3, H, W)."""
        x, skips = self.trunk.encode(image)
        if self.motion is None:
            for group in self.middle:
                x = group(x)
        else:
            x = self._deblurred(x, self.motion(planes, skips))
        return (image + self.trunk.decode(x, skips),)

    def _deblurred(self, x: Tensor, motion: Tensor) -> Tensor:
        for group, block in zip(self.middle, self.deblurring, strict=False):
            x = block(group(x), motion)
        return self.middle[-1](x)


class MotionFeatures(nn.Module):
    """Features of the camera motion field, refined at L - 1 levels: (B, gyro_width 2^(L - 1), H / 2^L, W / 2^L)."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.scale = config.planes_scale
        self.first = nn.Conv2d(2 * config.pairs, config.gyro_width, 3, padding=1)
        self.refinements = nn.ModuleList(
            RefinementBlock(config.gyro_width << level, config.width << (level + 1), config)
            for level in range(len(config.encoders) - 1)
        )
        carry_variance(self.first)

    def forward(self, planes: Tensor, skips: list[Tensor]) -> Tensor:
        """Return the features, for the planes at half resolution and the encoders' features, finest first."""
        motion = self.first(planes.contiguous(memory_format=torch.channels_last) / self.scale)
        for refinement, features in zip(self.refinements, skips[1:], strict=True):
            motion = refinement(motion, features)
        return motion


class RefinementBlock(nn.Module):
    """Gyro refinement block: weighs the channels of the motion features, and halves their resolution.

    Parameters
    ----------
    channels, image_channels : int
        Of motion and of the picture's features; the output has twice the former.
    config : Config
        What the weights look at, and with what kernel.
    """

    def __init__(self, channels: int, image_channels: int, config: Config) -> None:
        super().__init__()
        self.sees_image = config.refinement == "full"
        pooled = channels + image_channels * self.sees_image
        kernel = config.pooled_kernel
        self.weigh = None if config.refinement == "none" else nn.Conv2d(pooled, channels, kernel, padding=kernel // 2)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.down = nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)
        carry_variance(self.conv)
        carry_variance(self.down)
        if self.weigh is not None:
            nn.init.ones_(self.weigh.bias)

    def forward(self, motion: Tensor, features: Tensor) -> Tensor:
        """Return refined motion features, half as large, for those at the resolution of the picture's features."""
        if self.weigh is not None:
            seen = torch.cat((features, motion), dim=1) if self.sees_image else motion
            motion = motion * self.weigh(seen.mean((2, 3), keepdim=True))
        return self.down(torch.relu(self.conv(motion)))


class DeblurringBlock(nn.Module):
    """Gyro deblurring block: a deformable convolution that follows the motion, spatial attention, and a NAFBlock.

    Parameters
    ----------
    channels, motion_channels : int
        Of the picture's and of the motion features.
    offsets : {"gyro_image", "gyro"}
        What offsets and mask are read off.
    """

    def __init__(self, channels: int, motion_channels: int, offsets: str) -> None:
        super().__init__()
        self.sees_image = offsets == "gyro_image"
        self.deform = GuidedDeformConv(channels, motion_channels + channels * self.sees_image)
        self.attention = SpatialAttention()
        self.block = NAFBlock(channels)
        self.merge = nn.Conv2d(2 * channels, channels, 3, padding=1)

    def forward(self, x: Tensor, motion: Tensor) -> Tensor:
        """Return features of the shape of x, for motion features of the same resolution."""
        moved = self.deform(x, torch.cat((x, motion), dim=1) if self.sees_image else motion)
        return self.merge(torch.cat((moved, self.block(self.attention(moved))), dim=1))


class SpatialAttention(nn.Module):
    """x sigmoid(BN(conv7([max x, mean x]))), maximum and mean over channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, ATTENTION_KERNEL, padding=ATTENTION_KERNEL // 2, bias=False)
        self.norm = nn.BatchNorm2d(1, momentum=MOMENTUM)

    def forward(self, x: Tensor) -> Tensor:
        """Return x, every pixel weighed by a number between 0 and 1."""
        pooled = torch.cat((x.amax(1, keepdim=True), x.mean(1, keepdim=True)), dim=1)
        return x * torch.sigmoid(self.norm(self.conv(pooled)))


def _inputs(config: Config) -> NetworkInput:
    return NetworkInput("camera_motion_field", {"pairs": config.pairs}, STRIDE) if config.gyro else NetworkInput()
