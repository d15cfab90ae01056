"""DeviceSynthesis: endless fresh samples; the loader draws photos, motions and errors, the device blurs."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from gyrosharp.blur.encodings import Planes
from gyrosharp.blur.field import BlurField
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.blur.network_input import NetworkInput, blended, input_planes
from gyrosharp.blur.torch_operator import shot_grid
from gyrosharp.config_files import config_of
from gyrosharp.datasets.synthesis.config import SynthConfig
from gyrosharp.datasets.synthesis.sample_maker import DrawnSample, SampleMaker
from gyrosharp.datasets.synthesis.sensor_settings import sensor_settings
from gyrosharp.datasets.synthesis.synth_maker import SynthMaker
from gyrosharp.datasets.synthesis.window_blur import pose_count
from gyrosharp.errors import UsageError
from gyrosharp.restore.tiling import free_bytes
from gyrosharp.training.config import TrainConfig
from gyrosharp.training.data.augment import Augmentation, drawn_orientation
from gyrosharp.training.data.batch import Arriving, Batch
from gyrosharp.training.data.device_sensor import require_simple
from gyrosharp.training.data.kept_photos import KeptPhotos
from gyrosharp.training.data.loader import loaded
from gyrosharp.training.data.order import Request, chance_at, requests
from gyrosharp.training.data.shard_data import FREE_SHARE
from gyrosharp.training.data.shot_batch import DrawnShot, ShotBatch, shot_batch

# At most this share of the photos is kept from training for validation.
HELD_OUT_SHARE = 0.1
FROM_SHARDS = "make shards with gyrosharp synth and train from them"


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
        if drawn.motion.moves_with_depth:
            raise UsageError(f"data.synth: expected motion without depth, got photos with both; {FROM_SHARDS}")
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


@dataclass(frozen=True, eq=False)
class DeviceSynthesis:
    """Training data synthesised on the device; see `TrainingData`.

    Attributes
    ----------
    config : TrainConfig
        The run's config; `data.synth` is a SynthConfig. Its motion sources name their logs themselves
        (`motion.sources[].files`), and samples have the size of a crop whatever its `picture.size` says.
    inputs : NetworkInput
        What the network sees besides the picture.
    folders : sequence of Path
        Folders of sharp photos.

    Raises
    ------
    UsageError
        From all but the constructor, if the synthesis config is wrong, or wants what the device does not do: depth,
        moving objects, mosaics, JPEG.
    ImageError
        If there are not at least two photos, or one cannot be read.
    """

    config: TrainConfig
    inputs: NetworkInput
    folders: Sequence[Path]

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Folder names, number of photos, and a hash of what decides the samples."""
        fingerprint = json.dumps(self._source.fingerprint(), sort_keys=True).encode()
        return {
            "folders": [folder.resolve().name for folder in self.folders],
            "samples": len(self._source.samples.library),
            "sha256": hashlib.sha256(fingerprint).hexdigest(),
        }

    def batches(
        self, first_step: int, alpha_of_step: Callable[[int], float], rank: int = 0, world: int = 1
    ) -> Iterator[Arriving]:
        """Yield the shots of steps `first_step`, `first_step` + 1, ... without end; see `TrainingData.batches`."""
        data = self.config.data
        most_bytes = FREE_SHARE * free_bytes() / (max(data.workers, 1) * world)
        make = self._maker(slice(None, -self._held_out), most_bytes, data.flip)
        return loaded(make, requests(first_step, data.batch, alpha_of_step, rank, world), data.workers)

    def validation(self) -> list[Batch]:
        """Return samples from the last photos, blurred on the CPU, under the validation's share of gyro errors."""
        part, size = self.config.validation, self.config.data.batch
        make = self._maker(slice(-self._held_out, None), FREE_SHARE * free_bytes(), flip=False)
        firsts = range(0, part.samples, size)
        return [make(Request(i, min(size, part.samples - i), part.alpha)).to("cpu") for i in firsts]

    def _maker(self, photos: slice, most_bytes: float, flip: bool) -> ShotMaker:
        samples = self._source.samples
        library = KeptPhotos(samples.library.items[photos], most_bytes=most_bytes)
        return ShotMaker(replace(samples, library=library), self.inputs, flip)

    @property
    def _held_out(self) -> int:
        photos = len(self._source.samples.library)
        if photos < 2:
            raise UsageError(f"data: expected photos for training and for validation, got {photos}; give more photos")
        return min(self.config.validation.samples, max(int(HELD_OUT_SHARE * photos), 1))

    @cached_property
    def _source(self) -> SynthMaker:
        config = config_of(SynthConfig, self.config.data.synth, (), "data.synth", "docs/synthesis.md")
        require_simple(sensor_settings(config.sensor.preset, config.sensor.settings))
        if self.inputs.physics:
            raise UsageError(f"data.synth: expected a network without physics, got one that sees it; {FROM_SHARDS}")
        if config.blur.moving_objects > 0:
            raise UsageError(f"data.synth: expected blur.moving_objects 0, got more; {FROM_SHARDS}")
        side = self.config.data.crop
        if side % config.field.stride:
            raise UsageError(
                f"data.crop: expected a multiple of the blur fields' stride {config.field.stride}, got {side}"
            )
        sized = config.model_copy(update={"picture": config.picture.model_copy(update={"size": (side, side)})})
        return SynthMaker(sized, tuple(str(folder) for folder in self.folders), seed=self.config.seed)
