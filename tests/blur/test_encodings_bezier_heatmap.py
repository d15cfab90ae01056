import itertools

import numpy as np
import pytest

from gyrosharp.blur.encodings.bezier_heatmap import as_heatmap_images, decode, encode, from_heatmap_images
from gyrosharp.blur.field import BlurField, field_of_motion
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.errors import UsageError
from shaken import camera, hand_rate, shake, trajectory, turning


def points_at(axis, x, y):
    """Control and end point (2, 2) while the camera turns at +0.5 rad/s for 50 ms, f = 121.2, centre (50, 50)."""
    field = field_of_motion(turning(axis, 0.5, 101, 101), stride=1, times=9)
    return encode(field)[:, y, x].reshape(2, 2)


def test_positive_yaw_moves_content_left():
    # End: -2 f tan(0.0125); control: half of it, as the turn is at constant speed.
    np.testing.assert_allclose(points_at("yaw", 50, 50), [[-1.51508, 0], [-3.03016, 0]], atol=5e-5)


def test_positive_pitch_moves_content_down():
    np.testing.assert_allclose(points_at("pitch", 50, 50), [[0, 1.51508], [0, 3.03016]], atol=5e-5)


def test_positive_roll_turns_content_counter_clockwise():
    # 40 px right of the centre: from 40 (cos, sin) to 40 (cos, -sin) of 0.0125, along an arc that bulges to the right.
    # Its sagitta is 40 (1 - cos 0.0125) = 0.003125; a quadratic curve's control point is twice as far out.
    control, end = points_at("roll", 90, 50)
    np.testing.assert_allclose(end, [0, -0.99997], atol=2e-5)
    np.testing.assert_allclose(control, [0.00625, -0.49999], atol=5e-5)


def field_of(displacement, phases=None):
    displacement = np.asarray(displacement, dtype=np.float32)
    times = len(displacement)
    phases = np.linspace(0, 1, times) if phases is None else phases
    weights = np.gradient(phases)
    return BlurField(displacement.reshape(times, 1, 1, 2), weights / weights.sum(), phases, 1, 0)


def test_a_quadratic_trail_is_exact_from_wherever_it_starts():
    u = np.array([0.0, 0.1, 0.4, 0.5, 0.8, 1.0])
    curve = 2 * u[:, None] * (1 - u[:, None]) * [3, -5] + u[:, None] ** 2 * [10, 4]
    planes = encode(field_of(curve + np.array([70, -20]), u))
    np.testing.assert_allclose(planes[:, 0, 0], [3, -5, 10, 4], atol=1e-4)
    np.testing.assert_allclose(decode(planes, u)[:, 0, 0], curve, atol=1e-4)


def test_the_control_point_is_the_weighted_least_squares_solution():
    field = field_of_motion(shake(strength=3), stride=24, times=13)
    track = (field.displacement_px - field.displacement_px[0]).astype(float)
    u = field.phases
    residual = (track - u[:, None, None, None] ** 2 * track[-1]).reshape(13, -1)
    root = np.sqrt(field.weights)[:, None]
    expected = np.linalg.lstsq(root * (2 * u * (1 - u))[:, None], root * residual, rcond=None)[0].reshape(3, 4, 2)
    np.testing.assert_allclose(np.moveaxis(encode(field)[:2], 0, -1), expected, atol=1e-4)


def greedy_control(track):
    """Walk over whole pixels to the best of eight neighbours while one is better, from halfway to the end."""
    u = np.linspace(0, 1, len(track))[:, None]

    def cost(point):
        return np.sum((track - 2 * u * (1 - u) * point - u**2 * track[-1]) ** 2)

    point = np.rint(track[-1] / 2)
    while True:
        best = min((point + step for step in itertools.product((-1, 0, 1), repeat=2)), key=cost)
        if cost(best) >= cost(point):
            return point, cost(point)
        point = best


def test_the_closed_form_is_no_worse_than_the_papers_search_and_near_it():
    field = field_of_motion(shake(strength=3), stride=24, times=13)
    u = field.phases[:, None]
    for row, column in itertools.product(range(3), range(4)):
        track = (field.displacement_px[:, row, column] - field.displacement_px[0, row, column]).astype(float)
        point, cost = greedy_control(track)
        control = encode(field)[:2, row, column]
        assert np.abs(control - point).max() <= 0.5 + 1e-3
        assert np.sum((track - 2 * u * (1 - u) * control - u**2 * track[-1]) ** 2) <= cost


def test_two_samples_are_a_straight_line_at_constant_speed():
    planes = encode(field_of([[1, 1], [9, -3]]))
    np.testing.assert_allclose(planes[:, 0, 0], [4, -2, 8, -4])
    np.testing.assert_allclose(decode(planes, np.array([0.25]))[0, 0, 0], [2, -1])


def test_a_reference_at_mid_exposure_costs_second_order():
    """5 px trails: the field's gradient times d(0) is some hundredths of a pixel."""
    motion = shake(readout_s=0.0)
    start = CameraMotion(camera(), motion.exposure, trajectory(hand_rate), motion.exposure.start_ns)
    gap = [encode(field_of_motion(m, stride=8, times=9)) for m in (motion, start)]
    assert 0.005 < np.abs(gap[0] - gap[1]).max() < 0.2
    trail = np.abs(gap[0]).max()
    weak = shake(strength=0.5, readout_s=0.0)
    weak_start = CameraMotion(
        camera(), motion.exposure, trajectory(lambda t: hand_rate(t, 0.5)), motion.exposure.start_ns
    )
    weak_gap = [encode(field_of_motion(m, stride=8, times=9)) for m in (weak, weak_start)]
    assert np.abs(weak_gap[0]).max() == pytest.approx(trail / 2, rel=0.05)
    assert np.abs(weak_gap[0] - weak_gap[1]).max() == pytest.approx(np.abs(gap[0] - gap[1]).max() / 4, rel=0.15)


def test_heat_map_pictures_hold_whole_pixels():
    planes = np.array([3.4, -2.6, 0.0, 90.0], dtype=np.float32).reshape(4, 1, 1)
    control, end = as_heatmap_images(planes)
    assert control.dtype == end.dtype == np.uint8
    assert control.tolist() == [[[130, 124, 0]]]
    assert end.tolist() == [[[127, 217, 0]]]
    np.testing.assert_array_equal(from_heatmap_images(control, end)[:, 0, 0], [3, -3, 0, 90])


def test_heat_map_pictures_clip_where_8_bits_end():
    planes = np.array([-500.0, 500.0, -127.4, 128.4], dtype=np.float32).reshape(4, 1, 1)
    control, end = as_heatmap_images(planes)
    assert control.tolist() == [[[0, 255, 0]]]
    np.testing.assert_array_equal(from_heatmap_images(control, end)[:, 0, 0], [-127, 128, -127, 128])


def test_wrong_heat_maps_are_refused():
    with pytest.raises(UsageError, match="4 planes, got 3"):
        as_heatmap_images(np.zeros((3, 2, 2), np.float32))
    with pytest.raises(UsageError, match="of one size"):
        from_heatmap_images(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 3, 3), np.uint8))
    with pytest.raises(UsageError, match=r"\(h, w, 3\)"):
        from_heatmap_images(np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8))
