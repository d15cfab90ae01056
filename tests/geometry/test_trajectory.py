import numpy as np
import pytest

from gyrosharp.errors import CaptureError
from gyrosharp.geometry import PoseTrajectory
from gyrosharp.geometry.rotation import exp_so3, log_so3
from gyrosharp.geometry.trajectory import _chained
from shaken import hand_rate, trajectory


def stamps_ns(count, rate_hz):
    return np.rint(np.arange(count) * 1e9 / rate_hz).astype(np.int64)


def true_rotation(rate, t_s):
    """dR/dt = R [w]x by an independent, tightly controlled solver."""
    from scipy.integrate import solve_ivp

    def slope(t, flat):
        x, y, z = rate(t)
        return (flat.reshape(3, 3) @ np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])).ravel()

    solution = solve_ivp(slope, (0, t_s), np.eye(3).ravel(), method="DOP853", rtol=1e-12, atol=1e-13)
    return solution.y[:, -1].reshape(3, 3)


def angle(A, B):
    return float(np.linalg.norm(log_so3(A.T @ B)))


def test_constant_rate_is_exact_at_and_between_samples():
    rate = np.array([0.7, -1.1, 2.0])
    poses = PoseTrajectory.from_gyro(stamps_ns(50, 200), np.broadcast_to(rate, (50, 3)))
    query = np.array([0, 5_000_000, 12_345_678, 100_000_001, 245_000_000])
    expected = exp_so3(rate * query[:, None] * 1e-9)
    np.testing.assert_allclose(poses.at(query)[0], expected, atol=1e-14)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 17])
def test_steps_are_chained_in_order(count):
    """One matrix after the other, as a hand would multiply them."""
    steps = exp_so3(np.random.default_rng(count).normal(size=(count, 3)))
    expected = [np.eye(3)]
    for step in steps:
        expected.append(expected[-1] @ step)
    np.testing.assert_allclose(_chained(steps), expected, atol=1e-13)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_short_log_is_enough(count):
    rate = np.array([0.7, -1.1, 2.0])
    poses = PoseTrajectory.from_gyro(stamps_ns(count, 200), np.broadcast_to(rate, (count, 3)))
    np.testing.assert_allclose(poses.at(3_000_000)[0], exp_so3(0.003 * rate), atol=1e-14)


def test_fourth_order_convergence():
    truth = true_rotation(hand_rate, 0.2)
    errors = []
    for rate_hz in (100, 200, 400, 800):
        poses = trajectory(rate_hz=rate_hz, duration_s=0.2 + 2 / rate_hz)
        errors.append(angle(poses.at(200_000_000)[0], truth))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert orders.min() > 3.5, (errors, orders)
    assert errors[2] < 1e-7


@pytest.mark.parametrize("t_ns", [1_234_567, 77_777_777, 123_456_789])
def test_between_samples_as_precise_as_at_them(t_ns):
    assert angle(trajectory(rate_hz=800).at(t_ns)[0], true_rotation(hand_rate, t_ns * 1e-9)) < 1e-7


def test_rate_is_in_the_camera_frame():
    """After a quarter turn about z, turning about the camera's own x is turning about the world's y."""
    stamps = stamps_ns(401, 100)
    rates = np.where(stamps[:, None] < 2_000_000_000, [0, 0, np.pi / 4], [np.pi / 4, 0, 0])
    R = PoseTrajectory.from_gyro(stamps, rates).at(4_000_000_000)[0]
    quarter_z, quarter_x = exp_so3([0, 0, np.pi / 2]), exp_so3([np.pi / 2, 0, 0])
    assert angle(R, quarter_z @ quarter_x) < 0.02
    assert angle(R, quarter_x @ quarter_z) > 1.0


def test_a_little_beyond_the_ends_the_rate_is_held():
    rate = np.array([0.0, 1.0, 0.0])
    poses = PoseTrajectory.from_gyro(stamps_ns(10, 100), np.broadcast_to(rate, (10, 3)))
    np.testing.assert_allclose(poses.at(-10_000_000)[0], exp_so3(-0.01 * rate), atol=1e-14)
    np.testing.assert_allclose(poses.at(100_000_000)[0], exp_so3(0.1 * rate), atol=1e-14)


@pytest.mark.parametrize("t_ns", [-20_000_000, 120_000_000])
def test_far_beyond_the_ends_is_an_error(t_ns):
    poses = PoseTrajectory.from_gyro(stamps_ns(10, 100), np.zeros((10, 3)))
    with pytest.raises(CaptureError, match="inside the motion record"):
        poses.at(t_ns)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_any_query_shape(shape):
    poses = PoseTrajectory(stamps_ns(5, 100), exp_so3(np.zeros((5, 3))), positions_m=np.zeros((5, 3)))
    rotations, positions = poses.at(np.full(shape, 17_000_000))
    assert rotations.shape == (*shape, 3, 3)
    assert positions.shape == (*shape, 3)


@pytest.mark.parametrize(("interpolation", "bound"), [("spline", 2e-6), ("slerp", 2e-3)])
def test_given_poses_are_interpolated(interpolation, bound):
    dense = trajectory(rate_hz=2000)
    coarse = stamps_ns(20, 100)
    positions = np.stack([np.sin(20 * coarse * 1e-9), coarse * 1e-9, np.zeros(20)], axis=-1)
    poses = PoseTrajectory(coarse, dense.at(coarse)[0], positions_m=positions, interpolation=interpolation)
    query = 57_300_000
    rotation, position = poses.at(query)
    assert angle(rotation, dense.at(query)[0]) < bound
    assert np.abs(position - [np.sin(20 * query * 1e-9), query * 1e-9, 0]).max() < 10 * bound
    np.testing.assert_allclose(poses.at(coarse)[0], dense.at(coarse)[0], atol=1e-12)


def test_two_poses_are_joined_by_the_shortest_turn():
    ends = exp_so3([[0, 0, 0], [0, 0, 0.4]])
    poses = PoseTrajectory(np.array([0, 100]), ends, positions_m=np.array([[0.0, 0, 0], [1, 2, 3]]))
    rotation, position = poses.at(25)
    np.testing.assert_allclose(rotation, exp_so3([0, 0, 0.1]), atol=1e-14)
    np.testing.assert_allclose(position, [0.25, 0.5, 0.75])


@pytest.mark.parametrize("times", [[0], [0, 0], [5, 3]])
def test_bad_times(times):
    with pytest.raises(CaptureError, match="strictly increasing"):
        PoseTrajectory(np.array(times), np.broadcast_to(np.eye(3), (len(times), 3, 3)))


def test_bad_rotation_shape():
    with pytest.raises(CaptureError, match="expected rotations"):
        PoseTrajectory(np.array([0, 1]), np.eye(3))
