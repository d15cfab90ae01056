"""Learning rate as a pure function of the config and the progress of the run."""

import math

from gyrosharp.training.config import SchedulePart


def rate_at(schedule: SchedulePart, peak: float, progress: float) -> float:
    """Return the learning rate of a step.

    The rate rises in a straight line over the warm-up; from there it follows, with p in [0, 1] the progress,

    - cosine: ``final + (peak - final) (1 + cos(pi q)) / 2``, q the share of what follows the warm-up
      (Loshchilov and Hutter, SGDR, ICLR 2017, equation 5, without restarts);
    - step: ``peak * factor^k``, k the number of milestones m with m <= p;
    - constant: ``peak``.

    Parameters
    ----------
    schedule : SchedulePart
        Shape of the curve.
    peak : float
        Highest rate.
    progress : float
        Steps done over steps in all, in [0, 1]: a run of another length has the same curve, warm-up included.
    """
    warm = min(schedule.warmup / schedule.steps, 1.0)
    if progress < warm:
        # The first step of a warm-up of n steps has the rate peak / n, not 0, which would be a step for nothing.
        return peak * (progress / warm + 1 / schedule.warmup)
    if schedule.kind == "cosine":
        after = (progress - warm) / (1 - warm) if warm < 1 else 1.0
        return schedule.final_rate + (peak - schedule.final_rate) * (1 + math.cos(math.pi * after)) / 2
    if schedule.kind == "step":
        return peak * schedule.factor ** sum(milestone <= progress for milestone in schedule.milestones)
    return peak
