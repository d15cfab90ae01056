"""Noise and bias of a gyro from a log of a device that lay still."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImuError
from gyrosharp.imu.allan import NoiseFigure, allan_deviation, quantisation_step, read_curve
from gyrosharp.imu.bias import MAX_BIAS_RAD_S, MIN_SAMPLES, STILL_DRIFT_RAD_S, WINDOW_S, bias_from_still
from gyrosharp.imu.recording import ImuRecording

Array = NDArray[np.float64]

POINTS_PER_DECADE = 12
LARGEST_SHARE = 1 / 9
"""Longest averaging time, as a share of the log: beyond, fewer than nine averages are compared and the deviation is
uncertain by more than 25 %."""
GAP_INTERVALS = 5.0
"""A gap is an interval of so many median intervals."""
SHORTEST_S = 2.0
"""A shorter log holds too few averages for any figure."""
NAMED_STRETCHES = 3
UNEVEN = 0.1


@dataclass(frozen=True, eq=False)
class AxisNoise:
    """Noise of one axis at rest. Figures that the log does not support are None; `reasons` says why.

    Attributes
    ----------
    tau_s : (T,) array
        Averaging times, s.
    deviation_rad_s : (T,) array
        Overlapping Allan deviation, rad/s.
    bias_rad_s : float
        Mean rate.
    bias_std_rad_s : float
        How well the mean stands for the bias, one standard deviation: at least what white noise leaves, and no less
        than the lowest Allan deviation.
    std_rad_s : float
        Standard deviation of one sample.
    white : NoiseFigure or None
        Angle random walk N, rad/s/sqrt(Hz) (the same as rad/sqrt(s)): deviation = N / sqrt(tau).
    instability : NoiseFigure or None
        Bias instability B, rad/s: the floor of the curve, which is 0.664 B.
    random_walk : NoiseFigure or None
        Rate random walk K, rad/s^2/sqrt(Hz): deviation = K sqrt(tau / 3).
    step_rad_s : float or None
        Step between the values that occur, None if they lie on no grid.
    lag1_correlation : float
        Correlation of neighbouring samples: 0 for white noise, more where the sensor filters.
    reasons : dict
        Why a figure is None, by its name.
    """

    tau_s: Array
    deviation_rad_s: Array
    bias_rad_s: float
    bias_std_rad_s: float
    std_rad_s: float
    white: NoiseFigure | None
    instability: NoiseFigure | None
    random_walk: NoiseFigure | None
    step_rad_s: float | None
    lag1_correlation: float
    reasons: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """Return the figures with their units in the keys."""
        return {
            "bias_rad_s": self.bias_rad_s,
            "bias_std_rad_s": self.bias_std_rad_s,
            "std_rad_s": self.std_rad_s,
            "white_rad_s_rthz": _json(self.white),
            "bias_instability_rad_s": _json(self.instability),
            "random_walk_rad_s2_rthz": _json(self.random_walk),
            "step_rad_s": self.step_rad_s,
            "lag1_correlation": self.lag1_correlation,
            "reasons": self.reasons,
            "allan": {"tau_s": self.tau_s.tolist(), "deviation_rad_s": self.deviation_rad_s.tolist()},
        }


@dataclass(frozen=True, eq=False)
class StillNoise:
    """Noise of a gyro that lay still.

    Attributes
    ----------
    axes : (AxisNoise, AxisNoise, AxisNoise)
        IMU frame, x y z.
    rate_hz : float
        Sampling rate, one over the mean interval of the stretch used.
    interval_std_s : float
        Scatter of the sample intervals, s.
    seconds : float
        Length of the stretch used.
    from_s, to_s : float
        The stretch, in seconds after the log's first sample.
    gaps : int
        Gaps in the whole log; a stretch ends at one.
    longest_gap_s : float
        The longest interval in the whole log, s.
    notes : tuple of str
    """

    axes: tuple[AxisNoise, AxisNoise, AxisNoise]
    rate_hz: float
    interval_std_s: float
    seconds: float
    from_s: float
    to_s: float
    gaps: int
    longest_gap_s: float
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the report of `gyrosharp calibrate LOG --json`."""
        return {
            "rate_hz": self.rate_hz,
            "interval_std_s": self.interval_std_s,
            "seconds": self.seconds,
            "from_s": self.from_s,
            "to_s": self.to_s,
            "gaps": self.gaps,
            "longest_gap_s": self.longest_gap_s,
            **{name: axis.as_json() for name, axis in zip("xyz", self.axes, strict=True)},
            "notes": list(self.notes),
        }


