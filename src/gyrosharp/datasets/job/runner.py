"""Running a job: which shards are missing, who makes them, and what came of it."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from gyrosharp.datasets.job.folder_state import FORMAT, Facts, close_job, open_job
from gyrosharp.datasets.job.locks import await_orphans, sole_job
from gyrosharp.datasets.job.making import OnError, ShardState, ShardTask, WorkerLost, make_here
from gyrosharp.datasets.job.parts import Shard, hidden, part_lines, shards_of
from gyrosharp.datasets.job.processes import make_in_processes
from gyrosharp.datasets.job.ray_engine import make_on_ray, require_ray
from gyrosharp.datasets.job.record import Line, Maker, Skipped
from gyrosharp.datasets.job.shards import TarWriter
from gyrosharp.datasets.job.writer import Writer
from gyrosharp.errors import UsageError
from gyrosharp.media.atomic import make_folder
from gyrosharp.version import __version__

Engine = Literal["processes", "ray"]


@dataclass(frozen=True)
class JobPlan:
    """What to make and how.

    Parameters
    ----------
    output : Path
        Folder of the data set; made if it is missing.
    count : int
        Number of samples. A later run with a larger count adds to the data set.
    shard_size : int
        Samples per shard. A shard is made by one worker, and is what a killed job loses at most per worker.
    workers : int or None
        Processes, or Ray tasks, at the same time; None takes every core of this machine, or CPU of the Ray cluster.
        The output does not depend on it. One worker without Ray is this process itself.
    engine : {"processes", "ray"}
        Where workers run.
    on_error : {"skip", "refuse"}
        What a bad sample does: it is left out and named in manifest and report, or it stops the job.
    writer : Writer
        Layout of the output folder.

    Raises
    ------
    UsageError
        If a value is out of range.
    """

    output: Path
    count: int
    shard_size: int = 100
    workers: int | None = 1
    engine: Engine = "processes"
    on_error: OnError = "skip"
    writer: Writer = field(default_factory=TarWriter)

    def __post_init__(self) -> None:
        numbers = {"count": self.count, "shard_size": self.shard_size, "workers": self.workers}
        for name, value in numbers.items():
            if value is not None and value < 1:
                raise UsageError(f"{name}: expected at least 1, got {value}; raise it")
        for name, word, known in (("engine", self.engine, Engine), ("on_error", self.on_error, OnError)):
            if word not in get_args(known):
                raise UsageError(f"{name}: expected {' or '.join(get_args(known))}, got {word!r}; choose one of them")


@dataclass(frozen=True)
class JobProgress:
    """How far a job is: samples done (those made, found ready and skipped), of how many, and the seconds so far."""

    done: int
    total: int
    skipped: int
    resumed: int
    seconds: float


@dataclass(frozen=True)
class JobReport:
    """What came of a job.

    Parameters
    ----------
    made : int
        Samples in the data set.
    skipped : tuple of Skipped
        Samples that could not be made, in order.
    shards : int
        Shards of the data set.
    resumed : int
        Samples, skipped ones included, that an earlier run had done.
    lost : tuple of str
        Workers that died and whose shard was made again.
    seconds : float
        Wall-clock time.
    """

    made: int
    skipped: tuple[Skipped, ...]
    shards: int
    resumed: int
    lost: tuple[str, ...]
    seconds: float


def run_job(
    maker: Maker, plan: JobPlan, progress: Callable[[JobProgress], None] | None = None, force: bool = False
) -> JobReport:
    """Make all samples of a job that are not there yet.

    Interrupted (Ctrl-C, SIGKILL, full disk), the same call goes on with the shards that are missing. Shards that are
    there are taken as they are if their files have the size that their manifest says.

    Parameters
    ----------
    maker : Maker
        Makes the samples.
    plan : JobPlan
        What to make and how.
    progress : callable, optional
        Called in this process, a few times a second.
    force : bool
        Remove the files of an earlier job in the output folder, and begin anew.

    Returns
    -------
    JobReport
        Of the whole data set, not of this call alone.

    Raises
    ------
    OutputError
        If the folder holds another job or is in use, the disk is full, or something cannot be written.
    InputError
        If a sample is bad and the plan refuses bad ones.
    MissingComponentError
        If the engine is Ray and Ray is not installed.
    GyrosharpError
        If the worker of a shard died, and that of its second try too.
    """
    if plan.engine == "ray":
        require_ray()
    make_folder(plan.output)
    with sole_job(plan.output):
        await_orphans(hidden(plan.output))
        open_job(plan.output, _facts(maker, plan), plan.writer, force)
        return _run(maker, plan, progress)


def _facts(maker: Maker, plan: JobPlan) -> Facts:
    """Return what decides the samples, as synth.json has it."""
    sizes = {"count": plan.count, "shard_size": plan.shard_size}
    about: Mapping[str, object] = maker.fingerprint()
    return {"format": FORMAT, "gyrosharp": __version__, "layout": plan.writer.layout, **sizes, "maker": dict(about)}


def _run(maker: Maker, plan: JobPlan, progress: Callable[[JobProgress], None] | None) -> JobReport:
    shards = shards_of(plan.count, plan.shard_size)
    tally = _Tally(plan.count, progress)
    missing = [shard for shard in shards if not tally.found(shard, _ready(plan, shard))]
    task = ShardTask(maker, plan.writer, plan.output, plan.on_error)
    tally.show()
    _make(task, missing, plan, tally)
    close_job(plan.output, shards, plan.writer)
    return tally.report(len(shards))


def _ready(plan: JobPlan, shard: Shard) -> Sequence[Line] | None:
    """Return the manifest lines of a shard that need not be made again."""
    lines = part_lines(plan.output, shard)
    if lines is None or (plan.on_error == "refuse" and any("skipped" in line for line in lines)):
        return None
    return lines if plan.writer.is_whole(plan.output, shard, lines) else None


def _make(task: ShardTask, shards: Sequence[Shard], plan: JobPlan, tally: "_Tally") -> None:
    if not shards:
        return
    if plan.engine == "ray":
        make_on_ray(task, shards, tally.hear, plan.workers)
        return
    workers = plan.workers or _cores()
    if workers == 1:
        make_here(task, shards, tally.hear)
    else:
        make_in_processes(task, shards, tally.hear, workers)


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


class _Tally:
    """Adds up what the shards report."""

    def __init__(self, total: int, progress: Callable[[JobProgress], None] | None) -> None:
        self.total = total
        self.progress = progress
        self.started_s = time.monotonic()
        self.made = 0
        self.skipped: list[Skipped] = []
        self.resumed = 0
        self.unfinished: dict[int, ShardState] = {}
        self.lost: list[str] = []
        self.shown_s = float("-inf")

    def found(self, shard: Shard, lines: Sequence[Line] | None) -> bool:
        """Count the samples of a shard that an earlier run made; return whether it did."""
        if lines is None:
            return False
        skipped = [Skipped(line["index"], line["skipped"]) for line in lines if "skipped" in line]
        self.resumed += len(lines)
        self._add(ShardState(shard, len(lines) - len(skipped), tuple(skipped), done=True))
        return True

    def hear(self, event: ShardState | WorkerLost) -> None:
        """Take a report of an engine."""
        self.unfinished.pop(event.shard.number, None)
        if isinstance(event, WorkerLost):
            self.lost.append(f"samples {event.shard.start} to {event.shard.stop - 1}: {event.cause}; made again")
        elif event.done:
            self._add(event)
        else:
            self.unfinished[event.shard.number] = event
        self.show()

    def show(self) -> None:
        """Tell the caller how far the job is, at most ten times a second."""
        states = self.unfinished.values()
        skipped = len(self.skipped) + sum(len(state.skipped) for state in states)
        done = self.made + sum(state.made for state in states) + skipped
        now_s = time.monotonic()
        if self.progress and (now_s - self.shown_s >= 0.1 or done == self.total):
            self.shown_s = now_s
            self.progress(JobProgress(done, self.total, skipped, self.resumed, now_s - self.started_s))

    def report(self, shards: int) -> JobReport:
        """Return the final figures."""
        skipped = tuple(sorted(self.skipped, key=lambda item: item.index))
        seconds = time.monotonic() - self.started_s
        return JobReport(self.made, skipped, shards, self.resumed, tuple(self.lost), seconds)

    def _add(self, state: ShardState) -> None:
        self.made += state.made
        self.skipped.extend(state.skipped)
