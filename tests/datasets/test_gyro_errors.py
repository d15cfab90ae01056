import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.blur.field import blur_field
from gyrosharp.capture.capture import Capture
from gyrosharp.datasets.synthesis.gyro_errors import (
    PRESETS,
    ErrorSettings,
    GyroErrors,
    draw_errors,
    error_settings,
)
from gyrosharp.errors import CaptureError, UsageError
from gyrosharp.geometry import CameraModel, Exposure, PoseTrajectory
from gyrosharp.imu.recording import ImuRecording
from shaken import hand_rate

STAMPS = np.rint(np.arange(121) * 2.5e6).astype(np.int64)
FOCAL_PX = 500.0
CAMERA = CameraModel(200, 160, FOCAL_PX, FOCAL_PX, 99.5, 79.5)


def shot(rates=None, readout_s=0.0, poses=False, positions=None):
    rates = hand_rate(STAMPS * 1e-9) if rates is None else np.broadcast_to(np.asarray(rates, float), (STAMPS.size, 3))
    exposure = Exposure(110_000_000, 0.05, readout_s)
    if not poses:
        return Capture(CAMERA, exposure, imu=ImuRecording(STAMPS, rates, R_cam_imu=np.eye(3)))
    trajectory = replace(PoseTrajectory.from_gyro(STAMPS, rates), positions_m=positions)
    return Capture(CAMERA, exposure, poses=trajectory)


def seen(capture, rng=0, **errors):
    return GyroErrors(**errors).applied(capture, np.random.default_rng(rng))


def end_to_end(capture):
    """How far the scene moves at the centre from the first to the last moment, px."""
    track = blur_field(capture, stride=20, times=9).displacement_px
    return (track[-1] - track[0])[4, 5]


@pytest.mark.parametrize("poses", [False, True])
def test_no_errors_change_nothing(poses):
    capture = shot(poses=poses, readout_s=0.02)
    fields = [blur_field(one, stride=16).displacement_px for one in (capture, seen(capture))]
    np.testing.assert_allclose(fields[1], fields[0], atol=1e-5)


@pytest.mark.parametrize("poses", [False, True])
def test_a_bias_moves_the_scene_by_bias_times_time_times_focal_length(poses):
    """0.01 rad/s to the right, 50 ms, f = 500 px: 0.25 px to the left; upwards pitch moves it down."""
    still = shot((0, 0, 0), poses=poses)
    np.testing.assert_allclose(end_to_end(seen(still, bias_rad_s=(0.0, 0.01, 0.0))), [-0.25, 0.0], atol=5e-4)
    np.testing.assert_allclose(end_to_end(seen(still, bias_rad_s=(0.02, 0.0, 0.0))), [0.0, 0.5], atol=5e-4)


@pytest.mark.parametrize("poses", [False, True])
def test_a_time_offset_moves_the_field_in_time(poses):
    """Thought to happen 4 ms later, the motion seen at t is what was at t - 4 ms."""
    late = seen(shot(poses=poses), time_offset_s=0.004)
    earlier = hand_rate(STAMPS * 1e-9 - 0.004)
    truth = blur_field(shot(earlier), stride=20).displacement_px
    np.testing.assert_allclose(blur_field(late, stride=20).displacement_px, truth, atol=1e-3)
    assert np.abs(blur_field(shot(), stride=20).displacement_px - truth).max() > 0.25


@pytest.mark.parametrize("poses", [False, True])
def test_a_focal_error_scales_the_field(poses):
    capture = shot((0.0, 0.3, 0.0), poses=poses)
    ratio = end_to_end(seen(capture, focal_ratio=1.05)) / end_to_end(capture)
    assert ratio[0] == pytest.approx(1.05, rel=1e-3)


def test_a_shifted_centre_moves_the_point_that_a_roll_leaves_alone():
    capture = seen(shot((0.0, 0.0, 1.0)), centre_shift=(0.25, -0.125))
    assert (capture.camera.cx, capture.camera.cy) == (99.5 + 50.0, 79.5 - 20.0)
    extent = blur_field(capture, stride=1).extent_px
    y, x = np.unravel_index(extent.argmin(), extent.shape)
    assert (x, y) == pytest.approx((149.5, 59.5), abs=1.0)


def test_a_part_of_a_picture_has_the_shift_of_the_whole_one():
    part = shot((0.0, 0.0, 1.0))
    errors = GyroErrors(centre_shift=(0.25, -0.125))
    camera = errors.applied(part, np.random.default_rng(0), whole_px=(800.0, 640.0)).camera
    assert (camera.cx, camera.cy) == (99.5 + 200.0, 79.5 - 80.0)


