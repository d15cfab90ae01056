from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import Capture
from gyrosharp.errors import CaptureError, ImuError
from gyrosharp.geometry import CameraModel, Exposure, PoseTrajectory, Shutter, plane_homography
from gyrosharp.geometry.rotation import exp_so3
from gyrosharp.imu.recording import ImuRecording
from shaken import camera, hand_rate, motion_of, shake, trajectory, turning

LENSES = {
    "none": {},
    "opencv": {"distortion_model": "opencv", "distortion": (-0.2, 0.05, 1e-3, -5e-4, 0.0)},
    "fisheye": {"distortion_model": "opencv_fisheye", "distortion": (-0.01, 0.02, -0.005, 0.001)},
}
MS = 1_000_000


def centre_after(axis, milliseconds, offset=(0.0, 0.0)):
    """Where the centre pixel, or one beside it, stands some time after the reference; rate 0.5 rad/s."""
    motion = turning(axis)
    point = np.array([motion.camera.cx, motion.camera.cy]) + offset
    time_ns = [motion.reference_ns + milliseconds * MS]
    return motion.positions(point, time_ns)[0] - (motion.camera.cx, motion.camera.cy), motion.camera


def test_yaw_moves_the_centre_left():
    (x, y), model = centre_after("yaw", 20)
    assert x == pytest.approx(-model.fx * np.tan(0.5 * 0.02), abs=1e-6)
    assert y == pytest.approx(0.0, abs=1e-9)


def test_pitch_moves_the_centre_down():
    (x, y), model = centre_after("pitch", 20)
    assert y == pytest.approx(model.fy * np.tan(0.5 * 0.02), abs=1e-6)
    assert x == pytest.approx(0.0, abs=1e-9)


def test_roll_turns_the_scene_counter_clockwise_on_the_screen():
    """What stands to the right of the centre goes up, by the angle that the camera turned."""
    (x, y), _ = centre_after("roll", 20, offset=(30.0, 0.0))
    assert (x, y) == pytest.approx((30 * np.cos(0.01), -30 * np.sin(0.01)), abs=1e-6)


def test_at_the_reference_time_nothing_has_moved():
    motion = shake()
    points = np.random.default_rng(0).uniform((0, 0), (95, 71), (20, 2))
    np.testing.assert_allclose(motion.positions(points, [motion.reference_ns])[:, 0], points, atol=1e-9)


def rodrigues(v):
    angle = np.linalg.norm(v, axis=-1)[..., None, None]
    axis = v / np.maximum(angle[..., 0], 1e-300)
    zero = np.zeros(len(v))
    cross = np.array(
        [[zero, -axis[:, 2], axis[:, 1]], [axis[:, 2], zero, -axis[:, 0]], [-axis[:, 1], axis[:, 0], zero]]
    )
    cross = np.moveaxis(cross, -1, 0)
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * (cross @ cross)


@pytest.fixture(scope="module")
def fine_orientations():
    """R(t) at every microsecond of 0.13 s, by 1 MHz steps of the analytic rate at their middles."""
    steps = rodrigues(hand_rate((np.arange(130_000) + 0.5) * 1e-6) * 1e-6)
    R, result = np.eye(3), np.empty((130_001, 3, 3))
    result[0] = R
    for k, step in enumerate(steps):
        R = R @ step
        result[k + 1] = R
    return result


