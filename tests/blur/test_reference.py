from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.blur.reference import ReferenceOperator
from gyrosharp.geometry import CameraModel, Exposure, Shutter
from shaken import RATES, adjoint_error, motion_of, shake, texture, trajectory, turning


def test_a_still_camera_changes_nothing():
    operator = ReferenceOperator(shake(strength=0.0), 8)
    image = texture(72, 96)
    np.testing.assert_allclose(operator.forward(image), image, atol=1e-7)
    np.testing.assert_allclose(operator.adjoint(image), image, atol=1e-7)
    np.testing.assert_array_equal(operator.coverage()[1:-1, 1:-1], 1.0)


@pytest.mark.parametrize("shutter", Shutter)
def test_adjoint(shutter):
    assert adjoint_error(ReferenceOperator(shake(40, 30, strength=4.0, shutter=shutter), 5)) < 1e-14


def long_lens(axis, trail_px):
    """A turn of a few pixels seen through a long lens: a pure shift at constant speed, to 1e-3 px."""
    focal, duration_s = 20_000.0, 0.05
    model = CameraModel(96, 72, focal, focal, 47.5, 35.5)
    rate = np.array(RATES[axis]) * trail_px / focal / duration_s
    poses = trajectory(lambda t: np.broadcast_to(rate, (*np.shape(t), 3)))
    return motion_of(model, Exposure(50_000_000, duration_s, 0.0, Shutter.GLOBAL), poses)


@pytest.mark.parametrize(("axis", "along"), [("yaw", 1), ("pitch", 0)])
def test_constant_motion_is_a_box_kernel(axis, along):
    """A wave sin(k x) under a box of length L keeps its phase and loses the factor sin(k L / 2) / (k L / 2)."""
    length, k = 10.0, 2 * np.pi / 40
    coordinate = np.indices((72, 96))[along][..., None]
    wave = np.sin(k * (coordinate - 7.0))
    blurred = ReferenceOperator(long_lens(axis, length), 64).forward(wave)
    expected = wave * np.sinc(k * length / 2 / np.pi)
    inner = (slice(8, -8), slice(8, -8))
    # Bilinear sampling between pixels flattens the wave by up to k^2 / 8.
    assert np.abs(blurred - expected)[inner].max() < k**2 / 8
    assert np.abs(wave - expected)[inner].max() > 0.09


@pytest.mark.parametrize(("axis", "direction"), [("yaw", (-1, 0)), ("pitch", (0, 1))])
def test_light_trails_off_the_way_the_scene_moves(axis, direction):
    """With the reference at the start, a lit pixel's trail lies on one side; gathering with H puts it on the other."""
    motion = long_lens(axis, 12.0)
    motion = replace(motion, reference_ns=motion.exposure.start_ns)
    light = np.zeros((72, 96, 1))
    light[36, 48] = 1.0
    blurred = ReferenceOperator(motion, 48).forward(light)[..., 0]
    y, x = np.nonzero(blurred > 1e-3)
    along = (x - 48) * direction[0] + (y - 36) * direction[1]
    assert (along.min(), along.max()) == (0, 12)
    assert blurred.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("axis", RATES)
def test_light_lands_on_the_track_of_its_point(axis):
    """The two directions of the model agree: the trail of a lit pixel lies where `positions` leads its point."""
    motion = turning(axis, rate_rad_s=2.0, shutter="global")
    motion = replace(motion, reference_ns=motion.exposure.start_ns)
    light = np.zeros((72, 96, 1))
    light[30, 60] = 1.0
    blurred = ReferenceOperator(motion, 64).forward(light)[..., 0]
    phases = (np.arange(64) + 0.5) / 64
    track = motion.positions([60.0, 30.0], motion.line_times_ns([60.0, 30.0], phases))
    y, x = np.indices(blurred.shape)
    centroid = np.array([(x * blurred).sum(), (y * blurred).sum()]) / blurred.sum()
    np.testing.assert_allclose(centroid, track.mean(axis=0), atol=0.05)
    assert np.abs(track.mean(axis=0) - (60, 30)).max() > 0.5


def test_borders_are_continued_by_their_edge_pixels():
    image = np.tile(np.linspace(0, 1, 96)[None, :, None], (72, 1, 1))
    motion = long_lens("yaw", 12.0)
    motion = replace(motion, reference_ns=motion.exposure.start_ns)
    blurred = ReferenceOperator(motion, 48).forward(image)[..., 0]
    # The last pixel collects from x + 0 ... x + 12, all beyond the edge: white.
    np.testing.assert_allclose(blurred[:, -1], 1.0)
    assert ReferenceOperator(motion, 48).coverage()[36, -1] < 0.1
    assert ReferenceOperator(motion, 48).coverage()[36, 40] == 1.0
