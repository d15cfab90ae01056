"""A training run from outside: found or begun in its folder, fitted into a time, and trained."""

import json
import math
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from gyrosharp.datasets.job.locks import sole_job
from gyrosharp.errors import UsageError
from gyrosharp.media.atomic import atomic_write, made_folder
from gyrosharp.nets import build_net
from gyrosharp.training.budget import OVERRUN, measured_pace, steps_within, timed
from gyrosharp.training.checkpoint import (
    BEST,
    LAST,
    RunState,
    check_same_run,
    read_checkpoint,
    restore,
)
from gyrosharp.training.config import TrainConfig
from gyrosharp.training.curriculum import alpha_at
from gyrosharp.training.devices import find_device, precision_note, prepare_device
from gyrosharp.training.distributed import Group, from_leader, joined
from gyrosharp.training.loop import Run, run_steps
from gyrosharp.training.losses import total_loss
from gyrosharp.training.report import Progress, TrainReport
from gyrosharp.training.run_log import EVENTS, PICTURES, RunLog
from gyrosharp.training.start import start_from
from gyrosharp.training.step import Step, deblurring_net
from gyrosharp.training.stopping import StopRequest, stop_requests
from gyrosharp.training.supervised import SupervisedStep
from gyrosharp.training.validation import validate

if TYPE_CHECKING:
    from gyrosharp.training.data import TrainingData

CONFIG = "config.json"

MakeStep = Callable[[TrainConfig, torch.device], Step]


@dataclass(frozen=True)
class Session:
    """How one call works on a run.

    Attributes
    ----------
    minutes : float or None
        Length of a new run: as many steps as fit, measured at the start, so that its schedule ends in time. They
        replace ``schedule.steps``; a warm-up keeps its share. A resumed run keeps its number of steps, and is stopped,
        with a checkpoint, when the time is over.
    device : str
        auto, cpu, cuda or cuda:N.
    resume : bool
        Go on from the folder's last checkpoint; False: begin anew, and lose it.
    progress : callable or None
        Is told after each step how far the run is.

    Raises
    ------
    UsageError
        If the minutes are not above 0, or infinite.
    """

    minutes: float | None = None
    device: str = "auto"
    resume: bool = True
    progress: Callable[[Progress], None] | None = None

    def __post_init__(self) -> None:
        """Check the time."""
        if self.minutes is not None and not 0 < self.minutes < math.inf:
            raise UsageError(f"--minutes: expected a number above 0, got {self.minutes:g}")


def train(
    config: TrainConfig,
    data: "TrainingData",
    run_folder: Path,
    *,
    minutes: float | None = None,
    device: str = "auto",
    resume: bool = True,
    progress: Callable[[Progress], None] | None = None,
) -> TrainReport:
    """Train a deblurring network, or go on with a run that was stopped.

    Parameters
    ----------
    config : TrainConfig
        The run.
    data : TrainingData
        Batches and validation samples.
    run_folder : Path
        Where config, log, pictures and checkpoints go.
    minutes, device, resume, progress
        See `Session`.

    Raises
    ------
    UsageError
        If config or data differ from those that the folder's run began with, or a value is out of range.
    InputError
        If the checkpoint cannot be read, or no loss is finite any more.
    OutputError
        If the folder cannot be written, or another run works in it.
    """
    return train_step(supervised_step, config, data, run_folder, Session(minutes, device, resume, progress))


def train_step(
    make_step: MakeStep, config: TrainConfig, data: "TrainingData", run_folder: Path, session: Session
) -> TrainReport:
    """Train whatever `make_step` builds; see `train`.

    Parameters
    ----------
    make_step : callable
        (config, device) -> `Step`; the same config gives the same weights.
    config, data, run_folder : TrainConfig, TrainingData, Path
        As in `train`.
    session : Session
        Time, device, and whether to resume.
    """
    device = find_device(session.device)
    prepare_device(device)
    with ExitStack() as stack:
        group = stack.enter_context(joined(device))
        stop = stack.enter_context(stop_requests())
        if group.leads:
            stack.enter_context(made_folder(run_folder))
            stack.enter_context(sole_job(run_folder))
            _clear_leftovers(run_folder)
        begin = time.perf_counter()
        step = make_step(config, device)
        state = _resumed(config, data, run_folder, step) if session.resume else None
        limit_s = None if session.minutes is None else 60 * session.minutes * (OVERRUN if state is None else 1)
        if state is None:
            steps = config.schedule.steps
            if session.minutes is not None:
                steps = _fitted_steps(config, data, step, device, group, 60 * session.minutes)
            state = RunState(step=0, steps=steps)
            if group.leads:
                _begin(config, data, run_folder, state)
        log = RunLog(run_folder, state.step, writes=group.leads)
        stack.callback(log.close)
        run = Run(config, data, run_folder, step, state, device, group, log)
        run_steps(run, _Stop(stop, begin, limit_s, device), session.progress if group.leads else None)
        return _report(run, time.perf_counter() - begin, stop)


