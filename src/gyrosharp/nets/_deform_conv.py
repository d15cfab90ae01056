"""Modulated deformable convolution (DCNv2), 3 x 3, in plain torch and as one native node of an ONNX graph.

Zhu et al., Deformable ConvNets v2, CVPR 2019, eq. 1: tap k of output pixel p looks at p + p_k + dp_k instead of p +
p_k,

    y(p) = sum_k  w_k  m_k(p)  x(p + p_k + dp_k(p)),      p_k in {-1, 0, 1} x {-1, 0, 1},

x bilinear between pixels and zero outside the picture. Taps run row by row, and every offset is a pair (dy, dx), in px
of x, as in ONNX's DeformConv.

*How.* The picture is a table with a row of C numbers per pixel, and a tap is the weighted sum of four of its rows:
`embedding_bag`, which reads and adds whole rows. One thread, forward and backward, (4, 64, 16, 16): 5.3 ms, against 7.3
ms with `grid_sample` and 6.4 ms with a gather per corner; (4, 256, 32, 32): 220, 500 and 650 ms.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding_bag

TAPS = 9
CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


def deform_conv(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor) -> Tensor:
    """Return the modulated deformable convolution of x; see the module's docstring.

    Parameters
    ----------
    x : (B, C, H, W) tensor
        Features.
    offset : (B, 18, H, W) tensor
        dp_k, px: (dy, dx) of tap 0, of tap 1, ...
    mask : (B, 9, H, W) tensor
        m_k.
    weight : (O, C, 3, 3) tensor
        w_k.

    Returns
    -------
    (B, O, H, W) tensor
        y. Not finite where the offsets are not.
    """
    if torch.compiler.is_exporting():
        return _deform_conv_node(x, offset, mask, weight)
    return _deform_conv(x, offset, mask, weight)


class GuidedDeformConv(nn.Module):
    """Deformable convolution whose offsets and mask are read off other features g.

        dp = conv(g),    m = 2 sigmoid(conv(g)),    both 3 x 3 and zero at first,

    so that it starts as a plain 3 x 3 convolution. Offsets have no limit.

    Parameters
    ----------
    channels : int
        Features in and out.
    guide_channels : int
        Channels of g.
    """

    def __init__(self, channels: int, guide_channels: int) -> None:
        super().__init__()
        self.offset = nn.Conv2d(guide_channels, 2 * TAPS, 3, padding=1)
        self.mask = nn.Conv2d(guide_channels, TAPS, 3, padding=1)
        self.taps = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        for conv in (self.offset, self.mask):
            nn.init.zeros_(conv.weight)
            nn.init.zeros_(conv.bias)

    def forward(self, x: Tensor, guide: Tensor) -> Tensor:
        """Return (B, channels, H, W) features of x (B, channels, H, W) and g (B, guide_channels, H, W)."""
        return deform_conv(x, self.offset(guide), 2 * torch.sigmoid(self.mask(guide)), self.taps.weight)


def onnx_translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """Return what `torch.onnx.export(..., custom_translation_table=...)` needs; opset 19 or later.

    The node's name is what onnxruntime's CPU provider knows; OpenVINO has none for it.
    """
    from onnxscript import opset20

    def translated(x: Any, offset: Any, mask: Any, weight: Any) -> Any:  # noqa: ANN401
        return opset20.DeformConv(x, weight, offset, None, mask, kernel_shape=[3, 3], pads=[1, 1, 1, 1])

    return {torch.ops.gyrosharp.deform_conv.default: translated}


def _deform_conv(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor) -> Tensor:
    batch, channels, height, width = x.shape
    rows, shares = _corners(offset, mask)
    # Half precision would round positions to whole pixels; sums stay in float32 or better.
    table = x.permute(0, 2, 3, 1).reshape(-1, channels).to(shares.dtype)
    samples = embedding_bag(rows, table, mode="sum", per_sample_weights=shares).view(-1, TAPS * channels)
    kernel = weight.permute(2, 3, 1, 0).reshape(TAPS * channels, -1)
    return (samples @ kernel.to(samples.dtype)).view(batch, height, width, -1).permute(0, 3, 1, 2)


def _corners(offset: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of the table that each sample adds up, and their shares: (B H W 9, 4) each.

    A corner outside the picture has share 0. Offsets that are not finite give shares that are not.
    """
    batch, _, height, width = offset.shape
    y, x = _positions(offset)
    top, left = y.floor(), x.floor()
    row, column = y - top, x - left
    first = height * width * torch.arange(batch, device=offset.device).view(-1, 1, 1, 1)
    rows, shares = [], []
    for down, right in CORNERS:
        at_y, at_x = top + down, left + right
        inside = (at_y >= 0) & (at_y < height) & (at_x >= 0) & (at_x < width)
        pixel = at_y.clamp(0, height - 1) * width + at_x.clamp(0, width - 1)
        rows.append(first + torch.nan_to_num(pixel.detach()).long())
        shares.append((row if down else 1 - row) * (column if right else 1 - column) * inside * mask)
    return _listed(rows), _listed(shares)


def _positions(offset: Tensor) -> tuple[Tensor, Tensor]:
    """Return rows and columns p + p_k + dp_k, each (B, 9, H, W), in float32 at least."""
    batch, _, height, width = offset.shape
    kind = torch.promote_types(offset.dtype, torch.float32)
    steps = offset.to(kind).view(batch, TAPS, 2, height, width)
    tap = torch.arange(TAPS, device=offset.device).view(-1, 1, 1)
    y = torch.arange(height, device=offset.device).view(-1, 1) + tap // 3 - 1
    x = torch.arange(width, device=offset.device) + tap % 3 - 1
    return steps[:, :, 0] + y, steps[:, :, 1] + x


def _listed(corners: list[Tensor]) -> Tensor:
    return torch.stack(corners, dim=-1).permute(0, 2, 3, 1, 4).reshape(-1, len(CORNERS))


@torch.library.custom_op("gyrosharp::deform_conv", mutates_args=())
def _deform_conv_node(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor) -> Tensor:
    """The same as one operator: an exported graph shall hold one node, not its parts. Has no gradient."""
    return _deform_conv(x, offset, mask, weight).contiguous()


@_deform_conv_node.register_fake
def _(x: Tensor, offset: Tensor, mask: Tensor, weight: Tensor) -> Tensor:  # noqa: ARG001
    return x.new_empty((x.shape[0], weight.shape[0], x.shape[2], x.shape[3]))
