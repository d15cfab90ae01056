import cv2
import numpy as np
import pytest
from skimage import data

from camera_tracks import HEIGHT, WIDTH, tracks
from gyrosharp.geometry import CameraModel
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.sync.coarse import guesses, rotation_vectors, seen_turns
from gyrosharp.sync.cube import axes_letters, cube_rotations, nearest_cube
from gyrosharp.sync.gyro_path import GyroPath
from gyrosharp.sync.model import COUNT, Unknowns, predict, scene_from
from gyrosharp.sync.pairs import joined
from gyrosharp.sync.tracking import features, matched, tracked

CAMERA = CameraModel(WIDTH, HEIGHT, 1000.0, 1000.0, (WIDTH - 1) / 2, (HEIGHT - 1) / 2)


def scene(seed=0, points=None, **made):
    recording, seen = tracks(seed, **made)
    path = GyroPath(recording.imu, int(recording.imu.time_ns[0]))
    return scene_from(recording, seen if points is None else points, path), recording


def test_predicted_motion_follows_the_sign_of_yaw():
    recording, _ = tracks(frames=3)
    yaw = ImuRecording(recording.imu.time_ns, np.tile([0.0, 0.6, 0.0], (len(recording.imu), 1)))
    centre = np.array([[CAMERA.cx, CAMERA.cy]])
    points = joined([(0, 1, centre, centre)])
    made = scene_from(recording, points, GyroPath(yaw, int(yaw.time_ns[0])))
    at = Unknowns(0.0, CAMERA, 0.0, 0.0, np.eye(3), np.zeros(3))
    # 0.6 rad/s over a thirtieth of a second: 0.02 rad to the left.
    assert predict(made, at).residual_px[0] == pytest.approx([-1000 * np.tan(0.02), 0], abs=1e-3)
    assert seen_turns(scene()[0], CAMERA).turns.shape == (89, 3)


def test_derivatives_are_those_of_the_residual():
    made, _ = scene(1, frames=6)
    rng = np.random.default_rng(0)
    at = Unknowns(-0.005, CAMERA, 0.02, 1e-4, cube_rotations()[5], rng.normal(0, 0.01, 3), rng.normal(0, 0.1, 9))
    seen = predict(made, at)
    for k in range(COUNT):
        step = np.zeros(COUNT)
        step[k] = 1e-5
        difference = (predict(made, at.stepped(step)).residual_px - predict(made, at.stepped(-step)).residual_px) / 2e-5
        # The rate between samples is taken as linear, the turn as smooth: within a percent.
        assert seen.by_unknown[:, :, k] == pytest.approx(difference, abs=0.01 * np.abs(difference).max() + 1e-6)


def test_a_bias_in_the_unknowns_is_a_bias_taken_off_the_log():
    made, recording = scene(2, frames=6)
    bias = np.array([0.02, -0.01, 0.015])
    at = Unknowns(0.0, CAMERA, 0.0, 0.0, np.eye(3), bias)
    without = Unknowns(0.0, CAMERA, 0.0, 0.0, np.eye(3), np.zeros(3))
    _, points = tracks(2, frames=6)
    other = scene_from(recording, points, GyroPath(recording.imu.minus_bias(bias), made.path.origin_ns))
    assert predict(made, at).residual_px == pytest.approx(predict(other, without).residual_px, abs=1e-3)


def test_first_guess_is_near_the_truth():
    made, _ = scene(3, frames=45)
    best = guesses(made, CAMERA, np.arange(-0.1, 0.1, 0.004))[0]
    assert best.R_cam_imu == pytest.approx(np.diag([1.0, -1.0, -1.0]))
    assert best.delay_s == pytest.approx(-0.009, abs=0.006)
    assert best.focal_px == pytest.approx(1100, rel=0.1)


def test_cube_rotations_are_rotations_and_have_letters():
    cubes = cube_rotations()
    assert len({tuple(cube.ravel()) for cube in cubes}) == 24
    assert np.linalg.det(cubes) == pytest.approx(1.0)
    assert axes_letters(np.array([[0.0, -1, 0], [-1, 0, 0], [0, 0, -1]])) == "-y,-x,-z"
    assert nearest_cube(cubes[7])[1] == pytest.approx(0.0, abs=1e-6)


def test_rotation_vectors_invert_the_exponential():
    vectors = np.random.default_rng(0).normal(0, 0.5, (50, 3))
    matrices = np.array([cv2.Rodrigues(vector)[0] for vector in vectors])
    assert rotation_vectors(matrices) == pytest.approx(vectors, abs=1e-9)


@pytest.mark.parametrize("follow", [tracked, lambda a, b: matched(features(a), features(b))])
def test_a_shifted_picture_is_followed(follow):
    picture = cv2.resize(data.camera(), (800, 800))
    first, second = picture[100:600, 100:700], picture[93:593, 112:712]
    found = follow(first, second)
    assert len(found) > 50
    # The window moved right and up, so its content moved left and down.
    assert np.median(found.b_px - found.a_px, axis=0) == pytest.approx([-12, 7], abs=0.05)


def test_an_empty_picture_has_nothing_to_follow():
    empty = np.full((200, 300), 90, np.uint8)
    assert len(tracked(empty, empty)) == 0
    assert len(matched(features(empty), features(empty))) == 0
