"""When the samples of a GPMF recording were taken, and about which axes.

Times. A payload carries the samples that came in since the one before it, so their number varies although the sensor
runs steadily; GoPro advises to fit time over the running number of samples. What the time of the first sample of a
payload is, best first:

- ``STMP``: microseconds of the camera's clock. They lie within 20 us of a straight line (a GoPro Max clip).
- ``TICK``: milliseconds of the camera's clock, within 0.5 ms of a line (a HERO5 clip).
- the payload's place in the movie, within 10 ms of a line; ``TIMO`` says how late the samples came into it.

Axes. ``ORIN`` names the axis of each stored column, lower case for its opposite: with ``XzY`` the columns hold X, -Z
and Y. Z is up, X left and Y back, seen from behind the camera; `AXES_PRESETS["gopro"]` expects them in the order of
the HERO5, Z, X, Y.

Source: sections "GPMF Timing and Clocks" and "Where to find GPMF data" of gopro/gpmf-parser's documentation; the
letters, issues 56 and 165 there. Both were checked on real clips, see tests/real/test_gopro_clips.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gyrosharp.imu.gpmf import Payload, Stream

STORED_AXES = "ZXY"
"""Order of the HERO5, which tells no axes, and of everything this module returns."""
# GoPro's tables give these for models whose firmware did not write ORIN yet. A stream whose name says "(z,x,y)" or
# "(up/down, right/left, forward/back)" is in HERO5 order; the Fusion writes those names too, but not that order.
_FUSION_AXES = "yXZ"
_HERO6_AXES = "YxZ"

# A line is trusted as long as no payload is off it by more than this, and a clock counts as steady, though it may drift
# as the camera warms up, as long as no two payloads in a row are. Payloads come with up to 10 ms of jitter.
_STEADY_S = {"STMP": 0.001, "TICK": 0.005, "payload": 0.05}
_OUTLIER_MADS = 4.0
# Cameras count from when they were switched on, or from 1970; beyond a century it is damage.
_LATEST_S = 100 * 365 * 86400.0
_LONGEST_DELAY_S = 10.0
_LEAST_OUTLIER_S = 1e-3
"""What stamps in milliseconds are off anyway."""


@dataclass(frozen=True, eq=False)
class Track:
    """One stream over all payloads.

    Attributes
    ----------
    key : str
        FourCC, e.g. ``"GYRO"``.
    samples : (N, k) float64 array
        All samples.
    counts : (P,) int64 array
        Samples in each payload that has any.
    first : (P,) int64 array
        Running number of the first sample of each of them, 0 for the first; lost samples are counted (TSMP).
    payload_s : (P,) float64 array
        Time of those payloads in the movie, s.
    stamp_s : (P,) float64 array
        Stamps of their first samples in the camera's clock, s; NaN where there are none.
    clock : str
        ``"STMP"``, ``"TICK"``, or ``"payload"`` if there are no stamps.
    head : Stream
        The stream in the first of those payloads, for its name and axes.
    """

    key: str
    samples: NDArray[np.float64]
    counts: NDArray[np.int64]
    first: NDArray[np.int64]
    payload_s: NDArray[np.float64]
    stamp_s: NDArray[np.float64]
    clock: str
    head: Stream

    @property
    def index(self) -> NDArray[np.int64]:
        """Running number (N,) of every sample."""
        start = np.concatenate([[0], np.cumsum(self.counts)[:-1]])
        running = np.arange(self.counts.sum()) + np.repeat(self.first - start, self.counts)
        return np.asarray(running, dtype=np.int64)

    def in_camera_clock(self) -> "SampleTimes":
        """Return the times of the samples in the clock of their stamps; of the payloads where there are none."""
        return sample_times(self, self.payload_s if self.clock == "payload" else self.stamp_s, self.clock)

    def in_movie(self) -> "SampleTimes":
        """Return the times of the samples by the places of their payloads in the movie."""
        return sample_times(self, self.payload_s, "payload")


@dataclass(frozen=True, eq=False)
class SampleTimes:
    """Times (N,) of samples, s; the rate fitted, Hz (NaN if it is not known); what was assumed, in plain words."""

    time_s: NDArray[np.float64]
    rate_hz: float
    notes: tuple[str, ...] = ()


def track_of(payloads: Sequence[tuple[float, Payload]], key: str) -> Track | None:
    """Return one stream of (time in the movie in s, payload) pairs; None if no payload has samples of it.

    Payloads whose samples have another number of columns than the first are left out.
    """
    found = [(time, stream) for time, payload in payloads if (stream := payload.stream(key)) and stream.samples.size]
    found = [(time, stream) for time, stream in found if stream.samples.shape[1] == found[0][1].samples.shape[1]]
    if not found:
        return None
    streams = [stream for _, stream in found]
    stamps = np.array([stream.stamp_s for stream in streams])
    known = bool((np.abs(stamps) < _LATEST_S).all() and (np.diff(stamps) > 0).all())
    counts = np.array([len(stream.samples) for stream in streams], dtype=np.int64)
    return Track(
        key=key,
        samples=np.concatenate([stream.samples for stream in streams]),
        counts=counts,
        first=_running_numbers(streams, counts),
        payload_s=np.array([time - _delay_s(stream) for time, stream in found]),
        stamp_s=stamps,
        clock="payload" if not known else "STMP" if "STMP" in streams[0].about else "TICK",
        head=streams[0],
    )


def sample_times(track: Track, first_s: NDArray[np.float64], clock: str) -> SampleTimes:
    """Return when the samples of a track were taken, given when the first sample of each payload was.

    A straight line through (running number, time), without outliers, and, where there are no stamps, without the first
    payload, which is irregular. Where the payloads do not lie on it, the times are interpolated between them.

    Parameters
    ----------
    track : Track
        The samples.
    first_s : (P,) float64 array
        Time of the first sample of each payload, s.
    clock : str
        Where these times come from: ``"STMP"``, ``"TICK"`` or ``"payload"``.
    """
    if len(first_s) == 1:
        time_s = np.asarray(first_s[0] + track.index / track.counts[0], dtype=np.float64)
        return SampleTimes(time_s, float("nan"), _one_payload(track))
    skipped = int(clock == "payload" and first_s.size > 2)
    slope_s, start_s = line_through(track.first[skipped:], first_s[skipped:])
    if slope_s <= 0:
        times = sample_times(track, first_s[0] + np.arange(first_s.size), "payload")
        return replace(times, notes=(*times.notes, "the payloads' times do not increase: taken as 1 s each"))
    off_s = (first_s - start_s - slope_s * track.first)[skipped:]
    if np.abs(off_s).max() <= _STEADY_S[clock]:
        return SampleTimes(np.asarray(start_s + slope_s * track.index, dtype=np.float64), 1.0 / slope_s)
    leap_s = float(np.abs(np.diff(off_s)).max(initial=0.0))
    note = f"warning: the {track.key} samples do not come steadily (a leap of {leap_s * 1e3:.0f} ms)"
    after = track.index > track.first[-1]
    time_s = np.asarray(np.interp(track.index, track.first, first_s), dtype=np.float64)
    step_s = float(np.median(np.diff(first_s) / np.diff(track.first)))
    time_s[after] = first_s[-1] + step_s * (track.index[after] - track.first[-1])
    return SampleTimes(time_s, 1.0 / slope_s, (note,) if leap_s > _STEADY_S[clock] else ())


def line_through(x: NDArray[np.generic], y: NDArray[np.float64]) -> tuple[float, float]:
    """Return slope and intercept of the straight line through points (N,), outliers left out; slope 0 for one x."""
    keep, x = np.ones(x.size, dtype=bool), np.asarray(x, dtype=np.float64)
    for _ in range(2):
        x0, y0 = x[keep].mean(), y[keep].mean()
        spread = float(((x[keep] - x0) ** 2).sum())
        slope = float(((x[keep] - x0) * (y[keep] - y0)).sum()) / spread if spread else 0.0
        off = np.abs(y - y0 - slope * (x - x0))
        keep &= off <= max(_OUTLIER_MADS * float(np.median(off[keep])), _LEAST_OUTLIER_S)
    return slope, float(y0 - slope * x0)


def stored_axes(stream: Stream, device: str = "") -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the (3, 3) matrix from a stream's columns to (Z, X, Y), and what was assumed.

    Parameters
    ----------
    stream : Stream
        Gyroscope, accelerometer or another stream of three columns.
    device : str
        The camera's model, for streams that do not tell their axes; the stream's own device if it is empty.
    """
    letters = stream.text("ORIN")
    if _are_axes(letters):
        return letter_map(letters, STORED_AXES), ()
    stored = stream.about["MTRX"].vector() if "MTRX" in stream.about else np.empty(0)
    output = stream.text("ORIO") or STORED_AXES
    if stored.size == 9 and _are_axes(output) and np.allclose(_gram(stored), np.eye(3), atol=1e-3):
        return letter_map(output, STORED_AXES) @ stored.reshape(3, 3), ()
    model = (device or stream.device).lower()
    if "fusion" in model:
        return letter_map(_FUSION_AXES, STORED_AXES), ("axes by GoPro's table for the Fusion: -Y, X, Z",)
    if "hero6" in model and "," not in stream.text("STNM"):
        return letter_map(_HERO6_AXES, STORED_AXES), ("axes by GoPro's table for the HERO6: Y, -X, Z",)
    return np.eye(3), ()


