"""ChannelNorm: layer normalisation of each pixel's channels."""

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm


class ChannelNorm(nn.Module):
    """y_c = w_c (x_c - mean_c x) / sqrt(var_c x + eps) + b_c at every pixel of (B, C, H, W), var without Bessel's term.

    Parameters
    ----------
    channels : int
        C.
    eps : float
        Added to the variance. Features are of the order of 1.
    """

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Return the normalised features (B, C, H, W)."""
        # In channels-last memory neither move copies a number.
        last = features.movedim(1, -1)
        return layer_norm(last, self.weight.shape, self.weight, self.bias, self.eps).movedim(-1, 1)
