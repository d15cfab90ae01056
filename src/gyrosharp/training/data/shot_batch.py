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

# Shots are blurred together whose pose counts, rounded up to a multiple of this, are the same; poses too many weigh 0.
POSE_STEP = 16


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
        return Batch(_turned(observed, self.shots), _turned(truth, self.shots), planes, self.names)


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
    for poses, members in _by_poses(grids):
        fitted = [_fitted(grids[i], shape, poses) for i in members]
        chosen = torch.as_tensor(members, device=light.device)
        result[chosen] = TorchBlur(fitted, shape, device=light.device).forward(light[chosen])
    return result


def _by_poses(grids: Sequence[NodeGrid]) -> Iterator[tuple[int, list[int]]]:
    counts = [-(-grid.weights.size // POSE_STEP) * POSE_STEP for grid in grids]
    for poses in sorted(set(counts)):
        yield poses, [i for i, count in enumerate(counts) if count == poses]


def _fitted(grid: NodeGrid, shape: tuple[int, int], poses: int) -> NodeGrid:
    """The grid for a padded window and more poses; what is added is not used, or weighs nothing."""
    rows, columns = shape[::-1] if grid.transposed else shape
    wanted = (poses, (rows - 1) // grid.step_y + 4, (columns - 1) // grid.step_x + 4)
    added = [(0, max(want - have, 0)) for want, have in zip(wanted, grid.displacement_px.shape[:3], strict=True)]
    return replace(
        grid,
        displacement_px=np.pad(grid.displacement_px, (*added, (0, 0))),
        weights=np.pad(grid.weights, added[0]),
    )


def _parts(pictures: "torch.Tensor", shots: Sequence[DrawnShot]) -> "torch.Tensor":
    cuts = [(shot.change.y0, shot.change.x0, shot.change.side) for shot in shots]
    return torch.stack(
        [picture[:, y : y + side, x : x + side] for picture, (y, x, side) in zip(pictures, cuts, strict=True)]
    )


def _turned(pictures: "torch.Tensor", shots: Sequence[DrawnShot]) -> "torch.Tensor":
    """Mirror and turn as `Augmentation.picture` does."""
    turned = []
    for picture, shot in zip(pictures, shots, strict=True):
        mirrored = picture.flip(2) if shot.change.mirrored else picture
        turned.append(torch.rot90(mirrored, shot.change.turns, (1, 2)))
    return torch.stack(turned)