def acceleration(
    payloads: Sequence[tuple[float, Payload]], time_s: NDArray[np.float64], gyro: Track, device: str = ""
) -> NDArray[np.float64] | None:
    """Return the accelerometer (N, 3) at the times of the gyro samples, m/s^2, in the axes of `stored_axes`.

    Parameters
    ----------
    payloads : sequence of (float, Payload)
        With their times in the movie, s.
    time_s : (N,) float64 array
        Times of the gyro samples as `gyro.in_camera_clock()` gives them.
    gyro : Track
        Whose clock the accelerometer must share.
    device : str
        The camera's model, as in `stored_axes`.
    """
    accel = track_of(payloads, "ACCL")
    if accel is None or accel.samples.shape[1] != 3 or accel.clock != gyro.clock:
        return None
    turned = accel.samples @ stored_axes(accel.head, device)[0].T
    own_s = accel.in_camera_clock().time_s
    values = np.column_stack([np.interp(time_s, own_s, turned[:, axis]) for axis in range(3)])
    return values if np.isfinite(values).all() else None


def letter_map(stored: str, wanted: str) -> NDArray[np.float64]:
    """Return the (3, 3) matrix from columns of the axes `stored` to columns of the axes `wanted`.

    Examples
    --------
    >>> letter_map("XzY", "ZXY").tolist()
    [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    pairs = [[(a, b) for a in stored] for b in wanted]
    return np.array([[(a.lower() == b.lower()) * (1.0 if a == b else -1.0) + 0.0 for a, b in row] for row in pairs])


def _delay_s(stream: Stream) -> float:
    """Return how late the samples came into their payload, s (TIMO); 0 where nothing is said."""
    delay_s = stream.number("TIMO")
    return delay_s if abs(delay_s) < _LONGEST_DELAY_S else 0.0


def _are_axes(letters: str) -> bool:
    return sorted(letters.lower()) == ["x", "y", "z"]


def _gram(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    square = matrix.reshape(3, 3)
    return square @ square.T


def _running_numbers(streams: Sequence[Stream], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the running number of each payload's first sample; by TSMP where it agrees with what is there."""
    counted = np.concatenate([[0], np.cumsum(counts)[:-1]])
    totals = np.array([stream.total for stream in streams])
    if not np.isfinite(totals).all():
        return counted
    starts = totals - counts
    lost = np.diff(starts) - counts[:-1]
    # Counters that run backwards, or leap by more than the samples of all payloads, are damaged.
    if (lost < 0).any() or lost.sum() > counts.sum():
        return counted
    return np.asarray(starts - starts[0], dtype=np.int64)


def _one_payload(track: Track) -> tuple[str, ...]:
    return (f"one payload of {track.counts[0]} {track.key} samples: taken as evenly spread over 1 s",)
