"""DeviceSynthesis: endless fresh samples; the loader draws photos, motions and errors, the device does the work.

For a network that sees picture and motion that work is the blur. One that sees physics needs deconvolution, many times
as much work as blur and sensor together: the loader takes the pictures, with any sensor, and the device solves them.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.config_files import config_of
from gyrosharp.datasets.synthesis.config import SynthConfig
from gyrosharp.datasets.synthesis.sensor_settings import sensor_settings
from gyrosharp.datasets.synthesis.synth_maker import SynthMaker
from gyrosharp.errors import UsageError
from gyrosharp.restore.tiling import free_bytes
from gyrosharp.training.config import TrainConfig
from gyrosharp.training.data.batch import Arriving, Batch
from gyrosharp.training.data.device_sensor import require_simple
from gyrosharp.training.data.echo import echoed, first_source
from gyrosharp.training.data.kept_photos import KeptPhotos
from gyrosharp.training.data.loader import loaded
from gyrosharp.training.data.order import Request, requests
from gyrosharp.training.data.physics_maker import PhysicsShotMaker
from gyrosharp.training.data.refiner import Refiner
from gyrosharp.training.data.shard_data import FREE_SHARE
from gyrosharp.training.data.shot_maker import FROM_SHARDS, ShotMaker

# At most this share of the photos is kept from training for validation.
HELD_OUT_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class InTurn:
    """Makers of which every batch of so many shots takes the next."""

    makers: tuple[Callable[[Request], Arriving], ...]
    batch: int

    def __call__(self, request: Request) -> Arriving:
        """Return the shots of a request."""
        return self.makers[request.first // self.batch % len(self.makers)](request)


@dataclass(frozen=True, eq=False)
class DeviceSynthesis:
    """Training data synthesised on the device; see `TrainingData`.

    Attributes
    ----------
    config : TrainConfig
        The run's config; `data.synth` is a SynthConfig, or several, which batches are made by in turn. Its motion
        sources name their logs themselves (`motion.sources[].files`), and samples have the size of a crop whatever its
        `picture.size` says.
    inputs : NetworkInput
        What the network sees besides the picture.
    folders : sequence of Path
        Folders of sharp photos.

    Raises
    ------
    UsageError
        From all but the constructor, if the synthesis config is wrong, or wants what the device does not do: depth;
        and for a network without physics, moving objects, mosaics and JPEG.
    ImageError
        If there are not at least two photos, or one cannot be read.
    """

    config: TrainConfig
    inputs: NetworkInput
    folders: Sequence[Path]

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Folder names, number of photos, and a hash of what decides the samples."""
        fingerprint = json.dumps([source.fingerprint() for source in self._sources], sort_keys=True).encode()
        return {
            "folders": [folder.resolve().name for folder in self.folders],
            "samples": len(self._sources[0].samples.library),
            "sha256": hashlib.sha256(fingerprint).hexdigest(),
        }

    def batches(
        self, first_step: int, alpha_of_step: Callable[[int], float], rank: int = 0, world: int = 1
    ) -> Iterator[Arriving]:
        """Yield the shots of steps `first_step`, `first_step` + 1, ... without end; see `TrainingData.batches`."""
        data = self.config.data
        most_bytes = FREE_SHARE * free_bytes() / (max(data.workers, 1) * world)
        make = self._maker(slice(None, -self._held_out), most_bytes, data.flip)
        first = first_step if data.echo == 1 else first_source(first_step, data.echo)
        wanted = requests(first, data.batch, lambda source: alpha_of_step(source * data.echo), rank, world)
        arriving = loaded(make, wanted, data.workers)
        if data.echo == 1:
            return arriving
        return echoed(arriving, first_step, data.batch, data.echo, self.config.seed, rank)

    def validation(self, device: "torch.device") -> list[Batch]:
        """Return samples from the last photos, made on the device, under the validation's share of gyro errors."""
        part, size = self.config.validation, self.config.data.batch
        make = self._maker(slice(-self._held_out, None), FREE_SHARE * free_bytes(), flip=False)
        firsts = range(0, part.samples, size)
        return [make(Request(i, min(size, part.samples - i), part.alpha)).to(device) for i in firsts]

    def _maker(self, photos: slice, most_bytes: float, flip: bool) -> Callable[[Request], Arriving]:
        library = KeptPhotos(self._sources[0].samples.library.items[photos], most_bytes=most_bytes)
        makers: list[Callable[[Request], Arriving]] = []
        for source in self._sources:
            samples, refiner = replace(source.samples, library=library), source.config.refiner
            if not self.inputs.physics:
                makers.append(ShotMaker(samples, self.inputs, flip))
                continue
            network = None if refiner is None else Refiner.of_model(refiner, self.config.data.crop**2)
            makers.append(PhysicsShotMaker(samples, self.inputs, flip, network))
        return InTurn(tuple(makers), self.config.data.batch)

    @property
    def _held_out(self) -> int:
        photos = len(self._sources[0].samples.library)
        if photos < 2:
            raise UsageError(f"data: expected photos for training and for validation, got {photos}; give more photos")
        return min(self.config.validation.samples, max(int(HELD_OUT_SHARE * photos), 1))

    @cached_property
    def _sources(self) -> tuple[SynthMaker, ...]:
        data, folders = self.config.data, tuple(str(folder) for folder in self.folders)
        assert data.synth is not None
        contents = [data.synth] if isinstance(data.synth, dict) else data.synth
        return tuple(SynthMaker(self._checked(content), folders, seed=self.config.seed) for content in contents)

    def _checked(self, content: dict[str, Any]) -> SynthConfig:
        config = config_of(SynthConfig, content, (), "data.synth", "docs/synthesis.md")
        side = self.config.data.crop
        if not self.inputs.physics:
            require_simple(sensor_settings(config.sensor.preset, config.sensor.settings))
            if config.blur.moving_objects > 0:
                raise UsageError(f"data.synth: expected blur.moving_objects 0, got more; {FROM_SHARDS}")
        if side % config.field.stride:
            raise UsageError(
                f"data.crop: expected a multiple of the blur fields' stride {config.field.stride}, got {side}"
            )
        return config.model_copy(update={"picture": config.picture.model_copy(update={"size": (side, side)})})
