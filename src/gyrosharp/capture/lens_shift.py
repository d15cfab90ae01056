"""LensShift: what an optical stabiliser did to the picture while the shutter was open."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.errors import CaptureError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LensShift:
    """How far the stabiliser had moved the whole picture over the sensor, at some moments.

    A point that a camera without stabiliser shows at x is shown at x + shift_px(t).

    Attributes
    ----------
    time_ns : (M,) int64 array
        Increasing stamps, camera clock.
    shift_px : (M, 2) float64 array
        Shift along x and y, px of the image as stored.

    Raises
    ------
    CaptureError
        If shapes differ, stamps do not increase, or shifts are not finite.
    """

    time_ns: NDArray[np.int64]
    shift_px: Array

    def __post_init__(self) -> None:
        time_ns, shift_px = np.asarray(self.time_ns, dtype=np.int64), np.asarray(self.shift_px, dtype=np.float64)
        if time_ns.ndim != 1 or not time_ns.size or shift_px.shape != (time_ns.size, 2):
            raise CaptureError(f"lens shift: expected (M,) stamps and (M, 2) px, got {time_ns.shape}, {shift_px.shape}")
        if (np.diff(time_ns) <= 0).any() or not np.isfinite(shift_px).all():
            raise CaptureError("lens shift: expected increasing stamps and finite shifts; check the stabiliser's log")
        object.__setattr__(self, "time_ns", time_ns)
        object.__setattr__(self, "shift_px", shift_px)

    def at(self, times_ns: ArrayLike) -> Array:
        """Return the shift (..., 2) at times (...), px: linear in between, held beyond the ends."""
        times = np.asarray(times_ns, dtype=np.int64)
        seconds = (times - self.time_ns[0]) * 1e-9
        known = (self.time_ns - self.time_ns[0]) * 1e-9
        return np.stack([np.interp(seconds, known, self.shift_px[:, axis]) for axis in range(2)], axis=-1)

    def scaled(self, sx: float, sy: float) -> "LensShift":
        """Return the shift in px of the image resized by sx and sy."""
        return LensShift(self.time_ns, self.shift_px * (sx, sy))
