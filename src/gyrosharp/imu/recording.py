"""ImuRecording: what a gyroscope (and accelerometer) recorded, in SI units with absolute stamps."""

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.errors import ImuError

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class FrameHints:
    """What an IMU log says about the camera's frames; every field is None where the log is silent.

    Attributes
    ----------
    readout_s : float or None
        First row to one past the last row, in seconds.
    shutter : str or None
        A `gyrosharp.geometry.shutter.Shutter` value.
    frame_rate_hz : float or None
        Nominal frame rate.
    """

    readout_s: float | None = None
    shutter: str | None = None
    frame_rate_hz: float | None = None


@dataclass(frozen=True, eq=False)
class ImuRecording:
    """Angular rate (and acceleration) samples of one device.

    Attributes
    ----------
    time_ns : (N,) int64 array
        Strictly increasing absolute stamps in the named clock.
    gyro_rad_s : (N, 3) float64 array
        Angular rate in the IMU frame, rad/s.
    accel_m_s2 : (N, 3) float64 array or None
        Specific force in the IMU frame at the same stamps, m/s^2.
    clock : str
        Name of the clock of `time_ns`, e.g. ``"boottime"`` or ``"log"``.
    R_cam_imu : (3, 3) float64 array or None
        Maps IMU vectors to camera vectors, if the log itself settles it; otherwise None.
    source : str
        Where the samples come from, for messages.
    notes : tuple of str
        What reading and checking changed or found, in plain words.
    frame_hints : FrameHints
        What the log says about the camera's frames.

    Raises
    ------
    ImuError
        If shapes differ, values are not finite, or stamps do not strictly increase.
    """

    time_ns: NDArray[np.int64]
    gyro_rad_s: NDArray[np.float64]
    accel_m_s2: NDArray[np.float64] | None = None
    clock: str = "log"
    R_cam_imu: NDArray[np.float64] | None = None
    source: str = "memory"
    notes: tuple[str, ...] = ()
    frame_hints: FrameHints = FrameHints()

    def __post_init__(self) -> None:
        time_ns = _frozen(self.time_ns, np.int64)
        gyro = _frozen(self.gyro_rad_s, np.float64)
        count = time_ns.size
        if time_ns.ndim != 1 or gyro.shape != (count, 3):
            raise ImuError(f"{self.source}: expected stamps (N,) and gyro (N, 3), got {time_ns.shape} and {gyro.shape}")
        if count < 2:
            raise ImuError(f"{self.source}: expected at least 2 gyro samples, got {count}; record a longer log")
        if not np.isfinite(gyro).all():
            raise ImuError(f"{self.source}: expected finite gyro rates, got NaN or infinity; clean the log")
        if (np.diff(time_ns) <= 0).any():
            raise ImuError(f"{self.source}: expected strictly increasing stamps; sort and merge them first")
        object.__setattr__(self, "time_ns", time_ns)
        object.__setattr__(self, "gyro_rad_s", gyro)
        if self.accel_m_s2 is not None:
            accel = _frozen(self.accel_m_s2, np.float64)
            if accel.shape != (count, 3):
                raise ImuError(f"{self.source}: expected accelerations {(count, 3)}, got {accel.shape}")
            object.__setattr__(self, "accel_m_s2", accel)
        if self.R_cam_imu is not None:
            object.__setattr__(self, "R_cam_imu", _frozen(self.R_cam_imu, np.float64))

    def __len__(self) -> int:
        return int(self.time_ns.size)

    @property
    def rate_hz(self) -> float:
        """Sampling rate, one over the median sample interval."""
        return float(1e9 / np.median(np.diff(self.time_ns)))

    @property
    def duration_s(self) -> float:
        """Last stamp minus first stamp, in seconds."""
        return float(self.time_ns[-1] - self.time_ns[0]) * 1e-9

    def window(self, start_ns: int, end_ns: int, margin: int = 8) -> "ImuRecording":
        """Return the samples of [start_ns, end_ns] with `margin` extra samples on each side, where there are."""
        first = max(int(np.searchsorted(self.time_ns, start_ns)) - margin, 0)
        last = min(int(np.searchsorted(self.time_ns, end_ns, side="right")) + margin, len(self))
        first = max(min(first, last - 2), 0)
        last = max(last, first + 2)
        part = slice(first, last)
        accel = None if self.accel_m_s2 is None else self.accel_m_s2[part]
        return replace(self, time_ns=self.time_ns[part], gyro_rad_s=self.gyro_rad_s[part], accel_m_s2=accel)

    def minus_bias(self, bias_rad_s: ArrayLike) -> "ImuRecording":
        """Return the recording with a constant rate (3,) in rad/s, IMU frame, taken off every gyro sample."""
        return replace(self, gyro_rad_s=self.gyro_rad_s - np.asarray(bias_rad_s, dtype=np.float64))

    def noted(self, *notes: str) -> "ImuRecording":
        """Return the recording with further notes."""
        return replace(self, notes=(*self.notes, *notes))


def _frozen(values: ArrayLike, dtype: type[Scalar]) -> NDArray[Scalar]:
    array = np.array(values, dtype=dtype)
    array.setflags(write=False)
    return array
