from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.blur.field import blur_field
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import Capture
from gyrosharp.datasets.synthesis.trail_length import (
    median_trail_px,
    reintegrated,
    scaled_motion,
    scaled_to_trail,
    trail_px,
)
from gyrosharp.datasets.synthesis.tremor import hand_tremor
from gyrosharp.errors import CaptureError, ImuError
from gyrosharp.geometry import Exposure, PoseTrajectory, Shutter
from gyrosharp.geometry.rotation import log_so3
from gyrosharp.imu.recording import ImuRecording
from shaken import camera, hand_rate

STAMPS = np.rint(np.arange(100) * 2.5e6).astype(np.int64)
EXPOSURE = Exposure(100_000_000, 0.05, 0.02)


def gyro_capture(rates=None, exposure=EXPOSURE, width=160, height=120):
    rates = hand_rate(STAMPS * 1e-9) if rates is None else np.broadcast_to(rates, (STAMPS.size, 3))
    imu = ImuRecording(STAMPS, rates, R_cam_imu=np.eye(3), source="hand")
    return Capture(camera(width, height), exposure, imu=imu)


def pose_capture(velocity_m_s=(0.2, 0.0, 0.0), rates=None, with_rates=True, **size):
    rates = hand_rate(STAMPS * 1e-9) if rates is None else np.broadcast_to(np.asarray(rates, float), (STAMPS.size, 3))
    poses = PoseTrajectory.from_gyro(STAMPS, rates)
    positions = STAMPS[:, None] * 1e-9 * np.array(velocity_m_s)
    poses = replace(poses, positions_m=positions, rates_rad_s=poses.rates_rad_s if with_rates else None)
    return Capture(camera(160, 120), EXPOSURE, poses=poses, **size)


@pytest.mark.parametrize("shutter", list(Shutter))
def test_the_measure_is_the_fields(shutter):
    capture = gyro_capture(exposure=Exposure(100_000_000, 0.05, 0.02, shutter))
    extent = blur_field(capture, stride=15, times=33).extent_px
    assert median_trail_px(capture) == pytest.approx(float(np.median(extent)), rel=1e-6)
    dense = blur_field(capture, stride=1, times=33).extent_px
    assert trail_px(capture, measure="maximum") == pytest.approx(float(dense.max()), rel=1e-6)


@pytest.mark.parametrize("wanted_px", [0.5, 5.0, 40.0])
@pytest.mark.parametrize("measure", ["median", "maximum"])
@pytest.mark.parametrize("capture", [gyro_capture(), pose_capture(), pose_capture(with_rates=False)])
def test_trails_are_as_long_as_asked(capture, measure, wanted_px):
    depth = np.full((120, 160), 2.0, np.float32)
    scaled = scaled_to_trail(replace(capture, depth_m=depth), wanted_px, measure)
    assert trail_px(scaled, measure) == pytest.approx(wanted_px, rel=2e-5)
    extent = blur_field(scaled, stride=4, times=65).extent_px
    dense = {"median": np.median, "maximum": np.max}[measure](extent)
    assert dense == pytest.approx(wanted_px, rel=0.05)


def test_depth_counts_only_for_positions():
    """A pan of 0.2 m/s past a wall 2 m away, 50 ms, f = 192 px: 192 * 0.01 / 2 = 0.96 px; at 1 m, twice as much."""
    panning = pose_capture(rates=(0, 0, 0))
    near, far = (np.full((120, 160), depth, np.float32) for depth in (1.0, 2.0))
    assert trail_px(replace(panning, depth_m=far)) == pytest.approx(0.96, rel=1e-6)
    assert trail_px(replace(panning, depth_m=near)) == pytest.approx(1.92, rel=1e-6)
    mixed = far.copy()
    mixed[:, 100:] = 1.0
    uneven = replace(panning, depth_m=mixed)
    assert trail_px(uneven) == pytest.approx(0.96, rel=1e-6)
    assert trail_px(uneven, "maximum") == pytest.approx(1.92, rel=1e-6)
    assert trail_px(panning) == pytest.approx(0.0, abs=1e-9)
    assert trail_px(replace(gyro_capture(), depth_m=near)) == trail_px(gyro_capture())


