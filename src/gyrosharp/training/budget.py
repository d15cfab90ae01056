"""Time budget: how many steps fit into it, measured before the run begins."""

import copy
import statistics
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch

from gyrosharp.training.config import TrainConfig
from gyrosharp.training.distributed import from_leader

if TYPE_CHECKING:
    from gyrosharp.training.data.batch import Arriving

# The first steps are slower: caches, memory and kernels are still being found.
WARM_STEPS = 3
# The trial ends after this many timed steps, or this share of the budget.
TIMED_STEPS, TRIAL_SHARE = 30, 0.03
# Share of the budget that is planned with; the rest is for what the trial does not see, such as checkpoints.
PLANNED_SHARE = 0.96
# On a machine that got slower the run is stopped at this multiple of the budget. Short of that, a finished schedule is
# worth more than the minutes: the last steps, at small rates, gain the most.
OVERRUN = 1.5


def steps_within(seconds: float, config: TrainConfig, pace_s: float, validation_s: float) -> int:
    """Return how many steps fit into a time, ``n (pace + validation / every) + validation <= 0.96 seconds``.

    Parameters
    ----------
    seconds : float
        Time left.
    config : TrainConfig
        How often there are validations; there is one more at the end.
    pace_s, validation_s : float
        What one step and one validation take.
    """
    each = pace_s + validation_s / config.validation.every
    return max(int((PLANNED_SHARE * seconds - validation_s) / each), 1)


def measured_pace(step: Any, batches: Iterator["Arriving"], seconds: float, device: torch.device) -> float:  # noqa: ANN401
    """Return the seconds per step, waiting for data included; networks and optimisers are put back afterwards.

    Parameters
    ----------
    step : Step
        See `gyrosharp.training.loop.Step`.
    batches : iterator of Arriving
        As the run will see them.
    seconds : float
        The whole budget: the trial takes a small share of it.
    device : torch.device
        Where to.
    """
    holders = [*step.modules().values(), *step.optimisers().values()]
    before = [copy.deepcopy(holder.state_dict()) for holder in holders]
    times: list[float] = []
    begin = time.perf_counter()
    while len(times) < WARM_STEPS + TIMED_STEPS:
        start = time.perf_counter()
        step.run(next(batches).to(device), 0, 1)
        times.append(time.perf_counter() - start)
        # Rank 0 decides, or processes would wait for each other.
        late = time.perf_counter() - begin > TRIAL_SHARE * seconds
        if from_leader(float(len(times) > WARM_STEPS and late), device):
            break
    for holder, state in zip(holders, before, strict=True):
        holder.load_state_dict(state)
    return statistics.median(times[WARM_STEPS:])


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
