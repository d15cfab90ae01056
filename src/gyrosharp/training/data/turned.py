"""Pictures on the training device, laid another way: `gyrosharp.blur.field_transforms.Orientation` for tensors."""

from collections.abc import Sequence

import torch
from torch import Tensor

from gyrosharp.blur.field_transforms import Orientation


def laid(pictures: Tensor, orientation: Orientation) -> Tensor:
    """Return pictures (..., H, W) laid another way; see `Orientation.laid`."""
    return torch.rot90(pictures.flip(-1) if orientation.mirrored else pictures, orientation.turns, (-2, -1))


def undone(pictures: Tensor, orientation: Orientation) -> Tensor:
    """Return pictures that lie this way as they lay before; see `Orientation.undone`."""
    back = torch.rot90(pictures, -orientation.turns, (-2, -1))
    return back.flip(-1) if orientation.mirrored else back


def each_laid(pictures: Tensor, orientations: Sequence[Orientation]) -> Tensor:
    """Return square pictures (B, C, H, W), each laid its own way."""
    return torch.stack([laid(picture, way) for picture, way in zip(pictures, orientations, strict=True)])
