"""Checks every log passes: order of stamps, duplicates, plausible units, jumps, and coverage of an exposure.

Nothing is repaired silently. What is harmless is repaired and noted on the recording; what could be one thing or
another is noted as a warning; what cannot be used is an `ImuError`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImuError
from gyrosharp.imu.recording import FrameHints, ImuRecording

WARNING = "warning: "

# A phone or action camera gyro saturates at 2000 deg/s = 34.9 rad/s per axis.
FULL_SCALE_RAD_S = 35.0
# Rates read as rad/s predict how fast gravity turns in the accelerometer. Over the logs at hand the accelerometer
# shows 0.27 to 2.0 of the prediction; if the rates are really deg/s it shows a 57th of that, 0.005 to 0.036.
GRAVITY_RATIO_DEG = 0.08
GRAVITY_CORRELATION = 0.2
GRAVITY_RANGE_M_S2 = (8.0, 12.0)
GRAVITY_WINDOW_S = 0.2

JUMP_S = 1.0
# Gyros sample at 10 Hz to 32 kHz; far outside, the stamps are in another unit than the format's.
PLAUSIBLE_RATES_HZ = (1.0, 1e5)
# A hole in the samples: longer than 5 sample intervals and than 20 ms (phones drop a sample now and then).
GAP_INTERVALS = 5.0
GAP_S = 0.02
# An exposure may stick out of the log by this share: its blur is still known well enough to remove.
MAX_OUTSIDE = 0.05
MIN_COVERED = 0.5


@dataclass(frozen=True, eq=False)
class RawSamples:
    """What a reader parsed, before the checks.

    Attributes
    ----------
    time_ns : (N,) int64 array
        Stamps in the order of the file.
    gyro_rad_s : (N, 3) float64 array
        Rates, rad/s.
    accel_m_s2 : (N, 3) float64 array or None
        Specific force at the same stamps, m/s^2.
    lines : (N,) int64 array or None
        1-based line of each sample in its file, for messages.
    """

    time_ns: NDArray[np.int64]
    gyro_rad_s: NDArray[np.float64]
    accel_m_s2: NDArray[np.float64] | None = None
    lines: NDArray[np.int64] | None = None


def checked(
    raw: RawSamples,
    *,
    source: str,
    clock: str = "log",
    R_cam_imu: NDArray[np.float64] | None = None,
    frame_hints: FrameHints | None = None,
    notes: Sequence[str] = (),
) -> ImuRecording:
    """Return raw samples as a recording: samples with equal stamps averaged, jumps noted.

    Parameters
    ----------
    raw : RawSamples
        Samples as parsed.
    source : str
        The file, for messages.
    clock : str
        Name of the clock of the stamps.
    R_cam_imu : (3, 3) array or None
        IMU to camera axes where the format settles them.
    frame_hints : FrameHints or None
        What the log says about the camera's frames.
    notes : sequence of str
        What the reader has to say.

    Raises
    ------
    ImuError
        If there are fewer than two samples or two stamps, stamps go backwards (naming the line), or a value is not
        finite.
    """
    _require_order(raw, source)
    merged, duplicates = _merged(raw)
    if merged.time_ns.size < 2:
        raise ImuError(
            f"{source}: expected at least 2 gyro samples at different times, got {merged.time_ns.size}; "
            f"record a longer log"
        )
    found = list(notes)
    if duplicates:
        found.append(f"{duplicates} samples repeat the stamp of the one before: averaged")
    found += _jump_notes(merged.time_ns)
    if (merged.gyro_rad_s == merged.gyro_rad_s[0]).all():
        found.append(f"{WARNING}the rates never change: the gyro was off or the columns are not rates")
    return ImuRecording(
        time_ns=merged.time_ns,
        gyro_rad_s=merged.gyro_rad_s,
        accel_m_s2=merged.accel_m_s2,
        clock=clock,
        R_cam_imu=R_cam_imu,
        source=source,
        notes=tuple(found),
        frame_hints=frame_hints or FrameHints(),
    )


def units_warning(recording: ImuRecording) -> str | None:
    """Return a warning if the rates look like deg/s although they were taken as rad/s, else None.

    Two signs, either suffices: 1 % of the samples exceed what a gyro can measure; or the accelerometer sees gravity
    turn 12 or more times slower than the rates say (``da/dt = -w x a`` over 0.2 s), which a log without gravity,
    or without rotation, leaves open.
    """
    top = float(np.percentile(np.abs(recording.gyro_rad_s).max(axis=1), 99))
    advice = "if so, force it with gyro unit deg/s"
    if top > FULL_SCALE_RAD_S:
        return (
            f"{WARNING}rates look like deg/s, not rad/s (1 % of the samples exceed {top:.0f} rad/s, "
            f"a gyro's full scale is {FULL_SCALE_RAD_S:.0f}); {advice}"
        )
    ratio = _gravity_ratio(recording)
    if ratio is not None and ratio < GRAVITY_RATIO_DEG:
        return (
            f"{WARNING}rates look like deg/s, not rad/s (in the accelerometer, gravity turns {1 / ratio:.0f} times "
            f"slower than the rates say); {advice}"
        )
    return None


def rate_warning(recording: ImuRecording) -> str | None:
    """Return a warning if samples come faster or slower than any gyro gives them (1 Hz to 100 kHz), else None."""
    lowest, highest = PLAUSIBLE_RATES_HZ
    rate_hz = recording.rate_hz
    if lowest <= rate_hz <= highest:
        return None
    return f"{WARNING}{rate_hz:.3g} samples a second is no gyro's rate: are the stamps in the format's unit?"


@dataclass(frozen=True)
class CoverageReport:
    """How well a log covers an exposure.

    Attributes
    ----------
    samples : int
        Samples inside the exposure.
    covered : float
        Share of the exposure that is inside the log and outside gaps, in [0, 1].
    largest_gap_s : float
        Longest time without a sample inside the exposure, ends included, in seconds.
    rate_hz : float
        Sampling rate of the log.
    start_s, end_s : float
        The exposure in seconds after the first sample.
    log_s : float
        Length of the log in seconds.
    notes : tuple of str
        Warnings in plain words.
    """

    samples: int
    covered: float
    largest_gap_s: float
    rate_hz: float
    start_s: float
    end_s: float
    log_s: float
    notes: tuple[str, ...] = ()


def coverage(recording: ImuRecording, start_ns: int, end_ns: int) -> CoverageReport:
    """Return how well `recording` covers the exposure [start_ns, end_ns], both in the clock of its stamps.

    A gap is a time between two samples that is longer than 5 median sample intervals and longer than 20 ms. Within
    one median interval of its ends the log still counts as covering: the nearest sample holds there.

    Raises
    ------
    ImuError
        If the exposure ends before it starts.
    """
    if end_ns < start_ns:
        raise ImuError(
            f"{recording.source}: expected an exposure that ends after its start, got {start_ns} to {end_ns} ns"
        )
    time_ns = recording.time_ns
    rate_hz = recording.rate_hz
    median_s = 1.0 / rate_hz
    start_s, end_s = (float(stamp - time_ns[0]) * 1e-9 for stamp in (start_ns, end_ns))
    holes = _holes_s(time_ns, start_s, end_s)
    duration_s = end_s - start_s
    gaps = [hole for hole in holes if hole > max(GAP_INTERVALS * median_s, GAP_S)]
    outside = max(-start_s - median_s, 0.0) + max(end_s - recording.duration_s - median_s, 0.0)
    lost = min(sum(gaps) + outside, duration_s)
    covered = 1.0 - lost / duration_s if duration_s > 0 else float(outside == 0)
    notes = []
    if outside > 0:
        notes.append(f"{WARNING}the log misses {outside * 1e3:.1f} ms at an end of the exposure; its last rate is held")
    if gaps:
        longest_ms = max(gaps) * 1e3
        notes.append(f"{WARNING}{len(gaps)} gaps in the gyro log during the exposure, the longest {longest_ms:.0f} ms")
    return CoverageReport(
        samples=int(((time_ns >= start_ns) & (time_ns <= end_ns)).sum()),
        covered=covered,
        largest_gap_s=max(holes, default=duration_s),
        rate_hz=rate_hz,
        start_s=start_s,
        end_s=end_s,
        log_s=recording.duration_s,
        notes=tuple(notes),
    )


def require_coverage(recording: ImuRecording, start_ns: int, end_ns: int) -> CoverageReport:
    """Return `coverage`, or raise if the motion during the exposure is not known.

    Raises
    ------
    ImuError
        If more than one sample interval and more than 5 % of the exposure lie outside the log, or if less than half
        of it has samples. Shorter gaps are warnings in the report's notes.
    """
    report = coverage(recording, start_ns, end_ns)
    slack_s = max(1.0 / report.rate_hz, MAX_OUTSIDE * (report.end_s - report.start_s))
    window = f"{report.start_s:.3f} to {report.end_s:.3f} s after the log's first sample"
    if report.start_s < -slack_s or report.end_s > report.log_s + slack_s:
        raise ImuError(
            f"{recording.source}: expected gyro samples over the whole exposure ({window}), "
            f"got a log of 0.000 to {report.log_s:.3f} s (clock '{recording.clock}'); "
            f"check that image and log share a clock, or shift the log with --offset-ms"
        )
    if report.covered < MIN_COVERED:
        raise ImuError(
            f"{recording.source}: expected gyro samples during the exposure ({window}), got a gap of "
            f"{report.largest_gap_s:.3f} s that leaves {report.covered:.0%} covered; use a log without dropouts"
        )
    return report


def _require_order(raw: RawSamples, source: str) -> None:
    back = np.flatnonzero(np.diff(raw.time_ns) < 0)
    if back.size:
        k = int(back[0]) + 1
        place = "" if raw.lines is None else f", line {raw.lines[k]}"
        raise ImuError(
            f"{source}{place}: expected stamps that increase, got {raw.time_ns[k]} ns after {raw.time_ns[k - 1]} ns; "
            f"sort the log, or cut it where the clock was reset"
        )


def _merged(raw: RawSamples) -> tuple[RawSamples, int]:
    starts = np.flatnonzero(np.diff(raw.time_ns, prepend=raw.time_ns[:1] - 1) > 0)
    duplicates = int(raw.time_ns.size - starts.size)
    if not duplicates:
        return raw, 0
    counts = np.diff(np.append(starts, raw.time_ns.size))[:, None]
    accel = raw.accel_m_s2
    return RawSamples(
        time_ns=raw.time_ns[starts],
        gyro_rad_s=np.add.reduceat(raw.gyro_rad_s, starts) / counts,
        accel_m_s2=None if accel is None else np.add.reduceat(accel, starts) / counts,
    ), duplicates


def _jump_notes(time_ns: NDArray[np.int64]) -> list[str]:
    steps_s = np.diff(time_ns) * 1e-9
    jumps = np.flatnonzero(steps_s > max(JUMP_S, GAP_INTERVALS * float(np.median(steps_s))))
    if not jumps.size:
        return []
    worst = jumps[steps_s[jumps].argmax()]
    at_s = float(time_ns[worst] - time_ns[0]) * 1e-9
    return [f"{WARNING}{jumps.size} jumps of the stamps, the longest {steps_s[worst]:.2f} s at {at_s:.2f} s"]


def _gravity_ratio(recording: ImuRecording) -> float | None:
    """Return (turn of gravity the accelerometer shows) / (turn the rates predict), None if nothing can be said."""
    accel = recording.accel_m_s2
    if accel is None:
        return None
    low, high = GRAVITY_RANGE_M_S2
    count = max(round(GRAVITY_WINDOW_S / 2 * recording.rate_hz), 1)
    blocks = len(recording) // count
    if blocks < 8 or not low < float(np.median(np.linalg.norm(accel, axis=1))) < high:
        return None
    # Means over the window, half a window apart, tame the vibration of the accelerometer; the central difference of
    # two windows that just do not overlap is the slope.
    seconds = (recording.time_ns - recording.time_ns[0])[:, None] * 1e-9
    signals = accel, recording.gyro_rad_s, seconds
    means = [x[: blocks * count].reshape(blocks, count, -1).mean(axis=1) for x in signals]
    force, rate, at_s = ((mean[1:] + mean[:-1]) / 2 for mean in means)
    shown = (force[2:] - force[:-2]) / (at_s[2:] - at_s[:-2])
    predicted = -np.cross(rate[1:-1], force[1:-1])
    power = float((predicted**2).sum())
    overlap = float((predicted * shown).sum())
    if overlap <= GRAVITY_CORRELATION * np.sqrt(power * float((shown**2).sum())):
        return None
    return overlap / power


def _holes_s(time_ns: NDArray[np.int64], start_s: float, end_s: float) -> list[float]:
    """Return the times between neighbouring samples, cut to the exposure, in seconds."""
    seconds = (time_ns - time_ns[0]) * 1e-9
    first = max(int(np.searchsorted(seconds, start_s, side="right")) - 1, 0)
    last = min(int(np.searchsorted(seconds, end_s)) + 1, seconds.size)
    lengths = np.diff(np.clip(seconds[first:last], start_s, end_s))
    return [float(length) for length in lengths if length > 0]
