import numpy as np
import pytest

from gyrosharp.blur.field import blur_field, grid_points, point_tracks
from gyrosharp.capture.capture import Capture
from gyrosharp.errors import UsageError
from gyrosharp.geometry import Shutter
from shaken import shake, turning


def capture_of(motion):
    return Capture(motion.camera, motion.exposure, poses=motion.trajectory)


def test_grid_points_are_the_middles_of_their_cells():
    points = grid_points(64, 40, 16)
    assert points.shape == (2, 4, 2)
    np.testing.assert_allclose(points[1, 2], [2.5 * 16 - 0.5, 1.5 * 16 - 0.5])
    np.testing.assert_allclose(grid_points(3, 2, 1)[1, 2], [2, 1])
    assert grid_points(5, 5, 16).shape == (1, 1, 2)


def test_shapes_and_weights():
    field = blur_field(capture_of(shake()), stride=8, times=9)
    assert field.displacement_px.shape == (9, 9, 12, 2)
    assert field.displacement_px.dtype == np.float32
    assert field.weights.sum() == pytest.approx(1.0)
    assert field.weights[0] == field.weights[1] / 2
    np.testing.assert_allclose(field.phases, np.linspace(0, 1, 9))
    assert field.stride == 8


def test_every_point_uses_the_exposure_of_its_own_row():
    motion = turning("yaw", readout_s=0.02)
    field = blur_field(capture_of(motion), stride=8, times=3)
    # At mid-exposure, row y is 0.02 (y - 35.5) / 72 s from the reference, at 0.5 rad/s.
    y = grid_points(96, 72, 8)[:, 6, 1]
    expected = -motion.camera.fx * np.tan(0.5 * 0.02 * (y - 35.5) / 72)
    np.testing.assert_allclose(field.displacement_px[1, :, 6, 0], expected, atol=0.01)
    assert field.reference_ns == motion.reference_ns


def test_extent_of_a_constant_turn():
    motion = turning("yaw", shutter=Shutter.GLOBAL)
    extent = blur_field(capture_of(motion), stride=8).extent_px
    assert extent.shape == (9, 12)
    # 0.5 rad/s for 50 ms, seen near the axis.
    assert extent[4, 6] == pytest.approx(motion.camera.fx * 2 * np.tan(0.0125), rel=2e-3)


def test_a_still_camera_has_no_extent():
    field = blur_field(capture_of(shake(strength=0.0)))
    np.testing.assert_allclose(field.displacement_px, 0.0, atol=1e-9)


def test_tracks_give_the_ends_of_the_exposure():
    motion = shake()
    points = np.array([[0.0, 0.0], [95.0, 71.0]])
    track, stamps = point_tracks(motion, points, np.array([0.0, 1.0]))
    assert track.shape == (2, 2, 2)
    np.testing.assert_array_equal(stamps[0], [50_000_000, 100_000_000])
    np.testing.assert_array_equal(np.diff(stamps, axis=1), 50_000_000)


@pytest.mark.parametrize(("stride", "times"), [(0, 9), (8, 1)])
def test_bad_sampling_is_refused(stride, times):
    with pytest.raises(UsageError, match="stride >= 1 and times >= 2"):
        blur_field(capture_of(shake()), stride=stride, times=times)
