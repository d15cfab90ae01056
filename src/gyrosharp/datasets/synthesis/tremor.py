"""Hand tremor: a gyro recording of a hand that tries to hold a camera still.

Three hands are fitted to the Welch spectra of real logs, in 24 bands from 0.35 to 40 Hz, three axes at once; their
strength and steadiness to 50 ms windows. Plain is a round-number hand that demo and benchmarks use. rms errors, in dB:

==========  ==================================================  ===================  =================================
hand        fitted to                                           error                plain's error on the same logs
==========  ==================================================  ===================  =================================
handheld    gyro/tyrex_phones, two phones held up like cameras  1.7 and 1.9          4.9 and 5.8
filming     gyro/nolic-opencamera_s, ten videos of 3 to 12 s    2.8 to 6.1, mean 1.6 3.5 to 6.7
vigorous    gyro/nolic-gyroblur_synth, deliberate shaking       1.6                  6.9
==========  ==================================================  ===================  =================================

50 ms windows, real against simulated: rms rate, median and 99 %, rad/s; chord over length of the trail of the centre
pixel, 5 %, 25 % and median:

==========  ==========================  ================================================
handheld    0.45, 2.29 / 0.44, 1.82     0.976, 0.998, 0.9994 / 0.957, 0.996, 0.9991
filming     0.26, 0.89 / 0.26, 0.99     0.643, 0.951, 0.990 / 0.661, 0.940, 0.987
vigorous    0.72, 1.79 / 0.72, 1.73     0.426, 0.822, 0.960 / 0.465, 0.818, 0.941
==========  ==========================  ================================================
"""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import UsageError
from gyrosharp.imu.recording import ImuRecording

Array = NDArray[np.float64]

# Of the plain hand: corner of the slow drift, and centre of the physiological tremor; hand-held gyro spectra fall off
# above 2 to 3 Hz and carry a bump around 8 to 12 Hz.
DRIFT_CORNER_HZ = 2.5
TREMOR_HZ = 9.0
TREMOR_WIDTH_HZ = 2.0
TREMOR_SHARE = 0.35
# Roll about the optical axis is about half as strong as pitch and yaw: the hands hold the camera at its sides.
AXIS_GAIN = np.array([1.0, 1.0, 0.5])

# Above this a hand is now steady, now not, whatever the slow drift does.
UNSTEADY_HZ = 2.0


@dataclass(frozen=True)
class Bump:
    """A resonance, share * exp(-ln(f / centre)^2 / (2 width^2)), in shares of the drift's power at zero frequency."""

    centre_hz: float
    width: float
    share: float


@dataclass(frozen=True)
class Hand:
    """The power spectrum of a hand's angular rate, and how strong it is.

    S_k(f) = g_k^2 [ (1 + (f / f_d)^2)^-n_d + sum_i bump_i(f) ] (1 + (f / f_k)^2)^-n_c      for pitch, yaw, roll k

    Slow drift and tremor, low-passed by the inertia of arm and phone.

    Attributes
    ----------
    drift_corner_hz, drift_slope : float
        f_d and n_d.
    bumps : tuple of Bump
        Tremor, or deliberate shaking.
    cutoff_hz : (float, float, float)
        f_k of pitch, yaw, roll for a phone held upright; an upright phone yaws most easily.
    cutoff_slope : float
        n_c.
    gain_db : (float, float, float)
        20 log10 g_k.
    unsteadiness_spread : float
        s of the gain exp(s z - s^2), z normal, drawn once per recording for what lies above 2 Hz; its mean square is 1,
        so S is the mean spectrum. Without it most trails are too crooked: a real hand's tremor comes and goes.
    rms_rad_s, rms_spread : float
        Median of the rms rate of pitch and yaw over 4 s, rad/s, and the standard deviation of its logarithm.
    """

    drift_corner_hz: float
    drift_slope: float
    bumps: tuple[Bump, ...]
    cutoff_hz: tuple[float, float, float]
    cutoff_slope: float
    gain_db: tuple[float, float, float]
    unsteadiness_spread: float
    rms_rad_s: float
    rms_spread: float

    def amplitude(self, frequency_hz: Array) -> Array:
        """Return sqrt(S) (F, 3) at frequencies (F,)."""
        power = (1.0 + (frequency_hz / self.drift_corner_hz) ** 2) ** -self.drift_slope
        # ln 0: no bump reaches zero frequency.
        log_frequency = np.log(np.maximum(frequency_hz, 1e-6))
        for bump in self.bumps:
            offset = (log_frequency - np.log(bump.centre_hz)) / bump.width
            power = power + bump.share * np.exp(-0.5 * offset**2)
        inertia = (1.0 + (frequency_hz[:, None] / np.array(self.cutoff_hz)) ** 2) ** -self.cutoff_slope
        return np.asarray(10.0 ** (np.array(self.gain_db) / 20.0) * np.sqrt(power[:, None] * inertia))

    def drawn_amplitude(self, frequency_hz: Array, rng: np.random.Generator) -> Array:
        """Return the amplitude of one recording: as steady or unsteady as the draw has it."""
        spread = self.unsteadiness_spread
        gain = np.exp(spread * rng.standard_normal() - spread**2)
        # Fourth order in power: the step from 1 to the gain takes an octave.
        above = (frequency_hz[:, None] / UNSTEADY_HZ) ** 4
        return np.asarray(self.amplitude(frequency_hz) * np.sqrt((1.0 + gain**2 * above) / (1.0 + above)))


