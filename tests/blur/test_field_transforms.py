"""A transformed field is the field of a camera with another K, other axes, another readout direction."""

import numpy as np
import pytest

from gyrosharp.blur.field import BlurField, field_of_motion
from gyrosharp.blur.field_transforms import (
    Crop,
    Flip,
    Orientation,
    Resize,
    Rotate90,
    Transform,
    resampled,
    transformed,
)
from gyrosharp.errors import UsageError
from gyrosharp.geometry import CameraModel, Exposure, Shutter
from shaken import hand_rate, motion_of, trajectory

WIDTH, HEIGHT, STRIDE = 96, 72, 8
# Off-centre and with unequal focal lengths, so that no two axes can be confused.
CAMERA = CameraModel(WIDTH, HEIGHT, 110.0, 120.0, 40.0, 30.0)


def field_of(camera=CAMERA, rate=hand_rate, shutter=Shutter.GLOBAL, stride=STRIDE):
    return field_of_motion(motion_of(camera, Exposure(50_000_000, 0.05, 0.03, shutter), trajectory(rate)), stride, 9)


def assert_same(field, expected, atol=2e-4):
    np.testing.assert_allclose(field.displacement_px, expected.displacement_px, atol=atol)
    assert field.stride == expected.stride
    assert field.displacement_px.dtype == np.float32
    np.testing.assert_array_equal(field.phases, expected.phases)


def test_crop_is_the_field_of_the_cropped_camera():
    part = transformed(field_of(), Crop(16, 24, 40, 32))
    assert_same(part, field_of(CAMERA.cropped(16, 24, 40, 32)))
    assert part.displacement_px.shape == (9, 4, 5, 2)


@pytest.mark.parametrize(("width", "stride"), [(WIDTH // 2, 4), (WIDTH * 2, 16), (WIDTH // 8, 1)])
def test_resize_is_the_field_of_the_scaled_camera(width, stride):
    scaled = CAMERA.scaled(width, HEIGHT * width // WIDTH)
    assert_same(transformed(field_of(), Resize(width / WIDTH)), field_of(scaled, stride=stride))


def test_flip_left_right_is_a_mirrored_camera():
    # A mirror in x keeps wx and negates wy and wz: angular rate is a pseudo-vector.
    mirrored = CameraModel(WIDTH, HEIGHT, 110.0, 120.0, WIDTH - 1 - 40.0, 30.0)
    expected = field_of(mirrored, lambda t: hand_rate(t) * [1, -1, -1], Shutter.TOP_TO_BOTTOM)
    assert_same(transformed(field_of(shutter=Shutter.TOP_TO_BOTTOM), Flip("left_right")), expected)


def test_flip_up_down_is_a_mirrored_camera_read_from_below():
    mirrored = CameraModel(WIDTH, HEIGHT, 110.0, 120.0, 40.0, HEIGHT - 1 - 30.0)
    expected = field_of(mirrored, lambda t: hand_rate(t) * [-1, 1, -1], Shutter.BOTTOM_TO_TOP)
    assert_same(transformed(field_of(shutter=Shutter.TOP_TO_BOTTOM), Flip("up_down")), expected)


def test_a_quarter_turn_is_a_turned_camera_read_from_the_left():
    # The new x axis is the old y axis, the new y axis the old x axis reversed.
    turned = CameraModel(HEIGHT, WIDTH, 120.0, 110.0, 30.0, WIDTH - 1 - 40.0)
    expected = field_of(
        turned, lambda t: hand_rate(t) @ np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]]), "rolling_left_to_right"
    )
    assert_same(transformed(field_of(shutter=Shutter.TOP_TO_BOTTOM), Rotate90()), expected)


def test_a_quarter_turn_moves_pixels_as_numpy_does():
    picture = np.arange(12.0).reshape(3, 4)
    assert np.array_equal(Rotate90().moved(picture, 1), np.rot90(picture))
    # The top-right pixel goes to the top left, and a vector to the right points up there.
    assert Rotate90().moved(picture, 1)[0, 0] == picture[0, -1]
    np.testing.assert_array_equal(Rotate90().matrix @ [1, 0], [0, -1])


@pytest.mark.parametrize("turns", [-5, -1, 0, 2, 3, 6])
def test_turns_add_up(turns):
    field = field_of()
    expected = field
    for _ in range(turns % 4):
        expected = transformed(expected, Rotate90())
    assert_same(transformed(field, Rotate90(turns)), expected, atol=0)


@pytest.mark.parametrize("twice", [Flip("left_right"), Flip("up_down"), Rotate90(2)])
def test_done_twice_is_not_done(twice):
    field = field_of()
    assert_same(transformed(transformed(field, twice), twice), field, atol=0)


def test_half_a_turn_is_both_flips():
    field = field_of()
    both = transformed(transformed(field, Flip("left_right")), Flip("up_down"))
    assert_same(transformed(field, Rotate90(2)), both, atol=0)


def test_no_change():
    assert_same(transformed(field_of(), Transform()), field_of(), atol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (Crop(4, 0, 16, 16), "multiples of the field's stride 8, got 16 x 16 at \\(4, 0\\)"),
        (Crop(0, 8, 16, 20), "multiples of the field's stride 8"),
        (Crop(64, 0, 40, 16), "part of the field's 96 x 72 px"),
        (Crop(0, 64, 16, 16), "part of the field's 96 x 72 px"),
        (Resize(0.3), "whole number, got 0.3 \\(stride 2.4\\)"),
        (Resize(0.0625), "whole number"),
    ],
)
def test_changes_that_do_not_fit_the_grid_are_refused(change, message):
    with pytest.raises(UsageError, match=message):
        transformed(field_of(), change)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Crop(-8, 0, 8, 8),
        lambda: Crop(0, 0, 0, 8),
        lambda: Flip("sideways"),
        lambda: Resize(0.0),
        lambda: Resize(float("nan")),
    ],
)
def test_impossible_changes_are_refused(make):
    with pytest.raises(UsageError, match=r"expected .*, got "):
        make()


