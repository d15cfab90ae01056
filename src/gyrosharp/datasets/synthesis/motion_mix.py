"""MotionMix: the motion sources of a config, drawn by weight."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gyrosharp.datasets.synthesis.config import MotionPart, SourcePart
from gyrosharp.datasets.synthesis.motion_sources import (
    ConstantRate,
    HandTremor,
    InertialPoses,
    LogWindows,
    Motion,
    MotionSource,
    UserTrajectory,
    turned,
)
from gyrosharp.errors import UsageError

# A steady turn about an axis between pitch and roll; the random turn about the optical axis makes all directions of it.
STEADY_RATE_RAD_S = (0.3, 0.0, 0.1)
OF_LOGS = ("log", "inertial")


@dataclass(frozen=True)
class MotionMix:
    """Draws from several sources.

    Attributes
    ----------
    sources : tuple of MotionSource
        The sources.
    weights : tuple of float
        How often each is drawn, relative to the others.
    turned : bool
        Whether motions are turned about the optical axis at random.
    """

    sources: tuple[MotionSource, ...]
    weights: tuple[float, ...]
    turned: bool = True

    def draw(self, rng: np.random.Generator, duration_s: float) -> Motion:
        """Return a stretch of one of the sources, which covers `duration_s`.

        Raises
        ------
        ImuError, CaptureError
            If a log or pose file cannot be read, or holds no such stretch.
        """
        share = np.cumsum(self.weights) / np.sum(self.weights)
        chosen = self.sources[min(int(np.searchsorted(share, rng.random(), side="right")), len(self.sources) - 1)]
        motion = chosen.draw(rng, duration_s)
        return turned(motion, rng) if self.turned else motion


def motion_mix(
    part: MotionPart, logs: Sequence[str], duration_s: float, on_error: str = "skip"
) -> tuple[MotionMix, tuple[str, ...]]:
    """Return the mix of a config, and a message on every log that it leaves out.

    Parameters
    ----------
    part : MotionPart
        Sources and their weights.
    logs : sequence of str
        Gyro logs for the sources `log` and `inertial` that name none.
    duration_s : float
        Longest exposure and readout: what a log must cover.
    on_error : {"skip", "refuse"}
        Whether a log that cannot be used is left out, or stops the first draw from its source.

    Raises
    ------
    UsageError
        If no source is left, or a source lacks what it needs.
    """
    sources: list[MotionSource] = []
    weights: list[float] = []
    messages: list[str] = []
    for entry in part.sources:
        source = _source(entry, logs)
        if isinstance(source, LogWindows | InertialPoses):
            if on_error == "skip":
                source, left_out = source.fitting(duration_s)
                messages += left_out
            if not source.files:
                if not _files(entry, logs):
                    messages.append(f"no gyro logs for the source `{entry.kind}`: motion comes from the others")
                continue
        sources.append(source)
        weights.append(entry.weight)
    if not sources:
        raise UsageError("motion: expected gyro logs for this config, got none that can be used; give --gyro LOG")
    return MotionMix(tuple(sources), tuple(weights), part.turned), tuple(dict.fromkeys(messages))


def _files(entry: SourcePart, logs: Sequence[str]) -> tuple[str, ...]:
    """Its own, or the logs given to all."""
    return entry.files or (tuple(logs) if entry.kind in OF_LOGS else ())


def _source(entry: SourcePart, logs: Sequence[str]) -> MotionSource:
    files = _files(entry, logs)
    match entry.kind:
        case "log":
            return LogWindows(files, entry.axes)
        case "inertial":
            return InertialPoses(files, entry.axes)
        case "tremor":
            return HandTremor(entry.preset) if entry.preset else HandTremor()
        case "constant":
            return ConstantRate(entry.rate_rad_s or STEADY_RATE_RAD_S, entry.velocity_m_s)
        case _:
            if len(files) != 1:
                raise UsageError(f"motion: expected one pose file for `trajectory`, got {len(files)}")
            return UserTrajectory(files[0])