def still_stretches(recording: ImuRecording) -> list[tuple[float, float]]:
    """Return the stretches (from, to) in which the device lay still, seconds after the first sample.

    The log is judged in the windows of `gyrosharp.imu.bias.bias_from_still`; neighbouring still ones are joined.
    """
    stretches: list[tuple[float, float]] = []
    for window in _windows(recording):
        if window.still is not True:
            continue
        if stretches and window.from_s - stretches[-1][1] < 1e-9:
            stretches[-1] = (stretches[-1][0], window.to_s)
        else:
            stretches.append((window.from_s, window.to_s))
    return stretches


def still_noise(recording: ImuRecording, between_s: tuple[float, float] | None = None) -> StillNoise:
    """Return the noise of a gyro from a log taken at rest.

    Parameters
    ----------
    recording : ImuRecording
        A log of a device that lay still: a minute for noise and bias, hours for the bias's own wandering.
    between_s : (from, to) or None
        Part of the log to use, seconds after its first sample.

    Raises
    ------
    ImuError
        If the part is empty or shorter than 2 s, the device moved (the message says when it lay still), or the rates
        never change.
    """
    part = recording if between_s is None else _cut(recording, *between_s)
    _require_still(part, recording)
    run = _longest_run(part)
    used = _slice(part, run)
    if used.duration_s < SHORTEST_S:
        raise ImuError(
            f"{recording.source}: expected at least {SHORTEST_S:.0f} s at rest without a gap, "
            f"got {used.duration_s:.2f} s; record a minute or more"
        )
    intervals = np.diff(used.time_ns) * 1e-9
    whole = np.diff(recording.time_ns) * 1e-9
    offset_s = float(used.time_ns[0] - recording.time_ns[0]) * 1e-9
    gaps = whole > GAP_INTERVALS * float(np.median(whole))
    return StillNoise(
        axes=_three(used, float(intervals.mean())),
        rate_hz=float(1.0 / intervals.mean()),
        interval_std_s=float(intervals.std()),
        seconds=used.duration_s,
        from_s=offset_s,
        to_s=offset_s + used.duration_s,
        gaps=int(gaps.sum()),
        longest_gap_s=float(whole.max()),
        notes=_notes(part, used, intervals),
    )


def _three(used: ImuRecording, interval_s: float) -> tuple[AxisNoise, AxisNoise, AxisNoise]:
    x, y, z = (_axis(used.gyro_rad_s[:, axis], interval_s) for axis in range(3))
    return x, y, z


def _axis(rate: Array, interval_s: float) -> AxisNoise:
    largest = max(int(rate.size * LARGEST_SHARE), 1)
    points = max(round(POINTS_PER_DECADE * np.log10(largest)) + 1, 1)
    counts = np.unique(np.round(np.geomspace(1, largest, points)).astype(np.int64))
    tau: Array = np.asarray(counts * interval_s, dtype=np.float64)
    deviation = allan_deviation(rate, interval_s, counts)
    bias, std = float(rate.mean()), float(rate.std())
    if std == 0.0:
        same = dict.fromkeys(("white", "instability", "random_walk"), "the rate never changes")
        return AxisNoise(tau, deviation, bias, 0.0, 0.0, None, None, None, None, 0.0, same)
    white, instability, walk, reasons = read_curve(tau, deviation)
    seconds = rate.size * interval_s
    left = float(deviation[-1] * np.sqrt(tau[-1] / seconds)) if white is None else white.value / float(np.sqrt(seconds))
    centred = rate - bias
    return AxisNoise(
        tau_s=tau,
        deviation_rad_s=deviation,
        bias_rad_s=bias,
        bias_std_rad_s=max(left, float(deviation.min()) if instability is not None else left),
        std_rad_s=std,
        white=white,
        instability=instability,
        random_walk=walk,
        step_rad_s=quantisation_step(rate),
        lag1_correlation=float(centred[1:] @ centred[:-1] / (centred @ centred)),
        reasons=reasons,
    )


@dataclass(frozen=True)
class _Window:
    """Half a second of a log: seconds after the first sample, and whether still (None: a gap lies in it)."""

    from_s: float
    to_s: float
    still: bool | None


