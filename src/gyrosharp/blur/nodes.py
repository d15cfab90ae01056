"""Node grids: the smooth displacement of every blurred pixel at every pose, in the form the native kernel reads."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.motion import CameraMotion, Views
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Shutter

Array = NDArray[np.float64]
Grid = NDArray[np.floating]

# Width of the kernel's pixel blocks and of its node columns.
STEP_X = 32
MAX_STEP_Y = 16
# Node rows lie at most this far apart in time. Cubic interpolation over 0.5 ms of a hand-shake's orientation errs by
# 2e-6 px: the rate is smooth over the 1 to 10 ms between gyro samples.
MAX_STEP_S = 0.5e-3
# Interpolation between nodes errs by (32 px / focal length)^4 or so: below 1e-5 px for a pinhole camera of VGA size,
# up to 5e-3 px in the corners of a VGA camera with strong barrel distortion, far below what any gyro knows. Where the
# NumPy reference takes under a second, at 3 us for each pixel and pose, the fifth digit is kept.
LARGEST_ERROR_PX = 1e-2
LARGEST_SMALL_ERROR_PX = 5e-5
SMALL_WORK = 300_000


@dataclass(frozen=True, eq=False)
class NodeGrid:
    """Displacements on a grid, cubically interpolated in between.

    Attributes
    ----------
    displacement_px : (N, NY, NX, 2) float32 array
        (dx, dy) from a blurred pixel to its source in the reference view; node (iy, ix) belongs to the pixel
        (x, y) = ((ix - 1) * step_x, (iy - 1) * step_y).
    step_y : int
        Rows between nodes.
    weights : (N,) float32 array
        Pose weights, sum 1.
    transposed : bool
        Whether x and y are exchanged (in the grid and in the displacements), so that a sideways readout also varies
        along the grid's rows.
    step_x : int
        Columns between nodes; the kernel takes STEP_X only.
    """

    displacement_px: NDArray[np.float32]
    step_y: int
    weights: NDArray[np.float32]
    transposed: bool
    step_x: int = STEP_X

    @property
    def reach_px(self) -> float:
        """Largest displacement, px: how far a pixel's light may come from."""
        return float(np.sqrt((self.displacement_px.astype(np.float64) ** 2).sum(axis=-1).max()))


