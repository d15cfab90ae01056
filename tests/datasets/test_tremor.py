import itertools
from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from gyrosharp.datasets.synthesis.tremor import HANDS, TREMOR_HZ, Bump, Hand, hand_tremor
from gyrosharp.errors import ImuError, UsageError
from gyrosharp.imu import read_imu

PLAIN_PITCH = (0.04039448693272199, 0.21779786717492652, -0.017975179108560346)


def rms(values):
    return np.sqrt(np.mean(values**2))


@pytest.mark.parametrize("duration_s", [0.5, 60.0])
@pytest.mark.parametrize("wanted", [0.05, 0.3])
def test_the_rms_rate_is_as_asked(duration_s, wanted):
    """However short the recording is."""
    for seed in range(5):
        rates = hand_tremor(np.random.default_rng(seed), duration_s, wanted).gyro_rad_s
        assert rms(rates[:, :2]) == pytest.approx(wanted, rel=1e-9)


def test_roll_is_half_as_strong():
    rates = hand_tremor(np.random.default_rng(0), 200.0).gyro_rad_s
    assert rms(rates[:, 2]) == pytest.approx(0.5 * 0.3, rel=0.1)
    assert rms(rates[:, 0]) == pytest.approx(rms(rates[:, 1]), rel=0.1)


@pytest.mark.parametrize("rate_hz", [200.0, 1000.0])
def test_stamps_cover_the_duration_evenly(rate_hz):
    imu = hand_tremor(np.random.default_rng(0), 1.5, rate_hz=rate_hz)
    assert imu.time_ns[0] == 0
    assert imu.time_ns[-1] >= 1_500_000_000
    assert (np.diff(imu.time_ns) == round(1e9 / rate_hz)).all()
    assert imu.gyro_rad_s.shape == (imu.time_ns.size, 3)
    np.testing.assert_array_equal(imu.R_cam_imu, np.eye(3))


