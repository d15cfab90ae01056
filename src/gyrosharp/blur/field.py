"""BlurField: the trajectory of every pixel over its exposure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import Capture
from gyrosharp.errors import UsageError


@dataclass(frozen=True, eq=False)
class BlurField:
    """Trajectories on a grid.

    A reference pixel uses the exposure of its own row. (The blur operator uses the row of the *blurred* pixel: the
    two differ at second order, see docs/conventions.md.)

    Attributes
    ----------
    displacement_px : (T, H/s, W/s, 2) float32 array
        From each grid point (x, y) at the reference time to its position at time k of its line's exposure.
    weights : (T,) float64 array
        Share of the exposure that each time stands for; they add up to 1 (trapezoidal rule).
    phases : (T,) float64 array
        Position of each time within the exposure, 0 to 1.
    stride : int
        Grid spacing s; grid index i stands for pixel (i + 0.5) s - 0.5.
    reference_ns : int
        Reference time, camera clock.
    """

    displacement_px: NDArray[np.float32]
    weights: NDArray[np.float64]
    phases: NDArray[np.float64]
    stride: int
    reference_ns: int

    @property
    def extent_px(self) -> NDArray[np.float32]:
        """Length (H/s, W/s) of the diagonal of each trajectory's bounding box, px."""
        low, high = self.displacement_px.min(axis=0), self.displacement_px.max(axis=0)
        return np.asarray(np.hypot(*np.moveaxis(high - low, -1, 0)), dtype=np.float32)


def grid_points(width: int, height: int, stride: int) -> NDArray[np.float64]:
    """Return the pixels (H/s, W/s, 2) that a grid of this stride stands for: (i + 0.5) s - 0.5."""
    x = (np.arange(max(width // stride, 1)) + 0.5) * stride - 0.5
    y = (np.arange(max(height // stride, 1)) + 0.5) * stride - 0.5
    return np.stack(np.meshgrid(x, y), axis=-1)


def blur_field(capture: Capture, stride: int = 16, times: int = 17) -> BlurField:
    """Return the trajectories of a capture's pixels at `times` equally spaced moments, ends included.

    Parameters
    ----------
    capture : Capture
        The shot.
    stride : int
        Grid spacing, px, >= 1.
    times : int
        Number of moments T, >= 2.

    Raises
    ------
    UsageError
        If stride or times are too small.
    ImuError, CaptureError
        If the motion does not cover the exposure.
    """
    return field_of_motion(CameraMotion.from_capture(capture), stride, times)


def field_of_motion(motion: CameraMotion, stride: int = 16, times: int = 17) -> BlurField:
    """Return the trajectories under a motion; see `blur_field`."""
    if stride < 1 or times < 2:
        raise UsageError(f"field: expected stride >= 1 and times >= 2, got {stride} and {times}")
    points = grid_points(motion.camera.width, motion.camera.height, stride)
    phases = np.linspace(0.0, 1.0, times)
    # All points of a line share their times, so the poses are evaluated once per line.
    lines = points[:1] if motion.lines_run_down else points[:, :1]
    track = motion.positions(points, motion.line_times_ns(lines, phases))
    displacement = np.moveaxis(track - points[..., None, :], -2, 0).astype(np.float32)
    weights = np.full(times, 1.0 / (times - 1))
    weights[[0, -1]] *= 0.5
    return BlurField(displacement, weights, phases, stride, motion.reference_ns)


def point_tracks(
    motion: CameraMotion, points_px: NDArray[np.float64], phases: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the positions (..., T, 2) and stamps (..., T) of points (..., 2) at phases (T,) of their own lines."""
    stamps = motion.line_times_ns(points_px, phases)
    return motion.positions(points_px, stamps), stamps
