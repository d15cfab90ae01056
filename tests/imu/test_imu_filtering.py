"""Spikes and low-pass."""

import numpy as np
import pytest

from gyrosharp.errors import UsageError
from gyrosharp.imu import ImuRecording, low_passed, rejected_spikes


def recording(rate_hz=200.0, seconds=4.0, signal=None, jitter=0.0):
    rng = np.random.default_rng(0)
    t = np.arange(0, seconds, 1 / rate_hz)
    t = t + jitter / rate_hz * rng.uniform(-0.5, 0.5, t.size)
    gyro = np.zeros((t.size, 3)) + (0 if signal is None else signal(t)[:, None])
    return ImuRecording(np.round(t * 1e9).astype(np.int64), gyro)


def hand(t):
    return 0.8 * np.sin(2 * np.pi * 3 * t) + 0.3 * np.sin(2 * np.pi * 9 * t + 1)


class TestSpikes:
    def with_spikes(self, size, at=(100, 300)):
        clean = recording(signal=hand)
        gyro = clean.gyro_rad_s.copy()
        gyro[list(at), 1] += size
        return clean, ImuRecording(clean.time_ns, gyro)

    @pytest.mark.parametrize("size", [20.0, -3.0])
    def test_are_replaced_on_their_axis(self, size):
        clean, spiked = self.with_spikes(size)
        result = rejected_spikes(spiked)
        assert np.flatnonzero((result.gyro_rad_s != spiked.gyro_rad_s).any(axis=1)).tolist() == [100, 300]
        np.testing.assert_allclose(result.gyro_rad_s, clean.gyro_rad_s, atol=0.02)
        assert result.notes == ("2 single-sample spikes replaced by their neighbours",)

    def test_small_ones_are_left(self):
        _, spiked = self.with_spikes(0.3)
        assert rejected_spikes(spiked) is spiked

    def test_shake_is_left(self):
        shake = recording(signal=hand)
        assert rejected_spikes(shake) is shake

    def test_noise_is_left(self):
        rng = np.random.default_rng(0)
        noisy = ImuRecording(np.arange(5000) * 5_000_000, rng.normal(scale=2.0, size=(5000, 3)))
        assert rejected_spikes(noisy) is noisy

    def test_a_knock_of_three_samples_is_left(self):
        # Copied in shape from a real phone set down on a table: 0.2, 1.7, 2.1, 1.5, 0.7, 0.1.
        gyro = np.zeros((200, 3))
        gyro[100:106, 1] = [0.2, 1.7, 2.1, 1.5, 0.7, 0.1]
        knock = ImuRecording(np.arange(200) * 5_000_000, gyro)
        assert rejected_spikes(knock) is knock

    def test_interpolates_in_time(self):
        time = np.arange(41) * 10**7
        time[20] += 5 * 10**6
        gyro = np.column_stack([time * 1e-9] * 3)
        spiked = gyro.copy()
        spiked[20, 0] = 9.0
        np.testing.assert_allclose(rejected_spikes(ImuRecording(time, spiked)).gyro_rad_s, gyro, atol=1e-12)

    def test_few_samples(self):
        short = ImuRecording([0, 1, 2, 3], np.eye(4, 3) * 100)
        assert rejected_spikes(short) is short


class TestLowPass:
    def gain(self, frequency_hz, cutoff_hz, **options):
        clean = recording(signal=lambda t: np.sin(2 * np.pi * frequency_hz * t), **options)
        out = low_passed(clean, cutoff_hz).gyro_rad_s[200:-200, 0]
        inside = clean.gyro_rad_s[200:-200, 0]
        return float(out @ inside / (inside @ inside))

    @pytest.mark.parametrize("cutoff_hz", [10.0, 30.0, 80.0])
    def test_half_power_at_the_cutoff_and_no_delay(self, cutoff_hz):
        # A projection on the input is the gain only because there is no phase shift.
        assert self.gain(cutoff_hz, cutoff_hz) == pytest.approx(np.sqrt(0.5), abs=0.01)

    def test_passes_and_stops(self):
        assert self.gain(2.0, 20.0) == pytest.approx(1.0, abs=2e-3)
        assert abs(self.gain(80.0, 20.0)) < 0.01

    def test_constant_passes(self):
        flat = recording(signal=np.ones_like)
        np.testing.assert_allclose(low_passed(flat, 20.0).gyro_rad_s, 1.0, atol=1e-9)

    def test_gap_parts_do_not_mix(self):
        time = np.concatenate([np.arange(200), np.arange(200) + 1000]) * 5_000_000
        gyro = np.repeat([[0.0] * 3, [5.0] * 3], 200, axis=0)
        np.testing.assert_allclose(low_passed(ImuRecording(time, gyro), 20.0).gyro_rad_s, gyro, atol=1e-9)

    def test_short_stretches(self):
        time = np.array([0, 1, 2, 3, 4, 1000, 1001, 2000, 2001, 2002]) * 5_000_000
        out = low_passed(ImuRecording(time, np.ones((10, 3))), 20.0)
        np.testing.assert_allclose(out.gyro_rad_s, 1.0, atol=1e-9)

    def test_stamps_and_accelerometer_stay(self):
        clean = recording(signal=hand)
        out = low_passed(ImuRecording(clean.time_ns, clean.gyro_rad_s, clean.gyro_rad_s + 1), 20.0)
        np.testing.assert_array_equal(out.time_ns, clean.time_ns)
        np.testing.assert_array_equal(out.accel_m_s2, clean.gyro_rad_s + 1)
        assert out.notes == ("low-passed at 20 Hz",)

    def test_uneven_stamps_are_noted(self):
        notes = low_passed(recording(signal=hand, jitter=0.9), 20.0).notes
        assert any("sample intervals vary" in note for note in notes)

    @pytest.mark.parametrize("cutoff_hz", [0.0, -5.0, 100.0, 1e4, float("nan")])
    def test_cutoff_range(self, cutoff_hz):
        with pytest.raises(UsageError, match="low-pass cutoff: expected over 0 and under 100 Hz"):
            low_passed(recording(), cutoff_hz)
