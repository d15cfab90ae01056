"""Blocks that work on the spectra of 8 x 8 px patches: frequency-domain attention and feed-forward network.

Spectra are computed as products with constant matrices rather than by an FFT: for 64 values that is no slower, and it
exports to any runtime. A patch's spectrum is that of `torch.fft.rfft2`: frequencies k = 0..7 down and l = 0..4 across,
unnormalised.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from gyrosharp.nets._channel_norm import ChannelNorm

PATCH = 8
HALF = PATCH // 2 + 1
FREQUENCIES = PATCH * HALF


def forward_matrix() -> Tensor:
    """Return M (80, 64): real, then imaginary parts of X(k, l) = sum_yx p(y, x) exp(-2 pi i (k y + l x) / 8)."""
    phase = _phases()
    return torch.cat([phase.cos(), -phase.sin()]).float()


def inverse_matrix() -> Tensor:
    """Return N (64, 80) with N M = 1, equal to `torch.fft.irfft2` for any real and imaginary parts.

    p(y, x) = 1 / 64 sum_kl m_l Re(X(k, l) exp(2 pi i (k y + l x) / 8)); m_l is 2 for l = 1, 2, 3, which stand for
    their conjugates too, and 1 for l = 0, 4.
    """
    phase = _phases()
    times = torch.tensor([1.0, 2.0, 2.0, 2.0, 1.0], dtype=torch.float64).repeat(PATCH)[:, None]
    return torch.cat([times * phase.cos(), -times * phase.sin()]).T.float() / PATCH**2


def _phases() -> Tensor:
    """Return 2 pi (k y + l x) / 8, (40, 64) float64: frequencies (k, l) by pixels (y, x)."""
    index = torch.arange(PATCH, dtype=torch.float64)
    down = index[:, None, None, None] * index[None, None, :, None]
    across = index[None, :HALF, None, None] * index[None, None, None, :]
    return (2 * math.pi / PATCH * (down + across)).reshape(FREQUENCIES, PATCH**2)


class PatchSpectra(nn.Module):
    """Spectra of the 8 x 8 px patches of feature maps, and back. It has no parameters: blocks share one.

    Computed in float32: bfloat16 would keep two digits of a sum of 64 terms.
    """

    to_spectrum: Tensor
    to_patch: Tensor

    def __init__(self) -> None:
        super().__init__()
        # Not stored with the weights: they follow from the formula.
        self.register_buffer("to_spectrum", forward_matrix().T.contiguous(), persistent=False)
        self.register_buffer("to_patch", inverse_matrix().T.contiguous(), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Return spectra (B, C, H / 8, W / 8, 80) of features (B, C, H, W), real parts before imaginary ones."""
        with torch.autocast(features.device.type, enabled=False):
            patches = features.float().unflatten(3, (-1, PATCH)).unflatten(2, (-1, PATCH)).transpose(3, 4)
            return patches.flatten(4) @ self.to_spectrum

    def inverse(self, spectra: Tensor) -> Tensor:
        """Return features (B, C, H, W) of spectra (B, C, H / 8, W / 8, 80)."""
        with torch.autocast(spectra.device.type, enabled=False):
            patches = (spectra.float() @ self.to_patch).unflatten(4, (PATCH, PATCH))
            return patches.transpose(3, 4).flatten(4, 5).flatten(2, 3)


class FrequencyAttention(nn.Module):
    """Out = P (V * norm(F^-1(F Q F K))): queries and keys of a patch are compared at all shifts at once.

    Q, K and V have twice the channels of the features. The paper conjugates F K, which makes the product a correlation;
    its code does not, which makes it a circular convolution, and its authors saw no difference (kkkls/FFTformer, issue
    15). This follows the code, which the published figures come from.

    Parameters
    ----------
    channels : int
        Channels of the features, in and out.
    spectra : PatchSpectra
        Transform.
    """

    def __init__(self, channels: int, spectra: PatchSpectra) -> None:
        super().__init__()
        inner = 2 * channels
        self.to_inner = nn.Conv2d(channels, 3 * inner, 1, bias=False)
        self.local = nn.Conv2d(3 * inner, 3 * inner, 3, padding=1, groups=3 * inner, bias=False)
        self.norm = ChannelNorm(inner)
        self.project = nn.Conv2d(inner, channels, 1, bias=False)
        self.spectra = spectra

    def forward(self, features: Tensor) -> Tensor:
        """Return features (B, C, H, W), sides multiples of 8."""
        queries, keys, values = self.local(self.to_inner(features)).chunk(3, dim=1)
        similarity = self.spectra.inverse(complex_product(self.spectra(queries), self.spectra(keys)))
        return self.project(values * self.norm(similarity))


def complex_product(first: Tensor, second: Tensor) -> Tensor:
    """Return the products of spectra (..., 80)."""
    (a, b), (c, d) = first.chunk(2, dim=-1), second.chunk(2, dim=-1)
    return torch.cat([a * c - b * d, a * d + b * c], dim=-1)


class FrequencyFeedForward(nn.Module):
    """Out = P (gelu(a) * b), (a, b) = local(F^-1(W F(E x))): W learns which frequencies to keep, as JPEG's table does.

    E and F act on channels and on pixels: they commute, and F is applied first, where there are fewer channels.

    Parameters
    ----------
    channels : int
        Channels of the features, in and out.
    expansion : float
        Channels of a and of b each, in units of those of the features; rounded down.
    spectra : PatchSpectra
        Transform.
    """

    def __init__(self, channels: int, expansion: float, spectra: PatchSpectra) -> None:
        super().__init__()
        inner = int(channels * expansion)
        self.expand = nn.Conv2d(channels, 2 * inner, 1, bias=False)
        self.frequency_weights = nn.Parameter(torch.ones(2 * inner, FREQUENCIES))
        self.local = nn.Conv2d(2 * inner, 2 * inner, 3, padding=1, groups=2 * inner, bias=False)
        self.project = nn.Conv2d(inner, channels, 1, bias=False)
        self.spectra = spectra

    def forward(self, features: Tensor) -> Tensor:
        """Return features (B, C, H, W), sides multiples of 8."""
        spectra = self.spectra(features)
        expanded = self.expand(spectra.flatten(2, 3)).unflatten(2, spectra.shape[2:4])
        weights = self.frequency_weights.repeat(1, 2)[:, None, None]
        gate, value = self.local(self.spectra.inverse(expanded * weights)).chunk(2, dim=1)
        return self.project(gelu(gate) * value)
