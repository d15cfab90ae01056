"""Every real log at hand: claimed by its reader and no other, with the rate, length and size of motion known of it."""

from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.errors import ImuError
from gyrosharp.imu import (
    bias_from_still,
    claims,
    low_passed,
    read_imu,
    readers,
    require_coverage,
    units_warning,
)
from gyrosharp.imu.readers.gyro_dump import read_frames

pytestmark = pytest.mark.shared_data

# path: format, samples, rate in Hz, median speed in rad/s, median length of the accelerometer vector (m/s^2) or None
LOGS = {
    "gyro/nolic-gyroblur_synth/gyro_train.txt": ("gyroblur", 39116, 210.2, 0.67, None),
    "gyro/nolic-ios_logger/Gyro.txt": ("ios-logger", 4200, 99.9, 0.37, 9.78),
    "gyro/nolic-opencamera_s/20220713_090357/VID_20220713_090357gyro.csv": ("opencamera", 3643, 406.8, 0.21, 9.79),
    "gyro/nolic-opencamera_s/20220713_114713/VID_20220713_114713gyro.csv": ("opencamera", 4724, 406.8, 0.20, 9.79),
    "gyro/nolic-phyphox/Gyroscope.csv": ("phyphox", 479, 99.5, 0.30, None),
    "gyro/nolic-sensorlogger_b/Gyroscope2.csv": ("sensor-logger", 6701, 99.6, 1.76, None),
    "gyro/sensorlogger_iphone12/Gyroscope.csv": ("sensor-logger", 1038, 99.7, 0.61, None),
    "gyro/nolic-vmu931/gyroscope_1khz_dupstamps.csv": ("vmu931", 22589, 1000.0, 1.59, None),
    "gyro/nolic-vmu931/gyroscope_200hz.csv": ("vmu931", 5145, 200.0, 0.033, None),
    "gyro/tyrex_phones/Thibaud_Nexus5_NoDist_AR/gyroscope-calibrated.txt": ("tyrex", 24049, 198.6, 0.41, None),
    "gyro/tyrex_phones/Thibaud_iPhone5_NoDist_AR/gyroscope.txt": ("tyrex", 11899, 94.3, 0.49, None),
    "gyro/xio_fusion/sensor_data.csv": ("xio", 13514, 99.2, 0.018, 9.75),
    "realblur/galaxynexus_chart/giro_data.txt": ("gyro-chart", 100, 99.9, 0.0615, None),
    "realblur/honorv10_mars/gyro_accel.csv": ("mars", 81, 100.0, 0.044, 9.98),
    "realblur/nolic-deepgyro/raw/imu/imu.txt": ("deepgyro", 23, 100.0, 3.31, 10.4),
    "realblur/nolic-phone240ms/gyro_accel.csv": ("mars", 455, 497.7, 0.075, 9.81),
}


@pytest.mark.parametrize("name", sorted(LOGS))
def test_real_log(shared_data, name):
    format_name, count, rate_hz, speed, gravity = LOGS[name]
    path = shared_data / name
    assert claims(path) == (format_name,)
    recording = read_imu(path)
    assert len(recording) == count
    assert recording.rate_hz == pytest.approx(rate_hz, abs=0.1)
    assert np.median(np.linalg.norm(recording.gyro_rad_s, axis=1)) == pytest.approx(speed, rel=0.05)
    if gravity is None:
        assert recording.accel_m_s2 is None
    else:
        assert np.median(np.linalg.norm(recording.accel_m_s2, axis=1)) == pytest.approx(gravity, abs=0.05)
    assert not any("look like" in note for note in recording.notes)


def test_all_opencamera_logs(shared_data):
    paths = sorted((shared_data / "gyro/nolic-opencamera_s").glob("*/*gyro.csv"))
    assert len(paths) == 10
    for path in paths:
        assert claims(path) == ("opencamera",)
        recording = read_imu(path)
        assert recording.rate_hz == pytest.approx(406.8, abs=0.2)
        assert recording.notes == ()
        # Frame times are in the same clock and inside the log.
        frames = np.loadtxt(path.with_name(path.name.replace("gyro.csv", "_imu_timestamps.csv")), dtype=np.int64)
        assert require_coverage(recording, int(frames[5]), int(frames[-5])).covered == 1.0


def test_nothing_else_is_claimed(shared_data):
    known = {shared_data / name for name in LOGS}
    for folder in ("gyro", "realblur"):
        for path in (shared_data / folder).rglob("*"):
            is_text = path.suffix.lower() in (".csv", ".txt")
            if not is_text or path in known or path.name.endswith("gyro.csv") or path.name.startswith("gyroscope"):
                continue
            expected = {"still_slide_right.csv": ("witmotion",), "example_data.TXT": ("witmotion-binary",)}
            assert claims(path) == expected.get(path.name, ()), path


@pytest.mark.parametrize("name", sorted(LOGS))
def test_deg_for_rad_is_seen(shared_data, name):
    """The same logs, 57.3 times too fast: said wherever the motion or the accelerometer can tell."""
    recording = read_imu(shared_data / name, gyro_unit="rad/s")
    # The columns of these two are deg/s: taking them as rad/s is the mistake itself.
    speed = 1.0 if LOGS[name][0] in ("xio", "vmu931") else np.degrees(1.0)
    warning = units_warning(replace(recording, gyro_rad_s=recording.gyro_rad_s * speed))
    # Too little motion, and no accelerometer to hold against it.
    silent = name.startswith(("realblur/galaxynexus", "gyro/nolic-vmu931/gyroscope_200hz"))
    assert (warning is None) == silent


