"""The depth-aware blur against an independent ray caster and against results worked by hand."""

from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.blur.depth_operator import DepthOperator
from gyrosharp.blur.exact import ExactOperator, native_kernel_available
from gyrosharp.blur.field import field_of_motion
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.geometry import CameraModel, Exposure, PoseTrajectory, Shutter
from gyrosharp.geometry.rotation import exp_so3
from shaken import psnr

MS = 1_000_000
needs_kernel = pytest.mark.skipif(not native_kernel_available(), reason="NumPy takes minutes")

# ---------------------------------------------------------------- a scene of planes, ray-cast

# Plane n . X = c in the reference camera's frame; where its rectangle x0, x1, y0, y1 (metres) ends, one sees behind it.
PLANES = [
    ((0.0, 0.0, 1.0), 6.0, None),
    ((0.35, 0.0, 1.0), 3.2, (-1.6, 0.0, -0.9, 0.35)),  # slanted
    ((0.0, 0.0, 1.0), 2.2, (0.0, 0.5, 0.25, 0.7)),
    ((0.0, 0.0, 1.0), 1.6, (0.05, 0.55, -0.35, 0.15)),
    ((0.0, 0.0, 1.0), 1.1, (-0.28, -0.05, 0.02, 0.25)),
]
MARGIN_PX = 20  # around what is compared: no operator knows light from beyond the picture
WIDTH, HEIGHT = 144, 108
POSES = 16


def paint(points, plane):
    """Colours of points on a plane: waves with periods of 7 to 40 px as the reference camera sees them."""
    rng = np.random.default_rng(plane)
    total = np.zeros((*points.shape[:-1], 3))
    for period_px in np.geomspace(7, 40, 6):
        angle, phases = rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi, 3)
        rate = 2 * np.pi / (period_px / WIDTH * PLANES[plane][1])
        along = rate * (points[..., 0] * np.cos(angle) + points[..., 1] * np.sin(angle))
        # As in photographs, fine detail is weaker than coarse.
        waves = np.stack([np.sin(along), np.cos(along)], axis=-1) @ [np.cos(phases), np.sin(phases)]
        total += waves * np.sqrt(period_px)
    return rng.uniform(0.35, 0.65, 3) + 0.02 * total


def cast(rays, R, position):
    """Colours (..., 3), camera depths (...) and plane numbers (...) of rays with z = 1, from one or many poses."""
    directions = np.einsum("...ij,...j->...i", R, rays)
    nearest, number = np.full(directions.shape[:-1], np.inf), np.zeros(directions.shape[:-1], int)
    for k, (normal, offset, bounds) in enumerate(PLANES):
        s = (offset - position @ np.array(normal)) / (directions @ np.array(normal))
        hit = (s > 0) & (s < nearest)
        if bounds:
            x, y, _ = np.moveaxis(position + s[..., None] * directions, -1, 0)
            hit &= (x > bounds[0]) & (x < bounds[1]) & (y > bounds[2]) & (y < bounds[3])
        nearest, number = np.where(hit, s, nearest), np.where(hit, k, number)
    points = position + nearest[..., None] * directions
    colours = np.zeros_like(points)
    for k in range(len(PLANES)):
        colours[number == k] = paint(points[number == k], k)
    return colours, nearest, number


def subpixels(count):
    steps = (np.arange(count) + 0.5) / count - 0.5
    return [np.array([dx, dy]) for dy in steps for dx in steps]


def walk(turn=1.0, shift=1.0):
    """A hand's 6-DoF motion, smooth and analytic."""
    time_ns = np.arange(0, 201 * MS, 2 * MS)
    t = time_ns * 1e-9
    angles = turn * np.stack([0.02 * np.sin(30 * t + 0.3), 0.03 * np.sin(23 * t + 1), 0.06 * np.sin(17 * t)], axis=-1)
    places = shift * np.stack([0.12 * np.cos(20 * t), 0.07 * np.sin(26 * t + 0.5), 0.1 * np.sin(15 * t)], axis=-1)
    return PoseTrajectory(time_ns, exp_so3(angles), places)


