"""Presets by hand reasoning, the letter syntax, gyroflow's letters."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gyrosharp.errors import CaptureError, UsageError
from gyrosharp.imu import AXES_PRESETS, parse_axes, require_rotation
from gyrosharp.imu.axes import letters_matrix

RIGHT, DOWN, FORWARD = np.eye(3)
LEFT, UP, BACK = -np.eye(3)


@pytest.mark.parametrize("name", sorted(AXES_PRESETS))
def test_presets_are_rotations(name):
    matrix = parse_axes(name)
    np.testing.assert_array_equal(matrix @ matrix.T, np.eye(3))
    assert np.linalg.det(matrix) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("name", "where"),
    [
        # Where the device's x, y, z axes point in the picture as stored.
        ("identity", (RIGHT, DOWN, FORWARD)),
        # Upright: right edge, top edge, screen side (towards the user, who stands behind the picture).
        ("android-portrait", (RIGHT, UP, BACK)),
        ("ios-portrait", (RIGHT, UP, BACK)),
        # Top edge to the left, so the right edge is up.
        ("android-landscape", (UP, LEFT, BACK)),
        ("ios-landscape", (UP, LEFT, BACK)),
        # Top edge to the right, so the right edge is down.
        ("android-landscape-reversed", (DOWN, RIGHT, BACK)),
        ("ios-landscape-reversed", (DOWN, RIGHT, BACK)),
        # GPMF: up/down, right/left, forward/back.
        ("gopro", (UP, LEFT, BACK)),
        ("gyroflow", (UP, LEFT, BACK)),
    ],
)
def test_where_the_device_axes_point(name, where):
    np.testing.assert_array_equal(parse_axes(name) @ np.eye(3), np.column_stack(where))


def test_landscape_is_portrait_turned_with_the_picture():
    # Turning the stored picture 90 degrees clockwise makes it upright: right goes down, down goes left.
    turned = np.column_stack([DOWN, LEFT, FORWARD])
    np.testing.assert_array_equal(turned @ parse_axes("android-landscape"), parse_axes("android-portrait"))
    np.testing.assert_array_equal(turned.T @ parse_axes("android-landscape-reversed"), parse_axes("android-portrait"))


def test_system_sheet_matrix():
    # SYSTEMS.md section 1: given by image-as-an-imu for the iPhone, and minus DeepGyro's swap.
    np.testing.assert_array_equal(parse_axes("ios-landscape"), [[0, -1, 0], [-1, 0, 0], [0, 0, -1]])
    with pytest.raises(CaptureError, match="mirror"):
        parse_axes(-parse_axes("ios-landscape"))


def test_gyroflow_matches_its_code():
    # Body rates (-g1, g0, g2) in a frame x right, y up, z back; drawn through diag(1, -1, -1).
    body = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(parse_axes("gyroflow"), np.diag([1, -1, -1]) @ body)


@pytest.mark.parametrize("text", ["x,-y,-z", " X , -Y,-z ", "+x,-y,-z", "ANDROID-PORTRAIT"])
def test_letters(text):
    np.testing.assert_array_equal(parse_axes(text), np.diag([1, -1, -1]))


def test_matrix_is_made_a_rotation():
    rounded = [[0.7071, -0.7071, 0], [0.7071, 0.7071, 0], [0, 0, 1]]
    matrix = parse_axes(rounded)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(matrix, rounded, atol=1e-4)
    np.testing.assert_array_equal(require_rotation(rounded, "axes"), matrix)


@pytest.mark.parametrize("text", ["", "x,y", "x,y,z,x", "a,b,c", "--x,y,z", "portrait", "x y z"])
def test_unknown_text(text):
    with pytest.raises(UsageError, match=r"axes: expected one of identity, android-portrait, .* such as 'x,-y,-z'"):
        parse_axes(text)


@pytest.mark.parametrize(("text", "problem"), [("x,x,z", "orthonormal"), ("y,x,z", "mirror"), ("x,y,-z", "mirror")])
def test_letters_that_are_no_rotation(text, problem):
    with pytest.raises(CaptureError, match=f"axes '{text}'.*{problem}"):
        parse_axes(text)


@given(st.permutations("xyz"), st.tuples(*[st.booleans()] * 3))
def test_gyroflow_letters(order, upper):
    letters = "".join(c.upper() if up else c for c, up in zip(order, upper, strict=True))
    matrix = letters_matrix(letters)
    vector = np.array([2.0, 3.0, 5.0])
    expected = [(1 if c.isupper() else -1) * vector["xyz".index(c.lower())] for c in letters]
    np.testing.assert_array_equal(matrix @ vector, expected)
    assert abs(np.linalg.det(matrix)) == pytest.approx(1.0)


def test_gyroflow_letters_example():
    # Its maintainer's reading of "Yxz": y to x, minus x to y, minus z to z.
    np.testing.assert_array_equal(letters_matrix("Yxz") @ [1, 2, 3], [2, -1, -3])


@pytest.mark.parametrize("letters", ["", "XY", "XYX", "ABC", "XYZZ"])
def test_bad_gyroflow_letters(letters):
    with pytest.raises(ValueError, match="one each"):
        letters_matrix(letters)


def test_all_24_signed_permutations_parse():
    found = 0
    for order, signs in itertools.product(itertools.permutations("xyz"), itertools.product(["", "-"], repeat=3)):
        try:
            parse_axes(",".join(s + c for s, c in zip(signs, order, strict=True)))
            found += 1
        except CaptureError:
            pass
    assert found == 24
