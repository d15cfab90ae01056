"""SynthMaker: samples as the records of a job, from names and numbers that fit into a pickle."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from gyrosharp.datasets.formats import DatasetItem, read_dataset, summary_files, writable_formats
from gyrosharp.datasets.job import FolderWriter, Record, TarWriter
from gyrosharp.datasets.job.record import Line
from gyrosharp.datasets.sample import BlurSample
from gyrosharp.datasets.sample_files import files_of
from gyrosharp.datasets.synthesis.config import SynthConfig
from gyrosharp.datasets.synthesis.motion_mix import MotionMix, motion_mix
from gyrosharp.datasets.synthesis.pictures import PhotoLibrary
from gyrosharp.datasets.synthesis.sample_maker import SampleMaker
from gyrosharp.errors import ImageError, UsageError

SHARDS = "webdataset"


@dataclass(frozen=True)
class SynthMaker:
    """Makes the records of a data set.

    Attributes
    ----------
    config : SynthConfig
        What is made.
    images : tuple of str
        Folders of photos, or of data sets with sharp pictures.
    logs : tuple of str
        Gyro logs.
    seed : int
        Of the data set, >= 0.
    format : str or None
        Format of the folders; None finds out.
    """

    config: SynthConfig
    images: tuple[str, ...]
    logs: tuple[str, ...] = ()
    seed: int = 0
    format: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        # What is cached stays behind: every process reads photos and logs for itself.
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    def fingerprint(self) -> Mapping[str, Any]:
        """Return everything that decides the samples, but for the content of photos, which the manifest has."""
        names = [f"{item.name} {_size(item)}" for item in self.samples.library.items]
        config = self.config.model_dump(mode="json", exclude={"output": {"shard_size", "on_error"}})
        return {
            "config": config,
            "seed": self.seed,
            "photos": len(names),
            "photos_sha256": _sha256("\n".join(names).encode()),
            "refiner": self.samples.refiner_sha256,
            "logs": {Path(log).name: _sha256(Path(log).read_bytes()) for log in self.logs},
        }

    def make(self, index: int) -> Record:
        """Return the record of a sample; see `SampleMaker.sample` for its errors."""
        sample = self.samples.sample(index)
        facts = json.loads(json.dumps(sample.meta, allow_nan=False))
        return Record(sample.name, self._files(sample), facts)

    @cached_property
    def samples(self) -> SampleMaker:
        """The maker itself, with photos listed and logs read.

        Raises
        ------
        UsageError
            If a part of the config is wrong, or there is no motion to draw from.
        ImageError
            If there are no photos.
        InputError, MissingComponentError
            If the network that refines cannot be used.
        """
        return SampleMaker(self.config, PhotoLibrary(self._items()), self._motions[0], self.seed)

    @property
    def messages(self) -> tuple[str, ...]:
        """What a user should know about the logs, one line each."""
        return self._motions[1]

    @cached_property
    def _motions(self) -> tuple[MotionMix, tuple[str, ...]]:
        part = self.config.exposure
        longest_s = part.duration_s[1] + part.readout_s[1]
        return motion_mix(self.config.motion, self.logs, longest_s, self.config.output.on_error)

    def _items(self) -> Sequence[DatasetItem]:
        items = [item for folder in self.images for item in read_dataset(folder, self.format)]
        sharp = [item for item in items if item.sharp is not None]
        if not sharp:
            raise ImageError(f"{', '.join(self.images) or 'images'}: expected sharp pictures, got none; give --images")
        return sharp

    def _files(self, sample: BlurSample) -> Mapping[str, bytes]:
        output = self.config.output
        if output.layout == SHARDS:
            return files_of(sample)
        return writable_formats()[output.layout].files_of(sample, output.split)


def writer_of(config: SynthConfig) -> TarWriter | FolderWriter:
    """Return what puts the records of a config into the output folder.

    Raises
    ------
    UsageError
        If the layout is not known, or the config lacks an encoding that it needs.
    """
    output = config.output
    if output.layout == SHARDS:
        return TarWriter()
    known = writable_formats()
    if output.layout not in known:
        raise UsageError(f"layout: expected {SHARDS}, {', '.join(known)}, got {output.layout!r}")
    present = {part.name for part in config.encodings}
    missing = [name for name in known[output.layout].NEEDS if name not in present]
    if missing:
        raise UsageError(
            f"layout {output.layout}: expected the encoding {missing[0]}, got none; add it to the config's encodings"
        )
    return FolderWriter(output.layout, partial(_finished, output.layout, output.split))


def _finished(layout: str, split: str, output: Path, lines: Iterator[Line]) -> Mapping[str, bytes]:
    names = [line["key"] for line in lines if "key" in line]
    return summary_files(layout, output, split, names)


def _size(item: DatasetItem) -> int:
    assert item.sharp is not None
    return item.sharp.path.stat().st_size


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