def shot(shutter, turn=1.0, shift=1.0):
    """The motion of a camera with a margin around its picture; the world's frame is the reference camera's."""
    width, height = WIDTH + 2 * MARGIN_PX, HEIGHT + 2 * MARGIN_PX
    model = CameraModel(width, height, WIDTH, WIDTH, width / 2 + 1.0, height / 2 - 1.5)
    exposure = Exposure(50 * MS, 0.05, 0.02, shutter)
    poses, reference_ns = walk(turn, shift), exposure.reference_ns(width, height)
    R, p = poses.at(reference_ns)
    poses = PoseTrajectory(poses.time_ns, R.T @ poses.rotations, (poses.positions_m - p) @ R)
    return CameraMotion(model, exposure, poses, reference_ns)


def pixels_of(model):
    return np.stack(np.meshgrid(np.arange(model.width), np.arange(model.height)), axis=-1).astype(float)


def rays_of(model, pixels):
    ones = np.ones(pixels.shape[:-1])
    return np.stack([(pixels[..., 0] - model.cx) / model.fx, (pixels[..., 1] - model.cy) / model.fy, ones], axis=-1)


def reference_view(motion):
    """Sharp image, 4 x 4 rays a pixel, and depth map of the reference camera."""
    pixels = pixels_of(motion.camera)
    still = np.eye(3), np.zeros(3)
    views = [cast(rays_of(motion.camera, pixels + step), *still)[0] for step in subpixels(4)]
    depth = cast(rays_of(motion.camera, pixels), *still)[1]
    return np.mean(views, axis=0).astype(np.float32), depth.astype(np.float32)


def inner(image):
    return image[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]


def rendered_blur(motion, times):
    """The blurred picture without its margin, 2 x 2 rays a pixel at each of many times, and where borders passed."""
    pixels = inner(pixels_of(motion.camera))
    total, passed = np.zeros((HEIGHT, WIDTH, 3)), np.zeros((HEIGHT, WIDTH), bool)
    for phase in (np.arange(times) + 0.5) / times:
        # Pixel by pixel in time and pose: nothing is shared with the operator but the trajectory and the line times.
        R, p = motion.trajectory.at(motion.line_times_ns(pixels, [phase])[..., 0])
        for step in subpixels(2):
            colours, _, number = cast(rays_of(motion.camera, pixels + step), R, p)
            total += colours
        passed[:, 1:] |= number[:, 1:] != number[:, :-1]
        passed[1:] |= number[1:] != number[:-1]
    return total / (4 * times), passed


def widened(mask, px):
    import cv2

    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * px + 1, 2 * px + 1), np.uint8)) > 0


@needs_kernel
@pytest.mark.parametrize("shutter", [Shutter.GLOBAL, Shutter.TOP_TO_BOTTOM])
def test_a_ray_cast_scene_of_planes(shutter):
    motion = shot(shutter)
    sharp, depth = reference_view(motion)
    motion = replace(motion, depth_m=depth)
    truth, passed = rendered_blur(motion, 4 * POSES)
    operator = DepthOperator(motion, POSES)
    blurred, borders = inner(operator.forward(sharp)), widened(passed, 4)
    trails = field_of_motion(motion, stride=4).extent_px
    far, near = trails[depth[2::4, 2::4] > 5].max(), trails[depth[2::4, 2::4] < 1.2].max()
    assert 10 < trails.max() < 30
    assert near - far > 5
    assert psnr(inner(sharp), truth) < 25
    # Measured: 40 dB in all, 37 dB near borders, 56 dB elsewhere.
    assert psnr(blurred, truth) > 38
    assert psnr(blurred[borders], truth[borders]) > 35
    assert psnr(blurred[~borders], truth[~borders]) > 50
    # The second route agrees with the truth as well.
    second = inner(DepthOperator(motion, POSES, method="backward").forward(sharp))
    assert psnr(second, truth) > 33