@pytest.mark.parametrize("rate_hz", [200, 333, 500])
@pytest.mark.parametrize("shutter", Shutter)
def test_positions_against_an_independent_integration(fine_orientations, rate_hz, shutter):
    model = CameraModel(1920, 1080, 1500.0, 1500.0, 959.5, 539.5)
    exposure = Exposure(50 * MS, 0.05, 0.02, shutter)
    motion = motion_of(model, exposure, trajectory(rate_hz=rate_hz))
    points = np.array([[0.0, 0.0], [1919, 0], [959.5, 539.5], [300, 1000], [1919, 1079]])
    phases = np.array([0.0, 0.25, 0.6, 1.0])
    x, y = points.T
    before = {
        Shutter.GLOBAL: 0 * y,
        Shutter.TOP_TO_BOTTOM: y / 1080,
        Shutter.BOTTOM_TO_TOP: (1079 - y) / 1080,
        Shutter.LEFT_TO_RIGHT: x / 1920,
        Shutter.RIGHT_TO_LEFT: (1919 - x) / 1920,
    }[shutter]
    line_start = 0.05 + 0.02 * before[:, None]
    at = np.rint((line_start + 0.05 * phases) * 1e6).astype(int)
    reference = (
        0.05
        + 0.025
        + {Shutter.GLOBAL: 0.0}.get(shutter, 0.02 * 0.5 * (1 - 1 / (1920 if shutter.is_vertical else 1080)))
    )
    rays = np.column_stack([(points - (959.5, 539.5)) / 1500, np.ones(5)])
    world = rays @ fine_orientations[round(reference * 1e6)].T
    seen = np.einsum("ptji,pj->pti", fine_orientations[at], world)
    expected = seen[..., :2] / seen[..., 2:] * 1500 + (959.5, 539.5)
    found = motion.positions(points, motion.line_times_ns(points, phases))
    assert np.abs(found - expected).max() < 0.05


@pytest.mark.parametrize("lens", LENSES)
def test_sources_undo_positions(lens):
    motion = shake(640, 480, shutter=Shutter.GLOBAL, **LENSES[lens])
    points = np.random.default_rng(0).uniform((60, 60), (580, 420), (30, 2))
    for time_ns in (50 * MS, 70 * MS, 100 * MS):
        moved = motion.positions(points, [time_ns])[:, 0]
        assert np.abs(moved - points).max() > 0.5
        np.testing.assert_allclose(motion.sources(moved, [time_ns])[:, 0], points, atol=1e-6)


def test_zero_readout_is_a_global_shutter():
    points = np.random.default_rng(0).uniform((0, 0), (95, 71), (20, 2))
    tracks = []
    for shutter in Shutter:
        motion = shake(readout_s=0.0, shutter=shutter)
        tracks.append(motion.positions(points, motion.line_times_ns(points, [0.0, 0.4, 1.0])))
    for track in tracks[1:]:
        np.testing.assert_array_equal(track, tracks[0])


def capture_of(motion):
    return Capture(motion.camera, motion.exposure, poses=motion.trajectory)


@pytest.mark.parametrize("shutter", Shutter)
def test_a_cropped_capture_moves_like_the_whole(shutter):
    whole = CameraMotion.from_capture(capture_of(shake(640, 480, shutter=shutter)))
    part = CameraMotion.from_capture(capture_of(shake(640, 480, shutter=shutter)).cropped(100, 50, 300, 200))
    points = np.random.default_rng(0).uniform((0, 0), (299, 199), (20, 2))
    phases = [0.0, 0.5, 1.0]
    assert part.reference_ns == whole.reference_ns
    corner = np.array([100, 50])
    times, whole_times = part.line_times_ns(points, phases), whole.line_times_ns(points + corner, phases)
    assert np.abs(times - whole_times).max() <= 2
    shifted = whole.positions(points + corner, whole_times) - corner
    np.testing.assert_allclose(part.positions(points, times), shifted, atol=1e-4)


def test_gyro_axes_and_time_offset_reach_the_motion():
    """The IMU's x is the camera's y, and its clock lags by 0.3 s: a late turn about it is a yaw in the exposure."""
    time_ns = np.arange(0, 500, 5) * MS
    rates = np.zeros((100, 3))
    rates[:, 0] = 0.5
    axes = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    exposure = Exposure(400 * MS, 0.05, 0.0, Shutter.GLOBAL)
    capture = Capture(camera(), exposure, imu=ImuRecording(time_ns, rates), R_cam_imu=axes, time_offset_s=0.3)
    motion = CameraMotion.from_capture(capture)
    moved = motion.positions([motion.camera.cx, motion.camera.cy], [motion.reference_ns + 20 * MS])[0]
    assert moved[0] - motion.camera.cx == pytest.approx(-motion.camera.fx * np.tan(0.01), abs=1e-6)


def test_a_log_that_misses_the_exposure_is_an_error():
    imu = ImuRecording(np.arange(100) * 5 * MS, np.zeros((100, 3)))
    with pytest.raises(ImuError):
        CameraMotion.from_capture(Capture(camera(), Exposure(2_000 * MS, 0.05), imu=imu))


