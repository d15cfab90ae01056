"""ShotBatch: shots drawn by the loader, which become blurred pictures once they are on the training device."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from gyrosharp.blur.nodes import NodeGrid
from gyrosharp.blur.torch_operator import TorchBlur
from gyrosharp.datasets.synthesis.sensor import Sensor
from gyrosharp.training.data.augment import Augmentation
from gyrosharp.training.data.batch import Batch
from gyrosharp.training.data.device_sensor import photographed, stored
from gyrosharp.training.data.fitted_grids import fitted, pose_steps
from gyrosharp.training.data.turned import each_laid


@dataclass(frozen=True, eq=False)
class DrawnShot:
    """One sample before it is blurred.

    Attributes
    ----------
    name : str
        Name of the sample.
    light : (H, W, 3) float32 array
        Sharp window, linear light, saturation put back.
    grid : NodeGrid
        Displacements of the window's pixels.
    change : Augmentation
        Where the sample lies in the window, and how it is turned after it was blurred.
    sensor : Sensor
        What takes the picture.
    seed : int
        Of the noise.
    planes : (C, h, w) float32 array
        The network's planes, already turned.
    """

    name: str
    light: NDArray[np.float32]
    grid: NodeGrid
    change: Augmentation
    sensor: Sensor
    seed: int
    planes: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ShotBatch:
    """Shots on their way to the device.

    Attributes
    ----------
    light : (B, 3, H, W) float32 tensor
        Windows, linear light, repeated at their right and lower borders to one size.
    planes : (B, C, h, w) float32 tensor or None
        The network's planes.
    shots : tuple of DrawnShot
        The rest; their `light` and `planes` are empty.
    """

    light: "torch.Tensor"
    planes: "torch.Tensor | None"
    shots: tuple[DrawnShot, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the samples."""
        return tuple(shot.name for shot in self.shots)

    def pin_memory(self) -> "ShotBatch":
        """Return the batch in pinned memory; the loader calls this."""
        planes = None if self.planes is None else self.planes.pin_memory()
        return replace(self, light=self.light.pin_memory(), planes=planes)

    def to(self, device: "torch.device | str") -> Batch:
        """Blur, photograph and turn the shots on a device."""
        light = self.light.to(device, non_blocking=True)
        blurred = _blurred(light, [shot.grid for shot in self.shots])
        observed = photographed(
            _parts(blurred, self.shots), [shot.sensor for shot in self.shots], [shot.seed for shot in self.shots]
        )
        truths = zip(_parts(light, self.shots), self.shots, strict=True)
        truth = torch.stack([stored(part, shot.sensor.bits) for part, shot in truths])
        planes = None if self.planes is None else self.planes.to(device, non_blocking=True)
        ways = [shot.change.orientation for shot in self.shots]
        return Batch(each_laid(observed, ways), each_laid(truth, ways), planes, self.names)


def shot_batch(shots: Sequence[DrawnShot]) -> ShotBatch:
    """Return shots as a batch: windows in one tensor, padded to one size with their own borders."""
    height, width = (max(shot.light.shape[axis] for shot in shots) for axis in (0, 1))
    light = np.empty((len(shots), 3, height, width), np.float32)
    for place, shot in zip(light, shots, strict=True):
        place[:] = _padded(shot.light, height, width).transpose(2, 0, 1)
    planes = torch.from_numpy(np.stack([shot.planes for shot in shots])) if len(shots[0].planes) else None
    nothing = np.zeros((0, 0, 0), np.float32)
    return ShotBatch(
        torch.from_numpy(light), planes, tuple(replace(shot, light=nothing, planes=nothing) for shot in shots)
    )


def _padded(picture: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    below, beside = height - picture.shape[0], width - picture.shape[1]
    return np.pad(picture, ((0, below), (0, beside), (0, 0)), mode="edge") if below or beside else picture


def _blurred(light: "torch.Tensor", grids: Sequence[NodeGrid]) -> "torch.Tensor":
    shape = (light.shape[2], light.shape[3])
    result = torch.empty_like(light)
    for members in _by_poses(grids):
        blur = TorchBlur(fitted([grids[i] for i in members], shape), shape, device=light.device)
        chosen = torch.as_tensor(members, device=light.device)
        result[chosen] = blur.forward(light[chosen])
    return result


def _by_poses(grids: Sequence[NodeGrid]) -> Iterator[list[int]]:
    steps = [pose_steps(grid) for grid in grids]
    for wanted in sorted(set(steps)):
        yield [i for i, step in enumerate(steps) if step == wanted]


def _parts(pictures: "torch.Tensor", shots: Sequence[DrawnShot]) -> "torch.Tensor":
    cuts = [(shot.change.y0, shot.change.x0, shot.change.side) for shot in shots]
    return torch.stack(
        [picture[:, y : y + side, x : x + side] for picture, (y, x, side) in zip(pictures, cuts, strict=True)]
    )
