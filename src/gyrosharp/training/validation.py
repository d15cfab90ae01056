"""Validation: PSNR on samples that training never sees, against the blurred pictures', and pictures to look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

if TYPE_CHECKING:
    from gyrosharp.training.data import Batch

# White columns between the pictures of a strip, px.
GAP = 4


@dataclass(frozen=True)
class Validation:
    """What a validation found.

    Attributes
    ----------
    psnr_db, blurred_db : float
        Mean PSNR of results and of blurred pictures: sRGB, clipped to [0, 1], one PSNR per picture.
    """

    psnr_db: float
    blurred_db: float

    @property
    def gain_db(self) -> float:
        """What the network gains over its input."""
        return self.psnr_db - self.blurred_db


@torch.no_grad()
def validate(net: nn.Module, samples: Sequence["Batch"], device: torch.device) -> Validation:
    """Return the mean PSNR of a network on samples, in float32; the network is left in evaluation mode."""
    net.eval()
    found = []
    for batch in samples:
        moved = batch.to(device)
        result = net(moved.image, moved.planes)[0]
        found.append(torch.stack([psnr_of_each(result, moved.target), psnr_of_each(moved.image, moved.target)]))
    means = torch.cat(found, dim=1).mean(dim=1).tolist()
    return Validation(means[0], means[1])


def psnr_of_each(picture: Tensor, target: Tensor) -> Tensor:
    """Return ``-10 log10(MSE)`` of each picture (B, 3, H, W), clipped to [0, 1], in dB; float64.

    Equal pictures have 200 dB, and a value that is no number counts as 0, so that means stay finite.
    """
    error = (picture.double().nan_to_num(nan=0.0).clamp(0, 1) - target.double()).square().mean(dim=(1, 2, 3))
    return -10 * torch.log10(error.clamp(min=1e-20))


@torch.no_grad()
def strips(net: nn.Module, samples: Sequence["Batch"], count: int, device: torch.device) -> list[NDArray[np.uint8]]:
    """Return pictures (H, 3 W + gaps, 3), sRGB, of the first samples: blurred, result, sharp."""
    net.eval()
    made: list[NDArray[np.uint8]] = []
    for batch in samples:
        if len(made) >= count:
            break
        moved = batch.to(device)
        result = net(moved.image, moved.planes)[0]
        rows = zip(moved.image, result, moved.target, strict=True)
        made += [_strip(row) for row in rows][: count - len(made)]
    return made


def _strip(row: Sequence[Tensor]) -> NDArray[np.uint8]:
    height = row[0].shape[1]
    gap = torch.ones(3, height, GAP, device=row[0].device)
    joined = torch.cat([row[0], gap, row[1], gap, row[2]], dim=2).clamp(0, 1)
    return (255 * joined).round().byte().permute(1, 2, 0).cpu().numpy()
