"""PsfGridOperator: the blur model with kernels on a regular grid, interpolated in between.

An approximation of the exact warp by FFTs, whose cost does not grow with the number of poses: the form in which Wiener
deconvolution and pictures want the blur, and quick where the native kernel is missing. (With it the exact warp is
faster, up to a hundred poses.) A denser grid comes nearer to the warp.
"""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.exact import thread_count
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.blur.nodes import STEP_X, NodeGrid
from gyrosharp.blur.patches import Patch, PatchBlur, Psf, hats, node_positions, splat_psf
from gyrosharp.errors import UsageError

Array = NDArray[np.float64]
Image = NDArray[np.float32]

# Interpolating two kernels that are displaced by D px replaces I(x + D/2) by the mean of I(x) and I(x + D): an error of
# D^2 / 8 times the image's second derivative. One pixel keeps that below a percent on photos.
CELL_CHANGE_PX = 1.0
PROBES = 17
MAX_NODES = 48
MIN_CELL_PX = 16


class PsfGridOperator(PatchBlur):
    """B(x) = sum_g m_g(x) (k_g * I)(x): kernels k_g on a grid, m_g the bilinear interpolation weights.

    k_g is exact at its grid point: the sources of that pixel over its own line's exposure. Borders are continued by
    their edge pixels; the adjoint is the exact transpose.

    Parameters
    ----------
    motion : CameraMotion
        The shot.
    poses : int
        Number of poses N, weight 1 / N each.
    grid : (int, int) or None
        Rows and columns of grid points, corners included; None chooses them so that a trail point moves by at most
        1 px from one grid point to the next (`CELL_CHANGE_PX`).
    threads : int or None
        Worker threads; None takes GYROSHARP_THREADS or every core.

    Raises
    ------
    UsageError
        If the number of poses is below 1, or the grid has fewer than 1 point or more points than pixels on a side.
    CaptureError
        If the motion does not cover the exposure.

    References
    ----------
    Nagy and O'Leary, "Restoring images degraded by spatially variant blur", SIAM J. Sci. Comput. 1998;
    Hirsch et al., "Efficient filter flow for space-variant multiframe blind deconvolution", CVPR 2010.
    """

    def __init__(
        self, motion: CameraMotion, poses: int, grid: tuple[int, int] | None = None, threads: int | None = None
    ) -> None:
        if poses < 1:
            raise UsageError(f"poses: expected at least 1, got {poses}")
        self.poses = poses
        self._motion = motion
        self.grid = grid if grid is not None else _automatic_grid(motion)
        shape = (motion.camera.height, motion.camera.width)
        super().__init__(shape, _patches(motion, poses, shape, self.grid), threads or thread_count())

    def psf_at(self, x: float, y: float) -> Psf:
        """Return the motion's own kernel at the pixel (x, y); the operator mixes those of the grid points around it."""
        return splat_psf(-_displacements(self._motion, np.array([x, y], dtype=np.float64), self.poses))


def _patches(motion: CameraMotion, poses: int, shape: tuple[int, int], grid: tuple[int, int]) -> list[Patch]:
    (height, width), (rows, columns) = shape, grid
    row_hats, column_hats = hats(height, rows), hats(width, columns)
    offsets = -_displacements(motion, _points(width, height, columns, rows), poses)
    return [
        Patch(splat_psf(offsets[i, k]), row, column)
        for i, row in enumerate(row_hats)
        for k, column in enumerate(column_hats)
    ]


def _points(width: int, height: int, columns: int, rows: int) -> Array:
    return np.stack(np.meshgrid(node_positions(width, columns), node_positions(height, rows)), axis=-1)


def _displacements(motion: CameraMotion, points: Array, poses: int) -> Array:
    """From blurred pixels (..., 2) to their sources (..., N, 2), at the middles of N equal parts of the exposure."""
    times = motion.line_times_ns(points, (np.arange(poses) + 0.5) / poses)
    return motion.displacements(points, times)


def _automatic_grid(motion: CameraMotion) -> tuple[int, int]:
    width, height = motion.camera.width, motion.camera.height
    return grid_for(_displacements(motion, _points(width, height, PROBES, PROBES), PROBES), (height, width))


def grid_for(displacement_px: Array, shape: tuple[int, int]) -> tuple[int, int]:
    """Return rows and columns of a grid between whose points displacements change by at most `CELL_CHANGE_PX`.

    Parameters
    ----------
    displacement_px : (rows, columns, N, 2) array
        Displacements at equally spaced probes over the image, ends included.
    shape : (int, int)
        Height and width of the image, px.
    """
    counts = []
    for axis, size in enumerate(shape):
        steps = np.linalg.norm(np.diff(displacement_px, axis=axis), axis=-1)
        total = float(steps.max(initial=0.0)) * (displacement_px.shape[axis] - 1)
        cells = int(np.ceil(total / CELL_CHANGE_PX))
        counts.append(int(np.clip(cells + 1, 1, min(MAX_NODES, size // MIN_CELL_PX + 1))))
    return counts[0], counts[1]


class NodePsfs:
    """The kernels that an `ExactOperator` applies, read from its node grid (a `PsfSource`).

    Parameters
    ----------
    nodes : NodeGrid
        Displacements.
    shape : (int, int)
        Height and width of the image, px.
    """

    def __init__(self, nodes: NodeGrid, shape: tuple[int, int]) -> None:
        self._nodes = nodes
        self._shape = shape

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of a grid that follows the change of the kernels."""
        height, width = self._shape
        points = _points(width, height, PROBES, PROBES)
        probes = [[self._displacement(x, y) for x, y in row] for row in points]
        return grid_for(np.array(probes), self._shape)

    def psf_at(self, x: float, y: float) -> Psf:
        """Return the kernel that makes the blurred pixel (x, y)."""
        return splat_psf(-self._displacement(x, y))

    def _displacement(self, x: float, y: float) -> Array:
        """Bilinear interpolation (N, 2): over 32 px a shake is linear to a hundredth of a pixel."""
        nodes = self._nodes
        u, v = (y, x) if nodes.transposed else (x, y)
        column, row = u / STEP_X + 1.0, v / nodes.step_y + 1.0
        i, k = int(row), int(column)
        corners = nodes.displacement_px[:, i : i + 2, k : k + 2].astype(np.float64)
        mixed = np.tensordot(corners, np.outer((1 - row + i, row - i), (1 - column + k, column - k)), ((1, 2), (0, 1)))
        return np.asarray(mixed[:, ::-1] if nodes.transposed else mixed, dtype=np.float64)
