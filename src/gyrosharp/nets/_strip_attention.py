"""Strip attention: pixels of one row or column attend to each other, or whole rows and columns do."""

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, scaled_dot_product_attention

from gyrosharp.nets._channel_norm import ChannelNorm

# Inner width of the feed-forward network, in units of its outer one.
EXPANSION = 4


class StripBlock(nn.Module):
    """Attention, then a feed-forward network, then a position-dependent convolution, each added to its input.

    Half of the channels are compared along rows, the other half along columns. Within strips, tokens are a strip's
    pixels; between strips, tokens are the strips themselves, which costs little and looks at the whole picture.

    Parameters
    ----------
    channels : int
        Channels of the features, in and out; a multiple of ``2 heads``.
    heads : int
        Heads of the attention.
    between : bool
        Whether strips are compared with strips, rather than pixels within a strip.
    """

    def __init__(self, channels: int, heads: int, between: bool) -> None:
        super().__init__()
        half = channels // 2
        self.norm = ChannelNorm(channels)
        self.mix = nn.Conv2d(channels, channels, 1)
        self.along_rows = nn.Conv2d(half, 3 * half, 1)
        self.along_columns = nn.Conv2d(half, 3 * half, 1)
        self.project = nn.Conv2d(channels, channels, 1)
        self.feed_forward = FeedForward(channels)
        self.position = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
        self.heads = heads
        self.attend = attend_between if between else attend_within

    def forward(self, features: Tensor) -> Tensor:
        """Return features (B, C, H, W)."""
        rows, columns = self.mix(self.norm(features)).chunk(2, dim=1)
        rows = self.attend(self.along_rows(rows), self.heads)
        columns = self.attend(self.along_columns(columns).mT, self.heads).mT
        features = features + self.project(torch.cat([rows, columns], dim=1))
        features = features + self.feed_forward(features)
        return features + self.position(features)


class FeedForward(nn.Module):
    """Two layers with a GELU between, pixel by pixel, after normalisation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = ChannelNorm(channels)
        self.widen = nn.Conv2d(channels, EXPANSION * channels, 1)
        self.narrow = nn.Conv2d(EXPANSION * channels, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return features (B, C, H, W)."""
        return self.narrow(gelu(self.widen(self.norm(features))))


def attend_within(both: Tensor, heads: int) -> Tensor:
    """Return each row's values, mixed by attention between the row's pixels.

    Parameters
    ----------
    both : (B, 3 C, H, W) tensor
        Queries, keys and values.
    heads : int
        Heads; tokens of a head are C / heads long.

    Returns
    -------
    (B, C, H, W) tensor
        Mixed values.
    """
    tokens = both.unflatten(1, (3, heads, -1)).permute(1, 0, 4, 2, 5, 3)
    queries, keys, values = tokens.flatten(1, 2)
    mixed = scaled_dot_product_attention(queries, keys, values)
    return mixed.unflatten(0, (both.shape[0], -1)).permute(0, 2, 4, 1, 3).flatten(1, 2)


def attend_between(both: Tensor, heads: int) -> Tensor:
    """Return rows mixed by attention between rows: tokens of a head are C / heads * W long. As `attend_within`."""
    tokens = both.unflatten(1, (3, heads, -1)).permute(1, 0, 2, 4, 3, 5)
    queries, keys, values = tokens.flatten(4)
    mixed = scaled_dot_product_attention(queries, keys, values)
    return mixed.unflatten(3, (-1, both.shape[3])).transpose(2, 3).flatten(1, 2)
