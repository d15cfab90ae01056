import hashlib
import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gyrosharp.blur.field import blur_field
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import MARGIN_SAMPLES
from gyrosharp.capture.gcsv_writer import write_gcsv
from gyrosharp.datasets.synthesis.motion_sources import (
    ConstantRate,
    HandTremor,
    InertialPoses,
    LogWindows,
    Motion,
    UserTrajectory,
    capture_of,
    turned,
)
from gyrosharp.datasets.synthesis.trail_length import scaled_to_trail, trail_px
from gyrosharp.errors import CaptureError, ImuError, UsageError
from gyrosharp.geometry import Exposure, PoseTrajectory
from gyrosharp.geometry.rotation import exp_so3, log_so3
from gyrosharp.imu.axes import parse_axes
from gyrosharp.imu.recording import ImuRecording
from shaken import camera, hand_rate

DURATION_S = 0.06


def rng(seed=0):
    return np.random.default_rng(seed)


def gyro_log(path, rate=hand_rate, rate_hz=200.0, length_s=3.0, without=(), accel=None):
    """A gcsv log of rates (and forces) that are given in the camera's axes; the file has gyroflow's."""
    stamps = np.rint(np.arange(round(length_s * rate_hz)) * 1e9 / rate_hz).astype(np.int64)
    stamps = np.delete(stamps, without) + 7_000_000_000
    t = (stamps - stamps[0]) * 1e-9
    R = parse_axes("gyroflow")
    write_gcsv(ImuRecording(stamps, rate(t) @ R, None if accel is None else accel(t) @ R), path)
    return str(path)


@pytest.fixture
def log(tmp_path):
    return gyro_log(tmp_path / "shake.gcsv")


@pytest.fixture
def walk(tmp_path):
    """A phone held level (y down) that bobs by 3 mm at 2 Hz and turns."""

    def force(t):
        R = PoseTrajectory.from_gyro(np.rint(t * 1e9).astype(np.int64), hand_rate(t)).rotations
        bob = -((2 * np.pi * 2) ** 2) * 3e-3 * np.sin(2 * np.pi * 2 * t)
        world = np.stack([bob, np.full_like(t, -9.81), 0 * t], axis=-1)
        return np.einsum("nji,nj->ni", R, world)

    return gyro_log(tmp_path / "walk.gcsv", accel=force, rate_hz=400.0, length_s=4.0)


@pytest.fixture
def trajectory(tmp_path):
    """Half a turn about y in 4 s, along a line, at 30 poses/s."""
    t = np.arange(121) / 30.0
    rows = [f"{5 + s:.9f} {0.1 * s:.9f} 0 {0.05 * s:.9f} 0 {np.sin(0.2 * s):.12f} 0 {np.cos(0.2 * s):.12f}" for s in t]
    path = tmp_path / "poses.txt"
    path.write_text("\n".join(rows))
    return str(path)


@pytest.fixture
def sources(log, walk, trajectory):
    return {
        "log": LogWindows((log,)),
        "inertial": InertialPoses((walk,)),
        "tremor": HandTremor(),
        "constant": ConstantRate((0.1, 0.2, 0.0), (0.1, 0.0, 0.0)),
        "trajectory": UserTrajectory(trajectory),
    }


KINDS = ["log", "inertial", "tremor", "constant", "trajectory"]


def exposed(motion, duration_s=DURATION_S):
    return capture_of(motion, camera(), Exposure(motion.start_ns, duration_s))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("duration_s", [0.001, DURATION_S, 0.3])
