"""GAMD: MIMO-UNet+ that also sees two blur heat maps, at all three scales.

A heat map is a picture of three channels, (127 + dx, 127 + dy, 0) / 255, dx and dy in px: one of the control point and
one of the end point of every pixel's trajectory, a quadratic Bezier curve (`bezier_heatmap`). They are made here, from
the four planes of that encoding, the empty third channel included: it carries nothing, but is part of the published
network and its parameter count.

Differences: the published pictures are 8-bit JPEG, in whole px, wrap around beyond -127 ... 128 px, and are mirrored
without turning their vectors; here they are exact, go on linearly beyond that range, and turn with the picture. The
smaller scales take every second pixel of a map with its lengths still in px of the full picture, as published. The
published small variant (8 blocks) cannot run; ``blocks=8`` here does.

``tiny`` is narrower, has two blocks per stage, drops nothing (of 8 channels each counts), and lets a heat map's range
stand for 64 px instead of 255, so that trails of ten px are seen early in a short training.
"""

from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from gyrosharp.blur.encodings.bezier_heatmap import ZERO_CODE
from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.errors import UsageError
from gyrosharp.nets._mimo_trunk import PICTURE, MimoTrunk, require_trunk, trunk_descriptor
from gyrosharp.nets._net import DeblurNet

NAME = "gamd"
DESCRIPTION = "MIMO-UNet+ on the picture and heat maps of every pixel's Bezier trajectory"
PAPER = "Luan et al., Gyroscope-Assisted Motion Deblurring Network, arXiv 2402.06854"

HEATMAP_CHANNELS = 6
# Value of no displacement: code 127 of 255.
ZERO = ZERO_CODE / 255


@dataclass(frozen=True)
class Config:
    """Sizes and inputs; the defaults are the published network.

    Attributes
    ----------
    width : int
        Channels of the finest scale.
    blocks : int
        Residual blocks per scale, in encoder and decoder each.
    dropout : float
        Share of the fused channels that are dropped in training.
    heatmaps : bool
        Whether the network sees heat maps; without, it is MIMO-UNet+.
    planes_scale : float
        Displacement that raises a heat map's value by 1, px, > 0.

    Raises
    ------
    UsageError
        If the width is too small for the input channels (9, or 3), there is no block, dropout is not in [0, 1), or the
        scale is not above 0.
    """

    width: int = 32
    blocks: int = 20
    dropout: float = 0.1
    heatmaps: bool = True
    planes_scale: float = 255.0

    def __post_init__(self) -> None:
        require_trunk(NAME, self.channels, self.width, self.blocks, self.dropout)
        if not self.planes_scale > 0:
            raise UsageError(f"{NAME}: expected planes_scale above 0, got {self.planes_scale}")

    @property
    def channels(self) -> int:
        """Channels that the trunk takes."""
        return PICTURE + (HEATMAP_CHANNELS if self.heatmaps else 0)


SIZES = MappingProxyType({"full": Config(), "tiny": Config(width=8, blocks=2, dropout=0.0, planes_scale=64.0)})
PARAMETERS = MappingProxyType({"full": 16_111_383})


class Net(DeblurNet):
    """GAMD; see the module. Planes are control dx, dy and end dx, dy in px."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        inputs = NetworkInput("bezier_heatmap") if config.heatmaps else NetworkInput()
        self.descriptor = trunk_descriptor(inputs, config.blocks)
        self.planes_scale = config.planes_scale
        self.trunk = MimoTrunk(config.channels, config.width, config.blocks, config.dropout)

    def restore(self, image: Tensor, planes: Tensor | None) -> tuple[Tensor, ...]:
        """Return the sharp picture at three scales."""
        return self.trunk(image if planes is None else torch.cat([image, self._heatmaps(planes)], dim=1))

    def _heatmaps(self, planes: Tensor) -> Tensor:
        values = ZERO + planes / self.planes_scale
        empty = torch.zeros_like(values[:, :1])
        return torch.cat([values[:, :2], empty, values[:, 2:], empty], dim=1)
