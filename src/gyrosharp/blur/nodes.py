"""Node grids: the smooth displacement of every blurred pixel at every pose, in the form the native kernel reads."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.motion import CameraMotion

# Width of the kernel's pixel blocks and of its node columns.
STEP_X = 32
MAX_STEP_Y = 16
# Node rows lie at most this far apart in time. Cubic interpolation over 0.25 ms of a hand-shake's orientation errs by
# 1e-7 px: the rate is smooth over the 1 to 10 ms between gyro samples.
MAX_STEP_S = 0.25e-3


@dataclass(frozen=True, eq=False)
class NodeGrid:
    """Displacements on a grid, cubically interpolated in between.

    Attributes
    ----------
    displacement_px : (N, NY, NX, 2) float32 array
        (dx, dy) from a blurred pixel to its source in the reference view; node (iy, ix) belongs to the pixel
        (x, y) = ((ix - 1) * STEP_X, (iy - 1) * step_y).
    step_y : int
        Rows between nodes.
    weights : (N,) float32 array
        Pose weights, sum 1.
    transposed : bool
        Whether x and y are exchanged (in the grid and in the displacements), so that a sideways readout also varies
        along the grid's rows.
    """

    displacement_px: NDArray[np.float32]
    step_y: int
    weights: NDArray[np.float32]
    transposed: bool

    @property
    def reach_px(self) -> float:
        """Largest displacement, px: how far a pixel's light may come from."""
        return float(np.sqrt((self.displacement_px.astype(np.float64) ** 2).sum(axis=-1).max()))


def node_grid(motion: CameraMotion, poses: int) -> NodeGrid:
    """Sample the displacement of the blur model B(x) = sum_j w_j I(x + d_j(x)) on a node grid.

    Pose j stands for the middle of the j-th of N equal parts of the exposure.
    """
    camera = motion.camera
    transposed = motion.lines_run_down
    width, height = (camera.height, camera.width) if transposed else (camera.width, camera.height)
    step_y = _row_step(motion.exposure.readout_s, height)
    xs = (np.arange((width - 1) // STEP_X + 4) - 1.0) * STEP_X
    ys = (np.arange((height - 1) // step_y + 4) - 1.0) * step_y
    grid = np.stack(np.meshgrid(xs, ys), axis=-1)
    pixels = grid[..., ::-1] if transposed else grid
    phases = (np.arange(poses) + 0.5) / poses
    # All pixels of a grid row share their exposure, so the poses are evaluated once per row.
    times = motion.line_times_ns(pixels[:, :1], phases)
    displacement = motion.sources(pixels, times) - pixels[..., None, :]
    if transposed:
        displacement = displacement[..., ::-1]
    return NodeGrid(
        np.ascontiguousarray(np.moveaxis(displacement, 2, 0), dtype=np.float32),
        step_y,
        np.full(poses, 1.0 / poses, dtype=np.float32),
        transposed,
    )


def _row_step(readout_s: float, height: int) -> int:
    if readout_s <= 0.0:
        return MAX_STEP_Y
    return int(np.clip(MAX_STEP_S * height / readout_s, 1, MAX_STEP_Y))