def test_every_source_covers_what_is_asked_with_margins(sources, kind, duration_s):
    for seed in range(20):
        motion = sources[kind].draw(rng(seed), duration_s)
        stamps, end_ns = motion.imu.time_ns, motion.start_ns + round(duration_s * 1e9)
        assert stamps[0] == 0
        assert (stamps < motion.start_ns).sum() > MARGIN_SAMPLES
        assert (stamps > end_ns).sum() > MARGIN_SAMPLES
        assert motion.start_ns >= 79_000_000
        assert stamps[-1] - end_ns >= 79_000_000
        np.testing.assert_array_equal(motion.imu.R_cam_imu, np.eye(3))
        assert motion.positions_m is None or motion.positions_m.shape == (stamps.size, 3)
        assert CameraMotion.from_capture(exposed(motion, duration_s)).trajectory.at(end_ns)[0].shape == (3, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_sources_travel_between_processes_and_repeat_themselves(sources, kind):
    source = sources[kind]
    copy = pickle.loads(pickle.dumps(source))
    assert copy == source
    assert len(pickle.dumps(source)) < 2000
    one, again, other = (s.draw(rng(seed), DURATION_S) for s, seed in ((source, 1), (copy, 1), (source, 2)))
    np.testing.assert_array_equal(one.imu.gyro_rad_s, again.imu.gyro_rad_s)
    np.testing.assert_array_equal(one.positions_m, again.positions_m)
    assert one.description == again.description == json.loads(json.dumps(one.description))
    assert one.description["source"] == kind
    assert (one.description == other.description) == (kind == "constant")


@pytest.mark.parametrize("kind", KINDS)
def test_every_motion_makes_a_shot_of_any_trail_length(sources, kind):
    motion = sources[kind].draw(rng(3), DURATION_S)
    depth = np.full((72, 96), 3.0, np.float32)
    capture = scaled_to_trail(replace(exposed(motion), depth_m=depth), 12.0)
    assert trail_px(capture) == pytest.approx(12.0, rel=1e-3)
    assert (capture.poses is None) == (motion.positions_m is None)


def test_a_window_is_the_log_from_the_stamp_it_names(log):
    for seed in range(10):
        motion = LogWindows((log,)).draw(rng(seed), DURATION_S)
        start_s = motion.description["start_s"]
        t = (motion.imu.time_ns - motion.start_ns) * 1e-9 + start_s
        np.testing.assert_allclose(motion.imu.gyro_rad_s, hand_rate(t), atol=1e-6)
    assert motion.description["file"] == "shake.gcsv"
    assert motion.description["sha256"] == hashlib.sha256(Path(log).read_bytes()).hexdigest()


def test_windows_lie_all_over_the_log(log):
    starts = [LogWindows((log,)).draw(rng(seed), DURATION_S).description["start_s"] for seed in range(300)]
    # 3 s of log, margins of 40 samples at 200 Hz on each side.
    assert 0.2 < min(starts) < 0.25
    assert 2.7 < max(starts) < 2.8 - DURATION_S
    assert np.std(starts) == pytest.approx(2.53 / np.sqrt(12), rel=0.1)
    # Not only at samples.
    assert len({round(s * 200 % 1, 3) for s in starts}) > 100


def test_logs_are_drawn_in_proportion_to_their_length(log, tmp_path):
    longer = gyro_log(tmp_path / "long.gcsv", length_s=9.0)
    names = [LogWindows((log, longer)).draw(rng(seed), DURATION_S).description["file"] for seed in range(400)]
    assert names.count("long.gcsv") / 400 == pytest.approx(0.75, abs=0.06)


def test_windows_keep_clear_of_gaps(tmp_path):
    """Of 3 s at 200 Hz, samples 290 to 299 are missing."""
    gappy = gyro_log(tmp_path / "gap.gcsv", without=np.arange(290, 300))
    for seed in range(100):
        motion = LogWindows((gappy,)).draw(rng(seed), DURATION_S)
        assert np.diff(motion.imu.time_ns).max() < 6_000_000
    # One lost sample is no gap.
    holey = gyro_log(tmp_path / "hole.gcsv", without=[300])
    longest = [np.diff(LogWindows((holey,)).draw(rng(s), 0.3).imu.time_ns).max() for s in range(40)]
    assert max(longest) > 9_000_000


def test_windows_skip_what_stands_still(tmp_path):
    def late(t):
        return hand_rate(t) * (t > 2.0)[:, None]

    path = gyro_log(tmp_path / "late.gcsv", rate=late)
    starts = [LogWindows((path,)).draw(rng(seed), DURATION_S).description["start_s"] for seed in range(60)]
    assert min(starts) > 2.0 - DURATION_S
    anywhere = LogWindows((path,), slowest_rad_s=0.0)
    assert min(anywhere.draw(rng(seed), DURATION_S).description["start_s"] for seed in range(60)) < 0.5


def test_a_log_at_rest_is_refused(tmp_path):
    path = gyro_log(tmp_path / "rest.gcsv", rate=lambda t: np.full((t.size, 3), 1e-3))
    said = r"rest.gcsv: expected a stretch of 0.060 s that is free of gaps and faster than 0.02 rad/s, got none in 1000"
    with pytest.raises(ImuError, match=said):
        LogWindows((path,)).draw(rng(), DURATION_S)


def test_a_short_log_is_refused_and_can_be_left_out(log, tmp_path, walk):
    short = gyro_log(tmp_path / "short.gcsv", length_s=0.4)
    said = r"short.gcsv: expected at least 0.475 s of motion for an exposure of 0.060 s and its margins, got 0.395 s"
    for source in (LogWindows((log, short)), InertialPoses((walk, short))):
        with pytest.raises(ImuError, match=said):
            source.draw(rng(), DURATION_S)
        fitting, messages = source.fitting(DURATION_S)
        assert fitting == type(source)(source.files[:1])
        assert len(messages) == 1
        assert "short.gcsv: expected at least" in messages[0]
    missing, messages = LogWindows((str(tmp_path / "none.csv"),)).fitting(DURATION_S)
    assert missing.files == ()
    assert "none.csv" in messages[0]
    with pytest.raises(ImuError, match="motion: expected at least one gyro log, got none"):
        missing.draw(rng(), DURATION_S)


def test_axes_turn_a_log_that_has_none(tmp_path):
    stamps = np.arange(600) * 5_000_000 + 10**15
    rows = [f"{t} {w[0]:.9f} {w[1]:.9f} {w[2]:.9f}" for t, w in zip(stamps, hand_rate(stamps * 1e-9), strict=True)]
    path = tmp_path / "gyro.txt"
    path.write_text("\n".join(rows))
    plain, flipped = (
        LogWindows((str(path),), axes).draw(rng(5), DURATION_S).imu.gyro_rad_s for axes in (None, "x,-y,-z")
    )
    np.testing.assert_allclose(flipped, plain * [1, -1, -1], atol=1e-15)


def test_inertial_positions_follow_the_hand(walk):
    """3 mm at 2 Hz, seen by an exposure of 0.2 s, less the velocity that nobody knows."""
    source = InertialPoses((walk,), drift="constant")
    for seed in range(5):
        motion = source.draw(rng(seed), 0.2)
        np.testing.assert_array_equal(motion.positions_m[0], 0.0)
        first_s = motion.description["start_s"] - motion.start_ns * 1e-9
        t = first_s + motion.imu.time_ns * 1e-9
        log_ns = np.rint(np.arange(1601) * 2.5e6).astype(np.int64)
        R = PoseTrajectory.from_gyro(log_ns, hand_rate(log_ns * 1e-9)).at(round(first_s * 1e9))[0]
        true = np.outer(3e-3 * np.sin(2 * np.pi * 2 * t), [1, 0, 0]) @ R
        difference = motion.positions_m - true
        line = np.polynomial.polynomial.polyfit(t, difference, 1)
        left = difference - np.polynomial.polynomial.polyval(t, line).T
        assert np.abs(left).max() < 2e-4
        assert np.ptp(true, axis=0).max() > 2e-3


def test_inertial_poses_need_an_accelerometer(log):
    with pytest.raises(ImuError, match=r"shake.gcsv: expected accelerations beside the gyro, got none"):
        InertialPoses((log,)).draw(rng(), DURATION_S)


def test_reckoning_stops_at_a_gap(tmp_path):
    gappy = gyro_log(
        tmp_path / "gap.gcsv", without=np.arange(290, 300), accel=lambda t: np.outer(t * 0 + 1, [0, -9.8, 0])
    )
    for seed in range(20):
        motion = InertialPoses((gappy,)).draw(rng(seed), DURATION_S)
        assert np.isfinite(motion.positions_m).all()


def test_a_constant_rate_moves_the_centre_as_worked_out():
    """0.2 rad/s of yaw for 60 ms at f = 115.2 px: 1.38 px to the left; 0.1 m/s to the right at 2 m: 0.35 px."""
    motion = ConstantRate((0.0, 0.2, 0.0)).draw(rng(), DURATION_S)
    track = blur_field(exposed(motion), stride=12, times=5).displacement_px
    np.testing.assert_allclose((track[-1] - track[0])[2:4, 3:5].mean(axis=(0, 1)), [-1.382, 0.0], atol=5e-3)
    moving = ConstantRate((0.0, 0.0, 0.0), (0.1, 0.0, 0.0)).draw(rng(), DURATION_S)
    assert trail_px(replace(exposed(moving), depth_m=np.full((72, 96), 2.0, np.float32))) == pytest.approx(
        0.3456, rel=1e-3
    )


def test_a_users_trajectory_is_followed(trajectory):
    """0.4 rad/s about y; position 0.1 t, 0, 0.05 t in the world, seen from the first pose."""
    for seed in range(5):
        motion = UserTrajectory(trajectory).draw(rng(seed), DURATION_S)
        np.testing.assert_allclose(motion.imu.gyro_rad_s, np.tile([0, 0.4, 0], (len(motion.imu), 1)), atol=1e-6)
        first_s = motion.description["start_s"] - motion.start_ns * 1e-9
        R = exp_so3([0, 0.4 * first_s, 0])
        world = np.outer(motion.imu.time_ns * 1e-9, [0.1, 0, 0.05])
        np.testing.assert_allclose(motion.positions_m, world @ R, atol=1e-8)


def test_a_users_trajectory_that_turns_unevenly_is_integrated_back(tmp_path):
    stamps = np.rint(np.arange(90) * 1e9 / 30).astype(np.int64)
    truth = PoseTrajectory.from_gyro(np.arange(3000) * 1_000_000, hand_rate(np.arange(3000) * 1e-3, 0.3))
    from scipy.spatial.transform import Rotation

    quats = Rotation.from_matrix(truth.at(stamps)[0]).as_quat()
    rows = [f"{t * 1e-9:.9f} 0 0 0 " + " ".join(f"{x:.12f}" for x in q) for t, q in zip(stamps, quats, strict=True)]
    (tmp_path / "poses.txt").write_text("\n".join(rows))
    motion = UserTrajectory(str(tmp_path / "poses.txt")).draw(rng(), 0.1)
    given = PoseTrajectory(stamps, truth.at(stamps)[0])
    first_ns = round((motion.description["start_s"]) * 1e9) - motion.start_ns
    ends = np.array([motion.start_ns, motion.start_ns + 100_000_000])
    R = PoseTrajectory.from_gyro(motion.imu.time_ns, motion.imu.gyro_rad_s).at(ends)[0]
    S = given.at(ends + first_ns)[0]
    assert np.linalg.norm(log_so3((R[0].T @ R[1]).T @ (S[0].T @ S[1]))) < 1e-4


def test_a_short_or_missing_trajectory_is_refused(tmp_path, trajectory):
    with pytest.raises(ImuError, match=r"poses.txt: expected at least 4.705 s of motion .* got 4.000 s"):
        UserTrajectory(trajectory).draw(rng(), 4.5)
    with pytest.raises(CaptureError, match=r"none.txt: expected a text file of poses, got no such file"):
        UserTrajectory(str(tmp_path / "none.txt")).draw(rng(), 0.1)


def test_tremor_is_of_the_named_hand_and_strength():
    strengths = [HandTremor("filming").draw(rng(seed), DURATION_S).description["rms_rad_s"] for seed in range(500)]
    assert np.median(strengths) == pytest.approx(0.185, rel=0.1)
    assert np.log(strengths).std() == pytest.approx(0.45, rel=0.1)
    with pytest.raises(
        UsageError, match="tremor preset: expected one of plain, handheld, filming, vigorous, got 'drunk'"
    ):
        HandTremor("drunk").draw(rng(), DURATION_S)


def test_turning_the_camera_turns_the_whole_motion():
    """A quarter turn makes pitch of yaw; any angle leaves roll and speed as they are."""
    motion = ConstantRate((0.1, 0.2, 0.3), (0.5, 0.0, -0.2)).draw(rng(), DURATION_S)
    angles = []
    for seed in range(200):
        other = turned(motion, rng(seed))
        angle = other.description["turned_rad"]
        R = exp_so3([0, 0, angle])
        np.testing.assert_allclose(other.imu.gyro_rad_s[0], R @ [0.1, 0.2, 0.3], atol=1e-15)
        np.testing.assert_allclose(other.positions_m[-1], R @ motion.positions_m[-1], atol=1e-15)
        assert other.imu.gyro_rad_s[0, 2] == pytest.approx(0.3)
        angles.append(angle)
    assert min(angles) < 0.1
    assert max(angles) > 6.2
    assert other.description["source"] == "constant"
    pure = turned(Motion(motion.imu, 0), rng())
    assert pure.positions_m is None


def test_turning_commutes_with_taking_the_picture():
    """The turned camera sees the same scene motion, turned the other way on its screen."""
    motion = HandTremor().draw(rng(1), DURATION_S)
    other = turned(motion, rng(2))
    a = other.description["turned_rad"]
    square = camera(97, 97)
    exposure = Exposure(motion.start_ns, DURATION_S)
    tracks = [
        blur_field(capture_of(one, square, exposure), stride=97, times=9).displacement_px[:, 0, 0]
        for one in (motion, other)
    ]
    spin = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    np.testing.assert_allclose(tracks[1], tracks[0] @ spin.T, atol=1e-4)


@pytest.mark.shared_data
def test_windows_of_real_logs(shared_data):
    """GyroBlur-Synth's log has one gap of 25.6 ms, and shakes 64 px over 47.6 ms at f = 2139 in the median."""
    path = str(shared_data / "gyro/nolic-gyroblur_synth/gyro_train.txt")
    source, draws = LogWindows((path,)), np.random.default_rng(0)
    wide = camera(1920, 1080, focal=2139 / 1920)
    trails = []
    for _ in range(300):
        motion = source.draw(draws, 0.0476)
        assert np.diff(motion.imu.time_ns).max() < 15_000_000
        trails.append(trail_px(capture_of(motion, wide, Exposure(motion.start_ns, 0.0476))))
    assert np.median(trails) == pytest.approx(64, rel=0.15)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("name", "axes"),
    [
        ("realblur/nolic-phone240ms/gyro_accel.csv", "android-portrait"),
        ("gyro/nolic-opencamera_s/20220713_114713/VID_20220713_114713gyro.csv", "android-portrait"),
        ("gyro/xio_fusion/sensor_data.csv", None),
    ],
)
def test_positions_of_real_logs(shared_data, name, axes):
    """A hand that holds a phone moves millimetres in 50 ms, not metres."""
    source, draws = InertialPoses((str(shared_data / name),), axes), np.random.default_rng(0)
    moved_m = [np.linalg.norm(np.ptp(_during(source.draw(draws, 0.05)), axis=0)) for _ in range(30)]
    assert 1e-4 < np.median(moved_m) < 0.03


def _during(motion):
    inside = (motion.imu.time_ns >= motion.start_ns) & (motion.imu.time_ns <= motion.start_ns + 50_000_000)
    return motion.positions_m[inside]
