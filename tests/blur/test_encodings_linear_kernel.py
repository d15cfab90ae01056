import numpy as np
import pytest

from gyrosharp.blur.encodings.linear_kernel import decode, encode, transform
from gyrosharp.blur.field import BlurField, field_of_motion
from gyrosharp.blur.field_transforms import Flip, Resize, Rotate90, transformed
from gyrosharp.errors import UsageError
from shaken import shake, turning


def vector_at(axis, x, y, **timing):
    """The vector of one pixel while the camera turns at +0.5 rad/s for 50 ms, f = 121.2, centre (50, 50)."""
    return encode(field_of_motion(turning(axis, 0.5, 101, 101, **timing), stride=1, times=3))[:, y, x]


def test_positive_yaw_moves_content_left():
    np.testing.assert_allclose(vector_at("yaw", 50, 50), [-3.03016, 0], atol=5e-5)  # -2 f tan(0.0125)


def test_positive_pitch_moves_content_down():
    np.testing.assert_allclose(vector_at("pitch", 50, 50), [0, 3.03016], atol=5e-5)


def test_positive_roll_turns_content_counter_clockwise():
    np.testing.assert_allclose(vector_at("roll", 90, 50), [0, -0.99997], atol=2e-5)  # -2 * 40 sin(0.0125)


def field_of(*vectors_px):
    """One row of pixels that move along these vectors at constant speed."""
    displacement = np.linspace(0, 1, 3)[:, None, None, None] * np.array(vectors_px, dtype=np.float32)[None, None]
    return BlurField(displacement.astype(np.float32), np.array([0.25, 0.5, 0.25]), np.linspace(0, 1, 3), 1, 0)


def encoded(*vectors_px, form):
    return encode(field_of(*vectors_px), form=form)[:, 0].T


def test_canonical_vectors_point_up():
    got = encoded((3, 4), (3, -4), (-3, 4), (-5, 0), (5, 0), (0, 0), form="canonical")
    np.testing.assert_allclose(got, [(-3, -4), (3, -4), (3, -4), (5, 0), (5, 0), (0, 0)])


def test_deepgyro_codes():
    got = encoded((0, 0), (3.4, -4.6), (3.4, 4.6), (300, -300), (-300, -1), form="deepgyro") * 255
    np.testing.assert_allclose(got, [(128, 128), (131, 123), (125, 123), (255, 1), (1, 127)], atol=1e-4)
    assert encoded((0, 0), form="deepgyro")[0, 0] == pytest.approx(0.502, abs=5e-4)


def test_rounding_comes_before_the_sign():
    # 0.3 px down is horizontal once it is whole; the sign then follows dx.
    np.testing.assert_allclose(encoded((7, 0.3), (-7, 0.3), form="deepgyro") * 255, [(135, 128), (135, 128)], atol=1e-4)


def test_decoding_moves_at_constant_speed():
    planes = encode(field_of((8, -4)))
    np.testing.assert_allclose(decode(planes, np.array([0, 0.25, 1]))[:, 0, 0], [(0, 0), (2, -1), (8, -4)])


def test_deepgyro_decodes_to_whole_pixels_up_to_sign():
    planes = encode(field_of((8.4, 4.4), (-3, -200)), form="deepgyro")
    np.testing.assert_allclose(decode(planes, np.array([1.0]), form="deepgyro")[0, 0], [(-8, -4), (-3, -127)])


@pytest.mark.parametrize("form", ["canonical", "deepgyro"])
@pytest.mark.parametrize("change", [Flip("left_right"), Flip("up_down"), Rotate90(1), Rotate90(2), Rotate90(3)])
def test_ties_of_the_sign_survive_changes(form, change):
    """Exactly horizontal and vertical streaks, both ways."""
    field = field_of((6, 0), (-6, 0), (0, 6), (0, -6), (0, 0), (200, 0), (0, 200), (-200, -200))
    changed = transform(encode(field, form=form), change, 1, form=form)
    np.testing.assert_array_equal(changed, encode(transformed(field, change), form=form))


def test_resizing_codes_is_off_by_a_pixel_at_most_up_to_sign():
    field = field_of_motion(shake(strength=20), stride=8, times=9)
    changed = transform(encode(field, form="deepgyro"), Resize(0.5), 8, form="deepgyro")
    expected = encode(transformed(field, Resize(0.5)), form="deepgyro")
    a, b = (decode(planes, np.ones(1), form="deepgyro") for planes in (changed, expected))
    assert np.abs(b).max() > 20
    assert np.minimum(np.abs(a - b).max(axis=-1), np.abs(a + b).max(axis=-1)).max() == 1


def test_an_unknown_form_is_refused():
    planes = encode(field_of((1, 1)))
    for call in (
        lambda: encode(field_of((1, 1)), form="keras"),
        lambda: decode(planes, np.ones(1), form="keras"),
        lambda: transform(planes, Rotate90(), 1, form="keras"),
    ):
        with pytest.raises(UsageError, match="vector, canonical or deepgyro, got 'keras'"):
            call()
