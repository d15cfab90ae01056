"""Which frames of a recording to look at, and the points found in them."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.recording import Recording
from gyrosharp.sync.grey_frames import Grey, grey_frames
from gyrosharp.sync.pairs import PointPairs, joined
from gyrosharp.sync.tracking import NONE, Features, Matches, features, matched, tracked

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
Progress = Callable[[int, int], None]

# Frames further apart than this are matched by their features; nearer ones are tracked.
FAR_S = 0.25
# Faster cameras are thinned to about this interval: motion between frames must stand out from tracking noise.
INTERVAL_S = 1 / 40
TRACKED_PX, MATCHED_PX = 960, 1920
# Long recordings are looked at in stretches of this length: two or three swings of a hand.
STRETCH_S = 1.5
FEWEST_POINTS = 15


def point_pairs(recording: Recording, most_frames: int, progress: Progress | None = None) -> PointPairs:
    """Return the points of neighbouring frames that can be followed.

    Parameters
    ----------
    recording : Recording
        At least two frames.
    most_frames : int
        Frames to decode; of longer recordings the liveliest stretches are taken, spread over their length.
    progress : callable or None
        Called with frames done and frames to do.

    Raises
    ------
    ImageError
        If the frames cannot be read.
    """
    wanted = chosen_frames(recording, most_frames)
    seconds = recording.start_ns * 1e-9
    far = bool(np.median(np.diff(seconds[wanted])) > FAR_S) if wanted.size > 1 else False
    found = []
    for a, b, matches in _followed(recording, wanted, far, progress):
        if len(matches) >= FEWEST_POINTS and (far or seconds[b] - seconds[a] <= FAR_S):
            found.append((a, b, matches.a_px, matches.b_px))
    return joined(found)


def chosen_frames(recording: Recording, most: int) -> Indices:
    """Return the frames to look at, increasing: all, every n-th of a fast camera, or the liveliest stretches."""
    count = len(recording)
    if count < 3:
        return np.arange(count)
    interval_s = float(np.median(np.diff(recording.start_ns))) * 1e-9
    stride = max(round(INTERVAL_S / interval_s), 1)
    every = np.arange(0, count, stride)
    if every.size <= most:
        return every
    length = min(max(round(STRETCH_S / (interval_s * stride)), 8), most)
    liveliness = _liveliness(recording)[every]
    chosen = [
        _best_run(liveliness[part], length) + part[0] for part in np.array_split(np.arange(every.size), most // length)
    ]
    return np.asarray(every[np.unique(np.concatenate([np.arange(first, first + length) for first in chosen]))])


def _liveliness(recording: Recording) -> Array:
    """Return how much each frame tells (N,): the gyro's rate, as far as pictures stay sharp enough to be tracked."""
    if recording.imu is None or not recording.clocks_joined:
        return np.ones(len(recording))
    stamps = recording.start_ns - round(recording.time_offset_s * 1e9)
    rate = np.linalg.norm(recording.imu.gyro_rad_s, axis=1)
    at_frames = np.interp((stamps - recording.imu.time_ns[0]) * 1e-9, _seconds(recording), rate, left=0.0, right=0.0)
    # From 2 rad/s on, motion blur costs more points than the speed brings.
    return np.asarray(np.minimum(at_frames, 4.0 - np.minimum(at_frames, 4.0)), dtype=np.float64)


def _seconds(recording: Recording) -> Array:
    assert recording.imu is not None
    return np.asarray((recording.imu.time_ns - recording.imu.time_ns[0]) * 1e-9, dtype=np.float64)


def _best_run(values: Array, length: int) -> int:
    """Return where the run of `length` with the largest sum begins."""
    if values.size <= length:
        return 0
    first = np.concatenate([[0.0], np.cumsum(values)])
    return int(np.argmax(first[length:] - first[:-length]))


def _followed(
    recording: Recording, wanted: Indices, far: bool, progress: Progress | None
) -> Iterator[tuple[int, int, Matches]]:
    """Yield neighbouring frames and the points followed from one to the other, px of the frames as stored."""
    before: tuple[int, Grey, Features | None] | None = None
    for done, (index, picture) in enumerate(grey_frames(recording, wanted, MATCHED_PX if far else TRACKED_PX), 1):
        now = index, picture, features(picture) if far else None
        if before is not None:
            matches = _between(before[1:], now[1:])
            yield before[0], index, matches.scaled(picture.shape[::-1], recording.size_px)
        before = now
        if progress is not None:
            progress(done, wanted.size)


def _between(first: tuple[Grey, Features | None], second: tuple[Grey, Features | None]) -> Matches:
    if first[0].shape != second[0].shape:
        return NONE
    if first[1] is None or second[1] is None:
        return tracked(first[0], second[0])
    return matched(first[1], second[1])