def test_a_readout_error_scales_the_readout_and_leaves_the_reference():
    capture = seen(shot(readout_s=0.02), readout_ratio=1.2)
    assert capture.exposure.readout_s == pytest.approx(0.024)
    assert capture.exposure.start_ns == 110_000_000
    assert capture.reference_ns == shot(readout_s=0.02).reference_ns
    assert seen(shot(readout_s=0.9), readout_ratio=1.3).exposure.readout_s == 1.0


def test_long_noise_has_the_std_the_correlation_and_the_steps_of_the_phone():
    errors = GyroErrors((6.8e-4, 8.1e-4, 6.1e-4), 0.3, 6.109e-4, (9e-5, 2.2e-4, -1.6e-3))
    rates = errors.of_rates(np.zeros((200_000, 3)), np.random.default_rng(0))
    np.testing.assert_allclose(rates.std(axis=0), [6.8e-4, 8.1e-4, 6.1e-4], rtol=0.02)
    np.testing.assert_allclose(rates.mean(axis=0), [9e-5, 2.2e-4, -1.6e-3], atol=1e-5)
    off = rates - rates.mean(axis=0)
    lags = [(off[k:] * off[:-k]).mean(axis=0) / (off**2).mean(axis=0) for k in (1, 2, 3)]
    np.testing.assert_allclose(lags[0], 0.3, atol=0.02)
    # An AR(1) process forgets by the same factor from sample to sample; rounding cost it a little of the first.
    np.testing.assert_allclose(lags[1], 0.3**2, atol=0.05)
    np.testing.assert_allclose(lags[2], 0.3**3, atol=0.04)
    np.testing.assert_allclose(rates / 6.109e-4, np.rint(rates / 6.109e-4), atol=1e-9)
    assert np.abs(np.corrcoef(rates.T) - np.eye(3)).max() < 0.01


def test_noise_starts_at_its_full_strength():
    errors = GyroErrors(noise_std_rad_s=(1e-3, 1e-3, 1e-3), noise_correlation=0.9)
    first = [errors.of_rates(np.zeros((3, 3)), np.random.default_rng(seed))[0] for seed in range(2000)]
    assert np.std(first) == pytest.approx(1e-3, rel=0.05)


@pytest.mark.parametrize("poses", [False, True])
def test_lost_samples_are_gone_and_the_ends_stay(poses):
    capture = shot(poses=poses, positions=np.outer(STAMPS, [1e-9, 0, 0]) if poses else None)
    thin = seen(capture, dropped=0.3)
    stamps = thin.poses.time_ns if poses else thin.imu.time_ns
    assert 0.6 * STAMPS.size < stamps.size < 0.8 * STAMPS.size
    assert set(stamps) <= set(STAMPS)
    assert (stamps[0], stamps[-1]) == (STAMPS[0], STAMPS[-1])
    # The motion is smooth, so that the spline bridges what is missing.
    fields = [blur_field(one, stride=20).displacement_px for one in (capture, thin)]
    assert 0 < np.abs(fields[0] - fields[1]).max() < 0.05


def test_poses_keep_their_positions_and_their_reference_view():
    positions = np.outer(STAMPS * 1e-9, [0.3, -0.1, 0.2])
    capture = shot(poses=True, positions=positions)
    erring = seen(capture, bias_rad_s=(0.02, 0.05, 0.0), noise_std_rad_s=(1e-3, 1e-3, 1e-3))
    np.testing.assert_array_equal(erring.poses.positions_m, positions)
    before, after = (one.poses.at(capture.reference_ns)[0] for one in (capture, erring))
    np.testing.assert_allclose(after, before, atol=1e-12)
    assert np.abs(erring.poses.rotations - capture.poses.rotations).max() > 1e-3


def test_rotations_alone_have_no_rates_to_err():
    capture = shot(poses=True)
    bare = replace(capture, poses=replace(capture.poses, rates_rad_s=None))
    with pytest.raises(CaptureError, match="gyro errors: expected poses with angular rates, got rotations only"):
        seen(bare)


def test_levels_scale_the_same_draw():
    none, half, double = (draw_errors(np.random.default_rng(4), level) for level in (0.0, 0.5, 2.0))
    assert none == replace(GyroErrors(), noise_correlation=none.noise_correlation)
    for name in ("noise_std_rad_s", "bias_rad_s", "centre_shift", "time_offset_s", "quantum_rad_s", "dropped"):
        np.testing.assert_allclose(getattr(double, name), 4 * np.array(getattr(half, name)), rtol=1e-12)
    assert double.focal_ratio - 1 == pytest.approx(4 * (half.focal_ratio - 1))
    assert double.readout_ratio - 1 == pytest.approx(4 * (half.readout_ratio - 1))


