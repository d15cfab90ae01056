"""What a run tells: its progress while it works, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes
    ----------
    step, steps : int
        Steps done, and in all.
    first_step : int
        Steps that earlier sessions had done.
    seconds : float
        Time since this session's first step.
    figures : mapping
        Last figures of the log: loss, rate, psnr_db, blurred_db and others, as far as there are any yet.
    """

    step: int
    steps: int
    first_step: int
    seconds: float
    figures: Mapping[str, float]


@dataclass(frozen=True)
class TrainReport:
    """What came of a run.

    Attributes
    ----------
    folder : Path
        The run's folder.
    step, steps : int
        Steps done, and those that the schedule has.
    seconds, session_s : float
        Time spent: by all sessions together, and by this one.
    crops_per_s, stall_share : float
        Speed of this session over all processes, and the share of its time that it waited for data; 0 without steps.
    skipped : int
        Batches whose loss or gradient was not finite.
    psnr_db, blurred_db, best_db : float or None
        Last validation (results, blurred pictures), and the best one; None before the first.
    interrupted : bool
        Whether a signal stopped it.
    """

    folder: Path
    step: int
    steps: int
    seconds: float
    session_s: float
    crops_per_s: float
    stall_share: float
    skipped: int
    psnr_db: float | None
    blurred_db: float | None
    best_db: float | None
    interrupted: bool

    @property
    def finished(self) -> bool:
        """Whether the schedule has ended."""
        return self.step >= self.steps
