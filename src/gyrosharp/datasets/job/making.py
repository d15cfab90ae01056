"""Making one shard: what every engine runs in its workers."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gyrosharp.datasets.job.locks import working
from gyrosharp.datasets.job.parts import Shard, hidden
from gyrosharp.datasets.job.record import Line, Maker, Record, Skipped, manifest_line
from gyrosharp.datasets.job.writer import Writer
from gyrosharp.errors import InputError, OutputError

OnError = Literal["skip", "refuse"]

ONE_THREAD = {"GYROSHARP_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""A worker is one core: more workers are faster than more threads, and sums do not depend on the number of cores."""


@dataclass(frozen=True)
class ShardState:
    """How far a shard is: samples made and samples skipped so far."""

    shard: Shard
    made: int
    skipped: tuple[Skipped, ...]
    done: bool = False


@dataclass(frozen=True)
class WorkerLost:
    """A worker died; its shard is made again."""

    shard: Shard
    cause: str


Tell = Callable[[ShardState | WorkerLost], None]
"""How engines report."""


@dataclass(frozen=True)
class ShardTask:
    """All that a worker needs to make any shard of a job; picklable."""

    maker: Maker
    writer: Writer
    output: Path
    on_error: OnError


class ShardItems:
    """The records of a shard, made one by one; bad samples are skipped, or refused with their number."""

    def __init__(self, task: ShardTask, shard: Shard, tell: Tell) -> None:
        self.task = task
        self.shard = shard
        self.tell = tell
        self.lines: list[Line] = []
        self.skipped: list[Skipped] = []

    def __iter__(self) -> Iterator[Record]:
        for index in self.shard.indices:
            record = self._made(index)
            if record is not None:
                yield record
            self.tell(self.state(done=False))

    def state(self, done: bool) -> ShardState:
        """Return how far the shard is."""
        return ShardState(self.shard, len(self.lines) - len(self.skipped), tuple(self.skipped), done)

    def _made(self, index: int) -> Record | None:
        try:
            record = made(self.task.maker, index)
        except OutputError:
            raise
        except InputError as error:
            if self.task.on_error == "refuse":
                raise type(error)(f"sample {index}: {error}") from error
            self.skipped.append(Skipped(index, str(error)))
            self.lines.append({"index": index, "skipped": str(error)})
            return None
        self.lines.append(manifest_line(index, self.task.writer.shard_name(self.shard), record))
        return record


def made(maker: Maker, index: int) -> Record:
    """Make a sample; what the system refuses to read is a bad input too.

    Raises
    ------
    InputError
        If the sample cannot be made.
    """
    try:
        return maker.make(index)
    except OSError as error:
        cause = f"{error.filename or 'input'}: {error.strerror or error}; check path and permissions"
        raise InputError(cause) from error


def make_shard(task: ShardTask, shard: Shard, tell: Tell) -> ShardState:
    """Make a shard and store it.

    Raises
    ------
    InputError
        If a sample is bad and the job refuses bad ones.
    OutputError
        If the shard cannot be stored.
    """
    items = ShardItems(task, shard, tell)
    with working(hidden(task.output)):
        task.writer.write(task.output, shard, items)
    return items.state(done=True)


@contextmanager
def one_thread_environment() -> Iterator[None]:
    """Have processes that are started meanwhile use one thread each.

    BLAS libraries look at the environment when they are loaded, so it must be set before a process begins.
    """
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def make_here(task: ShardTask, shards: Sequence[Shard], tell: Tell) -> None:
    """Make shards in this process, one after the other, with one thread in OpenCV and in our own kernels."""
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with one_thread_environment():
            for shard in shards:
                tell(make_shard(task, shard, tell))
    finally:
        cv2.setNumThreads(threads)