def test_many_draws_have_the_sizes_of_the_settings():
    rng = np.random.default_rng(0)
    draws = [draw_errors(rng) for _ in range(4000)]
    spread = {
        name: np.std([getattr(one, name) for one in draws]) for name in ("bias_rad_s", "centre_shift", "time_offset_s")
    }
    assert spread["bias_rad_s"] == pytest.approx(2e-3, rel=0.05)
    assert spread["centre_shift"] == pytest.approx(0.01, rel=0.05)
    assert spread["time_offset_s"] == pytest.approx(2e-3, rel=0.05)
    assert np.std([one.focal_ratio for one in draws]) == pytest.approx(0.02, rel=0.05)
    assert np.std([one.readout_ratio for one in draws]) == pytest.approx(0.05, rel=0.05)
    factors = np.array([one.noise_std_rad_s[0] for one in draws]) / 6.8e-4
    assert (factors.min(), np.median(factors), factors.max()) == pytest.approx((1.0, 2.0, 4.0), rel=0.05)
    correlations = [one.noise_correlation for one in draws]
    assert 0.26 <= min(correlations) < 0.27
    assert 0.33 < max(correlations) <= 0.34


def test_the_papers_errors_are_a_preset():
    settings = error_settings("gyrodeblurnet")
    draws = [draw_errors(np.random.default_rng(seed), 1.0, settings) for seed in range(2000)]
    assert np.std([one.centre_shift for one in draws]) == pytest.approx(0.25, rel=0.05)
    assert {one.noise_std_rad_s for one in draws} == {PRESETS["phone"].noise_std_rad_s}
    assert {(one.time_offset_s, one.focal_ratio, one.readout_ratio, one.dropped) for one in draws} == {(0, 1, 1, 0)}


def test_errors_travel_as_json_and_between_processes():
    errors = draw_errors(np.random.default_rng(0))
    back = json.loads(json.dumps(errors.as_json()))
    assert (
        GyroErrors(**{key: tuple(value) if isinstance(value, list) else value for key, value in back.items()}) == errors
    )
    assert pickle.loads(pickle.dumps(errors)) == errors


def test_the_same_state_gives_the_same_capture():
    errors = draw_errors(np.random.default_rng(1))
    one, again, other = (errors.applied(shot(), np.random.default_rng(seed)).imu.gyro_rad_s for seed in (2, 2, 3))
    np.testing.assert_array_equal(one, again)
    assert one.shape != other.shape or np.abs(one - other).max() > 0


def test_settings_from_a_config():
    settings = error_settings(changes={"focal_std": 0.1, "dropped": [0.0, 0.5]})
    assert settings == replace(ErrorSettings(), focal_std=0.1, dropped=(0.0, 0.5))
    with pytest.raises(UsageError, match=r"expected one of phone, gyrodeblurnet, got 'tablet'"):
        error_settings("tablet")
    with pytest.raises(UsageError, match=r"expected settings out of noise_std_rad_s, .* got 'focal'"):
        error_settings(changes={"focal": 1})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"focal_std": -0.1}, "focal_std: expected one number >= 0, got -0.1"),
        ({"focal_std": [0.1, 0.2]}, "focal_std: expected one number"),
        ({"bias_std_rad_s": float("nan")}, "bias_std_rad_s: expected one number"),
        ({"noise_std_rad_s": 1e-3}, "noise_std_rad_s: expected 3 numbers"),
        ({"noise_std_rad_s": [1e-3, 1e-3]}, "noise_std_rad_s: expected 3 numbers"),
        ({"noise_factor": [2.0, 1.0]}, "noise_factor: expected low <= high"),
        ({"noise_factor": [0.0, 1.0]}, "noise_factor: expected a range over 0"),
        ({"noise_correlation": [0.2, 1.0]}, "noise_correlation: expected low <= high < 1"),
        ({"dropped": [0.0, 1.0]}, "dropped: expected low <= high < 1"),
        ({"dropped": "many"}, "dropped: expected 2 numbers"),
    ],
)
def test_settings_out_of_range_are_refused(changes, said):
    with pytest.raises(UsageError, match=f"gyro errors, {said}"):
        error_settings(changes=changes)


@pytest.mark.parametrize("level", [-0.1, 2.1, float("nan")])
def test_a_level_out_of_range_is_refused(level):
    with pytest.raises(UsageError, match="gyro error level: expected 0 to 2, got"):
        draw_errors(np.random.default_rng(0), level)
