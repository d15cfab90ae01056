import numpy as np
import pytest

from gyrosharp.blur.nodes import STEP_X, node_grid, pixel_grid
from gyrosharp.geometry import Shutter
from shaken import shake, turning

POSES = 4
LENSES = {
    "none": {},
    "opencv": {"distortion_model": "opencv", "distortion": (-0.1, 0.02, 5e-4, -5e-4, 0.0)},
}


def cubic_weights(t):
    return np.stack(
        [
            -t * (t - 1) * (t - 2) / 6,
            (t + 1) * (t - 1) * (t - 2) / 2,
            -(t + 1) * t * (t - 2) / 2,
            (t + 1) * t * (t - 1) / 6,
        ]
    )


def interpolated(grid, x, y):
    """Displacement (N, 2) at grid coordinates: Lagrange's cubic through four nodes each way."""
    column, row = x // STEP_X, y // grid.step_y
    wx, wy = cubic_weights(x % STEP_X / STEP_X), cubic_weights(y % grid.step_y / grid.step_y)
    near = grid.displacement_px[:, row : row + 4, column : column + 4].astype(float)
    return np.einsum("nyxc,y,x->nc", near, wy, wx)


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("shutter", Shutter)
def test_interpolation_meets_the_exact_displacement(shutter, lens):
    motion = shake(640, 480, shutter=shutter, **LENSES[lens])
    grid = node_grid(motion, POSES)
    phases = (np.arange(POSES) + 0.5) / POSES
    worst = 0.0
    for x, y in [*np.random.default_rng(0).integers((0, 0), (640, 480), (60, 2)), (0, 0), (639, 479)]:
        point = np.array([x, y], dtype=float)
        exact = motion.sources(point, motion.line_times_ns(point, phases)) - point
        found = interpolated(grid, y, x)[:, ::-1] if grid.transposed else interpolated(grid, x, y)
        worst = max(worst, np.abs(found - exact).max())
    assert worst < 1e-4
    assert grid.transposed is shutter.is_vertical


@pytest.mark.parametrize("shutter", Shutter)
def test_a_pixel_grid_holds_the_exact_displacement(shutter):
    motion = shake(40, 30, shutter=shutter, focal=0.5)
    grid = pixel_grid(motion, POSES)
    phases = (np.arange(POSES) + 0.5) / POSES
    for x, y in [(0, 0), (39, 29), (17, 8)]:
        point = np.array([x, y], dtype=float)
        exact = motion.sources(point, motion.line_times_ns(point, phases)) - point
        found = (
            grid.displacement_px[:, x + 1, y + 1, ::-1] if grid.transposed else grid.displacement_px[:, y + 1, x + 1]
        )
        np.testing.assert_allclose(found, exact, atol=1e-5)
    assert (grid.step_x, grid.step_y, grid.transposed) == (1, 1, shutter.is_vertical)


def test_weights_and_reach():
    grid = node_grid(turning("yaw", width=640, height=480), POSES)
    assert grid.weights.sum() == pytest.approx(1.0)
    # A constant turn of 0.5 rad/s, 50 ms: the outer of four poses stand 18.75 ms from the middle.
    shift = 1.2 * 640 * np.tan(0.5 * 0.01875)
    assert shift < grid.reach_px < 1.6 * shift


def test_rows_lie_closer_with_a_slow_readout():
    assert node_grid(shake(640, 480, readout_s=0.0), POSES).step_y == 16
    assert node_grid(shake(640, 480, readout_s=0.02), POSES).step_y == 12
    assert node_grid(shake(640, 480, readout_s=0.08), POSES).step_y == 3


def test_a_camera_too_wide_for_the_nodes_has_none():
    """Through a wide-angle lens of 48 px focal length, 32 px are too coarse a step for cubics."""
    wide = shake(focal=0.5, distortion_model="opencv", distortion=(-0.2, 0.05, 0.0, 0.0))
    assert node_grid(wide, POSES) is None