def test_the_same_seed_gives_the_same_hand():
    first, again, other = (hand_tremor(np.random.default_rng(seed), 1.0).gyro_rad_s for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


@pytest.mark.parametrize("rate_hz", [200.0, 1000.0])
def test_the_spectrum_falls_off_and_carries_a_bump_at_the_tremor(rate_hz):
    rates = hand_tremor(np.random.default_rng(0), 400.0, rate_hz=rate_hz).gyro_rad_s[:, :2]
    power = (np.abs(np.fft.rfft(rates, axis=0)) ** 2).sum(axis=1)
    frequency = np.fft.rfftfreq(len(rates), 1 / rate_hz)

    def density(low_hz, high_hz):
        return power[(frequency >= low_hz) & (frequency < high_hz)].mean()

    # Slow drift is the strongest, the tremor rises above the valley before it, and nothing is left beyond 30 Hz.
    drift, valley, beyond = density(0, 2), density(5, 6), density(30, 99)
    bump = density(TREMOR_HZ - 0.5, TREMOR_HZ + 0.5)
    assert drift > 3 * bump
    assert bump > 1.5 * valley
    assert beyond < 1e-3 * drift
    assert power[frequency < 15].sum() > 0.95 * power.sum()


def test_axes_move_independently():
    rates = hand_tremor(np.random.default_rng(0), 400.0).gyro_rad_s
    assert np.abs(np.corrcoef(rates.T) - np.eye(3)).max() < 0.1


def test_a_recording_does_not_end_where_it_began():
    """A periodic recording would."""
    gaps = [
        np.abs(rates[-1] - rates[0]).max()
        for rates in (hand_tremor(np.random.default_rng(seed), 2.0).gyro_rad_s for seed in range(5))
    ]
    assert np.mean(gaps) > 0.1


def test_no_duration_is_no_recording():
    with pytest.raises(ImuError, match="at least 2 gyro samples"):
        hand_tremor(np.random.default_rng(0), 0.0)


@pytest.mark.parametrize("preset", ["handheld", "filming", "vigorous"])
def test_fitted_hands_have_the_asked_rms_and_repeat_themselves(preset):
    first, again = (hand_tremor(np.random.default_rng(3), 1.0, 0.2, preset=preset).gyro_rad_s for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert rms(first[:, :2]) == pytest.approx(0.2, rel=1e-9)


def test_the_plain_hand_is_what_it_was():
    """Demo and benchmark figures rest on it."""
    rates = hand_tremor(np.random.default_rng(3), 0.8).gyro_rad_s
    np.testing.assert_allclose(rates[[0, 100, -1], 0], PLAIN_PITCH, rtol=1e-9)


def test_a_hands_spectrum_is_the_formula():
    """At zero frequency the gain, at the drift's corner 3 dB (n_d = 1) less, and inertia halves n_c times at f_k."""
    hand = Hand(2.0, 1.0, (Bump(9.0, 0.1, 0.5),), (8.0, 16.0, 4.0), 3.0, (0.0, -20.0, 6.0), 0.0, 0.3, 0.0)
    at_zero, at_corner, at_pitch, at_bump = hand.amplitude(np.array([0.0, 2.0, 8.0, 9.0])) ** 2
    np.testing.assert_allclose(at_zero, [1.0, 0.01, 10**0.6])
    assert at_corner[0] == pytest.approx(0.5 / (1 + 1 / 16) ** 3)
    assert at_pitch[0] == pytest.approx((1 / 17 + 0.5 * np.exp(-0.5 * (np.log(8 / 9) / 0.1) ** 2)) / 8)
    assert at_bump[0] == pytest.approx((1 / (1 + 81 / 4) + 0.5) / (1 + 81 / 64) ** 3)
    assert at_bump[0] / at_bump[2] == pytest.approx(((1 + 81 / 16) / (1 + 81 / 64)) ** 3 / 10**0.6)


def test_an_unsteady_hand_keeps_its_mean_spectrum():
    hand = replace(HANDS["filming"], unsteadiness_spread=0.5)
    frequency = np.array([0.1, 2.0, 10.0])
    rng = np.random.default_rng(0)
    drawn = np.array([hand.drawn_amplitude(frequency, rng)[:, 0] for _ in range(20_000)])
    gains = drawn / hand.amplitude(frequency)[:, 0]
    np.testing.assert_allclose((gains**2).mean(axis=0), 1.0, rtol=0.03)
    np.testing.assert_allclose(np.log(gains).std(axis=0)[[0, 2]], [0.0, 0.5], atol=0.01)


def test_an_unknown_hand_is_refused():
    with pytest.raises(UsageError, match="expected one of plain, handheld, filming, vigorous, got 'third'"):
        hand_tremor(np.random.default_rng(0), 1.0, preset="third")


REAL = {
    "handheld": [
        "tyrex_phones/Thibaud_Nexus5_NoDist_AR/gyroscope-calibrated.txt",
        "tyrex_phones/Thibaud_iPhone5_NoDist_AR/gyroscope.txt",
    ],
    "filming": ["nolic-opencamera_s/*/*gyro.csv"],
    "vigorous": ["nolic-gyroblur_synth/gyro_train.txt"],
}
BANDS_HZ = np.geomspace(0.35, 40.0, 25)


def real_logs(shared_data, preset):
    """Rates of the logs at even stamps, and their sampling rates."""
    for path in sorted(path for name in REAL[preset] for path in (shared_data / "gyro").glob(name)):
        imu = read_imu(path)
        t = (imu.time_ns - imu.time_ns[0]) * 1e-9
        even = np.arange(0.0, t[-1], 1 / imu.rate_hz)
        yield np.stack([np.interp(even, t, rate) for rate in imu.gyro_rad_s.T], axis=-1), imu.rate_hz


def bands_db(rates, rate_hz):
    """Welch's mean power in each band and axis, dB; NaN beyond 0.45 of the sampling rate."""
    segment = int(min(10 * rate_hz, len(rates) // 3))
    frequency, power = signal.welch(rates, rate_hz, nperseg=segment, axis=0)
    found = np.full((BANDS_HZ.size - 1, 3), np.nan)
    for k, (low, high) in enumerate(itertools.pairwise(BANDS_HZ)):
        inside = (frequency >= low) & (frequency < high)
        if high <= 0.45 * rate_hz:
            nearest = np.abs(frequency - np.sqrt(low * high)).argmin()
            found[k] = 10 * np.log10(power[inside].mean(axis=0) if inside.any() else power[nearest])
    return found


def windows(rates, rate_hz):
    """Of 50 ms windows: rms rate, and chord over length of the centre pixel's trail."""
    count = round(0.05 * rate_hz)
    pieces = np.lib.stride_tricks.sliding_window_view(rates, count + 1, axis=0)[::count].swapaxes(1, 2)
    steps = 0.5 * (pieces[:, 1:, :2] + pieces[:, :-1, :2])
    straight = np.linalg.norm(steps.sum(axis=1), axis=1) / np.linalg.norm(steps, axis=2).sum(axis=1)
    return np.sqrt((pieces**2).sum(axis=2).mean(axis=1)), straight


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("preset", "worst_log_db", "mean_db"), [("handheld", 2.2, 1.2), ("filming", 6.3, 1.8), ("vigorous", 1.8, 1.8)]
)
def test_hands_have_the_spectra_of_the_logs_they_are_fitted_to(shared_data, preset, worst_log_db, mean_db):
    """Over 24 bands and three axes, up to one gain."""
    centres = np.sqrt(BANDS_HZ[1:] * BANDS_HZ[:-1])
    model = 20 * np.log10(HANDS[preset].amplitude(centres))
    logs = [bands_db(rates, rate_hz) for rates, rate_hz in real_logs(shared_data, preset)]
    # Logs of different strength count alike: compared after their gain.
    level = [spectrum - np.nanmean(spectrum[8:18]) for spectrum in logs]

    def error_db(spectrum):
        off = model - spectrum
        return np.sqrt(np.nanmean((off - np.nanmean(off)) ** 2))

    assert max(error_db(spectrum) for spectrum in logs) < worst_log_db
    assert error_db(np.nanmean(level, axis=0)) < mean_db


@pytest.mark.shared_data
@pytest.mark.parametrize("preset", ["handheld", "filming", "vigorous"])
def test_hands_are_as_strong_and_as_steady_as_in_the_logs(shared_data, preset):
    logs = [windows(*log) for log in real_logs(shared_data, preset)]
    real = [np.concatenate(part) for part in zip(*logs, strict=True)]
    hand, rng = HANDS[preset], np.random.default_rng(0)
    drawn = hand.rms_rad_s * np.exp(hand.rms_spread * rng.standard_normal(150))
    made = [windows(hand_tremor(rng, 4.0, strength, preset=preset).gyro_rad_s, 400.0) for strength in drawn]
    strength, straight = (np.concatenate(part) for part in zip(*made, strict=True))
    assert np.median(strength) == pytest.approx(np.median(real[0]), rel=0.12)
    assert np.percentile(strength, 99) == pytest.approx(np.percentile(real[0], 99), rel=0.35)
    # Nearly all trails are straight within a percent or are not: quantiles of what is left to 1 within a factor.
    for percent in (25, 50):
        ratio = (1 - np.percentile(straight, percent)) / (1 - np.percentile(real[1], percent))
        assert 0.5 < ratio < 2.5
