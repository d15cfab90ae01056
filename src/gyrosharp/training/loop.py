"""The training loop. It drives a `Step`, and knows nothing of losses or of who learns what from whom.

All chance is a pure function of (seed, step): a run that was killed at any moment and resumed has, on a CPU, bit for
bit the loss curve of one that was not.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from gyrosharp.errors import InputError
from gyrosharp.training.checkpoint import BEST, LAST, RunState, save_checkpoint
from gyrosharp.training.config import TrainConfig
from gyrosharp.training.curriculum import alpha_at
from gyrosharp.training.distributed import Group
from gyrosharp.training.report import Progress
from gyrosharp.training.run_log import RunLog
from gyrosharp.training.step import Step, deblurring_net
from gyrosharp.training.validation import strips, validate

if TYPE_CHECKING:
    from gyrosharp.training.data import Batch, TrainingData

# Batches in a row without a finite loss or gradient: by then the run, not a batch, is at fault.
MOST_SKIPPED = 20


@dataclass
class Clock:
    """Time that steps took, and how much of it they waited for data."""

    seconds: float = 0.0
    waited_s: float = 0.0
    crops: int = 0

    def add(self, seconds: float, waited_s: float, crops: int) -> None:
        """Count a step."""
        self.seconds += seconds
        self.waited_s += waited_s
        self.crops += crops

    def figures(self) -> dict[str, float]:
        """Return crops per second and the share of time that data was waited for."""
        spent = max(self.seconds, 1e-9)
        return {"crops_per_s": self.crops / spent, "stall_share": self.waited_s / spent}


@dataclass
class Run:
    """All that the loop works on.

    Attributes
    ----------
    config, data, folder : TrainConfig, TrainingData, Path
        What is trained, on what, and where it is kept.
    step : Step
        Networks and optimisers.
    state : RunState
        How far it is.
    device, group : torch.device, Group
        Where it works, and this process among those of the run.
    log : RunLog
        Figures and pictures.
    clock : Clock
        Speed of this session.
    """

    config: TrainConfig
    data: "TrainingData"
    folder: Path
    step: Step
    state: RunState
    device: torch.device
    group: Group
    log: RunLog
    clock: Clock = field(default_factory=Clock)

    def alpha(self, step: int) -> float:
        """Return the share of gyro errors at a step."""
        return alpha_at(self.config.curriculum, step / self.state.steps)


def run_steps(run: Run, stop: Callable[[], bool], progress: Callable[[Progress], None] | None) -> None:
    """Train until the schedule ends or `stop` says so; a checkpoint of the last step is left in the run's folder.

    Raises
    ------
    InputError
        If no batch gives a finite loss any more.
    """
    config, state = run.config, run.state
    first_step, begin, earlier_s = state.step, time.perf_counter(), state.seconds
    batches = run.data.batches(state.step, run.alpha, run.group.rank, run.group.world)
    samples = run.data.validation(run.device) if run.group.leads and state.step < state.steps else []
    figures: dict[str, float] = {}
    since_line, saved = Clock(), state.step
    while state.step < state.steps and not stop():
        seed_chance(config.seed, state.step, run.group.rank)
        start = time.perf_counter()
        batch = next(batches).to(run.device)
        waited = time.perf_counter() - start
        told = run.step.run(batch, state.step, state.steps)
        alpha = run.alpha(state.step)
        state.step += 1
        for clock in (since_line, run.clock):
            clock.add(time.perf_counter() - start, waited, len(batch.names) * run.group.world)
        count(state, told)
        last = state.step == state.steps
        if last or state.step % config.log_every == 0:
            line = {**means(state), "rate": told["rate"], "alpha": alpha, **since_line.figures()}
            run.log.line(state.step, line)
            figures |= line
            since_line = Clock()
        if run.group.leads and (last or state.step % config.validation.every == 0):
            figures |= look(run, samples)
        state.seconds = earlier_s + time.perf_counter() - begin
        if last or state.step % config.checkpoint_every == 0:
            save(run, LAST)
            saved = state.step
        if progress is not None:
            progress(Progress(state.step, state.steps, first_step, time.perf_counter() - begin, figures))
    if saved != state.step:
        save(run, LAST)


def seed_chance(seed: int, step: int, rank: int) -> None:
    """Seed torch's random numbers (sensor noise on the device, dropout) for one step of one process."""
    low, high = np.random.SeedSequence([seed, step, rank]).generate_state(2)
    torch.manual_seed(int(high) << 32 | int(low))


def count(state: RunState, told: dict[str, float]) -> None:
    """Add a step's figures to the sums for the log; those of a skipped batch are not finite and are left out.

    Raises
    ------
    InputError
        If too many batches in a row were skipped.
    """
    if told.get("skipped"):
        state.skipped += 1
        state.skipped_in_a_row += 1
        if state.skipped_in_a_row >= MOST_SKIPPED:
            raise InputError(
                f"training: expected finite losses and gradients, got none in {MOST_SKIPPED} steps up to {state.step}; "
                "try a lower optimiser.rate, optimiser.clip_norm or float32, or look for damaged data; "
                "the last checkpoint, if there is one yet, is sound"
            )
        return
    state.skipped_in_a_row = 0
    state.summed += 1
    for name, value in told.items():
        if name not in ("rate", "skipped"):
            state.sums[name] = state.sums.get(name, 0.0) + value


def means(state: RunState) -> dict[str, float]:
    """Return the mean figures since the last line of the log, and begin new sums."""
    found = {name: value / state.summed for name, value in state.sums.items()}
    state.sums, state.summed = {}, 0
    return {**found, "skipped": float(state.skipped)}


def look(run: Run, samples: "list[Batch]") -> dict[str, float]:
    """Validate, draw, and keep the weights if they are the best so far; return the figures."""
    state, net = run.state, deblurring_net(run.step)
    found = validate(net, samples, run.device)
    figures = {"psnr_db": found.psnr_db, "blurred_db": found.blurred_db, "gain_db": found.gain_db}
    run.log.line(state.step, figures)
    run.log.pictures(state.step, strips(net, samples, run.config.validation.pictures, run.device))
    state.psnr_db, state.blurred_db = found.psnr_db, found.blurred_db
    if state.best_db is None or found.psnr_db > state.best_db:
        state.best_db = found.psnr_db
        save(run, BEST)
    return figures


def save(run: Run, name: str) -> None:
    """Write a checkpoint, in one process."""
    if run.group.leads:
        save_checkpoint(run.folder / name, run.config, run.data.facts, run.state, run.step)