def moving(depth_m, strength=1.0):
    """Rotation and translation, with a depth map."""
    poses = trajectory(lambda t: hand_rate(t, strength))
    t = poses.time_ns * 1e-9
    positions = np.stack([0.5 * np.sin(8 * t), 0.2 * t, 0.3 * t**2], axis=-1)
    return motion_of(camera(), Exposure(50 * MS, 0.05, 0.02), replace(poses, positions_m=positions), depth_m)


def test_depth_and_translation_are_a_plane_homography():
    depth = 1.5
    motion = moving(np.full((72, 96), depth, np.float32))
    points = np.random.default_rng(0).uniform((0, 0), (95, 71), (20, 2))
    for time_ns in (50 * MS, 90 * MS, 115 * MS):
        R_ref, p_ref = motion.trajectory.at(motion.reference_ns)
        R, p = motion.trajectory.at(time_ns)
        H = plane_homography(motion.camera.K, R.T @ R_ref, R.T @ (p_ref - p), [0, 0, 1], depth)
        expected = np.column_stack([points, np.ones(20)]) @ H.T
        found = motion.positions(points, [time_ns])[:, 0]
        np.testing.assert_allclose(found, expected[:, :2] / expected[:, 2:], atol=1e-8)


def test_moving_right_shifts_near_things_left():
    """0.1 m to the right before a wall at 2 m: -f 0.1 / 2."""
    time_ns = np.array([0, 100, 200]) * MS
    poses = PoseTrajectory(time_ns, exp_so3(np.zeros((3, 3))), np.array([[0.0, 0, 0], [0.1, 0, 0], [0.2, 0, 0]]))
    motion = CameraMotion(camera(), Exposure(0, 0.05), poses, 0, np.full((72, 96), 2.0, np.float32))
    moved = motion.positions([40.0, 30.0], [100 * MS])[0]
    np.testing.assert_allclose(moved, [40.0 - motion.camera.fx * 0.05, 30.0], atol=1e-9)


def test_unknown_depth_turns_but_does_not_shift():
    depth = np.full((72, 96), 1.0, np.float32)
    depth[:, 48:] = np.nan
    motion = moving(depth)
    turning_only = replace(motion, depth_m=None)
    points, times = np.array([[10.0, 30.0], [80.0, 30.0]]), np.array([110 * MS])
    near, far = (motion.positions(points, times) - turning_only.positions(points, times))[:, 0]
    assert np.abs(near).max() > 1.0
    np.testing.assert_allclose(far, 0.0, atol=1e-9)


def test_sources_refuse_depth():
    motion = moving(np.ones((72, 96), np.float32))
    assert motion.moves_with_depth
    with pytest.raises(CaptureError, match="rotation-only"):
        motion.sources([10.0, 10.0], [60 * MS])


def test_depth_without_translation_does_not_matter():
    motion = replace(shake(), depth_m=np.ones((72, 96), np.float32))
    assert not motion.moves_with_depth
    np.testing.assert_allclose(
        motion.sources([10.0, 10.0], [60 * MS]), shake().sources([10.0, 10.0], [60 * MS]), atol=1e-12
    )


def test_a_lens_that_folds_over_is_an_error():
    motion = shake(distortion_model="opencv", distortion=(-3.0, 0.0, 0.0, 0.0))
    with pytest.raises(CaptureError, match=r"distortion: .* pixel \(0, 0\)"):
        motion.positions([[48.0, 36.0], [0.0, 0.0]], [60 * MS])


def test_turning_away_from_the_scene_is_an_error():
    motion = turning("yaw", rate_rad_s=80.0)
    with pytest.raises(CaptureError, match="in front of the camera"):
        motion.positions([48.0, 36.0], [motion.reference_ns + 20 * MS])


@pytest.mark.parametrize(("shutter", "down"), [(Shutter.TOP_TO_BOTTOM, False), (Shutter.RIGHT_TO_LEFT, True)])
def test_lines_run_down_with_a_sideways_readout(shutter, down):
    assert shake(shutter=shutter).lines_run_down is down
