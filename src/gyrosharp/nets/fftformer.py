"""FFTformer: a U-shaped transformer whose attention and feed-forward networks work on the spectra of 8 x 8 px patches.

Differences from the published code: shrinking by bilinear interpolation is written as the mean of 2 x 2 px, which it
equals. Kept from it: a product without a conjugate in the attention (see `FrequencyAttention`), and a convolution that
nothing uses.
"""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.errors import UsageError
from gyrosharp.nets._channel_norm import ChannelNorm
from gyrosharp.nets._frequency_attention import PATCH, FrequencyAttention, FrequencyFeedForward, PatchSpectra
from gyrosharp.nets._net import DeblurNet, Descriptor

NAME = "fftformer"
DESCRIPTION = "U-shaped transformer with attention in the frequency domain of 8 x 8 px patches"
PAPER = (
    "FFTformer: Kong et al., Efficient Frequency Domain-based Transformers for High-Quality Image Deblurring, "
    "CVPR 2023, arXiv 2211.12250; code MIT"
)
LEVELS = 3
# The full network's blocks reach more than 1000 px, one patch of the coarsest level each; a tile gets this much.
MOST_MARGIN_PX = 256


@dataclass(frozen=True)
class Config:
    """Configuration.

    Attributes
    ----------
    width : int
        Channels at full size; they double per level.
    blocks : tuple of 3 ints
        Blocks per level, in the encoder and again in the decoder.
    refinement : int
        Blocks at full size after the decoder.
    expansion : float
        Inner channels of the feed-forward networks, in units of their outer ones.
    fusion_expansion : float
        The same where encoder and decoder are fused.
    idle_layer : bool
        Whether to hold the 1 x 1 convolution that the published network holds and never uses: 18,432 of its parameters.

    Raises
    ------
    UsageError
        If a value is out of range.
    """

    width: int = 48
    blocks: tuple[int, ...] = (6, 6, 12)
    refinement: int = 4
    expansion: float = 3.0
    fusion_expansion: float = 2.66
    idle_layer: bool = True

    def __post_init__(self) -> None:
        """Check the values."""
        if len(self.blocks) != LEVELS or min(*self.blocks, self.width) < 1 or self.refinement < 0:
            found = f"width {self.width}, blocks {self.blocks}, refinement {self.refinement}"
            raise UsageError(
                f"{NAME}: expected width >= 1, blocks >= 1 at {LEVELS} levels, refinement >= 0, got {found}"
            )
        if min(self.expansion, self.fusion_expansion) * self.width < 1:
            found = f"{self.expansion} and {self.fusion_expansion}"
            raise UsageError(f"{NAME}: expected expansions of at least one channel of {self.width}, got {found}")


SIZES = {
    "full": Config(),
    "tiny": Config(width=8, blocks=(1, 1, 2), refinement=0, expansion=1.5, fusion_expansion=1.0, idle_layer=False),
}
PARAMETERS = {"full": 16_560_474}


class Net(DeblurNet):
    """FFTformer; see the module.

    Parameters
    ----------
    config : Config
        Sizes.
    """

    channels_last = False

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.descriptor = _descriptor(config)
        width = [config.width * 2**level for level in range(LEVELS)]
        spectra = PatchSpectra()

        def blocks(channels: int, count: int, attend: bool) -> nn.Sequential:
            return nn.Sequential(*(Block(channels, config.expansion, spectra, attend) for _ in range(count)))

        self.embed = nn.Conv2d(3, width[0], 3, padding=1, bias=False)
        self.encoder = nn.ModuleList(map(partial(blocks, attend=False), width, config.blocks))
        self.decoder = nn.ModuleList(map(partial(blocks, attend=True), width, config.blocks))
        self.down = nn.ModuleList(nn.Conv2d(w, 2 * w, 3, padding=1, bias=False) for w in width[:-1])
        self.up = nn.ModuleList(nn.Conv2d(2 * w, w, 3, padding=1, bias=False) for w in width[:-1])
        self.fuse = nn.ModuleList(Fusion(w, config.fusion_expansion, spectra) for w in width[:-1])
        self.refine = blocks(width[0], config.refinement, attend=True)
        self.output = nn.Conv2d(width[0], 3, 3, padding=1, bias=False)
        self.idle = nn.Conv2d(width[2], width[1], 1, bias=False) if config.idle_layer else None

    def restore(self, image: Tensor, planes: Tensor | None) -> tuple[Tensor, ...]:  # noqa: ARG002 - sees the picture alone
        """Return the picture plus what the network finds missing."""
        features, skips = self.embed(image), []
        for encoder, down in zip(self.encoder[:-1], self.down, strict=True):
            skips.append(encoder(features))
            features = down(avg_pool2d(skips[-1], 2))
        features = self.decoder[-1](self.encoder[-1](features))
        for level in reversed(range(LEVELS - 1)):
            larger = interpolate(features, scale_factor=2.0, mode="bilinear", align_corners=False)
            features = self.decoder[level](self.fuse[level](self.up[level](larger), skips[level]))
        return (image + self.output(self.refine(features)),)


