"""Order, duplicates, jumps, units, coverage."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gyrosharp.errors import ImuError
from gyrosharp.imu import ImuRecording, RawSamples, checked, coverage, require_coverage, units_warning


def raw(time, gyro=None, accel=None, lines=None):
    time = np.asarray(time, dtype=np.int64)
    gyro = np.random.default_rng(0).normal(size=(time.size, 3)) if gyro is None else np.asarray(gyro, float)
    return RawSamples(time, gyro, accel, lines)


class TestChecked:
    def test_good_samples_pass_unchanged(self):
        samples = raw([0, 5, 10])
        recording = checked(samples, source="a.csv", clock="boottime")
        assert recording.notes == () and recording.clock == "boottime"
        np.testing.assert_array_equal(recording.gyro_rad_s, samples.gyro_rad_s)

    def test_duplicates_are_averaged(self):
        gyro = [[0, 0, 0], [1, 2, 3], [3, 4, 5], [9, 9, 9]]
        recording = checked(raw([0, 5, 5, 10], gyro, accel=np.array(gyro, float)), source="a.csv")
        assert recording.time_ns.tolist() == [0, 5, 10]
        assert recording.gyro_rad_s.tolist() == [[0, 0, 0], [2, 3, 4], [9, 9, 9]]
        assert recording.accel_m_s2.tolist() == recording.gyro_rad_s.tolist()
        assert recording.notes == ("1 samples repeat the stamp of the one before: averaged",)

    @given(counts=st.lists(st.integers(1, 4), min_size=2, max_size=20))
    def test_averaging_keeps_the_mean_over_equal_runs(self, counts):
        time = np.repeat(np.arange(len(counts)), counts)
        gyro = np.repeat(np.arange(len(counts)), counts)[:, None] * np.ones(3) + 0.5
        recording = checked(raw(time, gyro), source="a.csv")
        np.testing.assert_allclose(recording.gyro_rad_s[:, 0], np.arange(len(counts)) + 0.5)

    def test_backwards_names_the_line(self):
        with pytest.raises(ImuError, match=r"a.csv, line 14: expected stamps that increase, got 5 ns after 10 ns;"):
            checked(raw([0, 10, 5], lines=np.array([12, 13, 14])), source="a.csv")
        with pytest.raises(ImuError, match=r"a.csv: expected stamps that increase"):
            checked(raw([0, 10, 5]), source="a.csv")

    @pytest.mark.parametrize("time", [[], [7], [7, 7, 7]])
    def test_too_few(self, time):
        with pytest.raises(ImuError, match=r"a.csv: expected at least 2 gyro samples"):
            checked(raw(time), source="a.csv")

    def test_jumps_are_noted(self):
        time = np.array([0, 5, 10, 4010, 4015]) * 10**6
        assert checked(raw(time), source="a.csv").notes == (
            "warning: 1 jumps of the stamps, the longest 4.00 s at 0.01 s",
        )

    def test_a_slow_log_has_no_jumps(self):
        assert checked(raw(np.arange(5) * 2 * 10**9), source="a.csv").notes == ()

    def test_a_gyro_that_is_off_is_noted(self):
        recording = checked(raw([0, 5, 10], np.ones((3, 3))), source="a.csv")
        assert "never change" in recording.notes[0]


def turning(scale=1.0, seconds=8.0, gravity=9.81, seed=1):
    """A device that swings about all axes under gravity; `scale` 57.3 gives its rates in deg/s."""
    from scipy.spatial.transform import Rotation

    rng = np.random.default_rng(seed)
    t = np.arange(0, seconds, 0.005)
    phases, speeds = rng.uniform(0, 6, 3), rng.uniform(0.5, 2.0, 3)
    gyro = 0.3 * np.sin(speeds * t[:, None] + phases)
    turns = [Rotation.identity()]
    for w in gyro[:-1]:
        turns.append(turns[-1] * Rotation.from_rotvec(w * 0.005))
    up = Rotation.concatenate(turns).inv().apply([0, 0, gravity])
    accel = up + rng.normal(scale=0.3, size=up.shape)
    return ImuRecording(np.round(t * 1e9).astype(np.int64), gyro * scale, accel)


class TestUnits:
    def test_rad_passes(self):
        assert units_warning(turning()) is None

    def test_deg_is_seen_in_the_accelerometer(self):
        # Slow enough that the size alone says nothing: 0.3 rad/s is 17 "rad/s".
        warning = units_warning(turning(np.degrees(1.0)))
        assert warning is not None and "gravity turns" in warning and warning.startswith("warning: ")

    def test_without_accelerometer_only_the_size_tells(self):
        t = np.arange(400) * 5_000_000
        gyro = np.random.default_rng(0).normal(scale=0.5, size=(400, 3))
        assert units_warning(ImuRecording(t, gyro)) is None
        assert "full scale" in units_warning(ImuRecording(t, np.degrees(gyro)))

    def test_without_gravity_nothing_is_said(self):
        assert units_warning(turning(np.degrees(1.0), gravity=1.0)) is None

    def test_still_device_passes(self):
        rng = np.random.default_rng(0)
        t = np.arange(2000) * 5_000_000
        gyro = rng.normal(scale=1e-3, size=(2000, 3)) + 0.002
        accel = np.array([0, 0, 9.81]) + rng.normal(scale=0.02, size=(2000, 3))
        assert units_warning(ImuRecording(t, gyro, accel)) is None

    def test_short_log_passes(self):
        assert units_warning(turning(np.degrees(1.0), seconds=0.5)) is None


def even(count=201, step_ms=5):
    """1 s at 200 Hz, from 10 s."""
    time = 10 * 10**9 + np.arange(count, dtype=np.int64) * step_ms * 10**6
    return ImuRecording(time, np.random.default_rng(0).normal(size=(count, 3)), clock="boottime", source="a.csv")


def without(recording, first_ms, last_ms):
    ms = (recording.time_ns - recording.time_ns[0]) / 1e6
    keep = (ms <= first_ms) | (ms >= last_ms)
    return ImuRecording(recording.time_ns[keep], recording.gyro_rad_s[keep], source="a.csv")


def ns(milliseconds):
    return 10 * 10**9 + round(milliseconds * 10**6)


class TestCoverage:
    def test_inside(self):
        report = coverage(even(), ns(100), ns(150))
        assert report.samples == 11 and report.covered == 1.0 and report.notes == ()
        assert report.largest_gap_s == pytest.approx(0.005)
        assert (report.start_s, report.end_s, report.log_s) == pytest.approx((0.1, 0.15, 1.0))
        assert report.rate_hz == pytest.approx(200)

    def test_between_two_samples(self):
        report = require_coverage(even(), ns(101), ns(103))
        assert report.samples == 0 and report.covered == 1.0

    def test_no_duration(self):
        assert coverage(even(), ns(100), ns(100)).covered == 1.0
        assert coverage(even(), ns(-100), ns(-100)).covered == 0.0

    def test_one_interval_over_the_end_is_allowed(self):
        for first, last in ((-4, 20), (980, 1004)):
            assert require_coverage(even(), ns(first), ns(last)).covered == 1.0

    @pytest.mark.parametrize(("first", "last"), [(-50, 50), (980, 1050), (-200, -100), (2000, 2100), (-60, 1060)])
    def test_outside_names_both_intervals(self, first, last):
        window = f"{first / 1e3:.3f} to {last / 1e3:.3f} s"
        with pytest.raises(ImuError, match=rf"a.csv: .*\({window} after .*log of 0.000 to 1.000 s .*--offset-ms"):
            require_coverage(even(), ns(first), ns(last))

    def test_a_twentieth_of_the_exposure_may_stick_out(self):
        report = require_coverage(even(), ns(-10), ns(240))
        assert report.notes == ("warning: the log misses 5.0 ms at an end of the exposure; its last rate is held",)
        with pytest.raises(ImuError, match="whole exposure"):
            require_coverage(even(), ns(-14), ns(240))

    def test_outside_counts_as_uncovered(self):
        # 5 ms, one interval, of the 50 ms outside are forgiven.
        assert coverage(even(), ns(-50), ns(50)).covered == pytest.approx(0.55)

    def test_gap_is_a_warning(self):
        report = require_coverage(without(even(), 100, 140), ns(90), ns(200))
        assert report.largest_gap_s == pytest.approx(0.04)
        assert report.covered == pytest.approx(1 - 40 / 110)
        assert report.notes == ("warning: 1 gaps in the gyro log during the exposure, the longest 40 ms",)

    def test_a_dropped_sample_is_no_gap(self):
        assert coverage(without(even(), 100, 110), ns(90), ns(200)).notes == ()

    def test_mostly_gap_is_an_error(self):
        with pytest.raises(ImuError, match=r"got a gap of 0.080 s that leaves 20% covered"):
            require_coverage(without(even(), 100, 180), ns(90), ns(190))

    def test_exposure_inside_a_gap(self):
        with pytest.raises(ImuError, match="leaves 0% covered"):
            require_coverage(without(even(), 100, 180), ns(120), ns(160))

    def test_a_slow_log_has_no_gaps(self):
        assert coverage(even(20, 50), ns(90), ns(300)).notes == ()

    def test_reversed_exposure(self):
        with pytest.raises(ImuError, match="ends after its start"):
            coverage(even(), ns(100), ns(50))

    @given(first=st.integers(-500, 1500), length=st.integers(1, 1000))
    def test_covered_is_a_share(self, first, length):
        report = coverage(without(even(), 300, 500), ns(first), ns(first + length))
        assert 0.0 <= report.covered <= 1.0
        assert 0.0 <= report.largest_gap_s <= length / 1e3 + 1e-9
