"""Gyro noise from still logs."""

import json

import numpy as np
import pytest

from gyrosharp.calibrate.gyro_noise import still_noise, still_stretches
from gyrosharp.calibrate.noise_picture import noise_picture
from gyrosharp.errors import ImuError
from gyrosharp.imu.recording import ImuRecording

RATE = 200
BIAS = np.array([1e-3, -2e-3, 5e-4])


def still(seconds, seed=0, noise=8e-4):
    return BIAS + noise * np.random.default_rng(seed).standard_normal((round(seconds * RATE), 3))


def moving(seconds):
    t = np.arange(round(seconds * RATE))[:, None] / RATE
    return 0.4 * np.sin(2 * np.pi * np.array([1.0, 1.3, 0.7]) * t)


def log(*parts, gaps_s=()):
    gyro = np.vstack(parts)
    time_ns = np.arange(len(gyro)) * (10**9 // RATE)
    for at, length_s in gaps_s:
        time_ns[at:] += round(length_s * 1e9)
    return ImuRecording(time_ns, gyro, source="log.csv")


def test_white_noise_of_known_density():
    noise = still_noise(log(still(300)))
    assert noise.rate_hz == pytest.approx(RATE, rel=1e-9) and noise.gaps == 0
    for axis, bias in zip(noise.axes, BIAS, strict=True):
        assert axis.std_rad_s == pytest.approx(8e-4, rel=0.02)
        assert axis.white.value == pytest.approx(8e-4 / np.sqrt(RATE), rel=0.03)
        assert axis.bias_std_rad_s == pytest.approx(8e-4 / np.sqrt(300 * RATE), rel=0.1)
        assert abs(axis.bias_rad_s - bias) < 4 * axis.bias_std_rad_s
        assert abs(axis.lag1_correlation) < 0.02
        assert axis.instability is None and axis.random_walk is None
        assert "log too short" in axis.reasons["random_walk"]


def test_noise_with_a_walking_bias():
    rng = np.random.default_rng(4)
    dt, N, K = 0.01, 2e-4, 2e-5
    walk = np.cumsum(K * np.sqrt(dt) * rng.standard_normal((500_000, 3)), axis=0)
    gyro = N / np.sqrt(dt) * rng.standard_normal(walk.shape) + walk
    noise = still_noise(ImuRecording(np.arange(len(gyro)) * 10**7, gyro))
    for axis in noise.axes:
        assert axis.white.value == pytest.approx(N, rel=0.03)
        # 18 independent averages at the longest time: the walk is known to a quarter or so.
        assert axis.random_walk is not None and axis.random_walk.value == pytest.approx(K, rel=0.4)
        lowest = np.sqrt(2 * N * K / np.sqrt(3))  # of N^2 / tau + K^2 tau / 3
        assert axis.instability.value == pytest.approx(lowest / 0.664, rel=0.2)


def test_filtered_noise_is_seen_in_the_correlation():
    white = still(60) - BIAS
    smooth = (white[1:] + white[:-1]) / 2
    assert still_noise(log(smooth)).axes[0].lag1_correlation == pytest.approx(0.5, abs=0.03)


def test_a_log_that_moves_is_refused_and_told_where_it_rests():
    recording = log(still(10), moving(5), still(20, seed=1), moving(3))
    with pytest.raises(
        ImuError, match=r"log\.csv.*moves for 8\.\d of 38\.0 s; it lay still from 15\.\d to 35\.\d s, 0\.0"
    ):
        still_noise(recording)
    longest = max(still_stretches(recording), key=lambda s: s[1] - s[0])
    assert longest[0] == pytest.approx(15.0, abs=0.6) and longest[1] == pytest.approx(35.0, abs=0.6)
    noise = still_noise(recording, (15.6, 34.4))
    assert noise.from_s == pytest.approx(15.6, abs=0.01) and noise.seconds == pytest.approx(18.8, abs=0.02)
    assert noise.axes[1].bias_rad_s == pytest.approx(BIAS[1], abs=1e-4)


def test_a_slow_turn_is_no_rest():
    pan = still(4, seed=3) + np.array([0.0, 0.03, 0.0])
    with pytest.raises(ImuError, match="moves for"):
        still_noise(log(still(20), pan))


def test_never_at_rest():
    with pytest.raises(ImuError, match="lay the device on a table"):
        still_noise(log(moving(10)))


def test_gaps_end_a_stretch():
    noise = still_noise(log(still(10), still(25, seed=1), gaps_s=[(2000, 0.4)]))
    assert noise.gaps == 1 and noise.longest_gap_s == pytest.approx(0.405)
    assert noise.seconds == pytest.approx(25.0, abs=0.01) and noise.from_s == pytest.approx(10.4, abs=0.01)
    assert "gaps" in noise.notes[0]
    long_gap = still_noise(log(still(10), still(25, seed=1), gaps_s=[(2100, 30.0)]))
    assert long_gap.seconds == pytest.approx(24.5, abs=0.02)


def test_uneven_intervals_are_noted():
    rng = np.random.default_rng(0)
    gyro = still(20)
    time_ns = np.cumsum(rng.uniform(3e6, 7e6, len(gyro))).astype(np.int64)
    assert "scatter" in still_noise(ImuRecording(time_ns, gyro)).notes[0]


@pytest.mark.parametrize(
    ("recording", "between", "words"),
    [
        (log(still(1.2)), None, "at least 2 s at rest"),
        (log(still(10)), (20.0, 30.0), "between 20 and 30 s after the first, got 0"),
        (log(still(0.2)), None, "lay the device on a table"),
    ],
)
def test_logs_that_are_too_short(recording, between, words):
    with pytest.raises(ImuError, match=words):
        still_noise(recording, between)


def test_a_gyro_that_is_off():
    noise = still_noise(log(np.zeros((3000, 3))))
    assert noise.axes[0].std_rad_s == 0.0 and noise.axes[0].white is None
    assert "never changes" in noise.axes[0].reasons["white"]
    assert noise_picture(noise, "off").shape[2] == 3


def test_the_report_is_json_with_units_in_its_keys():
    document = json.loads(json.dumps(still_noise(log(still(30))).as_json(), allow_nan=False))
    assert document["x"]["white_rad_s_rthz"]["value"] == pytest.approx(8e-4 / np.sqrt(RATE), rel=0.05)
    assert document["rate_hz"] == pytest.approx(RATE)
    assert len(document["y"]["allan"]["tau_s"]) == len(document["y"]["allan"]["deviation_rad_s"]) > 10
    assert document["z"]["bias_instability_rad_s"] is None and "instability" in document["z"]["reasons"]


def test_the_picture_shows_three_curves():
    picture = noise_picture(still_noise(log(still(60))), "log.csv")
    colours = {tuple(colour) for colour in picture.reshape(-1, 3)[::7].tolist()}
    assert {(0, 114, 178), (230, 159, 0), (0, 158, 115)} <= colours
