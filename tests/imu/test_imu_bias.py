"""Bias from rest."""

import numpy as np
import pytest

from gyrosharp.imu import ImuRecording, bias_from_still

BIAS = np.array([0.9e-4, 2.2e-4, -16e-4])
NOISE = np.array([6.8e-4, 8.1e-4, 6.1e-4])


def log(seconds_still, seconds_moving=0.0, rate=200, accel=None, seed=0):
    rng = np.random.default_rng(seed)
    still = BIAS + rng.normal(size=(int(seconds_still * rate), 3)) * NOISE
    t = np.arange(int(seconds_moving * rate))[:, None] / rate
    moving = 0.3 * np.sin(2 * np.pi * np.array([2.0, 3.0, 4.0]) * t)
    gyro = np.vstack([moving, still, moving])
    return ImuRecording(np.arange(len(gyro)) * round(1e9 / rate), gyro, None if accel is None else accel(len(gyro)))


def test_a_phone_at_rest():
    estimate = bias_from_still(log(4.0))
    np.testing.assert_allclose(estimate.bias_rad_s, BIAS, atol=5 * 8e-4 / np.sqrt(800))
    np.testing.assert_allclose(estimate.std_rad_s, NOISE, rtol=0.1)
    assert estimate.seconds == pytest.approx(4.0)


def test_rest_between_movements():
    estimate = bias_from_still(log(3.0, 5.0))
    np.testing.assert_allclose(estimate.bias_rad_s, BIAS, atol=3e-4)
    assert 2.0 <= estimate.seconds <= 3.0


def test_no_rest():
    assert bias_from_still(log(0.0, 5.0)) is None


def test_shorter_than_a_window():
    assert bias_from_still(log(0.3)) is None


def test_shaking_accelerometer_is_no_rest():
    def shaken(count):
        return np.random.default_rng(0).normal([0, 0, 9.8], 0.5, size=(count, 3))

    assert bias_from_still(log(4.0, accel=shaken)) is None


def test_quiet_accelerometer_is_rest():
    def quiet(count):
        return np.random.default_rng(0).normal([0, 0, 9.8], 0.02, size=(count, 3))

    assert bias_from_still(log(4.0, accel=quiet)).seconds == pytest.approx(4.0)


def test_a_pan_between_rests_is_left_out():
    rest, pan = log(4.0).gyro_rad_s, log(2.0, seed=1).gyro_rad_s + np.array([0, 0.05, 0])
    gyro = np.vstack([rest, pan])
    estimate = bias_from_still(ImuRecording(np.arange(len(gyro)) * 5_000_000, gyro))
    np.testing.assert_allclose(estimate.bias_rad_s, BIAS, atol=2e-4)
    assert estimate.seconds == pytest.approx(4.0)


def test_two_rates_at_odds_are_no_rest():
    # Half the still time at each of two rates: the median lies between them and neither is near it.
    gyro = np.vstack([log(2.0).gyro_rad_s, log(2.0, seed=1).gyro_rad_s + 0.05])
    assert bias_from_still(ImuRecording(np.arange(len(gyro)) * 5_000_000, gyro)) is None


def test_a_gap_is_no_rest():
    still = log(1.0)
    time = still.time_ns + np.where(np.arange(len(still)) % 100 >= 50, 10**10, 0) * (1 + np.arange(len(still)) // 100)
    time = np.sort(time)
    estimate = bias_from_still(ImuRecording(time, still.gyro_rad_s))
    assert estimate is None or estimate.seconds < 1.0


def test_taking_it_off():
    still = log(4.0)
    rest = still.minus_bias(bias_from_still(still).bias_rad_s)
    np.testing.assert_allclose(rest.gyro_rad_s.mean(axis=0), 0.0, atol=1e-12)