def node_grid(motion: CameraMotion, poses: int) -> NodeGrid | None:
    """Sample the displacement of the blur model B(x) = sum_j w_j I(x + d_j(x)) on a node grid.

    Pose j stands for the middle of the j-th of N equal parts of the exposure.

    Returns
    -------
    NodeGrid or None
        None where 32 px are too coarse a step: a camera whose focal length is only a few steps long.

    Raises
    ------
    CaptureError
        If the lens distortion cannot be inverted somewhere in the image.
    """
    camera = motion.camera
    transposed = motion.lines_run_down
    width, height = (camera.height, camera.width) if transposed else (camera.width, camera.height)
    step_y = _row_step(motion.exposure.readout_s, height)
    xs = (np.arange((width - 1) // STEP_X + 4) - 1.0) * STEP_X
    ys = (np.arange((height - 1) // step_y + 4) - 1.0) * step_y
    views = _views(motion, ys, poses)
    displacement = _displacement(motion, xs, ys, views)
    limit = LARGEST_SMALL_ERROR_PX if width * height * poses < SMALL_WORK else LARGEST_ERROR_PX
    if _midway_error(motion, displacement, xs, ys, views) > limit:
        return None
    return NodeGrid(
        np.ascontiguousarray(displacement, dtype=np.float32),
        step_y,
        np.full(poses, 1.0 / poses, dtype=np.float32),
        transposed,
    )


def pixel_grid(motion: CameraMotion, poses: int) -> NodeGrid:
    """Sample the displacement at every pixel: what `node_grid` stands for, at 32 times its size.

    The nodes just outside the image, which no pixel's interpolation weighs, hold 0.

    Raises
    ------
    CaptureError
        If the lens distortion cannot be inverted somewhere in the image.
    """
    camera = motion.camera
    transposed = motion.lines_run_down
    width, height = (camera.height, camera.width) if transposed else (camera.width, camera.height)
    displacement = np.zeros((poses, height + 3, width + 3, 2), dtype=np.float32)
    xs, ys = np.arange(width) + 0.0, np.arange(height) + 0.0
    views = _views(motion, ys, poses)
    for pose in range(poses):
        displacement[pose, 1:-2, 1:-2] = _displacement(motion, xs, ys, views[pose : pose + 1])[0]
    weights = np.full(poses, 1.0 / poses, dtype=np.float32)
    return NodeGrid(displacement, 1, weights, transposed, step_x=1)


def _views(motion: CameraMotion, ys: Grid, poses: int) -> Views:
    """How the camera stood (N, NY, 1), once per grid row: its pixels share their exposure.

    One row stands for all where the lines are exposed together.
    """
    together = motion.exposure.shutter is Shutter.GLOBAL or motion.exposure.readout_s == 0.0
    rows = ys[:1] if together else ys
    points = np.zeros((rows.size, 1, 2))
    points[:, 0, 0 if motion.lines_run_down else 1] = rows
    phases = (np.arange(poses) + 0.5) / poses
    return motion.views(np.moveaxis(motion.line_times_ns(points, phases), -1, 0))


def _displacement(motion: CameraMotion, xs: Grid, ys: Grid, views: Views) -> Array:
    """Displacements (N, NY, NX, 2) at grid coordinates, x and y exchanged for a sideways readout."""
    x, y = np.meshgrid(xs, ys)
    pixels: Array = np.stack([y, x] if motion.lines_run_down else [x, y], axis=-1, dtype=np.float64)
    # A lens model may have no inverse beyond the image, where only interpolation needs nodes: they are extrapolated.
    unshifted = views.unshifted(pixels)
    rays, known = motion.camera.unproject(unshifted)
    known = np.asarray(known.reshape(-1, *x.shape).all(axis=0), dtype=np.bool_)
    if not known.all():
        motion.rays(unshifted[..., _inside(pixels, motion.camera), :])  # raises if one inside is unknown
        rays[..., ~known, :] = (0.0, 0.0, 1.0)
    displacement = motion.seen_along(rays, views)
    for axis in (0, 1):
        displacement[..., axis] -= pixels[..., axis]
    if not known.all():
        displacement = np.moveaxis(_extrapolated(np.moveaxis(displacement, 0, 2), known), 2, 0)
    return displacement[..., ::-1] if motion.lines_run_down else displacement


def _inside(pixels: Grid, camera: CameraModel) -> NDArray[np.bool_]:
    x, y = pixels[..., 0], pixels[..., 1]
    return (x >= 0) & (x <= camera.width - 1) & (y >= 0) & (y <= camera.height - 1)


def _extrapolated(displacement: Array, known: NDArray[np.bool_]) -> Array:
    """Fill unknown nodes, first along rows and then along columns, from the four nearest known ones on a cubic."""
    filled, done = displacement.copy(), known.copy()
    for axis in (1, 0):
        values, marks = np.moveaxis(filled, axis, 0), np.moveaxis(done, axis, 0)
        count = len(values)
        order = [(k, 1) for k in range(count // 2, -1, -1)] + [(k, -1) for k in range(count // 2, count)]
        for k, step in order:
            near = [k + step * i for i in range(1, 5)]
            if not (0 <= near[-1] < count):
                continue
            first, second, third, fourth = (values[i] for i in near)
            usable = ~marks[k] & marks[near].all(axis=0)
            values[k][usable] = (4 * first - 6 * second + 4 * third - fourth)[usable]
            marks[k] |= usable
    # What is left lies in corners that no pixel's interpolation reaches with any weight.
    filled[~done] = 0.0
    return filled


def _midway_error(motion: CameraMotion, displacement: Array, xs: Grid, ys: Grid, views: Views) -> float:
    """Largest error, px, of interpolating halfway between the nodes of a row, at the first and the last pose."""
    ends, rows = [0, -1], slice(1, -2)
    halfway = xs[1:-2] + STEP_X / 2
    last = (motion.camera.height if motion.lines_run_down else motion.camera.width) - 1
    inside = halfway <= last
    if not inside.any():
        return float("inf")
    nodes = displacement[ends, rows]
    guess = (9.0 * (nodes[:, :, 1:-2] + nodes[:, :, 2:-1]) - nodes[:, :, :-3] - nodes[:, :, 3:]) / 16.0
    theirs = views[ends, rows] if views.turns.shape[1] > 1 else views[ends]
    truth = _displacement(motion, halfway[inside], ys[rows], theirs)
    return float(np.abs(guess[:, :, inside] - truth).max())


def _row_step(readout_s: float, height: int) -> int:
    if readout_s <= 0.0:
        return MAX_STEP_Y
    return int(np.clip(MAX_STEP_S * height / readout_s, 1, MAX_STEP_Y))