@needs_kernel
@pytest.mark.parametrize("shutter", [Shutter.GLOBAL, Shutter.TOP_TO_BOTTOM])
def test_rotation_alone_does_not_ask_for_depth(shutter):
    motion = shot(shutter, shift=0.0)
    sharp, depth = reference_view(motion)
    truth, _ = rendered_blur(motion, 2 * POSES)
    blurred = DepthOperator(replace(motion, depth_m=depth), POSES).forward(sharp)
    poses = replace(motion.trajectory, positions_m=None)
    exact = ExactOperator(replace(motion, trajectory=poses), POSES).forward(sharp)
    assert np.abs(blurred - exact).max() < 1e-3
    assert psnr(inner(blurred), truth) > 45


# ---------------------------------------------------------------- by hand


def sliding(direction, metres, depth_m, reference_ns=0, width=121, height=81, **timing):
    """A camera that moves by `metres` along an axis in an exposure of 50 ms, f = 100 px; the reference is its start."""
    time_ns = np.array([-100, 0, 50, 150]) * MS
    places = np.outer(time_ns / (50 * MS), direction) * metres
    poses = PoseTrajectory(time_ns, exp_so3(np.zeros((4, 3))), places)
    model = CameraModel(width, height, 100.0, 100.0, (width - 1) / 2, (height - 1) / 2)
    depth = np.broadcast_to(np.asarray(depth_m, np.float32), (height, width))
    exposure = Exposure(0, **{"duration_s": 0.05, "shutter": Shutter.GLOBAL, **timing})
    return CameraMotion(model, exposure, poses, reference_ns, depth)


def light_at(x, y, shape):
    image = np.zeros((*shape, 1), np.float32)
    image[y, x] = 1.0
    return image


def test_moving_right_smears_a_light_to_the_left_by_f_t_over_d():
    """0.2 m to the right, 2 m away, f = 100 px: 10 px to the left, evenly."""
    operator = DepthOperator(sliding([1, 0, 0], 0.2, 2.0), 10)
    row = operator.forward(light_at(60, 40, operator.shape))[40, :, 0]
    # Pose j stands j + 0.5 px along, so that the ends get half a share: the box from 50 to 60, sampled.
    expected = np.zeros(121)
    expected[50:61] = 0.1
    expected[[50, 60]] = 0.05
    np.testing.assert_allclose(row, expected, atol=1e-5)


@pytest.mark.parametrize(("direction", "offset"), [([1, 0, 0], (-4, 0)), ([0, 1, 0], (0, -4)), ([-1, 0, 0], (4, 0))])
def test_a_light_moves_against_the_camera(direction, offset):
    """0.2 m at 2.5 m: 8 px in all, 4 px on average."""
    operator = DepthOperator(sliding(direction, 0.2, 2.5), 16)
    image = operator.forward(light_at(60, 40, operator.shape))[..., 0]
    y, x = np.mgrid[:81, :121]
    assert ((image * x).sum() - 60, (image * y).sum() - 40) == pytest.approx(offset, abs=1e-3)


def test_moving_forward_expands():
    """From 2 m to 1.6 m: what stood 20 px from the centre ends at 25 px, magnified m = 2 / (2 - 0.4 t) times."""
    operator = DepthOperator(sliding([0, 0, 1], 0.4, 2.0), 32)
    image = operator.forward(light_at(80, 40, operator.shape))[..., 0]
    lit = np.flatnonzero(image[40] > 1e-4)
    # At the end the light is 1.25 px wide: pixel 86 still sees its edge.
    assert (lit.min(), lit.max()) == (80, 86)
    # Along the row the light grows m times as wide, so that its centroid is 60 + 20 (mean of m^2) / (mean of m).
    mean_m, mean_m2 = 5 * np.log(1.25), 1.25
    assert (image[40] * np.arange(121)).sum() / image[40].sum() == pytest.approx(60 + 20 * mean_m2 / mean_m, abs=0.02)


def test_twice_as_far_moves_half_as_much():
    depth = np.full((81, 121), 2.0, np.float32)
    depth[:40] = 4.0
    operator = DepthOperator(sliding([1, 0, 0], 0.2, depth), 10)
    both = operator.forward(light_at(60, 60, operator.shape) + light_at(60, 20, operator.shape))[..., 0]
    assert np.flatnonzero(both[60] > 1e-3).tolist() == list(range(50, 61))
    assert np.flatnonzero(both[20] > 1e-3).tolist() == list(range(55, 61))


