"""Gyro bias from stretches in which the device lay still."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.imu.recording import ImuRecording

WINDOW_S = 0.5
# A phone at rest has 1e-3 rad/s of noise, an old one 7e-3; the steadiest hand trembles with 2e-2 and more.
STILL_STD_RAD_S = 0.012
# A hand also drifts; a device on a table keeps its mean rate. Zero-rate offsets stay under 0.1 rad/s (6 deg/s).
STILL_DRIFT_RAD_S = 0.008
MAX_BIAS_RAD_S = 0.1
STILL_ACCEL_STD_M_S2 = 0.1
MIN_SAMPLES = 10


@dataclass(frozen=True, eq=False)
class BiasEstimate:
    """The mean rate of a still device.

    Attributes
    ----------
    bias_rad_s : (3,) float64 array
        Mean rate, IMU frame, rad/s; take it off with `ImuRecording.minus_bias`.
    std_rad_s : (3,) float64 array
        Standard deviation of one sample about it: the gyro's noise, rad/s.
    seconds : float
        Length of the still stretches used.
    """

    bias_rad_s: NDArray[np.float64]
    std_rad_s: NDArray[np.float64]
    seconds: float


def bias_from_still(recording: ImuRecording) -> BiasEstimate | None:
    """Return the bias over all still stretches of a log, or None if it has none.

    The log is cut into windows of 0.5 s. A window is still if no axis has a standard deviation over 0.012 rad/s, a
    mean over 0.1 rad/s, or halves that differ by more than 0.008 rad/s, and, with an accelerometer, the length of its
    vector varies by less than 0.1 m/s^2. Windows whose mean is further than 0.008 rad/s from the median still window
    are left out: a slow, even pan can pass for rest, but not for most of the rest.

    A log that pans evenly all the way cannot be told from a biased one at rest.
    """
    count = max(round(WINDOW_S * recording.rate_hz), MIN_SAMPLES)
    windows = len(recording) // count
    if not windows:
        return None
    used = windows * count
    gyro = recording.gyro_rad_s[:used].reshape(windows, count, 3)
    still = _still(gyro) & _unbroken(recording.time_ns[:used].reshape(windows, count))
    if recording.accel_m_s2 is not None:
        length = np.linalg.norm(recording.accel_m_s2[:used], axis=1).reshape(windows, count)
        still &= length.std(axis=1) < STILL_ACCEL_STD_M_S2
    if not still.any():
        return None
    means = gyro.mean(axis=1)
    middle = np.median(means[still], axis=0)
    still &= (np.abs(means - middle) < STILL_DRIFT_RAD_S).all(axis=1)
    if not still.any():
        return None
    samples = gyro[still].reshape(-1, 3)
    return BiasEstimate(
        bias_rad_s=samples.mean(axis=0),
        std_rad_s=samples.std(axis=0),
        seconds=float(still.sum() * count / recording.rate_hz),
    )


def _still(gyro: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which windows of (W, M, 3) rates are still."""
    half = gyro.shape[1] // 2
    drift = np.abs(gyro[:, :half].mean(axis=1) - gyro[:, half:].mean(axis=1))
    quiet = (gyro.std(axis=1) < STILL_STD_RAD_S) & (drift < STILL_DRIFT_RAD_S)
    return np.asarray((quiet & (np.abs(gyro.mean(axis=1)) < MAX_BIAS_RAD_S)).all(axis=1))


def _unbroken(time_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which windows of (W, M) stamps are no longer than two window lengths: have no gap in them."""
    return np.asarray((time_ns[:, -1] - time_ns[:, 0]) < 2 * WINDOW_S * 1e9)
