"""ShotMaker: draws shots that the training device blurs and photographs."""

from dataclasses import dataclass, replace

from gyrosharp.blur.encodings import Planes
from gyrosharp.blur.field import BlurField
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.blur.network_input import NetworkInput, blended, input_planes
from gyrosharp.blur.torch_operator import shot_grid
from gyrosharp.datasets.synthesis.sample_maker import DrawnSample, SampleMaker
from gyrosharp.datasets.synthesis.window_blur import pose_count
from gyrosharp.errors import UsageError
from gyrosharp.training.data.augment import Augmentation, drawn_orientation
from gyrosharp.training.data.order import Request, chance_at
from gyrosharp.training.data.shot_batch import DrawnShot, ShotBatch, shot_batch

FROM_SHARDS = "make shards with gyrosharp synth and train from them"


def require_flat(motion: CameraMotion) -> None:
    """Refuse what neither kind of device synthesis does.

    Raises
    ------
    UsageError
        If near points move more than far ones.
    """
    if motion.moves_with_depth:
        raise UsageError(f"data.synth: expected motion without depth, got photos with both; {FROM_SHARDS}")


@dataclass(frozen=True, eq=False)
class ShotMaker:
    """Draws shots from photos and motions.

    Attributes
    ----------
    maker : SampleMaker
        What draws photo, motion, sensor and errors.
    inputs : NetworkInput
        What the network sees.
    flip : bool
        Whether samples are mirrored and turned at random.
    """

    maker: SampleMaker
    inputs: NetworkInput
    flip: bool

    def __call__(self, request: Request) -> ShotBatch:
        """Return the shots of a request."""
        numbers = range(request.first, request.first + request.size)
        return shot_batch([self.shot(number, request.alpha) for number in numbers])

    def shot(self, number: int, alpha: float) -> DrawnShot:
        """Return shot `number`: sample `number` of the maker, under motion with a share alpha of the gyro's errors."""
        drawn, rng = self.maker.draw(number), chance_at(self.maker.seed, number)
        require_flat(drawn.motion)
        field = self.maker.field(drawn.motion)
        poses = pose_count(float(field.extent_px.max()), self.maker.config.blur)
        x, y, side, _ = drawn.scene.sample_px
        mirrored, turns = drawn_orientation(rng, self.flip)
        change = Augmentation(x, y, side, mirrored, turns)
        return DrawnShot(
            f"{number:08d}",
            drawn.sensor.saturate(drawn.scene.sharp_linear),
            shot_grid(CameraMotion.from_capture(drawn.shot.window), poses),
            change,
            drawn.sensor,
            int(rng.integers(2**63)),
            self._planes(drawn, field, replace(change, x0=0, y0=0), alpha),
        )

    def _planes(self, drawn: DrawnSample, exact: BlurField, change: Augmentation, alpha: float) -> Planes:
        field, depth_m = None, drawn.shot.sample.depth()
        if self.inputs.encoding is not None:
            field = change.field(blended(exact, self.maker.field(drawn.noisy_motion), alpha))
        changed_m = None if depth_m is None else change.picture(depth_m)
        return input_planes(self.inputs, field, (change.side, change.side), changed_m)