def test_a_wall_is_blurred_by_the_analytic_box():
    """Constant depth, motion parallel to the image, reference in the middle: B(x) = mean of I over x - 6 to x + 6."""
    motion = sliding([1, 0, 0], 0.24, 2.0, reference_ns=25 * MS)
    poses = 48
    operator = DepthOperator(motion, poses)
    x = np.arange(121)
    wave = 0.5 + 0.4 * np.sin(2 * np.pi * x / 30)
    image = np.broadcast_to(wave[:, None], (81, 121, 1)).astype(np.float32)
    blurred = operator.forward(image)[40, 10:-10, 0]
    box = np.sin(np.pi * 12 / 30) / (np.pi * 12 / 30)
    np.testing.assert_allclose(blurred, 0.5 + 0.4 * box * np.sin(2 * np.pi * x[10:-10] / 30), atol=2e-3)
    steps = ((np.arange(poses) + 0.5) / poses - 0.5) * 12
    sampled = np.mean([np.interp(x[10:-10] + step, x, wave) for step in steps], axis=0)
    np.testing.assert_allclose(blurred, sampled, atol=1e-5)


def test_a_near_thing_hides_the_background_and_uncovers_it():
    """A near bar of 10 px at 1 m moves left by 20 px before a wall at infinity: it covers and uncovers, never mixes."""
    depth = np.full((81, 121), np.nan, np.float32)
    depth[:, 60:70] = 1.0
    operator = DepthOperator(sliding([1, 0, 0], 0.2, depth), 20)
    bar = np.zeros((81, 121, 1), np.float32)
    bar[:, 60:70] = 1.0
    row = operator.forward(bar)[40, :, 0]
    # Pose j: the bar's left edge at 59.5 - (j + 0.5); pixel x sees it while that is at most 10 px to its left.
    edges = 59.5 - (np.arange(20) + 0.5)
    expected = [np.mean((edges <= x) & (x < edges + 10)) for x in np.arange(121)]
    np.testing.assert_allclose(row, expected, atol=1e-6)
    assert row.sum() == pytest.approx(10.0, abs=0.1)
    # Where the bar stood, the wall is shown once it is gone: black, not the bar's light.
    assert operator.coverage[40, 69] < 0.1
    assert operator.coverage[40, 30] == pytest.approx(1.0)


@pytest.mark.parametrize("shutter", Shutter)
def test_a_rolling_shutter_slides_each_line_in_its_own_time(shutter):
    """Moving right at 4 m/s before a wall at 2 m while the lines are read out: a sheared picture, by 200 px/s."""
    motion = sliding([1, 0, 0], 0.2, 2.0, duration_s=0.001, readout_s=0.04, shutter=shutter)
    operator = DepthOperator(motion, 1)
    y, x = np.mgrid[:81, :121].astype(float)
    fraction = motion.exposure.line_fraction(np.stack([x, y], axis=-1), 121, 81)
    moved_px = 200 * (0.04 * fraction + 0.0005)
    ramp = operator.forward((x[..., None] / 121).astype(np.float32))[..., 0] * 121
    inside = x + moved_px < 119
    np.testing.assert_allclose(ramp[inside], (x + moved_px)[inside], atol=2e-2)


def test_a_still_camera_changes_nothing():
    rng = np.random.default_rng(0)
    depth = rng.uniform(0.5, 5.0, (81, 121)).astype(np.float32)
    image = rng.random((81, 121, 3)).astype(np.float32)
    operator = DepthOperator(sliding([1, 0, 0], 0.0, depth), 8)
    np.testing.assert_allclose(operator.forward(image), image, atol=1e-5)
    np.testing.assert_allclose(operator.adjoint(image), image, atol=1e-5)
    np.testing.assert_allclose(operator.coverage, 1.0, atol=1e-6)
