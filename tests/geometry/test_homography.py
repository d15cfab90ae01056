import numpy as np
import pytest

from gyrosharp.geometry import CameraModel, plane_homography, rotation_homography
from gyrosharp.geometry.rotation import exp_so3

CAMERA = CameraModel(640, 480, 520.0, 500.0, 310.0, 250.0)
PIXELS = np.random.default_rng(0).uniform((0, 0), (639, 479), (40, 2))


def mapped(H, pixels):
    moved = np.concatenate([pixels, np.ones((len(pixels), 1))], axis=1) @ np.swapaxes(H, -1, -2)
    return moved[..., :2] / moved[..., 2:]


def test_rotation_against_points():
    R = exp_so3([0.02, -0.05, 0.1])
    expected = CAMERA.project(CAMERA.unproject(PIXELS)[0] @ R.T)[0]
    np.testing.assert_allclose(mapped(rotation_homography(CAMERA.K, R), PIXELS), expected, atol=1e-9)


@pytest.mark.parametrize("normal", [(0.0, 0.0, 1.0), (0.3, -0.2, 0.93)])
def test_plane_against_points(normal):
    unit, depth = np.array(normal) / np.linalg.norm(normal), 1.7
    R, T = exp_so3([0.02, -0.05, 0.1]), np.array([0.05, -0.02, 0.1])
    rays = CAMERA.unproject(PIXELS)[0]
    points = rays * (depth / (rays @ unit))[:, None]
    np.testing.assert_allclose(points @ unit, depth)
    expected = CAMERA.project(points @ R.T + T)[0]
    np.testing.assert_allclose(mapped(plane_homography(CAMERA.K, R, T, unit, depth), PIXELS), expected, atol=1e-9)


def test_a_hand_worked_shift():
    """A fronto-parallel plane at 2 m, camera moved 0.1 m to its right: everything moves left by f 0.1 / 2 = 26 px."""
    H = plane_homography(CAMERA.K, np.eye(3), [-0.1, 0, 0], [0, 0, 1], 2.0)
    np.testing.assert_allclose(mapped(H, PIXELS), PIXELS - (26.0, 0.0), atol=1e-9)


def test_batches():
    R = exp_so3(np.random.default_rng(1).normal(size=(2, 3, 3)) * 0.1)
    assert rotation_homography(CAMERA.K, R).shape == (2, 3, 3, 3)
    assert plane_homography(CAMERA.K, R, np.zeros((2, 3, 3)), [0, 0, 1], 1.0).shape == (2, 3, 3, 3)
    np.testing.assert_allclose(rotation_homography(CAMERA.K, R)[1, 2], rotation_homography(CAMERA.K, R[1, 2]))


def test_an_infinitely_far_plane_turns_only():
    R = exp_so3([0.0, 0.1, 0.0])
    far = plane_homography(CAMERA.K, R, [1, 1, 1], [0, 0, 1], 1e12)
    np.testing.assert_allclose(far, rotation_homography(CAMERA.K, R), atol=1e-8)
