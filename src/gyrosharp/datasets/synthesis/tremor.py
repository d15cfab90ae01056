"""Hand tremor: a gyro recording of a hand that tries to hold a camera still."""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.imu.recording import ImuRecording

Array = NDArray[np.float64]

# Corner of the slow drift and centre of the physiological tremor; hand-held gyro spectra fall off above 2 to 3 Hz and
# carry a bump around 8 to 12 Hz.
DRIFT_CORNER_HZ = 2.5
TREMOR_HZ = 9.0
TREMOR_WIDTH_HZ = 2.0
TREMOR_SHARE = 0.35
# Roll about the optical axis is about half as strong as pitch and yaw: the hands hold the camera at its sides.
AXIS_GAIN = np.array([1.0, 1.0, 0.5])


def hand_tremor(
    rng: np.random.Generator, duration_s: float, rms_rad_s: float = 0.3, rate_hz: float = 400.0
) -> ImuRecording:
    """Return a simulated gyro recording in the camera frame, free of sensor noise.

    Gaussian noise is shaped in the frequency domain: S(f) ~ 1 / (1 + (f / f_c)^2)^2 plus a bump at 9 Hz.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness; the recording is a pure function of its state.
    duration_s : float
        Length, s.
    rms_rad_s : float
        Root mean square rate of pitch and yaw over the whole recording, rad/s.
    rate_hz : float
        Sampling rate.
    """
    count = int(np.ceil(duration_s * rate_hz)) + 1
    # Twice the length and cut: the inverse FFT is periodic, a hand is not.
    white = rng.standard_normal((2 * count, 3))
    frequency = np.fft.rfftfreq(2 * count, 1.0 / rate_hz)
    shaped = np.fft.irfft(np.fft.rfft(white, axis=0) * _amplitude(frequency)[:, None], 2 * count, axis=0)[:count]
    pitch_yaw_rms = np.sqrt(np.mean(shaped[:, :2] ** 2))
    rates = shaped / pitch_yaw_rms * rms_rad_s * AXIS_GAIN
    time_ns = np.rint(np.arange(count) * 1e9 / rate_hz).astype(np.int64)
    return ImuRecording(time_ns, rates, clock="simulated", R_cam_imu=np.eye(3), source="hand tremor")


def _amplitude(frequency_hz: NDArray[np.floating]) -> Array:
    drift = 1.0 / (1.0 + (frequency_hz / DRIFT_CORNER_HZ) ** 2)
    bump = np.exp(-0.5 * ((frequency_hz - TREMOR_HZ) / TREMOR_WIDTH_HZ) ** 2)
    return np.asarray(drift + TREMOR_SHARE * bump, dtype=np.float64)
