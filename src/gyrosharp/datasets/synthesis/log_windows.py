"""Cutting windows of motion out of gyro logs: with margins, without gaps, not at rest."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from gyrosharp.capture.capture import MARGIN_SAMPLES
from gyrosharp.errors import GyrosharpError, ImuError
from gyrosharp.imu.axes import parse_axes
from gyrosharp.imu.readers import read_imu
from gyrosharp.imu.recording import ImuRecording

# Samples and seconds before and after the exposure: what `Capture.trajectory` looks at, and room for time offsets.
MARGIN = MARGIN_SAMPLES + 8
MARGIN_S = 0.08
# A time between samples of over three of them is a gap: a spline across it would invent a motion.
GAP_INTERVALS = 3.0
# The steadiest hand turns at 0.02 rad/s; below, a log shows a tripod, a table, or its own noise.
SLOWEST_RAD_S = 0.02
# Starts tried in a log before it counts as still or full of gaps throughout.
TRIES = 1000


@dataclass(frozen=True, eq=False)
class Log:
    """A log in the camera frame, and the hash of its file.

    Attributes
    ----------
    imu : ImuRecording
        Rates and accelerations in the camera frame (R_cam_imu is the identity).
    sha256 : str
        Of the file; empty for a simulated log.
    """

    imu: ImuRecording
    sha256: str


@lru_cache(maxsize=256)
def read_log(file: str, axes: str | None) -> Log:
    """Return a log in the camera frame; a process reads a file once.

    Parameters
    ----------
    file : str
        A log of any format that `read_imu` knows.
    axes : str or None
        How the gyro lies in the camera (`parse_axes`) where the log does not say; None takes its axes as the camera's.

    Raises
    ------
    ImuError
        If the log cannot be read.
    UsageError, CaptureError
        If `axes` cannot be understood.
    """
    imu = read_imu(file)
    R = imu.R_cam_imu
    if R is None:
        R = np.eye(3) if axes is None else parse_axes(axes)
    accel = None if imu.accel_m_s2 is None else imu.accel_m_s2 @ R.T
    return Log(replace(imu, gyro_rad_s=imu.gyro_rad_s @ R.T, accel_m_s2=accel, R_cam_imu=np.eye(3)), sha256_of(file))


@lru_cache(maxsize=256)
def sha256_of(file: str) -> str:
    """Return the hash of a file, in hexadecimal digits; a process reads a file once."""
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def margin_s(rate_hz: float) -> float:
    """Return the time before and after a window that is cut with it, for a log of this sampling rate, s."""
    return max(MARGIN / rate_hz, MARGIN_S)


def _needed_s(imu: ImuRecording, duration_s: float) -> float:
    # A start between two samples and an end between two others need a sample more at each end.
    return duration_s + 2 * (margin_s(imu.rate_hz) + 1.5 / imu.rate_hz)


def require_length(source: str, length_s: float, needed_s: float, duration_s: float) -> None:
    """Raise if a motion of `length_s` is shorter than needed for an exposure of `duration_s`.

    Raises
    ------
    ImuError
        If it is.
    """
    if length_s < needed_s:
        raise ImuError(
            f"{source}: expected at least {needed_s:.3f} s of motion for an exposure of {duration_s:.3f} s and its "
            f"margins, got {length_s:.3f} s; leave it out or shorten the exposure"
        )


def _long_enough(file: str, axes: str | None, duration_s: float) -> Log:
    log = read_log(file, axes)
    require_length(file, log.imu.duration_s, _needed_s(log.imu, duration_s), duration_s)
    return log


def drawn_log(files: tuple[str, ...], axes: str | None, rng: np.random.Generator, duration_s: float) -> Log:
    """Draw one of the logs, in proportion to their length.

    Raises
    ------
    ImuError
        If there is none, or one of them cannot be read or is too short for the window and its margins.
    """
    if not files:
        raise ImuError("motion: expected at least one gyro log, got none; name one")
    logs = [_long_enough(file, axes, duration_s) for file in files]
    lengths = np.array([log.imu.duration_s for log in logs])
    return logs[int(rng.choice(len(logs), p=lengths / lengths.sum()))]


def fitting_files(
    files: tuple[str, ...], axes: str | None, duration_s: float
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the logs that can be read and are long enough, and a message on each of the others."""
    kept, messages = [], []
    for file in files:
        try:
            _long_enough(file, axes, duration_s)
            kept.append(file)
        except GyrosharpError as error:
            messages.append(str(error))
    return tuple(kept), tuple(messages)