@dataclass(frozen=True)
class PlainHand:
    """S(f) ~ (1 / (1 + (f / 2.5 Hz)^2) + bump at 9 Hz)^2, roll half as strong."""

    rms_rad_s: float = 0.3
    rms_spread: float = 0.0

    def amplitude(self, frequency_hz: Array) -> Array:
        """Return sqrt(S) (F, 3) at frequencies (F,)."""
        drift = 1.0 / (1.0 + (frequency_hz / DRIFT_CORNER_HZ) ** 2)
        bump = np.exp(-0.5 * ((frequency_hz - TREMOR_HZ) / TREMOR_WIDTH_HZ) ** 2)
        return np.asarray((drift + TREMOR_SHARE * bump)[:, None] * AXIS_GAIN, dtype=np.float64)

    def drawn_amplitude(self, frequency_hz: Array, rng: np.random.Generator) -> Array:  # noqa: ARG002
        """Return `amplitude`; a plain hand is always the same."""
        return self.amplitude(frequency_hz)


HANDS: MappingProxyType[str, Hand | PlainHand] = MappingProxyType(
    {
        "plain": PlainHand(),
        "handheld": Hand(
            drift_corner_hz=0.184,
            drift_slope=1.0,
            bumps=(Bump(4.7, 0.45, 0.00355),),
            cutoff_hz=(8.3, 18.2, 9.4),
            cutoff_slope=1.75,
            gain_db=(0.0, -2.1, -0.4),
            unsteadiness_spread=1.2,
            rms_rad_s=0.285,
            rms_spread=0.5,
        ),
        "filming": Hand(
            drift_corner_hz=0.43,
            drift_slope=0.444,
            bumps=(Bump(8.6, 0.23, 0.4),),
            cutoff_hz=(7.8, 8.0, 7.15),
            cutoff_slope=1.85,
            gain_db=(-0.25, 0.0, -2.5),
            unsteadiness_spread=1.0,
            rms_rad_s=0.185,
            rms_spread=0.45,
        ),
        "vigorous": Hand(
            drift_corner_hz=6.0,
            drift_slope=0.3,
            bumps=(Bump(2.6, 0.44, 6.7), Bump(9.6, 0.18, 2.95)),
            cutoff_hz=(12.9, 18.7, 11.3),
            cutoff_slope=3.15,
            gain_db=(-2.3, 0.0, -2.5),
            unsteadiness_spread=0.4,
            rms_rad_s=0.5,
            rms_spread=0.2,
        ),
    }
)


def hand_named(preset: str) -> Hand | PlainHand:
    """Return a hand by name.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if preset not in HANDS:
        raise UsageError(f"tremor preset: expected one of {', '.join(HANDS)}, got {preset!r}")
    return HANDS[preset]


def hand_tremor(
    rng: np.random.Generator,
    duration_s: float,
    rms_rad_s: float = 0.3,
    rate_hz: float = 400.0,
    preset: str = "plain",
) -> ImuRecording:
    """Return a simulated gyro recording in the camera frame, free of sensor noise.

    Gaussian noise is shaped in the frequency domain by the spectrum of a hand.

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
    preset : str
        Name of the hand, see `HANDS`.

    Raises
    ------
    UsageError
        If there is no such hand.
    """
    hand = hand_named(preset)
    count = int(np.ceil(duration_s * rate_hz)) + 1
    # Twice the length and cut: the inverse FFT is periodic, a hand is not.
    white = rng.standard_normal((2 * count, 3))
    frequency = np.asarray(np.fft.rfftfreq(2 * count, 1.0 / rate_hz), dtype=np.float64)
    shaped = np.fft.irfft(np.fft.rfft(white, axis=0) * hand.drawn_amplitude(frequency, rng), 2 * count, axis=0)[:count]
    pitch_yaw_rms = np.sqrt(np.mean(shaped[:, :2] ** 2))
    rates = shaped / pitch_yaw_rms * rms_rad_s
    time_ns = np.rint(np.arange(count) * 1e9 / rate_hz).astype(np.int64)
    return ImuRecording(time_ns, rates, clock="simulated", R_cam_imu=np.eye(3), source="hand tremor")
