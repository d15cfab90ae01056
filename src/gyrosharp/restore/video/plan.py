"""VideoPlan: which frames of a video are deblurred, and how strongly.

Frames with little blur are left alone, bit for bit. Above that the result fades in with the length of the blur, and
neighbouring frames differ by little, so that nothing pops or flickers.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.recording import Recording
from gyrosharp.restore.video.extents import FrameExtents, frame_extents

Array = NDArray[np.float64]

DEFAULT_MIN_BLUR_PX = 1.5
# From the least blur that counts to full strength.
FADE_PX = 1.5
# Most that the strength changes from one frame to the next, and over this long where frames are further apart: a change
# from nothing to all takes 0.1 s at 30 frames per second, and pictures taken 0.15 s apart or more are no neighbours.
MOST_CHANGE, CHANGE_S = 0.34, 0.05
SHARP = "its blur is below the least that counts"


@dataclass(frozen=True, eq=False)
class VideoPlan:
    """What is to be done to every frame.

    Attributes
    ----------
    extent_px : (N,) float64 array
        Median predicted trail, px; NaN where it cannot be told.
    strength : (N,) float64 array
        Share of the deblurred frame that is shown, 0 to 1; frames at 0 are passed through.
    reasons : tuple of str
        Why a frame is passed through; empty for the others.
    ramp : (N,) float64 array
        The strengths of frames i and j may differ by |ramp_i - ramp_j|.
    """

    extent_px: Array
    strength: Array
    reasons: tuple[str, ...]
    ramp: Array

    def __len__(self) -> int:
        return len(self.strength)

    def at_level(self, level: float, reason: str = "") -> "VideoPlan":
        """Return the plan with all strengths multiplied by `level`; at 0, `reason` says why for frames without one."""
        reasons = self.reasons if level > 0.0 else tuple(own or reason for own in self.reasons)
        return replace(self, strength=self.strength * level, reasons=reasons)

    @property
    def processed(self) -> int:
        """Number of frames that are to be deblurred."""
        return int((self.strength > 0.0).sum())


def plan_video(recording: Recording, min_blur_px: float = DEFAULT_MIN_BLUR_PX) -> VideoPlan:
    """Decide, from the gyro alone, what is done to every frame of a recording.

    Parameters
    ----------
    recording : Recording
        Frames, camera and gyro.
    min_blur_px : float
        Frames with less predicted blur are passed through.

    Raises
    ------
    CaptureError
        If the recording lacks something that every frame needs.
    """
    return plan_of_extents(frame_extents(recording), np.diff(recording.start_ns) * 1e-9, min_blur_px)


def plan_of_extents(extents: FrameExtents, intervals_s: Array, min_blur_px: float = DEFAULT_MIN_BLUR_PX) -> VideoPlan:
    """Decide from predicted extents and the times (N - 1,) between the frames, s; see `plan_video`."""
    wanted = faded_in(extents.extent_px, min_blur_px)
    steps = np.minimum(1.0, MOST_CHANGE * np.maximum(1.0, intervals_s / CHANGE_S))
    ramp = np.concatenate([[0.0], np.cumsum(steps)])
    strength = gradual(wanted, ramp)
    reasons = (why or (SHARP if want == 0.0 else "") for why, want in zip(extents.unknown, wanted, strict=True))
    return VideoPlan(extents.extent_px, strength, tuple(reasons), ramp)


def faded_in(extent_px: Array, min_blur_px: float) -> Array:
    """Return min(1, (extent - min) / fade), at least 0; 0 for unknown extents."""
    above = (np.nan_to_num(extent_px, nan=0.0) - min_blur_px) / FADE_PX
    return np.asarray(np.clip(above, 0.0, 1.0))


def gradual(strength: Array, ramp: Array) -> Array:
    """Return the largest sequence below `strength` whose neighbours differ by no more than a ramp (N,) rises there.

        s_i = min_j (strength_j + |ramp_i - ramp_j|)

    It never raises a frame: those at 0 stay at 0.
    """
    risen = np.minimum.accumulate(strength - ramp) + ramp
    fallen = (np.minimum.accumulate((risen + ramp)[::-1]))[::-1] - ramp
    # Adding and taking off the ramp rounds: what was 0 stays exactly 0.
    return np.asarray(np.where(strength > 0.0, np.clip(fallen, 0.0, strength), 0.0))