def test_witmotion_columns_that_are_not_rates(shared_data):
    """14 names over 11 values: AsX, AsY, AsZ stand over a quaternion (its length is 1, its yaw the angle's)."""
    path = shared_data / "gyro/witmotion_ble/still_slide_right.csv"
    with pytest.raises(ImuError, match="line 2: expected 14 columns, got 11; no line fits: correct the header"):
        read_imu(path)
    rows = np.loadtxt(path, delimiter=",", skiprows=1)
    np.testing.assert_allclose(np.linalg.norm(rows[:, 7:11], axis=1), 1.0, atol=1e-3)
    # The quaternion is polled less often than the angle: compare while the sensor does not turn.
    still = rows[:800]
    np.testing.assert_allclose(2 * np.degrees(np.arctan2(still[:, 10], still[:, 7])), still[:, 6], atol=0.2)


def test_witmotion_binary(shared_data):
    """A stream without time frames: its angles tell the interval, and gravity shows that the scale is right."""
    path = shared_data / "gyro/nolic-witmotion_raw/example_data.TXT"
    assert claims(path) == ("witmotion-binary",)
    recording = read_imu(path)
    assert len(recording) == 2017  # 88748 bytes are 2017 rounds of four frames
    assert np.median(np.linalg.norm(recording.accel_m_s2, axis=1)) == pytest.approx(10.1, abs=0.1)
    assert 1 / recording.rate_hz == pytest.approx(0.0259, abs=2e-4)
    assert recording.notes[0].startswith("warning: no time frames")


def test_gyro_dump(shared_data):
    """Every frame's stamp in framestamp.txt is one of the log's, and all exposures are short."""
    folder = shared_data / "video/phone_dash_gyro"
    recording = read_imu(folder / "gyro_dump.txt")
    assert claims(folder / "gyro_dump.txt") == ("gyro-dump",)
    assert len(recording) == 29466 and recording.rate_hz == pytest.approx(412.2, abs=0.1)
    frames = read_frames(folder / "gyro_dump.txt")
    stamps_us = np.rint(np.loadtxt(folder / "framestamp.txt") * 1e6).astype(int)
    assert sorted(frames) == (stamps_us * 1000).tolist()
    # NOTES.json gives 5.2 to 5.6 ms for the stored frames; the whole log has 4.9 to 5.9.
    assert 0.0049 < min(frames.values()) <= max(frames.values()) < 0.006


@pytest.mark.parametrize(
    ("name", "seconds", "noise"),
    [
        ("static_Nexus5_d1/gyroscope-calibrated.txt", 15, 1.5e-3),
        ("static_Nexus5_d3/gyroscope-calibrated.txt", 15, 1.5e-3),
        ("static_acc_Nexus5_d3/gyroscope-calibrated.txt", 100, 1.5e-3),
        ("static_iPhone4S_d3/gyroscope.txt", 30, 4e-3),
    ],
)
def test_bias_of_still_phones(shared_data, name, seconds, noise):
    recording = read_imu(shared_data / "gyro/tyrex_phones" / name)
    estimate = bias_from_still(recording)
    assert estimate.seconds > seconds
    assert (estimate.std_rad_s < noise).all()
    assert (np.abs(estimate.bias_rad_s) < 0.01).all()
    if name.startswith("static_iPhone"):  # still from end to end, so the plain mean is the answer
        np.testing.assert_allclose(estimate.bias_rad_s, recording.gyro_rad_s.mean(axis=0), atol=5e-5)


def test_hand_held_logs_are_not_still(shared_data):
    for name in LOGS:
        if "opencamera" in name or "Thibaud" in name or "gyroblur" in name or "realblur" in name:
            assert bias_from_still(read_imu(shared_data / name)) is None, name


def test_spikes_in_real_logs(shared_data):
    """One log has a glitch (22 rad/s for a millisecond); shake, pans and knocks are left alone."""
    for name in LOGS:
        path = shared_data / name
        (reader,) = (readers()[claim] for claim in claims(path))
        changed = (read_imu(path).gyro_rad_s != reader.read(path).gyro_rad_s).any(axis=1)
        glitches = [603] if "1khz" in name else []
        assert np.flatnonzero(changed).tolist() == glitches, name


def test_low_pass_keeps_hand_shake(shared_data):
    """Hand shake is below 20 Hz: a cutoff of 60 Hz takes under 2 % of its energy."""
    recording = read_imu(shared_data / "gyro/nolic-opencamera_s/20220713_135123/VID_20220713_135123gyro.csv")
    lost = low_passed(recording, 60.0).gyro_rad_s - recording.gyro_rad_s
    assert (lost**2).sum() < 0.02 * (recording.gyro_rad_s**2).sum()


def test_phone240ms_covers_what_its_notes_say(shared_data):
    """NOTES.json: frame 0 has no usable gyro, frame 1 misses its first 47 ms, the rest are covered."""
    folder = shared_data / "realblur/nolic-phone240ms"
    recording = read_imu(folder / "gyro_accel.csv")
    frames = np.loadtxt(folder / "movie_metadata.csv", delimiter=",", skiprows=1, usecols=(0, 4, 6), dtype=np.int64)
    for k, (start, exposure, readout) in enumerate(frames.tolist()):
        if k < 2:
            with pytest.raises(ImuError, match="expected gyro samples over the whole exposure"):
                require_coverage(recording, start, start + exposure + readout)
        else:
            assert require_coverage(recording, start, start + exposure).covered == 1.0