@pytest.mark.parametrize("capture", [gyro_capture(), pose_capture(), pose_capture(with_rates=False)])
def test_nothing_asked_is_a_still_camera_with_the_same_reference_view(capture):
    still = scaled_to_trail(capture, 0.0)
    before, after = CameraMotion.from_capture(capture), CameraMotion.from_capture(still)
    depth = np.full((120, 160), 1.0, np.float32)
    assert trail_px(replace(still, depth_m=depth), "maximum") < 1e-9
    if capture.poses is not None:
        for old, new in zip(
            before.trajectory.at(capture.reference_ns), after.trajectory.at(capture.reference_ns), strict=True
        ):
            np.testing.assert_allclose(new, old, atol=1e-12)


@pytest.mark.parametrize("with_rates", [True, False])
def test_poses_turn_and_move_about_the_reference(with_rates):
    capture = pose_capture(with_rates=with_rates, rates=(0.1, 0.3, -0.2))
    triple = scaled_motion(capture, 3.0)
    stamp = capture.reference_ns + 20_000_000
    (R0, p0), (R, p), (R3, p3) = (
        capture.poses.at(capture.reference_ns),
        capture.poses.at(stamp),
        triple.poses.at(stamp),
    )
    np.testing.assert_allclose(log_so3(R0.T @ R3), 3 * log_so3(R0.T @ R), atol=1e-9)
    np.testing.assert_allclose(p3 - p0, 3 * (p - p0), atol=1e-12)


def test_gyro_and_poses_scale_alike():
    capture = gyro_capture()
    poses = replace(capture.trajectory(), positions_m=None)
    known = Capture(capture.camera, capture.exposure, poses=poses)
    fields = [blur_field(scaled_to_trail(one, 30.0), stride=20).displacement_px for one in (capture, known)]
    np.testing.assert_allclose(fields[0], fields[1], atol=5e-4)


def test_other_rates_look_where_the_old_ones_do_at_the_reference():
    poses = pose_capture().poses
    other = reintegrated(poses, np.full((STAMPS.size, 3), 0.5), 120_000_000)
    np.testing.assert_allclose(other.at(120_000_000)[0], poses.at(120_000_000)[0], atol=1e-12)
    turn = other.at(120_000_000)[0].T @ other.at(130_000_000)[0]
    np.testing.assert_allclose(log_so3(turn), [0.005, 0.005, 0.005], atol=1e-12)
    np.testing.assert_array_equal(other.positions_m, poses.positions_m)


def test_a_still_camera_cannot_be_scaled():
    with pytest.raises(ImuError, match=r"hand: expected a moving stretch .* got a still one"):
        scaled_to_trail(gyro_capture(rates=(0, 0, 0)), 5.0)
    with pytest.raises(CaptureError, match=r"poses: expected a moving stretch .* got a still one"):
        scaled_to_trail(pose_capture((0, 0, 0), rates=(0, 0, 0)), 5.0)


def test_a_roll_cannot_make_any_trail():
    """A point turns on a circle, so the box around its trail grows no larger than the circle."""
    with pytest.raises(CaptureError, match=r"hand: expected a motion that can be scaled to trails of 400.0 px, got"):
        scaled_to_trail(gyro_capture(rates=(0, 0, 1.0)), 400.0)


def test_the_hand_of_the_demo_scales_in_few_steps():
    imu = hand_tremor(np.random.default_rng(0), 0.4)
    capture = Capture(camera(256, 256), EXPOSURE, imu=imu)
    once = scaled_motion(capture, 20.0 / trail_px(capture))
    assert trail_px(once) == pytest.approx(20.0, rel=0.02)


def test_less_than_can_be_told_from_nothing_is_nothing():
    assert trail_px(scaled_to_trail(gyro_capture(), 4e-4)) < 1e-9
    assert trail_px(scaled_to_trail(gyro_capture(), 2e-3)) == pytest.approx(2e-3, rel=1e-3)
