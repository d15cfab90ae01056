import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gyrosharp.errors import CaptureError
from gyrosharp.geometry.rotation import exp_so3, log_so3, matrix_from_quat_xyzw, require_rotation

# Angles down to 1e-7, where the series of sin and cos take over from the closed forms.
directions = st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1)
angles = st.one_of(st.just(1e-7), st.just(0.0), st.floats(1e-9, 1e-3), st.floats(1e-3, 3.1))
tangents = st.builds(lambda v, a: np.array(v) / np.linalg.norm(v) * a, directions, angles)
axioms = settings(max_examples=60, deadline=None)


@axioms
@given(tangents)
def test_exp_is_a_rotation(v):
    R = exp_so3(v)
    np.testing.assert_allclose(R.T @ R, np.eye(3), atol=1e-14)
    assert np.linalg.det(R) == pytest.approx(1.0, abs=1e-13)


@axioms
@given(tangents)
def test_log_inverts_exp(v):
    np.testing.assert_allclose(log_so3(exp_so3(v)), v, rtol=1e-7, atol=1e-14)


@axioms
@given(tangents)
def test_inverse_is_the_negative_tangent(v):
    np.testing.assert_allclose(exp_so3(-v), exp_so3(v).T, atol=1e-14)


@axioms
@given(tangents, tangents, tangents)
def test_product_is_associative(a, b, c):
    A, B, C = exp_so3(a), exp_so3(b), exp_so3(c)
    np.testing.assert_allclose((A @ B) @ C, A @ (B @ C), atol=1e-14)


@axioms
@given(tangents, tangents)
def test_adjoint_moves_the_tangent(a, b):
    A = exp_so3(a)
    np.testing.assert_allclose(A @ exp_so3(b) @ A.T, exp_so3(A @ b), atol=1e-13)


@pytest.mark.parametrize("batch", [(), (1,), (5,), (2, 3)])
def test_any_batch_shape(batch):
    v = np.random.default_rng(0).normal(size=(*batch, 3))
    assert exp_so3(v).shape == (*batch, 3, 3)
    np.testing.assert_allclose(log_so3(exp_so3(v)), v, atol=1e-12)


def test_small_tangent_is_the_cross_product():
    v = np.array([1e-7, -2e-7, 3e-7])
    cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    np.testing.assert_allclose(exp_so3(v) - np.eye(3), cross, atol=1e-13)


@axioms
@given(tangents, st.floats(0.1, 10), st.sampled_from([-1, 1]))
def test_quaternion_of_any_length_and_sign(v, length, sign):
    angle = np.linalg.norm(v)
    axis = v / angle if angle else np.zeros(3)
    quat_xyzw = sign * length * np.append(np.sin(angle / 2) * axis, np.cos(angle / 2))
    np.testing.assert_allclose(matrix_from_quat_xyzw(quat_xyzw), exp_so3(v), atol=1e-14)


def test_quaternion_has_its_scalar_last():
    half = np.sqrt(0.5)
    np.testing.assert_allclose(matrix_from_quat_xyzw([0, 0, half, half]) @ [1, 0, 0], [0, 1, 0], atol=1e-15)


@pytest.mark.parametrize("quat", [[0, 0, 0, 0], [np.nan, 0, 0, 1], [0, np.inf, 0, 1]])
def test_bad_quaternion(quat):
    with pytest.raises(CaptureError, match="quaternions x y z w"):
        matrix_from_quat_xyzw([[0, 0, 0, 1], quat])


def test_nearest_rotation():
    R = exp_so3([0.3, -0.2, 0.9])
    np.testing.assert_allclose(require_rotation(R.round(4)), R, atol=1e-4)
    nearest = require_rotation(R.round(4))
    np.testing.assert_allclose(nearest.T @ nearest, np.eye(3), atol=1e-15)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1, 0], [0, 1]], "3x3 matrix"),
        ("portrait", "3x3 matrix"),
        ([[1, 0, 0], [0, 1], [0, 0, 1]], "3x3 matrix"),
        ([[1, 0, 0], [0, np.nan, 0], [0, 0, 1]], "3x3 matrix"),
        ([[1, 0, 0], [0, 2, 0], [0, 0, 1]], "not orthonormal"),
        ([[1, 0, 0], [0, 1, 0], [0, 0, -1]], "mirror"),
    ],
)
def test_bad_axes_are_refused_by_name(matrix, message):
    with pytest.raises(CaptureError, match=message) as caught:
        require_rotation(matrix, "R_cam_imu")
    assert str(caught.value).startswith("R_cam_imu:")


def test_long_values_are_shortened_in_messages():
    with pytest.raises(CaptureError) as caught:
        require_rotation(np.full((20, 20), 1.2345))
    assert len(str(caught.value)) < 150
