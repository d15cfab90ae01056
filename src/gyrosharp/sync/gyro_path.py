"""GyroPath: orientation, rate and the effect of a bias, at any moment of a gyro log."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.geometry.trajectory import PoseTrajectory
from gyrosharp.imu.recording import ImuRecording

Array = NDArray[np.float64]

TABLE_STEP_S = 1e-3
# Where samples lie further apart than this, how the device turned in between is not known.
GAP_STEPS, LEAST_GAP_S = 4.0, 0.05


@dataclass(frozen=True, eq=False)
class GyroPath:
    """An integrated gyro log, with time in seconds of its own.

    Attributes
    ----------
    imu : ImuRecording
        The log; not changed.
    origin_ns : int
        IMU stamp of second 0.
    """

    imu: ImuRecording
    origin_ns: int

    @cached_property
    def seconds(self) -> Array:
        """Stamps of the samples (N,), s."""
        return np.asarray((self.imu.time_ns - self.origin_ns) * 1e-9, dtype=np.float64)

    @cached_property
    def _poses(self) -> PoseTrajectory:
        return PoseTrajectory.from_gyro(self.imu.time_ns, self.imu.gyro_rad_s)

    def orientation(self, time_s: ArrayLike) -> Array:
        """Return R_world_imu (..., 3, 3) at seconds (...); beyond the log it stands still."""
        inside = np.clip(time_s, self.seconds[0], self.seconds[-1])
        stamps = self.origin_ns + np.rint(inside * 1e9).astype(np.int64)
        return self._poses.at(stamps)[0]

    def near_orientation(self, time_s: ArrayLike) -> Array:
        """Return R_world_imu (..., 3, 3) at the nearest of moments `TABLE_STEP_S` apart: quick, for millions."""
        rows = np.rint((np.asarray(time_s) - self.seconds[0]) / TABLE_STEP_S).astype(np.intp)
        return np.asarray(self._table[np.clip(rows, 0, len(self._table) - 1)], dtype=np.float64)

    @cached_property
    def _table(self) -> Array:
        return self.orientation(np.arange(self.seconds[0], self.seconds[-1], TABLE_STEP_S))

    def rate(self, time_s: ArrayLike) -> Array:
        """Return the rate (..., 3) at seconds (...), linear between samples."""
        times = np.asarray(time_s, dtype=np.float64)
        return np.stack([np.interp(times, self.seconds, self.imu.gyro_rad_s[:, k]) for k in range(3)], axis=-1)

    def bias_effect(self, time_s: ArrayLike) -> Array:
        """Return C(t) (..., 3, 3), the integral of R_world_imu over time from the first sample to t.

        More bias db turns the orientation by -C(t) db, a rotation vector of the world frame, in first order.
        """
        times = np.asarray(time_s, dtype=np.float64)
        columns = [np.interp(times, self.seconds, column) for column in self._integral.T]
        return np.stack(columns, axis=-1).reshape(*times.shape, 3, 3)

    @cached_property
    def _integral(self) -> Array:
        flat = self._poses.rotations.reshape(-1, 9)
        steps = 0.5 * (flat[1:] + flat[:-1]) * np.diff(self.seconds)[:, None]
        return np.concatenate([np.zeros((1, 9)), np.cumsum(steps, axis=0)])

    def covers(self, from_s: ArrayLike, to_s: ArrayLike) -> NDArray[np.bool_]:
        """Return which of some spans lie within the log, clear of its gaps."""
        first, last = np.asarray(from_s), np.asarray(to_s)
        inside = (first >= self.seconds[0]) & (last <= self.seconds[-1])
        starts, ends = self._gaps
        # Gaps are in order and apart: a span meets one if more have begun before its end than ended before its start.
        met = np.searchsorted(starts, last) > np.searchsorted(ends, first, side="right")
        return np.asarray(inside & ~met)

    @cached_property
    def _gaps(self) -> tuple[Array, Array]:
        """Last sample before and first after each gap in the log, s."""
        steps = np.diff(self.seconds)
        gaps = np.flatnonzero(steps > max(LEAST_GAP_S, GAP_STEPS * float(np.median(steps))))
        return self.seconds[gaps], self.seconds[gaps + 1]
