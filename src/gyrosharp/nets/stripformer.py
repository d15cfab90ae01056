"""Stripformer: attention within and between the rows and columns of a picture, after directions in which blur runs.

Kept from the published code: the picture is seen minus 0.5, and what is added to it comes out of a leaky ReLU.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.errors import UsageError
from gyrosharp.nets._net import DeblurNet, Descriptor
from gyrosharp.nets._strip_attention import StripBlock

NAME = "stripformer"
DESCRIPTION = "transformer with attention within and between rows and columns"
PAPER = "Stripformer: Tsai et al., Strip Transformer for Fast Image Deblurring, ECCV 2022, arXiv 2204.04627"

# Slope of the leaky ReLUs for negative values, and what is taken off pictures to centre them.
SLOPE, CENTRE = 0.2, 0.5
# Rows and columns are compared over the whole picture: no margin makes a tile equal it. Convolutions alone reach 92 px
# in the full size, and 40 px in the tiny one.
MARGIN_PX = 64


@dataclass(frozen=True)
class Config:
    """Configuration.

    Attributes
    ----------
    widths : tuple of 3 ints
        Channels of the encoder at full, half and quarter size.
    heads : int
        Heads at quarter size; ``2 heads`` divides the last width.
    pairs : int
        Pairs of blocks at quarter size: one within strips, one between strips.
    decoder_width, decoder_heads, decoder_pairs : int
        The same at half size, in the decoder.
    residuals : int
        Residual blocks of the encoder at full size, and again at half size.

    Raises
    ------
    UsageError
        If a value is below 1, or heads do not divide the widths.
    """

    widths: tuple[int, ...] = (64, 128, 320)
    heads: int = 5
    pairs: int = 6
    decoder_width: int = 192
    decoder_heads: int = 3
    decoder_pairs: int = 3
    residuals: int = 3

    def __post_init__(self) -> None:
        """Check the values."""
        counts = (*self.widths, self.heads, self.pairs, self.decoder_width, self.decoder_heads, self.decoder_pairs)
        if len(self.widths) != 3 or min(*counts, self.residuals) < 1:
            raise UsageError(f"{NAME}: expected three widths, and all values >= 1, got {self}")
        for width, heads in ((self.widths[2], self.heads), (self.decoder_width, self.decoder_heads)):
            if width % (2 * heads):
                raise UsageError(f"{NAME}: expected {width} channels to be a multiple of 2 x heads, got {heads} heads")


SIZES = {
    "full": Config(),
    "tiny": Config(
        widths=(12, 24, 48), heads=3, pairs=2, decoder_width=32, decoder_heads=2, decoder_pairs=1, residuals=1
    ),
}
PARAMETERS = {"full": 19_708_611}


class Net(DeblurNet):
    """Stripformer; see the module.

    Parameters
    ----------
    config : Config
        Sizes.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.descriptor = Descriptor(NetworkInput(), 4, None, MARGIN_PX)
        full, half, quarter = config.widths
        middle = config.decoder_width
        self.encode_full = nn.Sequential(Rectified(nn.Conv2d(3, full, 3, padding=1)), *_residuals(full, config))
        self.encode_half = nn.Sequential(Rectified(_halving(full, half)), *_residuals(half, config))
        self.encode_quarter = Rectified(_halving(half, quarter))
        self.attend_quarter = _strip_blocks(quarter, config.heads, config.pairs)
        self.to_half = Rectified(_doubling(quarter, middle))
        self.merge_half = Rectified(nn.Conv2d(middle + half, middle, 1))
        self.attend_half = _strip_blocks(middle, config.decoder_heads, config.decoder_pairs)
        self.to_full = Rectified(_doubling(middle, full))
        self.merge_full = nn.Sequential(Rectified(nn.Conv2d(2 * full, full, 1)), nn.Conv2d(full, full, 3, padding=1))
        self.decode_full = nn.Sequential(Residual(full), Rectified(nn.Conv2d(full, 3, 3, padding=1)))

    def restore(self, image: Tensor, planes: Tensor | None) -> tuple[Tensor, ...]:  # noqa: ARG002 - sees the picture alone
        """Return the picture plus what the network finds missing."""
        at_full = self.encode_full(image - CENTRE)
        at_half = self.encode_half(at_full)
        features = self.attend_quarter(self.encode_quarter(at_half))
        features = self.merge_half(torch.cat([self.to_half(features), at_half], dim=1))
        features = self.to_full(self.attend_half(features))
        merged = self.merge_full(torch.cat([features, at_full], dim=1))
        return (image + self.decode_full(leaky_relu(features + merged, SLOPE)),)


class Rectified(nn.Sequential):
    """A layer and a leaky ReLU."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__(layer, nn.LeakyReLU(SLOPE))


class Residual(nn.Module):
    """Leaky ReLU of x + conv(leaky ReLU(conv(x)))."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            Rectified(nn.Conv2d(channels, channels, 3, padding=1)), nn.Conv2d(channels, channels, 3, padding=1)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return features (B, C, H, W)."""
        return leaky_relu(features + self.body(features), SLOPE)


def _residuals(channels: int, config: Config) -> list[Residual]:
    return [Residual(channels) for _ in range(config.residuals)]


def _strip_blocks(channels: int, heads: int, pairs: int) -> nn.Sequential:
    return nn.Sequential(*(StripBlock(channels, heads, between) for _ in range(pairs) for between in (False, True)))


def _halving(channels: int, wider: int) -> nn.Conv2d:
    return nn.Conv2d(channels, wider, 3, stride=2, padding=1)


def _doubling(channels: int, narrower: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(channels, narrower, 4, stride=2, padding=1)
