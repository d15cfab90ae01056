"""The plain U-Net that DeepGyro, the Oulu thesis and the IMU U-Net share.

Per level two 3x3 convolutions, each followed by ReLU (after batch normalisation, where asked for); 2x2 max pooling
down, with channels doubling; a 2x2 transposed convolution of stride 2 up, concatenated with the encoder's features; a
linear 1x1 convolution at the end (Ronneberger et al., U-Net, MICCAI 2015, but with zero padding).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.errors import UsageError
from gyrosharp.nets._first_weights import carry_variance
from gyrosharp.nets._net import Descriptor
from gyrosharp.nets._reach import MAX_POOL_2, Hourglass

PICTURE = 3


class UNet(nn.Module):
    """A U-Net from pictures (B, channels, H, W) to (B, 3, H, W), sides multiples of 2^(levels - 1).

    Parameters
    ----------
    channels : int
        Input channels.
    width : int
        Channels of the finest level; level k has 2^k as many.
    levels : int
        Levels, the bottom included.
    batch_norm : bool
        Whether batch normalisation stands between convolution and ReLU.
    residual : bool
        Whether the output is added to the first three input channels. The last layer then starts at zero, and the
        network as the identity: the tiny sizes learn one batch by heart in 3 to 25 times fewer steps than without.
    """

    def __init__(
        self, channels: int, width: int, levels: int, *, batch_norm: bool = False, residual: bool = False
    ) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(levels)]
        self.encoder = nn.ModuleList(_two_convs(a, b, batch_norm) for a, b in pairwise([channels, *widths]))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * c, c, 2, stride=2) for c in widths[:-1])
        self.decoder = nn.ModuleList(_two_convs(2 * c, c, batch_norm) for c in widths[:-1])
        self.last = nn.Conv2d(width, PICTURE, 1)
        self.residual = residual
        carry_variance(self)
        if residual:
            nn.init.zeros_(self.last.weight)
            nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the three output channels."""
        picture, skips = x[:, :PICTURE], []
        for stage in self.encoder[:-1]:
            skips.append(stage(x))
            x = max_pool2d(skips[-1], 2)
        x = self.encoder[-1](x)
        for skip, up, stage in reversed(list(zip(skips, self.up, self.decoder, strict=True))):
            x = stage(torch.cat([skip, up(x)], dim=1))
        return picture + self.last(x) if self.residual else self.last(x)


def unet_descriptor(inputs: NetworkInput, levels: int) -> Descriptor:
    """Return the descriptor of a `UNet`."""
    # Two 3x3 convolutions reach 2 px; all there is at the bottom is its own two.
    path = Hourglass((2,) * levels, (2,) * (levels - 1), MAX_POOL_2, up_kernel=2)
    return Descriptor(inputs, path.size_multiple, path.receptive_field_px, path.tile_margin_px)


def require_unet(name: str, width: int, levels: int) -> None:
    """Refuse sizes that make no U-Net.

    Raises
    ------
    UsageError
        If width or levels are below 1.
    """
    if width < 1 or levels < 1:
        raise UsageError(f"{name}: expected width and levels of 1 or more, got {width} and {levels}")


def _two_convs(channels: int, width: int, batch_norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for count in (channels, width):
        layers.append(nn.Conv2d(count, width, 3, padding=1))
        layers += [nn.BatchNorm2d(width)] if batch_norm else []
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)
