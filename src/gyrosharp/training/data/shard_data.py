"""ShardData: training on the samples of `gyrosharp synth`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from gyrosharp.blur.network_input import NetworkInput
from gyrosharp.datasets.synthesis.gyro_errors import MAX_LEVEL
from gyrosharp.errors import UsageError
from gyrosharp.restore.tiling import free_bytes
from gyrosharp.training.config import TrainConfig
from gyrosharp.training.data.augment import centred, draw_augmentation
from gyrosharp.training.data.batch import Arriving, Batch
from gyrosharp.training.data.loader import loaded
from gyrosharp.training.data.order import Request, chance_at, requests, sample_at
from gyrosharp.training.data.samples import TrainingSample, batch_of, load_sample
from gyrosharp.training.data.shards import ShardRecord, shard_facts, shard_records

# Decoded samples of all loader processes together may take this share of the memory that is free at the start.
FREE_SHARE = 0.5
# Samples of too high an error level are passed over, so many in a row; from there each time by this prime.
MOST_DRAWS, STRIDE = 64, 1009


@dataclass(eq=False)
class SampleCache:
    """Decoded samples, kept as long as they fit; what does not is decoded each time.

    The first ones stay: epochs visit samples in random order, so none is more likely to be asked for next.

    Parameters
    ----------
    records : sequence of ShardRecord
        The samples.
    inputs : NetworkInput
        What is kept of them.
    most_bytes : float
        Memory for decoded samples.
    """

    records: Sequence[ShardRecord]
    inputs: NetworkInput
    most_bytes: float
    _kept: dict[int, TrainingSample] = field(default_factory=dict)
    _bytes: int = 0

    def __getitem__(self, index: int) -> TrainingSample:
        if index in self._kept:
            return self._kept[index]
        sample = load_sample(self.records[index], self.inputs)
        if self._bytes + sample.bytes <= self.most_bytes:
            self._kept[index] = sample
            self._bytes += sample.bytes
        return sample


@dataclass(frozen=True, eq=False)
class TrainingCrops:
    """Makes the training batches of requests.

    Attributes
    ----------
    config : TrainConfig
        Seed and crop.
    samples : SampleCache
        The training samples.
    """

    config: TrainConfig
    samples: SampleCache

    def __call__(self, request: Request) -> Batch:
        """Return the batch of a request."""
        samples, changes = [], []
        for number in range(request.first, request.first + request.size):
            sample = self._sample(number, request.alpha)
            data, rng = self.config.data, chance_at(self.config.seed, number)
            shape = (sample.sharp.shape[0], sample.sharp.shape[1])
            samples.append(sample)
            changes.append(draw_augmentation(rng, shape, data.crop, sample.stride, data.flip, data.border))
        return batch_of(samples, changes, self.samples.inputs, request.alpha)

    def _sample(self, number: int, alpha: float) -> TrainingSample:
        """The sample of a crop. Physics was made under one motion, and cannot be blended: there alpha bounds errors."""
        count = len(self.samples.records)
        for again in range(MOST_DRAWS if self.samples.inputs.physics and alpha < 1 else 1):
            sample = self.samples[(sample_at(self.config.seed, number, count) + again * STRIDE) % count]
            if sample.level <= alpha * MAX_LEVEL:
                break
        return sample


@dataclass(frozen=True, eq=False)
class ShardData:
    """Training data in shards; see `TrainingData`.

    Attributes
    ----------
    config : TrainConfig
        The run's config.
    inputs : NetworkInput
        What the network sees besides the picture.
    folders : sequence of Path
        Folders of shards.

    Raises
    ------
    ImageError
        From all but the constructor, if there are no shards or one is damaged.
    UsageError
        If validation takes all samples, or a crop does not fit into them.
    """

    config: TrainConfig
    inputs: NetworkInput
    folders: Sequence[Path]

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What tells one data set from another: folder names, number of samples, and a hash of their manifests."""
        return shard_facts(self.folders, len(self._records))

    def batches(
        self, first_step: int, alpha_of_step: Callable[[int], float], rank: int = 0, world: int = 1
    ) -> Iterator[Arriving]:
        """Yield the batches of steps `first_step`, `first_step` + 1, ... without end; see `TrainingData.batches`."""
        data = self.config.data
        most_bytes = FREE_SHARE * free_bytes() / (max(data.workers, 1) * world)
        samples = SampleCache(self._records[: -self.config.validation.samples], self.inputs, most_bytes)
        wanted = requests(first_step, data.batch, alpha_of_step, rank, world)
        return loaded(TrainingCrops(self.config, samples), wanted, data.workers)

    def validation(self, device: "torch.device") -> list[Batch]:
        """Return the last samples on a device: their middle crops, under the validation's share of gyro errors."""
        side, size = self.config.data.crop, self.config.data.batch
        samples = [load_sample(record, self.inputs) for record in self._records[-self.config.validation.samples :]]
        crops = [centred((one.sharp.shape[0], one.sharp.shape[1]), side, one.stride) for one in samples]
        return [
            batch_of(samples[i : i + size], crops[i : i + size], self.inputs, self.config.validation.alpha).to(device)
            for i in range(0, len(samples), size)
        ]

    @cached_property
    def _records(self) -> tuple[ShardRecord, ...]:
        records = shard_records(self.folders)
        held_out = self.config.validation.samples
        if len(records) <= held_out:
            raise UsageError(
                f"data: expected more samples than validation takes ({held_out}), got {len(records)}; "
                "make more with gyrosharp synth, or set validation.samples"
            )
        return records
