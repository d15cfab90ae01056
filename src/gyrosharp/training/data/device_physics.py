"""Physics on the training device: what `gyrosharp.restore.physics` makes of a photo, for batches of shots.

Loaders plan how shots are solved (`PhysicsShot`) and make the planes that take no solution. The device solves, pulls
back to the photo and blurs again. Where samples are to begin with what a network made of them, it runs that network for
as many passes, and in the orientations, that a photo of their size is given.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from gyrosharp.blur.network_input import ESTIMATE
from gyrosharp.blur.torch_operator import TorchBlur
from gyrosharp.restore.classical import LEAST_START
from gyrosharp.restore.physics import CONSISTENT, FROM_SOLUTION, RESIDUAL, RESIDUAL_GAIN
from gyrosharp.training.data.device_sensor import decode, encode
from gyrosharp.training.data.device_solver import BatchProblem
from gyrosharp.training.data.fitted_grids import fitted
from gyrosharp.training.data.physics_shot import PhysicsShot
from gyrosharp.training.data.refiner import Refiner
from gyrosharp.training.data.turned import laid, undone


class BatchPhysics:
    """Physics of shots of one `PhysicsShot.form`.

    Parameters
    ----------
    shots : sequence of PhysicsShot
        How they are solved.
    image : (B, 3, H, W) float32 tensor
        The pictures, sRGB-encoded.
    confidence : (B, 1, H, W) float32 tensor
        1 where a pixel can be trusted.
    still : dict of str to (B, 1, H, W) tensors
        The planes that take no solution, by name.
    """

    def __init__(
        self, shots: Sequence[PhysicsShot], image: Tensor, confidence: Tensor, still: dict[str, Tensor]
    ) -> None:
        self._shots, self._image, self._still = shots, image, still
        self._shape = (image.shape[2], image.shape[3])
        self._frame = (shots[0].sizes[0].shape[0] - image.shape[2]) // 2
        self._blur = TorchBlur(fitted([shot.grid for shot in shots], self._shape), self._shape, image.device)
        picture, trust = self._framed(decode(image)), pad(confidence, (self._frame,) * 4)
        self._problems = []
        for level, size in enumerate(shots[0].sizes):
            if level:
                picture, trust = (interpolate(each, size.shape, mode="area") for each in (picture, trust))
            grids = fitted([shot.sizes[level].grid for shot in shots], size.shape)
            self._problems.append(BatchProblem(picture, grids, trust))

    def solved(self) -> Tensor:
        """Return what the solver makes of the pictures (B, 3, H, W), linear light."""
        start = None
        for level in reversed(range(len(self._problems))):
            solution = self._problems[level].solve([shot.sizes[level].settings for shot in self._shots], start)
            if level:
                larger = self._shots[0].sizes[level - 1].shape
                start = interpolate(solution, larger, mode="bilinear").clamp_min_(LEAST_START)
        return self._inside(solution)

    def refined(self, estimate: Tensor, refiner: Refiner, planes: Tensor) -> Tensor:
        """Return what a refiner makes of estimates (B, 3, H, W), linear light, with its own planes (B, K C, H, W)."""
        net = refiner.net(self._image.device)
        own = dict(zip(refiner.ways, planes.chunk(len(refiner.ways), dim=1), strict=True))
        for ways in refiner.passes:
            names = refiner.wanted.physics
            physics = [self.planes(names, estimate)] if names else []
            outputs = []
            for way in ways:
                seen = torch.cat([own[way], *(laid(planes, way) for planes in physics)], dim=1)
                outputs.append(undone(net(laid(self._image, way), seen if seen.shape[1] else None)[0], way))
            estimate = decode(torch.stack(outputs).mean(dim=0))
        return estimate

    def planes(self, names: tuple[str, ...], estimate: Tensor | None) -> Tensor:
        """Return the planes (B, P, H, W) of these names, in their order; see `gyrosharp.restore.physics`.

        Without an estimate (B, 3, H, W), linear light, none may be wanted that takes one.
        """
        made = dict(self._still)
        if estimate is not None:
            made[ESTIMATE] = encode(estimate)
            if CONSISTENT in names:
                made[CONSISTENT] = encode(self._pulled(estimate))
            if RESIDUAL in names:
                difference = encode(self._blur.forward(estimate)) - self._image
                made[RESIDUAL] = (0.5 + RESIDUAL_GAIN * difference).clamp_(0, 1)
        return torch.cat([made[name] for name in names], dim=1)

    def _pulled(self, estimate: Tensor) -> Tensor:
        start = self._framed(estimate).clamp_min(LEAST_START)
        return self._inside(self._problems[0].solve([shot.pull for shot in self._shots], start))

    def _framed(self, pictures: Tensor) -> Tensor:
        return pad(pictures, (self._frame,) * 4, mode="replicate")

    def _inside(self, pictures: Tensor) -> Tensor:
        height, width = self._shape
        return pictures[:, :, self._frame : self._frame + height, self._frame : self._frame + width]


@torch.no_grad()
def physics_planes(
    shots: Sequence[PhysicsShot],
    image: Tensor,
    confidence: Tensor,
    still: dict[str, Tensor],
    names: tuple[str, ...],
    refiner: Refiner | None,
    refiner_planes: Tensor,
) -> Tensor:
    """Return the planes (B, P, H, W) of physics for a batch of shots of any forms; see `BatchPhysics`."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for place, shot in enumerate(shots):
        alike.setdefault(shot.form, []).append(place)
    made: list[Tensor | None] = [None] * len(shots)
    for places in alike.values():
        members = torch.as_tensor(places, device=image.device)
        part = {name: planes[members] for name, planes in still.items()}
        physics = BatchPhysics([shots[i] for i in places], image[members], confidence[members], part)
        estimate = physics.solved() if {*FROM_SOLUTION} & {*names} else None
        if estimate is not None and refiner is not None:
            estimate = physics.refined(estimate, refiner, refiner_planes[members])
        for place, planes in zip(places, physics.planes(names, estimate), strict=True):
            made[place] = planes
    return torch.stack([planes for planes in made if planes is not None])