def _windows(recording: ImuRecording) -> list[_Window]:
    interval_ns = round(1e9 / recording.rate_hz)
    count = max(round(WINDOW_S * 1e9 / interval_ns), MIN_SAMPLES)
    regular_ns = np.arange(count) * interval_ns
    seconds = (recording.time_ns - recording.time_ns[0]) * 1e-9
    found = []
    for first in range(0, len(recording) - count + 1, count):
        part = _slice(recording, slice(first, first + count))
        # The last window also stands for the few samples left over.
        end = min(first + count, len(recording) - 1) if first + 2 * count <= len(recording) else len(recording) - 1
        # At even stamps, so that it makes just one window of the judge's, however uneven they are.
        bias = bias_from_still(replace(part, time_ns=regular_ns))
        found.append((float(seconds[first]), float(seconds[end]), part.duration_s, bias))
    means = [bias.bias_rad_s for _, _, _, bias in found if bias is not None]
    usual = np.median(means, axis=0) if means else np.zeros(3)
    windows = []
    for from_s, to_s, duration_s, bias in found:
        # A slow, even pan can pass for rest, but not at the rate of most of the rest.
        still = bias is not None and bool((np.abs(bias.bias_rad_s - usual) < STILL_DRIFT_RAD_S).all())
        windows.append(_Window(from_s, to_s, None if duration_s >= 2 * WINDOW_S else still))
    return windows


def _require_still(part: ImuRecording, whole: ImuRecording) -> None:
    windows = _windows(part)
    moving_s = sum(window.to_s - window.from_s for window in windows if window.still is False)
    if windows and moving_s == 0.0:
        return
    offset_s = float(part.time_ns[0] - whole.time_ns[0]) * 1e-9
    longest = sorted(still_stretches(part), key=lambda stretch: stretch[0] - stretch[1])[:NAMED_STRETCHES]
    # Whole tenths inwards, so that the advice does not reach into the motion.
    inner = [(np.ceil((a + offset_s) * 10) / 10, np.floor((b + offset_s) * 10) / 10) for a, b in longest]
    shown = ", ".join(f"{start:.1f} to {end:.1f} s" for start, end in inner if end - start >= SHORTEST_S)
    advice = f"it lay still from {shown}: give one with --between FROM,TO" if shown else "lay the device on a table"
    raise ImuError(
        f"{whole.source}: expected a log of a device at rest (each axis steady and under {MAX_BIAS_RAD_S:g} rad/s), "
        f"got one that moves for {moving_s:.1f} of {part.duration_s:.1f} s; {advice}"
    )


def _cut(recording: ImuRecording, from_s: float, to_s: float) -> ImuRecording:
    seconds = (recording.time_ns - recording.time_ns[0]) * 1e-9
    inside = np.flatnonzero((seconds >= from_s) & (seconds <= to_s))
    if inside.size < 2:
        raise ImuError(
            f"{recording.source}: expected samples between {from_s:g} and {to_s:g} s after the first, got "
            f"{inside.size}; the log lasts {recording.duration_s:.1f} s"
        )
    return _slice(recording, slice(int(inside[0]), int(inside[-1]) + 1))


def _slice(recording: ImuRecording, part: slice) -> ImuRecording:
    accel = None if recording.accel_m_s2 is None else recording.accel_m_s2[part]
    return ImuRecording(
        recording.time_ns[part], recording.gyro_rad_s[part], accel, recording.clock, source=recording.source
    )


def _longest_run(part: ImuRecording) -> slice:
    """Return the longest stretch without a gap: averages over a gap would mix times."""
    intervals = np.diff(part.time_ns)
    breaks = np.flatnonzero(intervals > GAP_INTERVALS * np.median(intervals)) + 1
    edges = np.concatenate([[0], breaks, [len(part)]])
    longest = int(np.diff(edges).argmax())
    first, last = int(edges[longest]), int(edges[longest + 1])
    return slice(first, max(last, min(first + 2, len(part))))


def _notes(part: ImuRecording, used: ImuRecording, intervals: Array) -> tuple[str, ...]:
    found = []
    if len(used) < len(part):
        found.append(f"the log has gaps: only its longest stretch without one, {used.duration_s:.1f} s, is used")
    jitter = float(intervals.std() / intervals.mean())
    if jitter > UNEVEN:
        found.append(f"the sample intervals scatter by {jitter:.0%}: short averaging times are blurred")
    return tuple(found)


def _json(figure: NoiseFigure | None) -> dict[str, float] | None:
    return None if figure is None else {"value": figure.value, "from_s": figure.from_s, "to_s": figure.to_s}
