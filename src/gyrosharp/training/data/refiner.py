"""Refiner: the network whose result is where a sample's estimate begins, as in a photo's later passes."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from gyrosharp.blur.encodings import Planes
from gyrosharp.blur.field import BlurField
from gyrosharp.blur.field_transforms import Orientation
from gyrosharp.blur.network_input import NetworkInput, input_planes, laid_planes
from gyrosharp.nets import DeblurNet
from gyrosharp.restore.models import find_model
from gyrosharp.restore.network import Orientations, passes_of
from gyrosharp.training.start import net_of_model


@dataclass(frozen=True, eq=False)
class Refiner:
    """A network that makes estimates for samples of one size.

    Attributes
    ----------
    model : str
        Name or path.
    wanted : NetworkInput
        What it sees.
    passes : tuple of Orientations
        How each pass shows it a picture: as a photo of that size is shown.
    """

    model: str
    wanted: NetworkInput
    passes: tuple[Orientations, ...]

    @classmethod
    def of_model(cls, model: str, pixels: int) -> "Refiner":
        """Return the refiner for pictures of so many pixels.

        Raises
        ------
        InputError, MissingComponentError
            If the model cannot be used.
        """
        wanted = find_model(model).card.network_input()
        return cls(model, wanted, passes_of(wanted, pixels))

    @property
    def ways(self) -> tuple[Orientation, ...]:
        """The orientations that it sees pictures in, each once."""
        return tuple(dict.fromkeys(way for ways in self.passes for way in ways))

    def planes(self, field: BlurField, shape: tuple[int, int], depth_m: NDArray[np.float32] | None) -> Planes:
        """Return the planes (K C, h, w) that it sees before those of physics, for a picture in each of its ways."""
        still = replace(self.wanted, physics=(), passes=1)
        planes = input_planes(still, field, shape, depth_m)
        return np.concatenate([laid_planes(still, planes, way) for way in self.ways])

    def net(self, device: "torch.device") -> DeblurNet:
        """Return the network on a device, in float32 also where the model rounds to 8 bits; it is kept."""
        return _net(self.model, device)


@lru_cache(maxsize=4)
def _net(model: str, device: "torch.device") -> DeblurNet:
    return net_of_model(find_model(model)).eval().to(device)
