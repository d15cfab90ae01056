import numpy as np
import pytest

from gyrosharp.blur.encodings.mid_displacements import decode, encode
from gyrosharp.blur.field import BlurField, field_of_motion
from gyrosharp.errors import UsageError
from shaken import shake, turning


def pairs_at(axis, x, y):
    """Displacements (8, 2) of one pixel while the camera turns at +0.5 rad/s for 50 ms, f = 121.2, centre (50, 50)."""
    field = field_of_motion(turning(axis, 0.5, 101, 101), stride=1, times=9)
    return encode(field)[:, y, x].reshape(8, 2)


def test_positive_yaw_moves_content_left():
    # f tan(0.003125 n) for n = 4, 3, 2, 1 eighths before the middle, and as far to the left after it.
    before = np.array([1.51508, 1.13628, 0.75751, 0.37875])
    pairs = pairs_at("yaw", 50, 50)
    np.testing.assert_allclose(pairs[:, 0], np.concatenate([before, -before[::-1]]), atol=2e-5)
    np.testing.assert_allclose(pairs[:, 1], 0, atol=1e-5)


def test_positive_pitch_moves_content_down():
    np.testing.assert_allclose(pairs_at("pitch", 50, 50)[[0, -1]], [[0, -1.51508], [0, 1.51508]], atol=2e-5)


def test_positive_roll_turns_content_counter_clockwise():
    # 40 px to the right: 40 (cos 0.0125 - 1, -+sin 0.0125).
    np.testing.assert_allclose(
        pairs_at("roll", 90, 50)[[0, -1]], [[-0.003125, 0.49999], [-0.003125, -0.49999]], atol=2e-5
    )


def test_the_middle_is_left_out_and_subtracted():
    phases = np.linspace(0, 1, 9)
    displacement = np.stack([8 * phases + 100, 64 * phases**2], axis=-1).astype(np.float32).reshape(9, 1, 1, 2)
    planes = encode(BlurField(displacement, np.full(9, 1 / 9), phases, 1, 0))[:, 0, 0]
    np.testing.assert_allclose(planes[0::2], [-4, -3, -2, -1, 1, 2, 3, 4], atol=1e-4)
    np.testing.assert_allclose(planes[1::2], [-16, -15, -12, -7, 9, 20, 33, 48], atol=1e-4)


def test_from_the_reference_view_the_shift_of_a_rolling_shutter_stays():
    field = field_of_motion(shake(readout_s=0.05), stride=8, times=17)
    planes = encode(field, relative_to="reference")
    np.testing.assert_allclose(planes[0], field.displacement_px[0, ..., 0], atol=1e-6)
    np.testing.assert_allclose(planes[15], field.displacement_px[16, ..., 1], atol=1e-6)
    decoded = decode(planes, field.phases, relative_to="reference")
    # Exact at the eight instants; the middle, which is not stored, is interpolated.
    np.testing.assert_allclose(
        decoded[::2][[0, 1, 2, 3, 5, 6, 7, 8]], field.displacement_px[::2][[0, 1, 2, 3, 5, 6, 7, 8]], atol=1e-5
    )
    np.testing.assert_allclose(decoded, field.displacement_px, atol=0.02)
    shift = field.displacement_px[8]
    assert np.abs(shift).max() > 0.5
    np.testing.assert_allclose(encode(field)[:2], planes[:2] - np.moveaxis(shift, -1, 0), atol=1e-5)


def test_decoding_is_exact_at_the_nine_instants():
    field = field_of_motion(shake(), stride=8, times=17)
    decoded = decode(encode(field), field.phases[::2])
    np.testing.assert_allclose(decoded, (field.displacement_px - field.displacement_px[8])[::2], atol=1e-5)


def test_an_unknown_origin_is_refused():
    field = field_of_motion(shake(), stride=8, times=9)
    with pytest.raises(UsageError, match="own_row or reference, got 'start'"):
        encode(field, relative_to="start")
    with pytest.raises(UsageError, match="own_row or reference, got 'start'"):
        decode(encode(field), field.phases, relative_to="start")
