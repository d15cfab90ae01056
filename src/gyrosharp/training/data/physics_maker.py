"""PhysicsShotMaker: draws and photographs shots for networks that see physics, which the training device adds."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from gyrosharp.blur.encodings import Planes
from gyrosharp.blur.network_input import NetworkInput, input_planes
from gyrosharp.datasets.sample import Codes
from gyrosharp.datasets.synthesis.sample_maker import SampleMaker
from gyrosharp.media.transfer import SRGB, decode_codes
from gyrosharp.restore.classical import survey
from gyrosharp.restore.physics import FROM_SOLUTION, Physics
from gyrosharp.training.data.augment import Augmentation, drawn_orientation
from gyrosharp.training.data.order import Request, chance_at
from gyrosharp.training.data.physics_batch import PhotographedShot, PhysicsBatch, physics_batch
from gyrosharp.training.data.physics_shot import physics_shot
from gyrosharp.training.data.refiner import Refiner
from gyrosharp.training.data.shot_maker import require_flat


@dataclass(frozen=True, eq=False)
class PhysicsShotMaker:
    """Draws and photographs shots, as `gyrosharp synth` does; of physics it makes what takes no solution.

    Attributes
    ----------
    maker : SampleMaker
        What draws photo, motion, sensor and errors.
    inputs : NetworkInput
        What the network sees.
    flip : bool
        Whether samples are mirrored and turned at random.
    refiner : Refiner or None
        What makes the estimates, after the solver.
    """

    maker: SampleMaker
    inputs: NetworkInput
    flip: bool
    refiner: Refiner | None

    def __call__(self, request: Request) -> PhysicsBatch:
        """Return the shots of a request."""
        numbers = range(request.first, request.first + request.size)
        shots = [self.shot(number, request.alpha) for number in numbers]
        return physics_batch(shots, self.inputs.physics, self._still_names, self.refiner)

    def shot(self, number: int, alpha: float) -> PhotographedShot:
        """Return shot `number`: sample `number` of the maker, whose gyro errors are a share alpha of their size.

        Physics is made under one motion: fields cannot be blended beside it.

        Raises
        ------
        UsageError
            If near points move more than far ones.
        """
        drawn, rng = self.maker.draw(number, alpha), chance_at(self.maker.seed, number)
        require_flat(drawn.motion)
        sharp, blurred, _ = self.maker.photographed(number, drawn, self.maker.field(drawn.motion))
        scene, _ = survey(drawn.noisy_capture, decode_codes(blurred, SRGB), lossy=drawn.sensor.jpeg_quality > 0)
        height, width = blurred.shape[:2]
        change = Augmentation(0, 0, width, *drawn_orientation(rng, self.flip))
        field = self.maker.field(drawn.noisy_motion)
        depth_m, seen = drawn.shot.sample.depth(), replace(self.inputs, physics=(), passes=1)
        turned_m = None if depth_m is None else change.picture(depth_m)
        refiner_planes = np.zeros((0, height, width), np.float32)
        if self.refiner is not None:
            refiner_planes = self.refiner.planes(field, (height, width), depth_m)
        return PhotographedShot(
            name=f"{number:08d}",
            image=_values(blurred),
            target=_values(sharp),
            confidence=scene.confidence[None],
            still=Physics(scene, self._still_names, {}).planes((0, 0, width, height)),
            planes=input_planes(seen, change.field(field) if seen.encoding else None, (height, width), turned_m),
            refiner_planes=refiner_planes,
            solver=physics_shot(scene),
            orientation=change.orientation,
        )

    @property
    def _still_names(self) -> tuple[str, ...]:
        others: Iterable[str] = () if self.refiner is None else self.refiner.wanted.physics
        return tuple(name for name in dict.fromkeys((*self.inputs.physics, *others)) if name not in FROM_SOLUTION)


def _values(codes: Codes) -> Planes:
    """Codes (H, W, 3) as values (3, H, W), [0, 1]."""
    return np.ascontiguousarray(codes.transpose(2, 0, 1) / np.float32(np.iinfo(codes.dtype).max), dtype=np.float32)
