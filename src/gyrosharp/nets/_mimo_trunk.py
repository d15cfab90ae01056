"""The trunk of MIMO-UNet, which GAMD shares: one encoder and decoder that take and give three scales.

Cho et al., Rethinking Coarse-to-Fine Approach in Single Image Deblurring, ICCV 2021: shallow convolutional modules
(SCM) make features of the smaller pictures, feature attention modules (FAM) mix them in, and asymmetric feature fusions
(AFF) give every decoder level the features of all encoder levels.

As in the published code, pictures and fused features are halved by taking every second pixel, from the first on
(nearest), not by averaging. Its targets, as ours (`gyrosharp.training.losses`), are means of pixels: at half size they
lie half a pixel to the right of and below what the network is given, at a quarter 1.5 px, which its coarse outputs
learn to make up for. The finest one does not depend on it.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.errors import UsageError
from gyrosharp.nets._net import Descriptor
from gyrosharp.nets._reach import CONV_3_STRIDE_2, Hourglass

SCALES = 3
PICTURE = 3


class MimoTrunk(nn.Module):
    """Three scales of pictures (B, channels, H, W) to three scales of (B, 3, H, W), sides multiples of 4.

    Outputs are added to the first three input channels of their scale.

    Parameters
    ----------
    channels : int
        Input channels, the picture first.
    width : int
        Channels of the finest scale; the others have 2 and 4 times as many.
    blocks : int
        Residual blocks per scale, in encoder and decoder each.
    dropout : float
        Share of the fused channels that are dropped in training.
    """

    def __init__(self, channels: int, width: int, blocks: int, dropout: float) -> None:
        super().__init__()
        widths = [width, 2 * width, 4 * width]
        self.entry = _conv_relu(channels, width, 3)
        self.down = nn.ModuleList(_conv_relu(c, 2 * c, 3, stride=2) for c in widths[:2])
        self.shallow = nn.ModuleList(_ShallowFeatures(channels, c) for c in widths[1:])
        self.attention = nn.ModuleList(_FeatureAttention(c) for c in widths[1:])
        self.encoder = nn.ModuleList(_residual_blocks(c, blocks) for c in widths)
        self.fusion = nn.ModuleList(_fusion(sum(widths), c) for c in widths[:2])
        self.dropout = nn.Dropout2d(dropout)
        self.decoder = nn.ModuleList(_residual_blocks(c, blocks) for c in widths)
        self.up = nn.ModuleList(_up_relu(2 * c, c) for c in widths[:2])
        self.merge = nn.ModuleList(_conv_relu(2 * c, c, 1) for c in widths[:2])
        self.exit = nn.ModuleList(nn.Conv2d(c, PICTURE, 3, padding=1) for c in widths)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs, finest first."""
        inputs = (x, half := _halved(x), _halved(half))
        encoded = self._encoded(inputs)
        fused = self._fused(encoded)
        z = self.decoder[2](encoded[2])
        outputs = [inputs[2][:, :PICTURE] + self.exit[2](z)]
        for level in (1, 0):
            z = self.decoder[level](self.merge[level](torch.cat([self.up[level](z), fused[level]], dim=1)))
            outputs.append(inputs[level][:, :PICTURE] + self.exit[level](z))
        return tuple(reversed(outputs))

    def _encoded(self, inputs: tuple[Tensor, ...]) -> list[Tensor]:
        encoded = [self.encoder[0](self.entry(inputs[0]))]
        for level in (1, 2):
            shallow = self.shallow[level - 1](inputs[level])
            mixed = self.attention[level - 1](self.down[level - 1](encoded[-1]), shallow)
            encoded.append(self.encoder[level](mixed))
        return encoded

    def _fused(self, encoded: list[Tensor]) -> list[Tensor]:
        fine, middle, coarse = encoded
        coarse_2 = _doubled(coarse)
        at_fine = torch.cat([fine, _doubled(middle), _doubled(coarse_2)], dim=1)
        at_middle = torch.cat([_halved(fine), middle, coarse_2], dim=1)
        return [self.dropout(self.fusion[0](at_fine)), self.dropout(self.fusion[1](at_middle))]


def trunk_descriptor(inputs: NetworkInput, blocks: int) -> Descriptor:
    """Return the descriptor of a `MimoTrunk`."""
    # A residual block has two 3x3 convolutions. Entry, attention and exit add one each; paths through shallow features
    # and fusions are shorter.
    reach = 2 * blocks
    path = Hourglass((1 + reach, 1 + reach, 1 + 2 * reach), (reach + 1, reach), CONV_3_STRIDE_2, up_kernel=4)
    return Descriptor(inputs, path.size_multiple, path.receptive_field_px, path.tile_margin_px, SCALES)


def require_trunk(name: str, channels: int, width: int, blocks: int, dropout: float) -> None:
    """Refuse sizes that make no trunk.

    Raises
    ------
    UsageError
        If the width is too small for the input channels, there is no block, or dropout is not in [0, 1).
    """
    # The shallow features of the middle scale are 2 width channels, the input's own among them.
    if 2 * width <= channels:
        raise UsageError(f"{name}: expected a width above {channels // 2}, half of the input channels, got {width}")
    if blocks < 1:
        raise UsageError(f"{name}: expected 1 residual block or more, got {blocks}")
    if not 0 <= dropout < 1:
        raise UsageError(f"{name}: expected dropout in [0, 1), got {dropout}")


class _ShallowFeatures(nn.Module):
    """SCM: four small convolutions, concatenated with their input, and a 1x1 convolution."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            _conv_relu(channels, width // 4, 3),
            _conv_relu(width // 4, width // 2, 1),
            _conv_relu(width // 2, width // 2, 3),
            _conv_relu(width // 2, width - channels, 1),
        )
        self.last = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.cat([x, self.main(x)], dim=1))


class _FeatureAttention(nn.Module):
    """FAM: x + conv(x * y)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + self.conv(x * y)


class _ResidualBlock(nn.Module):
    """x + conv(relu(conv(x)))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.main = nn.Sequential(_conv_relu(width, width, 3), nn.Conv2d(width, width, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.main(x)


def _residual_blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(_ResidualBlock(width) for _ in range(count)))


def _fusion(channels: int, width: int) -> nn.Sequential:
    """AFF, after concatenation."""
    return nn.Sequential(_conv_relu(channels, width, 1), nn.Conv2d(width, width, 3, padding=1))


def _conv_relu(channels: int, width: int, side: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, side, stride, padding=side // 2), nn.ReLU(inplace=True))


def _up_relu(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.ConvTranspose2d(channels, width, 4, stride=2, padding=1), nn.ReLU(inplace=True))


def _halved(x: Tensor) -> Tensor:
    return x[..., ::2, ::2]


def _doubled(x: Tensor) -> Tensor:
    return cast(Tensor, interpolate(x, scale_factor=2, mode="nearest"))
