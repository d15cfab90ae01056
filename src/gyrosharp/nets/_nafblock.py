"""NAFBlock, and the U-shaped trunk of such blocks that NAFNet and GyroDeblurNet share.

Chen et al., Simple Baselines for Image Restoration, ECCV 2022, fig. 3 and sec. 4.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gyrosharp.nets._channel_norm import ChannelNorm

# LayerNorm's floor under the variance, as published.
EPSILON = 1e-6


class NAFBlock(nn.Module):
    """Block without activation functions: a mixing half and a feed-forward half, each added to what came in.

        y = x + beta  P2( SCA( gate( D(P1( LN(x) )) ) ) )
        z = y + gamma P4( gate( P3( LN(y) ) ) )

    P1 and P3 are 1 x 1 convolutions to 2 C channels, D is 3 x 3 and depth-wise, P2 and P4 are 1 x 1 to C channels.
    gate([a, b]) = a b multiplies one half of the channels by the other. SCA(u) = u W mean(u): simplified channel
    attention, its mean taken over the whole picture. beta and gamma are per channel and start at zero: the block starts
    as identity.

    Parameters
    ----------
    channels : int
        C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mixing_norm = ChannelNorm(channels, EPSILON)
        self.widen = nn.Conv2d(channels, 2 * channels, 1)
        self.depthwise = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1, groups=2 * channels)
        self.attention = nn.Conv2d(channels, channels, 1)
        self.mix = nn.Conv2d(channels, channels, 1)
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.feed_norm = ChannelNorm(channels, EPSILON)
        self.feed_in = nn.Conv2d(channels, 2 * channels, 1)
        self.feed_out = nn.Conv2d(channels, channels, 1)
        self.gamma = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, C, H, W) features of (B, C, H, W) features."""
        gated = simple_gate(self.depthwise(self.widen(self.mixing_norm(x))))
        attended = gated * self.attention(gated.mean((2, 3), keepdim=True))
        y = x + self.mix(attended) * self.beta
        return y + self.feed_out(simple_gate(self.feed_in(self.feed_norm(y)))) * self.gamma


def simple_gate(x: Tensor) -> Tensor:
    """Return a b of the two halves a, b of the channels."""
    first, second = x.chunk(2, dim=1)
    return first * second


def naf_blocks(count: int, channels: int) -> nn.Sequential:
    """Return so many blocks in a row."""
    return nn.Sequential(*(NAFBlock(channels) for _ in range(count)))


class NafTrunk(nn.Module):
    """Encoders and decoders of a U-shaped network of NAFBlocks; what happens between them is the caller's.

    A 3 x 3 convolution leads in and out. Each encoder ends in a 2 x 2 convolution of stride 2 to twice the channels;
    each decoder starts with a 1 x 1 convolution and a pixel shuffle to half of them, and adds what its encoder had.

    Parameters
    ----------
    width : int
        Channels at full size.
    encoders, decoders : sequence of int
        Blocks per level, finest first and coarsest first.
    """

    def __init__(self, width: int, encoders: Sequence[int], decoders: Sequence[int]) -> None:
        super().__init__()
        channels = [width << level for level in range(len(encoders) + 1)]
        self.first = nn.Conv2d(3, width, 3, padding=1)
        self.encoders = nn.ModuleList(naf_blocks(count, channels[k]) for k, count in enumerate(encoders))
        self.downs = nn.ModuleList(nn.Conv2d(c, 2 * c, 2, stride=2) for c in channels[:-1])
        self.ups = nn.ModuleList(up_shuffled(c) for c in channels[:0:-1])
        self.decoders = nn.ModuleList(naf_blocks(count, c) for count, c in zip(decoders, channels[-2::-1], strict=True))
        self.last = nn.Conv2d(width, 3, 3, padding=1)

    def encode(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return features at the coarsest level, and each encoder's features before they are made smaller."""
        x = self.first(image.contiguous(memory_format=torch.channels_last))
        skips = []
        for encoder, down in zip(self.encoders, self.downs, strict=True):
            x = encoder(x)
            skips.append(x)
            x = down(x)
        return x, skips

    def decode(self, x: Tensor, skips: Sequence[Tensor]) -> Tensor:
        """Return (B, 3, H, W): what is to be added to the picture."""
        for up, skip, decoder in zip(self.ups, reversed(skips), self.decoders, strict=True):
            x = decoder(up(x) + skip)
        return self.last(x)


def up_shuffled(channels: int) -> nn.Sequential:
    """Return layers that double the resolution and halve the channels: 1 x 1 convolution and pixel shuffle."""
    return nn.Sequential(nn.Conv2d(channels, 2 * channels, 1, bias=False), nn.PixelShuffle(2))
