"""PoseTrajectory: where the camera looked (and stood) as a function of time."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.errors import CaptureError
from gyrosharp.geometry.cubic_spline import spline_pieces
from gyrosharp.geometry.rotation import exp_so3

if TYPE_CHECKING:
    from collections.abc import Callable

Array = NDArray[np.float64]
Stamps = NDArray[np.int64]

# Two-point Gauss-Legendre nodes on [0, 1]: the fourth-order Magnus step samples the rate there.
GAUSS_NODES = np.array([[0.5 - np.sqrt(3.0) / 6.0], [0.5 + np.sqrt(3.0) / 6.0]])

# A query may lie this many median sample intervals outside the table, continued at the rate of the end.
EXTRAPOLATION_INTERVALS = 1.5


@dataclass(frozen=True, eq=False)
class PoseTrajectory:
    """Camera-to-reference poses over time.

    Attributes
    ----------
    time_ns : (N,) int64 array
        Strictly increasing stamps, camera clock.
    rotations : (N, 3, 3) array
        R_ref_cam at the stamps: maps camera vectors to the reference (world) frame.
    positions_m : (N, 3) array or None
        Camera centres in the reference frame, metres; None for pure rotation.
    rates_rad_s : (N, 3) array or None
        Angular rate in the camera frame at the stamps; present when the poses were integrated from a gyro, and then
        used to evaluate between the stamps.
    interpolation : {"spline", "slerp"}
        Evaluation between given poses: C2 rotation spline and cubic positions, or slerp and linear positions.
    """

    time_ns: Stamps
    rotations: Array
    positions_m: Array | None = None
    rates_rad_s: Array | None = None
    interpolation: Literal["spline", "slerp"] = "spline"

    def __post_init__(self) -> None:
        count = self.time_ns.size
        if count < 2 or (np.diff(self.time_ns) <= 0).any():
            raise CaptureError("expected at least 2 poses with strictly increasing times; check the trajectory")
        if self.rotations.shape != (count, 3, 3):
            raise CaptureError(f"expected rotations {(count, 3, 3)}, got {self.rotations.shape}")

    @classmethod
    def from_gyro(cls, time_ns: ArrayLike, rates_rad_s: ArrayLike) -> "PoseTrajectory":
        r"""Integrate angular rates to orientations; the first one is the identity.

        Solves dR/dt = R [w]x with one fourth-order Magnus step per sample interval h,

            Omega = h/2 (w1 + w2) + sqrt(3)/12 h^2 (w1 x w2),   R <- R exp([Omega]x)

        where w1, w2 are the rates at the interval's two Gauss points, from a cubic spline through the samples
        (GyroDeblurNet, arXiv 2404.00916, section 3.1, resamples with the same spline). Constant rates are integrated
        exactly, smooth ones with an error of order h^4.

        Parameters
        ----------
        time_ns : (N,) int64 array
            Strictly increasing stamps.
        rates_rad_s : (N, 3) array
            Angular rate in the camera frame, rad/s.

        References
        ----------
        Iserles and Norsett, "On the solution of linear differential equations in Lie groups", 1999.
        """
        stamps = np.asarray(time_ns, dtype=np.int64)
        rates = np.asarray(rates_rad_s, dtype=np.float64)
        seconds = _seconds_since(stamps, stamps[0])
        rate_at = _rate_spline(seconds, rates)
        steps = exp_so3(_magnus_step(rate_at, seconds[:-1], np.diff(seconds)))
        poses = cls(stamps, _chained(steps), rates_rad_s=rates)
        # Building the spline takes longer than any query: it is kept.
        vars(poses)["_rate_at"] = rate_at
        return poses

    def at(self, time_ns: ArrayLike) -> tuple[Array, Array | None]:
        """Return rotations (..., 3, 3) and positions (..., 3) or None at stamps of any shape (...).

        Raises
        ------
        CaptureError
            If a stamp lies more than 1.5 median sample intervals outside the table.
        """
        stamps = np.asarray(time_ns, dtype=np.int64)
        self._require_inside(stamps)
        seconds = _seconds_since(stamps, self.time_ns[0])
        flat = seconds.reshape(-1)
        rotations = self._integrated(flat) if self.rates_rad_s is not None else self._interpolated(flat)
        positions = None if self.positions_m is None else self._position(flat).reshape(*seconds.shape, 3)
        return rotations.reshape(*seconds.shape, 3, 3), positions

    def _require_inside(self, stamps: Stamps) -> None:
        low, high = int(stamps.min()), int(stamps.max())
        if low < self._span_ns[0] or high > self._span_ns[1]:
            origin = int(self.time_ns[0])
            first_s, last_s = ((stamp - origin) * 1e-9 for stamp in (low, high))
            raise CaptureError(
                f"expected times inside the motion record (0 to {self._seconds[-1]:.4f} s of it), "
                f"got {first_s:.4f} to {last_s:.4f} s; check the clock and the time offset"
            )

    @cached_property
    def _span_ns(self) -> tuple[int, int]:
        """First and last moment that may be asked for."""
        slack = int(EXTRAPOLATION_INTERVALS * float(np.median(np.diff(self.time_ns))))
        return int(self.time_ns[0]) - slack, int(self.time_ns[-1]) + slack

    @cached_property
    def _seconds(self) -> Array:
        return _seconds_since(self.time_ns, self.time_ns[0])

    @cached_property
    def _rate_at(self) -> "Callable[[Array], Array]":
        assert self.rates_rad_s is not None
        return _rate_spline(self._seconds, self.rates_rad_s)

    def _integrated(self, seconds: Array) -> Array:
        """One partial Magnus step from the sample before each query time."""
        knots = np.clip(np.searchsorted(self._seconds, seconds, side="right") - 1, 0, self.time_ns.size - 2)
        start = self._seconds[knots]
        step = _magnus_step(self._rate_at, start, seconds - start)
        return np.asarray(self.rotations[knots] @ exp_so3(step), dtype=np.float64)

    @cached_property
    def _spline(self) -> "Callable[[Array], object]":
        from scipy.spatial.transform import Rotation, RotationSpline, Slerp

        poses = Rotation.from_matrix(self.rotations)
        spline: Callable[[Array], object] = (
            RotationSpline(self._seconds, poses)
            if self.interpolation == "spline" and self.time_ns.size > 2
            else Slerp(self._seconds, poses)
        )
        return spline

    def _interpolated(self, seconds: Array) -> Array:
        inside = np.clip(seconds, 0.0, self._seconds[-1])
        rotation = self._spline(inside)
        return np.asarray(rotation.as_matrix(), dtype=np.float64)  # type: ignore[attr-defined]

    def _position(self, seconds: Array) -> Array:
        assert self.positions_m is not None
        inside = np.clip(seconds, 0.0, self._seconds[-1])
        if self.interpolation == "slerp" or self.time_ns.size < 3:
            columns = [np.interp(inside, self._seconds, self.positions_m[:, k]) for k in range(3)]
            return np.stack(columns, axis=-1)
        from scipy.interpolate import CubicSpline

        return np.asarray(CubicSpline(self._seconds, self.positions_m)(inside), dtype=np.float64)


def _rate_spline(seconds: Array, rates: Array) -> "Callable[[Array], Array]":
    """Cubic spline through the samples; beyond the ends the rate of the end is held, not extrapolated."""
    from scipy.interpolate import PPoly

    spline = PPoly.construct_fast(spline_pieces(seconds, rates), seconds)

    def rate_at(query: Array) -> Array:
        return np.asarray(spline(np.clip(query, seconds[0], seconds[-1])), dtype=np.float64)

    return rate_at


def _magnus_step(rate_at: "Callable[[Array], Array]", start: Array, step: Array) -> Array:
    low, high = rate_at(start + GAUSS_NODES * step)
    h = step[:, None]
    return np.asarray(0.5 * h * (low + high) + np.sqrt(3.0) / 12.0 * h**2 * _cross(low, high), dtype=np.float64)


def _cross(a: Array, b: Array) -> Array:
    """The cross product of rows (N, 3); np.cross takes three times as long."""
    product = np.empty_like(a)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        product[:, i] = a[:, j] * b[:, k] - a[:, k] * b[:, j]
    return product


def _chained(steps: Array) -> Array:
    """Products (N + 1, 3, 3) of the first 0, 1, ..., N matrices (N, 3, 3).

    The steps are cut into about sqrt(N) runs. All runs are multiplied up side by side, then each is put behind the
    product of the runs before it: two loops of sqrt(N) turns instead of one of N.
    """
    count = len(steps)
    length = max(int(np.sqrt(count)), 1)
    runs = np.tile(np.eye(3), (-(-count // length), length, 1, 1))
    runs.reshape(-1, 3, 3)[:count] = steps
    for k in range(1, length):
        runs[:, k] = runs[:, k - 1] @ runs[:, k]
    for k in range(1, len(runs)):
        runs[k] = runs[k - 1, -1] @ runs[k]
    return np.concatenate([np.eye(3)[None], runs.reshape(-1, 3, 3)[:count]])


def _seconds_since(stamps: Stamps, origin_ns: np.int64) -> Array:
    return np.asarray((stamps - origin_ns) * 1e-9, dtype=np.float64)
