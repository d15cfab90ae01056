import numpy as np
import pytest

from gyrosharp.blur.encodings.vector_norm import decode, encode, transform
from gyrosharp.blur.field import BlurField, field_of_motion
from gyrosharp.blur.field_transforms import Resize, transformed
from gyrosharp.errors import UsageError
from shaken import shake, turning


def channels_at(axis, x, y):
    """Norm and direction of one pixel while the camera turns at +0.5 rad/s for 50 ms, f = 121.2, centre (50, 50)."""
    field = field_of_motion(turning(axis, 0.5, 101, 101), stride=1, times=3)
    return encode(field, max_length_px=10.0)[:, y, x]


def test_positive_yaw_moves_content_left():
    np.testing.assert_allclose(channels_at("yaw", 50, 50), [0.303016, -1, 0], atol=5e-6)  # 2 f tan(0.0125) / 10


def test_positive_pitch_moves_content_down():
    np.testing.assert_allclose(channels_at("pitch", 50, 50), [0.303016, 0, 1], atol=5e-6)


def test_positive_roll_turns_content_counter_clockwise():
    np.testing.assert_allclose(channels_at("roll", 90, 50), [0.099997, 0, -1], atol=5e-6)  # 2 * 40 sin(0.0125) / 10


def field_of(*vectors_px):
    displacement = np.linspace(0, 1, 3)[:, None, None, None] * np.array(vectors_px, dtype=np.float32)[None, None]
    return BlurField(displacement.astype(np.float32), np.array([0.25, 0.5, 0.25]), np.linspace(0, 1, 3), 2, 0)


def test_norm_is_a_share_and_direction_a_unit_vector():
    planes = encode(field_of((3, 4), (0, 0), (-300, -400), (1e-6, 0)), max_length_px=50.0)[:, 0].T
    np.testing.assert_allclose(planes[:3], [(0.1, 0.6, 0.8), (0, 0, 0), (1, -0.6, -0.8)], atol=1e-6)
    # Too short to have a direction.
    np.testing.assert_array_equal(planes[3, 1:], 0)


def test_channels_keep_their_range():
    planes = encode(field_of_motion(shake(strength=60), stride=8, times=9), max_length_px=128.0)
    assert planes[0].min() >= 0 and planes[0].max() == 1
    np.testing.assert_allclose(np.hypot(planes[1], planes[2]), 1, atol=1e-6)


def test_decoding_is_centred_on_mid_exposure():
    planes = encode(field_of((30, -40)), max_length_px=100.0)
    tracks = decode(planes, np.array([0, 0.5, 0.75, 1]), max_length_px=100.0)[:, 0, 0]
    np.testing.assert_allclose(tracks, [(-15, 20), (0, 0), (7.5, -10), (15, -20)], atol=1e-5)


def test_decoding_loses_what_was_clipped():
    planes = encode(field_of((30, -40)), max_length_px=25.0)
    tracks = decode(planes, np.array([0.0, 1.0]), max_length_px=25.0)[:, 0, 0]
    np.testing.assert_allclose(tracks[1] - tracks[0], (15, -20), atol=1e-5)


def test_enlarging_clips_like_encoding_the_enlarged_field():
    field = field_of((30, -40), (3, 4), (-60, 80))
    changed = transform(encode(field, max_length_px=60.0), Resize(2.0), 2)
    np.testing.assert_allclose(changed, encode(transformed(field, Resize(2.0)), max_length_px=60.0), atol=1e-6)


def test_shrinking_does_not_bring_back_what_was_clipped():
    field = field_of((300, -400))
    changed = transform(encode(field, max_length_px=100.0), Resize(0.5), 2)[:, 0, 0]
    np.testing.assert_allclose(changed, [0.5, 0.6, -0.8], atol=1e-6)
    assert encode(transformed(field, Resize(0.5)), max_length_px=100.0)[0, 0, 0] == 1


@pytest.mark.parametrize("length", [0.0, -1.0, float("nan")])
def test_a_length_that_is_not_positive_is_refused(length):
    with pytest.raises(UsageError, match="max_length_px above 0"):
        encode(field_of((1, 1)), max_length_px=length)
    with pytest.raises(UsageError, match="max_length_px above 0"):
        decode(np.zeros((3, 1, 1), np.float32), np.ones(1), max_length_px=length)
