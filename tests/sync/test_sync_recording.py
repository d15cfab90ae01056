from dataclasses import replace

import numpy as np
import pytest

from camera_tracks import Truth, tracks
from gyrosharp.errors import CaptureError
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.sync.pairs import joined
from gyrosharp.sync.recording import SynchroniseOptions, apply, synchronise, synchronised_points
from gyrosharp.sync.result import AXES, BIAS, DRIFT, FOCAL, READOUT, TIME_OFFSET

LANDSCAPE = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])


def found(seed=0, truth=None, options=None, **made):
    recording, points = tracks(seed, truth, **made)
    return synchronised_points(recording, points, options)


def test_everything_is_found_from_hand_shake(record_property):
    truth = Truth()
    result = found(truth=truth).result
    error_ms = 1e3 * (result.time_offset_s - truth.time_offset_s)
    focal = result.fx / truth.fx - 1
    record_property("offset_error_ms", float(error_ms))
    record_property("focal_error", float(focal))
    assert set(result.determined) >= {TIME_OFFSET, AXES, FOCAL, READOUT, BIAS}
    assert abs(error_ms) < 1.0
    assert abs(focal) < 0.01
    assert result.readout_s == pytest.approx(truth.readout_s, abs=1e-3)
    assert result.R_cam_imu == pytest.approx(truth.R_cam_imu)
    assert result.gyro_bias_rad_s == pytest.approx(truth.bias_rad_s, abs=3e-3)
    # Half the readout and half the exposure after the stamp, less the offset: 9 + 2 - 20 ms.
    assert result.mid_frame_delay_s == pytest.approx(-0.009, abs=1e-3)
    assert result.residual_px < 0.3


def test_quoted_deviations_cover_the_errors():
    truth = Truth()
    scores = []
    for seed in range(8):
        result = found(seed, truth, frames=40).result
        scores.append(
            [
                (result.time_offset_s - truth.time_offset_s) / result.std[TIME_OFFSET],
                (result.fx - truth.fx) / result.std[FOCAL],
                (result.readout_s - truth.readout_s) / result.std[READOUT],
            ]
        )
    scores = np.abs(scores)
    assert (scores < 3).mean() > 0.95
    # Nor are they so wide as to mean nothing.
    assert (np.sqrt((scores**2).mean(axis=0)) > 0.2).all()


@pytest.mark.parametrize("R_cam_imu", [np.eye(3), LANDSCAPE, np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]])])
def test_axes_are_found_even_if_others_were_given(R_cam_imu):
    recording, points = tracks(3, Truth(R_cam_imu=R_cam_imu), frames=45)
    result = synchronised_points(replace(recording, R_cam_imu=np.diag([-1.0, 1.0, -1.0])), points).result
    assert AXES in result.determined
    assert result.R_cam_imu == pytest.approx(R_cam_imu)
    assert any("do not fit" in note for note in result.notes)


def test_clocks_with_nothing_in_common_are_joined():
    truth = Truth()
    recording, points = tracks(1, truth, frames=60)
    far = replace(recording.imu, time_ns=recording.imu.time_ns - 123_456_789_000)
    result = synchronised_points(replace(recording, imu=far, offset_std_s=None), points).result
    assert result.time_offset_s == pytest.approx(truth.time_offset_s + 123.456789, abs=1e-3)


def test_moving_things_and_a_driving_car_do_not_mislead():
    truth = Truth(outliers=0.25, drive_per_s=0.5)
    result = found(2, truth).result
    assert result.time_offset_s == pytest.approx(truth.time_offset_s, abs=1e-3)
    assert result.fx == pytest.approx(truth.fx, rel=0.01)


def test_drift_of_a_long_clip():
    truth = Truth(drift=5e-5)
    result = found(4, truth, frames=400, rate_hz=5.0, points=25, strength=0.1).result
    assert DRIFT in result.determined
    assert result.clock_drift == pytest.approx(5e-5, abs=1e-5)
    # The offset goes with the drift: it is that of the log's first sample, 2 ms from that of the clip's middle.
    assert abs(result.time_offset_s - truth.time_offset_s) < max(4.0 * result.std[TIME_OFFSET], 3e-4)


def test_applied_result_turns_up_in_captures():
    recording, points = tracks(frames=45)
    result = synchronised_points(recording, points).result
    capture = apply(recording, result)[3]
    assert capture.time_offset_s == pytest.approx(0.02, abs=1e-3)
    assert capture.camera.fx == pytest.approx(1100, rel=0.01)
    assert capture.exposure.readout_s == pytest.approx(0.018, abs=1e-3)
    assert capture.R_cam_imu == pytest.approx(np.diag([1.0, -1.0, -1.0]))


def test_roll_alone_does_not_give_the_focal_length():
    result = found(5, Truth(axes=(0.0, 0.0, 1.0), noise_px=0.3), frames=60).result
    assert FOCAL not in result.determined
    assert result.reasons
    assert result.advice