def supervised_step(config: TrainConfig, device: torch.device) -> SupervisedStep:
    """Return the step of a config: its network with weights drawn from the seed, and its losses.

    Raises
    ------
    UsageError
        If network, size, loss or one of their options is not known.
    MissingComponentError
        If a loss or the start needs weights or packages that are not there.
    InputError
        If the weights to start from are not there, cannot be read, or are of another network.
    """
    torch.manual_seed(config.seed)
    net = build_net(config.net.name, config.net.size, config.net.changes)
    if config.net.start is not None:
        start_from(net, config.net.name, config.net.start)
    if device.type == "cpu" and net.channels_last:
        net = net.to(memory_format=torch.channels_last)  # up to 1.4 times as fast
    return SupervisedStep(config, net.to(device), total_loss(config.losses), device)


def notes_of(config: TrainConfig, device: str) -> tuple[str, ...]:
    """Return what a user should know before a run."""
    note = precision_note(config.precision, find_device(device))
    return () if note is None else (note,)


def _resumed(config: TrainConfig, data: "TrainingData", folder: Path, step: Step) -> RunState | None:
    """Bring a step to where the folder's last checkpoint was; None where there is none."""
    path = folder / LAST
    if not path.exists():
        return None
    content = read_checkpoint(path)
    check_same_run(content, config, data.facts, folder)
    return restore(content, step, path)


def _clear_leftovers(folder: Path) -> None:
    """Remove what a process that was killed while it saved has left: half a checkpoint under a hidden name."""
    for name in (LAST, BEST):
        for path in folder.glob(f".{Path(name).stem}.*-*.tmp.pt"):
            path.unlink(missing_ok=True)


def _begin(config: TrainConfig, data: "TrainingData", folder: Path, state: RunState) -> None:
    """Leave nothing of an earlier run in a folder, and write down what this one is."""
    for name in (LAST, BEST):
        (folder / name).unlink(missing_ok=True)
    for name in (PICTURES, EVENTS):
        shutil.rmtree(folder / name, ignore_errors=True)
    facts = {"config": config.model_dump(mode="json"), "data": data.facts, "steps": state.steps}
    with atomic_write(folder / CONFIG, overwrite=True) as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _fitted_steps(
    config: TrainConfig, data: "TrainingData", step: Step, device: torch.device, group: Group, seconds: float
) -> int:
    """Return how many steps fit into a time that began just now."""
    begin = time.perf_counter()
    alpha = alpha_at(config.curriculum, 0.0)
    batches = data.batches(0, lambda _: alpha, group.rank, group.world)
    pace_s = measured_pace(step, batches, seconds, device)
    validation_s = 0.0
    if group.leads:
        samples = data.validation(device)
        first_s = timed(lambda: validate(deblurring_net(step), samples[:1], device))
        validation_s = first_s * len(samples)
    left_s = seconds - (time.perf_counter() - begin)
    return int(from_leader(steps_within(left_s, config, pace_s, validation_s), device))


class _Stop:
    """Whether to stop: a signal came, or the time is over. Rank 0 decides for all processes."""

    def __init__(self, request: StopRequest, begin: float, limit_s: float | None, device: torch.device) -> None:
        self._request, self._begin, self._limit_s, self._device = request, begin, limit_s, device

    def __call__(self) -> bool:
        late = self._limit_s is not None and time.perf_counter() - self._begin > self._limit_s
        return bool(from_leader(float(self._request.asked or late), self._device))


def _report(run: Run, session_s: float, stop: StopRequest) -> TrainReport:
    state, speed = run.state, run.clock.figures()
    return TrainReport(
        folder=run.folder,
        step=state.step,
        steps=state.steps,
        seconds=state.seconds,
        session_s=session_s,
        crops_per_s=speed["crops_per_s"],
        stall_share=speed["stall_share"],
        skipped=state.skipped,
        psnr_db=state.psnr_db,
        blurred_db=state.blurred_db,
        best_db=state.best_db,
        interrupted=stop.asked and state.step < state.steps,
    )
