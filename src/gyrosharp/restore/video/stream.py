"""Frames in, frames out, in order: several are restored at a time, and none is shown before its neighbours are known.

A frame that fails its checks is passed through, and its neighbours are faded towards it:

    strength_i = min(plan_i, min_j (trust_j + |ramp_i - ramp_j|))

with the plan's `ramp`, so that a frame waits for the verdicts of the next `LOOK_AHEAD` ones, whose trust can lower it.
Memory is bounded by as many frames. Nothing depends on which worker finishes first, nor on where the stream begins, if
it begins `LOOK_AHEAD` frames early.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import GyrosharpError
from gyrosharp.restore.restoration import Restoration, mixed
from gyrosharp.restore.video.deblurrer import VideoDeblurrer
from gyrosharp.restore.video.plan import MOST_CHANGE

Image = NDArray[np.float32]

# A trust of 0 lowers neighbours that are nearer than this.
LOOK_AHEAD = int(np.ceil(1.0 / MOST_CHANGE)) - 1
# The kernel uses all cores; a second frame fills the gaps that NumPy and the codec leave.
WORKERS = 2
# Larger frames are restored one by one: a solver holds seven copies.
LARGEST_SHARED_PX = 12_000_000
NO_STAMP = "the recording has no stamp for it"


class Frame(Protocol):
    """A frame as a movie or folder gives it."""

    @property
    def broken(self) -> str | None:
        """Why it could not be decoded cleanly."""
        ...

    def linear(self) -> Image:
        """Return the pixels (H, W, C) float32, linear light."""
        ...


@dataclass(frozen=True, eq=False)
class FrameResult:
    """What came of one frame.

    Attributes
    ----------
    frame : Frame
        The frame.
    index : int or None
        Its number in the recording; None for a frame that the recording does not know.
    strength : float
        Share of the deblurred frame in `image`, 0 to 1.
    reason : str
        Why it was passed through, or not shown in full; empty otherwise.
    image : (H, W, C) float32 array or None
        Linear light; None where the frame is passed through.
    restoration : Restoration or None
        The frame deblurred in full, with its diagnostics; None where nothing was solved.
    broken : bool
        Whether it could not be decoded cleanly; `reason` says why.
    """

    frame: Frame
    index: int | None
    strength: float
    reason: str
    image: Image | None = None
    restoration: Restoration | None = None
    broken: bool = False


@dataclass(frozen=True, eq=False)
class _Work:
    """A frame on its way: how far it may be shown, and what it becomes then."""

    trust: float
    reason: str = ""
    picture: Image | None = None
    restoration: Restoration | None = None
    broken: bool = False


@dataclass(frozen=True, eq=False)
class _Pending:
    frame: Frame
    index: int | None
    planned: float
    place: float
    work: "Future[_Work]"


def restored_frames(deblurrer: VideoDeblurrer, frames: Iterable[tuple[int | None, Frame]]) -> Iterator[FrameResult]:
    """Restore frames in their order.

    Parameters
    ----------
    deblurrer : VideoDeblurrer
        Of the clip.
    frames : iterable of (int or None, Frame)
        Consecutive frames with their numbers in the recording, None for those that it does not know.

    Yields
    ------
    FrameResult
        One per frame, in the same order.
    """
    workers = worker_count(deblurrer)
    behind: deque[tuple[float, float]] = deque(maxlen=LOOK_AHEAD)
    pending: deque[_Pending] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for index, frame in frames:
                pending.append(_started(pool, deblurrer, index, frame))
                while len(pending) > LOOK_AHEAD + workers:
                    yield _finished(pending, behind)
            while pending:
                yield _finished(pending, behind)
        finally:
            for one in pending:
                one.work.cancel()


def worker_count(deblurrer: VideoDeblurrer) -> int:
    """Return how many frames are restored at a time."""
    if deblurrer.settings.workers is not None:
        return deblurrer.settings.workers
    width, height = deblurrer.recording.size_px
    return 1 if width * height > LARGEST_SHARED_PX else min(WORKERS, os.cpu_count() or 1)


def _started(pool: ThreadPoolExecutor, deblurrer: VideoDeblurrer, index: int | None, frame: Frame) -> _Pending:
    if index is None:
        # Trusted in full, it lowers no neighbour, wherever it is.
        return _Pending(frame, index, 0.0, 0.0, _known(_Work(1.0, frame.broken or NO_STAMP, broken=bool(frame.broken))))
    planned, place = float(deblurrer.plan.strength[index]), float(deblurrer.plan.ramp[index])
    if frame.broken is not None:
        return _Pending(frame, index, 0.0, place, _known(_Work(0.0, frame.broken, broken=True)))
    if planned == 0.0:
        return _Pending(frame, index, 0.0, place, _known(_Work(1.0, deblurrer.plan.reasons[index])))
    return _Pending(frame, index, planned, place, pool.submit(_restored, deblurrer, index, frame))


def _known(work: _Work) -> "Future[_Work]":
    future: Future[_Work] = Future()
    future.set_result(work)
    return future


def _restored(deblurrer: VideoDeblurrer, index: int, frame: Frame) -> _Work:
    """Restore a frame; one that cannot be is passed through, and says why."""
    try:
        picture = frame.linear()
    except GyrosharpError as error:
        return _Work(0.0, str(error), broken=True)
    try:
        restoration = deblurrer.restore(index, picture)
    except GyrosharpError as error:
        return _Work(0.0, str(error))
    verdict = deblurrer.trust(restoration.diagnostics)
    return _Work(verdict.strength, verdict.reason, picture, restoration)


def _finished(pending: deque[_Pending], behind: "deque[tuple[float, float]]") -> FrameResult:
    """Take the first frame off the queue, faded towards neighbours that may not be shown in full.

    `behind` holds place and trust of the frames before it.
    """
    works = [one.work.result() for one in list(pending)[: LOOK_AHEAD + 1]]
    ahead = [(one.place, work.trust) for one, work in zip(pending, works, strict=False)]
    first, work = pending.popleft(), works[0]
    strength = min(first.planned, *(trust + abs(place - first.place) for place, trust in (*behind, *ahead)))
    behind.append((first.place, work.trust))
    if strength <= 0.0 or work.restoration is None or work.picture is None:
        return FrameResult(first.frame, first.index, 0.0, work.reason, None, work.restoration, work.broken)
    image = mixed(work.restoration.image, work.picture, strength)
    return FrameResult(first.frame, first.index, strength, work.reason, image, work.restoration)
