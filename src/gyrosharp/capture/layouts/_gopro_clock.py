"""GoPro's clocks: where gyro samples and per-frame values lie among the frames of the movie."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.imu.gpmf import Payload
from gyrosharp.imu.gpmf_log import Track, line_through, track_of

# Streams with one value per frame, the commonest first.
_PER_FRAME = ("SHUT", "CORI", "ISOE", "ISOG")
# Ticks are right to 1 ms: over a minute, a rate is right to some 10 ppm, better than two clocks agree.
_LONG_S = 60.0
# Nearer than this, in frames, a value counts as the frame's own: cameras may lose the first or last one.
_NEAR_FRAMES = 1.5

# A GoPro Max writes the stamp (STMP) of a frame's start: the orientations it records for the frames (CORI) fit the
# gyro's 13.0 ms after that stamp, and the middle of the picture is exposed 10.8 ms after its start (20.6 ms of readout,
# 1 ms of exposure). The rest, 2 ms, is what a gyro's low-pass filter may delay; the motion of the picture, with IORI,
# gives the same 2 ms (tests/real/test_gopro_clips.py).
_STAMPED_STD_S = 0.005
# A HERO5 stamps (TICK) when a value was logged, and a frame is logged when it is complete. By the motion of its
# picture, the frames of `karma.mp4` began 27 ms before their ticks if the readout takes 16 ms, which is not recorded; a
# frame lasts 33 ms. Other frame rates and models of that time were not seen: half a frame is left as uncertainty.
_TICKED_STD_S = 0.015
# Without stamps the same delay, and payloads that begin 10 ms late or early.
_UNSTAMPED_STD_S = 0.02


@dataclass(frozen=True, eq=False)
class GoproClock:
    """When the gyro samples were taken.

    Attributes
    ----------
    gyro_s : (N,) float64 array
        Times in the movie as the camera tells them, s.
    offset_s : float
        To be added, s: what the camera is known to be late.
    std_s : float
        Standard deviation of that, s.
    notes : tuple of str
        What was assumed.
    """

    gyro_s: NDArray[np.float64]
    offset_s: float
    std_s: float
    notes: tuple[str, ...]


def gopro_clock(gyro: Track, payloads: Sequence[tuple[float, Payload]], frame_s: NDArray[np.float64]) -> GoproClock:
    """Return the clock that joins a gyro track to the frames.

    The stamps of a per-frame stream (exposure time) and the places of its payloads in the movie, of which the first is
    irregular, tell the movie's time of a stamp: by the median of payload time minus stamp, and in long recordings by a
    straight line, as the stamps may come from another clock than the movie's.

    Parameters
    ----------
    gyro : Track
        The gyroscope.
    payloads : sequence of (float, Payload)
        With their times in the movie, s.
    frame_s : (F,) float64 array
        Times of the frames, s.
    """
    interval_s = float(np.median(np.diff(frame_s))) if frame_s.size > 1 else 0.0
    times = gyro.in_camera_clock()
    if gyro.clock == "payload":
        note = "gyro times from the payloads' places in the movie, without stamps; one frame late, as on a HERO5"
        return GoproClock(times.time_s, interval_s, _UNSTAMPED_STD_S, (*times.notes, note))
    frames = _per_frame(payloads, gyro.clock) or gyro
    gyro_s = _in_movie(times.time_s, frames)
    if gyro.clock == "STMP":
        return GoproClock(gyro_s, 0.0, _STAMPED_STD_S, times.notes)
    note = f"the camera's ticks are taken as one frame ({interval_s * 1e3:.1f} ms) late, as on a HERO5"
    return GoproClock(gyro_s, interval_s, _TICKED_STD_S, (*times.notes, note))


def frame_values(track: Track, frame_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values (F, k) of a per-frame stream for each frame; NaN where there is none within 1.5 frames.

    A payload holds the values of the frames from its own time on, but for the first, which may lack the first frame.
    """
    if frame_s.size < 2:
        return track.samples[:1]
    interval_s = float(np.median(np.diff(frame_s)))
    time_s = track.in_movie().time_s
    after = np.clip(np.searchsorted(time_s, frame_s), 1, max(time_s.size - 1, 1))
    before = after - 1
    after = np.minimum(after, time_s.size - 1)
    nearest = np.where(np.abs(frame_s - time_s[before]) <= np.abs(frame_s - time_s[after]), before, after)
    values = track.samples[nearest].copy()
    values[np.abs(frame_s - time_s[nearest]) > _NEAR_FRAMES * interval_s] = np.nan
    return values


def _in_movie(stamp_s: NDArray[np.float64], frames: Track) -> NDArray[np.float64]:
    """Return the movie's times of stamps (N,), s."""
    if frames.stamp_s[-1] - frames.stamp_s[0] < _LONG_S:
        return np.asarray(stamp_s + np.median(frames.payload_s - frames.stamp_s), dtype=np.float64)
    slope, start_s = line_through(frames.stamp_s, frames.payload_s)
    return np.asarray(start_s + slope * stamp_s, dtype=np.float64)


def _per_frame(payloads: Sequence[tuple[float, Payload]], clock: str) -> Track | None:
    tracks = (track_of(payloads, key) for key in _PER_FRAME)
    return next((track for track in tracks if track is not None and track.clock == clock), None)
