"""What puts the records of a shard into the output folder."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from gyrosharp.datasets.job.parts import Shard
from gyrosharp.datasets.job.record import Line, Record


class Items(Protocol):
    """The records of a shard, made as they are asked for."""

    lines: list[Line]
    """Manifest lines of the samples that were made or skipped so far."""

    def __iter__(self) -> Iterator[Record]:
        """Make the next record."""


class Writer(Protocol):
    """A layout of the output folder; pickled to every worker.

    `write` may be interrupted at any moment, also by SIGKILL, and may run twice at once for the same shard. It must
    leave no half file under a final name, and write the manifest part last.
    """

    @property
    def layout(self) -> str:
        """Name of the layout: part of what decides the samples."""

    def shard_name(self, shard: Shard) -> str:
        """Return what the manifest calls a shard."""

    def write(self, output: Path, shard: Shard, items: Items) -> None:
        """Store the records of a shard and its manifest part."""

    def is_whole(self, output: Path, shard: Shard, lines: Sequence[Line]) -> bool:
        """Return whether all that the manifest lines of a shard name is there, with the right size."""

    def owned(self, shard: Shard, lines: Sequence[Line]) -> list[str]:
        """Return the paths below the output folder that belong to a shard."""

    def finish(self, output: Path, lines: Iterator[Line]) -> Mapping[str, bytes]:
        """Return the files that a complete data set has besides those of its samples, by path."""
