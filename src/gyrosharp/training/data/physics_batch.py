"""PhysicsBatch: photographed shots of the loader, of which the training device makes what physics knows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from gyrosharp.blur.encodings import Planes
from gyrosharp.blur.field_transforms import Orientation
from gyrosharp.training.data.batch import Batch
from gyrosharp.training.data.device_physics import physics_planes
from gyrosharp.training.data.physics_shot import PhysicsShot
from gyrosharp.training.data.refiner import Refiner
from gyrosharp.training.data.turned import each_laid


@dataclass(frozen=True, eq=False)
class PhotographedShot:
    """One sample, as it was photographed.

    Attributes
    ----------
    name : str
        Name of the sample.
    image, target : (3, H, W) float32 arrays
        Observation and truth, sRGB-encoded.
    confidence : (1, H, W) float32 array
        1 where a pixel can be trusted.
    still : (S, H, W) float32 array
        The planes of physics that take no solution.
    planes : (C, H, W) float32 array
        The network's other planes, already turned.
    refiner_planes : (K C, H, W) float32 array
        Those of the network that makes the estimates, in each orientation that it sees them in; may be empty.
    solver : PhysicsShot
        How it is solved.
    orientation : Orientation
        How the sample is laid in the end.
    """

    name: str
    image: Planes
    target: Planes
    confidence: Planes
    still: Planes
    planes: Planes
    refiner_planes: Planes
    solver: PhysicsShot
    orientation: Orientation


@dataclass(frozen=True, eq=False)
class PhysicsBatch:
    """Shots on their way to the device.

    Attributes
    ----------
    image, target, confidence, still, planes, refiner_planes : (B, ?, H, W) float32 tensors
        Those of the shots.
    names, solvers, orientations : tuples
        The rest of the shots.
    physics : tuple of str
        What the network sees of physics.
    still_names : tuple of str
        What `still` has of it.
    refiner : Refiner or None
        What makes the estimates, after the solver.
    """

    image: Tensor
    target: Tensor
    confidence: Tensor
    still: Tensor
    planes: Tensor
    refiner_planes: Tensor
    names: tuple[str, ...]
    solvers: tuple[PhysicsShot, ...]
    orientations: tuple[Orientation, ...]
    physics: tuple[str, ...]
    still_names: tuple[str, ...]
    refiner: Refiner | None

    def pin_memory(self) -> "PhysicsBatch":
        """Return the batch in pinned memory; the loader calls this."""
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: one.pin_memory() for name, one in tensors.items() if isinstance(one, Tensor)})

    def to(self, device: "torch.device | str") -> Batch:
        """Solve the shots on a device, and turn them."""
        image, target, confidence, still, planes, refiner_planes = (
            part.to(device, non_blocking=True)
            for part in (self.image, self.target, self.confidence, self.still, self.planes, self.refiner_planes)
        )
        named = {name: still[:, place : place + 1] for place, name in enumerate(self.still_names)}
        physics = physics_planes(self.solvers, image, confidence, named, self.physics, self.refiner, refiner_planes)
        return Batch(
            each_laid(image, self.orientations),
            each_laid(target, self.orientations),
            torch.cat([planes, each_laid(physics, self.orientations)], dim=1),
            self.names,
        )


def physics_batch(
    shots: Sequence[PhotographedShot],
    physics: tuple[str, ...],
    still_names: tuple[str, ...],
    refiner: Refiner | None,
) -> PhysicsBatch:
    """Return shots as a batch; see `PhysicsBatch`."""

    def stacked(part: Callable[[PhotographedShot], Planes]) -> Tensor:
        return torch.from_numpy(np.stack([part(shot) for shot in shots]))

    return PhysicsBatch(
        image=stacked(lambda shot: shot.image),
        target=stacked(lambda shot: shot.target),
        confidence=stacked(lambda shot: shot.confidence),
        still=stacked(lambda shot: shot.still),
        planes=stacked(lambda shot: shot.planes),
        refiner_planes=stacked(lambda shot: shot.refiner_planes),
        names=tuple(shot.name for shot in shots),
        solvers=tuple(shot.solver for shot in shots),
        orientations=tuple(shot.orientation for shot in shots),
        physics=physics,
        still_names=still_names,
        refiner=refiner,
    )