def drawn_window(
    imu: ImuRecording, rng: np.random.Generator, duration_s: float, slowest_rad_s: float
) -> tuple[slice, int]:
    """Draw the samples of a window with its margins, and the stamp at which the window itself starts.

    Raises
    ------
    ImuError
        If the log seems to hold none that is free of gaps and has an rms rate of `slowest_rad_s`.
    """
    for cut, start_ns in _windows(imu, rng, duration_s):
        core = imu.time_ns[cut] >= start_ns
        core &= imu.time_ns[cut] <= start_ns + duration_s * 1e9
        # An exposure shorter than a sample interval has no sample inside; its neighbours speak for it.
        rates = imu.gyro_rad_s[cut][core] if core.any() else imu.gyro_rad_s[cut]
        if np.sqrt((rates**2).sum(axis=1).mean()) >= slowest_rad_s:
            return cut, start_ns
    raise ImuError(
        f"{imu.source}: expected a stretch of {duration_s:.3f} s that is free of gaps and faster than "
        f"{slowest_rad_s:g} rad/s, got none in {TRIES} tries; leave the log out"
    )


def _windows(imu: ImuRecording, rng: np.random.Generator, duration_s: float) -> Iterator[tuple[slice, int]]:
    """Random windows without gaps."""
    widest_ns = GAP_INTERVALS * 1e9 / imu.rate_hz
    spare_s = margin_s(imu.rate_hz) + 1.5 / imu.rate_hz
    for _ in range(TRIES):
        start_s = float(rng.uniform(spare_s, imu.duration_s - spare_s - duration_s))
        start_ns = int(imu.time_ns[0]) + round(start_s * 1e9)
        cut = _around(imu, start_ns, start_ns + round(duration_s * 1e9))
        if cut is not None and np.diff(imu.time_ns[cut]).max() <= widest_ns:
            yield cut, start_ns


def _around(imu: ImuRecording, start_ns: int, end_ns: int) -> slice | None:
    """The samples of [start, end] and of the margins on both sides, or None where the log has fewer."""
    margin_ns = round(margin_s(imu.rate_hz) * 1e9)
    first, before = np.searchsorted(imu.time_ns, [start_ns - margin_ns, start_ns]) - 1
    end, after = np.searchsorted(imu.time_ns, [end_ns + margin_ns, end_ns]) + 1
    first, end = min(first, before - MARGIN), max(end, after + MARGIN)
    return None if first < 0 or end > len(imu) else slice(int(first), int(end))


def widened(imu: ImuRecording, cut: slice, length_s: float) -> slice:
    """Return the samples of a longer time around a cut, as far as the log goes without a gap."""
    missing_ns = length_s * 1e9 - float(imu.time_ns[cut.stop - 1] - imu.time_ns[cut.start])
    half_ns = max(missing_ns / 2, 0.0)
    gaps = np.flatnonzero(np.diff(imu.time_ns) > GAP_INTERVALS * 1e9 / imu.rate_hz) + 1
    first = np.searchsorted(imu.time_ns, imu.time_ns[cut.start] - half_ns)
    end = np.searchsorted(imu.time_ns, imu.time_ns[cut.stop - 1] + half_ns, side="right")
    first = max(int(first), int(gaps[gaps <= cut.start].max(initial=0)))
    return slice(first, min(int(end), int(gaps[gaps >= cut.stop].min(initial=len(imu)))))


def part_of(imu: ImuRecording, part: slice) -> ImuRecording:
    """Return some of the samples of a recording."""
    accel = None if imu.accel_m_s2 is None else imu.accel_m_s2[part]
    return replace(imu, time_ns=imu.time_ns[part], gyro_rad_s=imu.gyro_rad_s[part], accel_m_s2=accel)
