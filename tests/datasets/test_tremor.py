import numpy as np
import pytest

from gyrosharp.datasets.synthesis.tremor import TREMOR_HZ, hand_tremor
from gyrosharp.errors import ImuError


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
