import numpy as np
import pytest

from gyrosharp.blur.encodings.camera_motion_field import decode, encode, vectors
from gyrosharp.blur.field import BlurField, field_of_motion
from gyrosharp.errors import UsageError
from shaken import shake, turning


def steps_at(axis, x, y, pairs=8):
    """Steps (M, 2) of one pixel while the camera turns at +0.5 rad/s for 50 ms, f = 121.2, centre (50, 50)."""
    field = field_of_motion(turning(axis, 0.5, 101, 101), stride=1, times=9)
    return encode(field, pairs=pairs)[:, y, x].reshape(-1, 2)


def test_positive_yaw_moves_content_left():
    # From mid-exposure one eighth of the turn on: -f tan(0.003125) = -0.37875.
    steps = steps_at("yaw", 50, 50)
    np.testing.assert_allclose(steps[4], [-0.37875, 0.0], atol=2e-5)
    # In all -2 f tan(0.0125) = -3.03016.
    np.testing.assert_allclose(steps.sum(axis=0), [-3.03016, 0.0], atol=5e-5)


def test_positive_pitch_moves_content_down():
    np.testing.assert_allclose(steps_at("pitch", 50, 50, pairs=2), [[0.0, 1.51508], [0.0, 1.51508]], atol=2e-5)


def test_positive_roll_turns_content_counter_clockwise():
    # 40 px right of the centre, the first half of the turn ends at (40, 0) and begins at 40 (cos, sin)(0.0125).
    np.testing.assert_allclose(
        steps_at("roll", 90, 50, pairs=2), [[0.003125, -0.49999], [-0.003125, -0.49999]], atol=2e-5
    )


def field_of(path, times):
    """One pixel whose displacement is path(u)."""
    phases = np.linspace(0, 1, times)
    displacement = np.array([path(u) for u in phases], dtype=np.float32).reshape(times, 1, 1, 2)
    return BlurField(displacement, np.full(times, 1 / times), phases, 2, 0)


def test_steps_are_consecutive_and_in_the_order_of_time():
    planes = encode(field_of(lambda u: (16 * u**2, 8 * u), 9), pairs=4)
    np.testing.assert_allclose(planes[:, 0, 0], [1, 2, 3, 2, 5, 2, 7, 2], atol=1e-5)


@pytest.mark.parametrize("times", [4, 6, 12, 31])
def test_other_sampling_is_resampled_by_a_cubic(times):
    def path(u):
        return 30 * u**3 - 12 * u**2, 5 * u - 20 * u**3

    planes = encode(field_of(path, times))
    instants = np.array([path(u) for u in np.linspace(0, 1, 9)])
    np.testing.assert_allclose(planes[:, 0, 0], np.diff(instants, axis=0).ravel(), atol=2e-5)


def test_the_fields_own_samples_are_used_as_they_are():
    field = field_of_motion(shake(), stride=8, times=17)
    expected = np.diff(field.displacement_px[::2], axis=0)
    np.testing.assert_allclose(np.moveaxis(encode(field).reshape(8, 2, 9, 12), 1, -1), expected, atol=1e-5)


@pytest.mark.parametrize("pairs", [2, 3, 8, 16])
def test_decoding_is_exact_at_the_instants(pairs):
    field = field_of_motion(shake(), stride=8, times=2 * pairs + 1)
    decoded = decode(encode(field, pairs=pairs), field.phases[::2])
    middle = decode(encode(field, pairs=pairs), np.array([0.5]))
    np.testing.assert_allclose(middle, 0, atol=1e-6)
    relative = field.displacement_px[::2] - field.displacement_px[0]
    np.testing.assert_allclose(decoded - decoded[:1], relative, atol=1e-4)


def test_decoding_leaves_out_the_shift_of_a_rolling_shutter():
    # The reference view is that of the middle row; the top row comes 10 ms earlier: f tan(0.5 * 0.01) = 0.58 px.
    field = field_of_motion(turning("yaw", readout_s=0.02), stride=8, times=9)
    lost = field.displacement_px - decode(encode(field), field.phases)
    np.testing.assert_allclose(lost[:, 0], np.broadcast_to(field.displacement_px[4, 0], lost[:, 0].shape), atol=1e-5)
    assert 0.45 < lost[4, 0, 6, 0] < 0.58


def test_vectors_are_all_channels():
    assert vectors(4) == ((0, 1), (2, 3))


@pytest.mark.parametrize("channels", [0, 3])
def test_odd_channels_are_refused(channels):
    with pytest.raises(UsageError, match=f"pairs of planes .*, got {channels}"):
        vectors(channels)


def test_no_pairs_are_refused():
    with pytest.raises(UsageError, match="pairs >= 1, got 0"):
        encode(field_of_motion(shake(), stride=8), pairs=0)