@pytest.mark.parametrize("stride", [2, 3, 8, 12, 24])
def test_resampling_is_close_to_the_field_made_anew(stride):
    field = field_of(shutter=Shutter.TOP_TO_BOTTOM)
    anew = field_of(shutter=Shutter.TOP_TO_BOTTOM, stride=stride)
    # 5 px trails at f = 110: d s^2 / (4 f^2) = 0.007 px inside, three times that at the border.
    assert_same(resampled(field, stride), anew, atol=0.03)


def test_resampling_is_exact_where_the_field_is_linear():
    field = field_of(stride=8)
    x, y = np.meshgrid(np.arange(12) * 8 + 3.5, np.arange(9) * 8 + 3.5)
    linear = BlurField(np.stack([[2 * x - y, x + 3 * y]], 0).transpose(0, 2, 3, 1), field.weights, field.phases, 8, 0)
    fine = resampled(linear, 2).displacement_px[0]
    x, y = np.meshgrid(np.arange(48) * 2 + 0.5, np.arange(36) * 2 + 0.5)
    np.testing.assert_allclose(fine, np.stack([2 * x - y, x + 3 * y], -1), atol=1e-3)


def test_resampling_a_single_point_holds_it():
    field = BlurField(np.full((2, 1, 1, 2), 3.0, np.float32), np.ones(2) / 2, np.array([0.0, 1.0]), 8, 0)
    fine = resampled(field, 4)
    assert fine.displacement_px.shape == (2, 2, 2, 2)
    assert (fine.displacement_px == 3).all()
    assert resampled(field, 32).displacement_px.shape == (2, 1, 1, 2)


def test_a_stride_below_one_is_refused():
    with pytest.raises(UsageError, match="stride >= 1, got 0"):
        resampled(field_of(), 0)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_an_orientation_lays_arrays_as_its_changes_lay_fields(mirrored, turns):
    way, numbers = Orientation(mirrored, turns), np.arange(12).reshape(3, 4)
    laid = numbers
    for change in way.changes:
        laid = change.moved(laid, STRIDE)
    np.testing.assert_array_equal(way.laid(numbers), laid)
    np.testing.assert_array_equal(way.undone(way.laid(numbers)), numbers)
    colour = numbers[..., None] + [0, 100]
    np.testing.assert_array_equal(way.laid(colour, (0, 1))[..., 1], laid + 100)
    np.testing.assert_array_equal(way.undone(way.laid(colour, (0, 1)), (0, 1)), colour)


def test_a_mirror_image_comes_before_the_turn():
    # 0 1    mirrored:  1 0    a quarter turn to the left:  0 2
    # 2 3               3 2                                 1 3
    np.testing.assert_array_equal(Orientation(True, 1).laid(np.array([[0, 1], [2, 3]])), [[0, 2], [1, 3]])
