"""DAVANet's single-view network: an encoder and decoder of residual blocks with dilated convolutions at the bottom.

Three levels of 32, 64 and 128 channels, three residual blocks each on both sides; at the bottom two blocks of dilation
2 and 3, then four convolutions of dilation 1 to 4 side by side, fused. No normalisation; leaky ReLU of slope 0.1
throughout. The output is added to the picture.

In the published code a leaky ReLU follows the last convolution, too: what is taken from the picture has a tenth of the
gradient of what is added. ``activated_output=False`` leaves it out; it has no parameters. ``tiny`` does, and is
narrower, with two blocks instead of three.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import cast

import torch
from torch import Tensor, nn

from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.errors import UsageError
from gyrosharp.nets._net import DeblurNet, Descriptor
from gyrosharp.nets._reach import CONV_3_STRIDE_2, Hourglass

NAME = "davanet_single"
DESCRIPTION = "residual encoder and decoder with dilated blocks between; sees the picture alone"
PAPER = "Zhou et al., DAVANet: Stereo Deblurring with View Aggregation, CVPR 2019, arXiv 1904.05065, DeblurNet"

SLOPE = 0.1
# Dilations of the first convolutions of the two blocks at the bottom, and of the four side by side.
BLOCK_DILATIONS = (2, 3)
FAN_DILATIONS = (1, 2, 3, 4)


@dataclass(frozen=True)
class Config:
    """Sizes; the defaults are the published network.

    Attributes
    ----------
    width : int
        Channels of the finest level; the others have 2 and 4 times as many.
    blocks : int
        Residual blocks per level, in encoder and decoder each.
    activated_output : bool
        Whether a leaky ReLU follows the last convolution.

    Raises
    ------
    UsageError
        If width or blocks are below 1.
    """

    width: int = 32
    blocks: int = 3
    activated_output: bool = True

    def __post_init__(self) -> None:
        if self.width < 1 or self.blocks < 1:
            raise UsageError(f"{NAME}: expected width and blocks of 1 or more, got {self.width} and {self.blocks}")


SIZES = MappingProxyType({"full": Config(), "tiny": Config(width=8, blocks=2, activated_output=False)})
PARAMETERS = MappingProxyType({"full": 4_593_635})


class Net(DeblurNet):
    """DAVANet's single-view network; see the module."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.descriptor = _descriptor(config.blocks)
        widths = [config.width, 2 * config.width, 4 * config.width]
        bottom, blocks = widths[2], config.blocks
        self.entry = nn.ModuleList([_conv(3, widths[0]), *(_conv(c, 2 * c, stride=2) for c in widths[:2])])
        self.encoder = nn.ModuleList(_residual_blocks(c, blocks) for c in widths)
        self.bottom = nn.Sequential(*(_ResidualBlock(bottom, d) for d in BLOCK_DILATIONS), _DilatedFan(bottom))
        self.up = nn.ModuleList(_up(2 * c, c) for c in widths[:2])
        self.merge = nn.ModuleList([*(_conv(2 * c, c) for c in widths[:2]), _conv(bottom, bottom)])
        self.decoder = nn.ModuleList(_residual_blocks(c, blocks) for c in widths)
        self.exit = _conv(widths[0], 3) if config.activated_output else nn.Conv2d(widths[0], 3, 3, padding=1)

    def restore(self, image: Tensor, planes: Tensor | None) -> tuple[Tensor, ...]:  # noqa: ARG002
        """Return the sharp picture, of one scale."""
        encoded, x = [], image
        for entry, stage in zip(self.entry, self.encoder, strict=True):
            x = stage(entry(x))
            encoded.append(x)
        x = self.decoder[2](self.merge[2](self.bottom(x)))
        for level in (1, 0):
            merged = self.merge[level](torch.cat([encoded[level], self.up[level](x)], dim=1))
            x = self.decoder[level](merged)
        return (image + self.exit(x),)


class _ResidualBlock(nn.Module):
    """x + conv(leaky_relu(dilated conv(x)))."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.main = nn.Sequential(_conv(width, width, dilation=dilation), nn.Conv2d(width, width, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.main(x)


class _DilatedFan(nn.Module):
    """x + conv of convolutions of several dilations side by side."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fan = nn.ModuleList(_conv(width, width, dilation=dilation) for dilation in FAN_DILATIONS)
        self.fuse = nn.Conv2d(len(FAN_DILATIONS) * width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, x + self.fuse(torch.cat([conv(x) for conv in self.fan], dim=1)))


def _descriptor(blocks: int) -> Descriptor:
    # Blocks have two 3x3 convolutions, at the bottom one of them dilated; before a level's blocks stands one more, and
    # after the last the exit.
    level = 2 * blocks
    dilated = sum(BLOCK_DILATIONS) + len(BLOCK_DILATIONS) + max(FAN_DILATIONS) + 1
    path = Hourglass(
        (1 + level, level, level + dilated + 1 + level), (1 + level + 1, level + 1), CONV_3_STRIDE_2, up_kernel=4
    )
    return Descriptor(NetworkInput(), path.size_multiple, path.receptive_field_px, path.tile_margin_px)


def _residual_blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(_ResidualBlock(width) for _ in range(count)))


def _conv(channels: int, width: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(channels, width, 3, stride, padding=dilation, dilation=dilation)
    return nn.Sequential(conv, nn.LeakyReLU(SLOPE, inplace=True))


def _up(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE, inplace=True))