def test_yaw_alone_does_not_give_the_axes():
    result = found(6, Truth(axes=(0.0, 1.0, 0.0), bias_rad_s=(0, 0, 0)), frames=60, gyro_noise=0.0).result
    assert AXES not in result.determined
    assert result.R_cam_imu is None
    assert any("axes" in reason for reason in result.reasons)


def test_log_of_another_recording_is_refused():
    recording, points = tracks(7, frames=60)
    other = replace(tracks(8, frames=60)[0].imu, time_ns=recording.imu.time_ns)
    for offset_std_s in (0.005, None):
        result = synchronised_points(replace(recording, imu=other, offset_std_s=offset_std_s), points).result
        assert result.determined == ()
        assert result.time_offset_s == (None if offset_std_s is None else 0.0)
        assert result.reasons
        assert result.advice


def test_still_gyro_still_camera_and_missing_points_are_refused():
    recording, points = tracks(9, frames=20)
    still = replace(recording.imu, gyro_rad_s=np.zeros_like(recording.imu.gyro_rad_s))
    assert "gyro was still" in synchronised_points(replace(recording, imu=still), points).result.reasons[0]
    unmoved = joined([(0, 1, points.a_px[:50], points.a_px[:50]), (1, 2, points.a_px[:50], points.a_px[:50])])
    assert "camera was still" in synchronised_points(recording, unmoved).result.reasons[0]
    assert "too little texture" in synchronised_points(recording, joined([])).result.reasons[0]


def test_log_that_ends_before_the_frames_is_refused():
    recording, points = tracks(10, frames=30)
    early = ImuRecording(recording.imu.time_ns - 10**11, recording.imu.gyro_rad_s)
    result = synchronised_points(replace(recording, imu=early), points).result
    assert "covers" in result.reasons[0]


@pytest.mark.parametrize("offset_std_s", [0.005, None])
def test_gap_and_early_end_of_the_log_cost_only_their_frames(offset_std_s):
    truth = Truth()
    recording, points = tracks(14, truth, frames=90)
    since_s = (recording.imu.time_ns - recording.start_ns[0]) * 1e-9
    for kept in ((since_s < 0.9) | (since_s > 1.8), since_s < 1.8):
        log = ImuRecording(recording.imu.time_ns[kept], recording.imu.gyro_rad_s[kept])
        result = synchronised_points(replace(recording, imu=log, offset_std_s=offset_std_s), points).result
        assert set(result.determined) >= {TIME_OFFSET, AXES, FOCAL, READOUT}
        assert result.time_offset_s == pytest.approx(truth.time_offset_s, abs=1e-3)
        assert result.fx == pytest.approx(truth.fx, rel=0.01)
        assert result.pairs < 70


def test_two_frames_are_too_few():
    recording, points = tracks(frames=2)
    assert "2 frames are too few" in synchronised_points(recording, points).result.reasons[0]


def test_a_few_frames_say_what_readout_their_offset_counts_on():
    recording, points = tracks(15, Truth(time_offset_s=0.004, bias_rad_s=(0, 0, 0)), frames=6)
    result = synchronised_points(recording, points).result
    assert READOUT not in result.determined
    # What was kept as it was has no deviation; 0 would mean that it is known exactly.
    assert not {READOUT, DRIFT} & set(result.std)
    assert result.time_offset_s == pytest.approx(0.004 - 0.5 * 0.018, abs=2e-3)
    assert result.mid_frame_delay_s == pytest.approx(0.5 * (0.018 + 0.004) - 0.004, abs=2e-3)
    assert any("readout of 0 ms" in note for note in result.notes)


def test_offset_at_the_edge_is_not_trusted():
    recording, points = tracks(11, Truth(time_offset_s=0.08), frames=60)
    result = synchronised_points(recording, points, SynchroniseOptions(max_offset_s=0.06)).result
    assert TIME_OFFSET not in result.determined


def test_too_long_a_search_is_refused():
    recording, points = tracks(12, frames=20)
    first, last = recording.imu.time_ns[[0, -1]]
    stamps = np.append(recording.imu.time_ns[:-1], last + 3_000_000_000_000)
    long = replace(recording, imu=ImuRecording(stamps, recording.imu.gyro_rad_s), offset_std_s=None)
    assert first < last
    assert "min of offsets" in synchronised_points(long, points).result.reasons[0]


def test_missing_log_and_single_frames_are_errors():
    recording, _ = tracks(frames=3)
    with pytest.raises(CaptureError, match="gyro log"):
        synchronise(replace(recording, imu=None))
    with pytest.raises(CaptureError, match="2 frames"):
        synchronise(replace(recording, frames=recording.frames[:1], start_ns=recording.start_ns[:1], exposure_s=0.01))


def test_rates_of_picture_and_gyro_agree_after_synchronising():
    rates = found(13, Truth(noise_px=0.05), frames=45).rates
    assert len(rates) == 44
    assert np.corrcoef(rates.rate_rad_s[:, 1], rates.gyro_rad_s[:, 1])[0, 1] > 0.999
    difference = (rates.rate_rad_s - rates.gyro_rad_s)[:, :2]
    assert np.sqrt((difference**2).mean()) < 0.01