class Block(nn.Module):
    """x + attention(norm(x)), if it attends; then x + feed_forward(norm(x))."""

    def __init__(self, channels: int, expansion: float, spectra: PatchSpectra, attend: bool) -> None:
        super().__init__()
        self.attention = nn.Sequential(ChannelNorm(channels), FrequencyAttention(channels, spectra)) if attend else None
        self.feed_forward = nn.Sequential(ChannelNorm(channels), FrequencyFeedForward(channels, expansion, spectra))

    def forward(self, features: Tensor) -> Tensor:
        """Return features (B, C, H, W)."""
        if self.attention is not None:
            features = features + self.attention(features)
        return features + self.feed_forward(features)


class Fusion(nn.Module):
    """Encoder and decoder features (B, C, H, W) each, mixed by a block at 2 C channels, then added up."""

    def __init__(self, channels: int, expansion: float, spectra: PatchSpectra) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.Conv2d(2 * channels, 2 * channels, 1),
            Block(2 * channels, expansion, spectra, attend=False),
            nn.Conv2d(2 * channels, 2 * channels, 1),
        )

    def forward(self, decoded: Tensor, encoded: Tensor) -> Tensor:
        """Return features (B, C, H, W)."""
        first, second = self.mix(torch.cat([decoded, encoded], dim=1)).chunk(2, dim=1)
        return first + second


def _descriptor(config: Config) -> Descriptor:
    multiple = PATCH * 2 ** (LEVELS - 1)
    seen = [(x, *_seen(config, x)) for x in range(multiple)]
    field = max(last - first + 1 for _, first, last in seen)
    reach = max(max(x - first, last - x) for x, first, last in seen)
    return Descriptor(NetworkInput(), multiple, field, min(reach, MOST_MARGIN_PX))


def _seen(config: Config, x: int) -> tuple[int, int]:
    """Return the first and the last input px, along one axis, that output pixel x depends on: its deepest path."""
    span = _wider((x, x))
    for level, count in enumerate(config.blocks):
        for _ in range(count + (config.refinement if level == 0 else 0)):
            span = _wider(_whole_patches(_wider(span)))
        if level < LEVELS - 1:
            # Fusion, the convolution after enlarging, and bilinear enlarging itself.
            first, last = _wider(_whole_patches(_wider(span)))
            span = (first - 1) // 2, (last + 1) // 2
    for level in reversed(range(LEVELS)):
        for _ in range(config.blocks[level]):
            span = _whole_patches(_wider(span))
        first, last = _wider(span)
        span = (2 * first, 2 * last + 1) if level else (first, last)
    return span


def _wider(span: tuple[int, int]) -> tuple[int, int]:
    """Return what a 3 x 3 convolution sees of these pixels."""
    return span[0] - 1, span[1] + 1


def _whole_patches(span: tuple[int, int]) -> tuple[int, int]:
    return span[0] // PATCH * PATCH, span[1] // PATCH * PATCH + PATCH - 1
