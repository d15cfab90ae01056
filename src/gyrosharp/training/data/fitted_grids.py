"""Node grids that `gyrosharp.blur.torch_operator.TorchBlur` takes together."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gyrosharp.blur.nodes import NodeGrid

# Shots are blurred together whose numbers of poses, rounded up to a multiple of this, are the same.
POSE_STEP = 16


def pose_steps(grid: NodeGrid) -> int:
    """Return a grid's number of poses in steps of `POSE_STEP`: what shots have in common that are blurred together."""
    return math.ceil(grid.weights.size / POSE_STEP)


def fitted(grids: Sequence[NodeGrid], shape: tuple[int, int]) -> list[NodeGrid]:
    """Return grids for pictures of one shape (H, W) and with one number of poses.

    What is added to a grid lies outside its own picture, or weighs nothing.
    """
    poses = max(grid.weights.size for grid in grids)
    return [_fitted(grid, shape, poses) for grid in grids]


def _fitted(grid: NodeGrid, shape: tuple[int, int], poses: int) -> NodeGrid:
    rows, columns = shape[::-1] if grid.transposed else shape
    wanted = (poses, (rows - 1) // grid.step_y + 4, (columns - 1) // grid.step_x + 4)
    added = [(0, max(want - have, 0)) for want, have in zip(wanted, grid.displacement_px.shape[:3], strict=True)]
    return replace(
        grid,
        displacement_px=np.pad(grid.displacement_px, (*added, (0, 0))),
        weights=np.pad(grid.weights, added[0]),
    )
