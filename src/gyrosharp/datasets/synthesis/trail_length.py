"""Scaling a shot's motion until the trails in its picture are as long as wanted."""

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.field import grid_points
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import Capture
from gyrosharp.errors import CaptureError, ImuError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.rotation import exp_so3, log_so3
from gyrosharp.geometry.trajectory import PoseTrajectory

Array = NDArray[np.float64]
Depth = NDArray[np.float32]
Measure = Literal["median", "maximum"]

# Grid points along the shorter side of the image, and moments of each exposure.
GRID_POINTS = 8
TIMES = 33
# Trails are nearly linear in the rates, so every step shrinks the error by the square of the angle turned.
SCALING_STEPS = 6
TOLERANCE = 1e-5
# What six steps may leave: a roll by more than a few radians cannot reach any trail length.
LARGEST_MISS = 0.02
# A trail below this cannot be told from the rounding of a motion that stands still.
STILL_PX = 1e-3


def trail_px(capture: Capture, measure: Measure = "median") -> float:
    """Return the median or the largest trail length over the image, px.

    The length of a trail is the diagonal of its bounding box, as in `BlurField.extent_px`.

    Parameters
    ----------
    capture : Capture
        The shot.
    measure : {"median", "maximum"}
        What is taken over the image.

    Raises
    ------
    ImuError, CaptureError
        If the motion does not cover the exposure.
    """
    motion = CameraMotion.from_capture(capture)
    if measure == "median":
        return float(np.median(_lengths_px(motion, _cell_centres(motion.camera))))
    return float(_lengths_px(motion, _cell_corners(motion.camera)).max())


def median_trail_px(capture: Capture) -> float:
    """Return the median trail length over the image, px; see `trail_px`."""
    return trail_px(capture)


def _cell_centres(camera: CameraModel) -> Array:
    return grid_points(camera.width, camera.height, max(min(camera.width, camera.height) // GRID_POINTS, 1))


def _cell_corners(camera: CameraModel) -> Array:
    """A grid whose ends are the corners of the image, where trails are longest."""
    sides = (np.linspace(0.0, side - 1.0, GRID_POINTS + 1) for side in (camera.width, camera.height))
    return np.stack(np.meshgrid(*sides), axis=-1)


def _lengths_px(motion: CameraMotion, points: Array) -> Array:
    """Trail lengths at the points of a grid (h, w, 2).

    The points of a line share their exposure, so poses are evaluated once per line: 4 times as quick as a field.
    """
    line = points[:1] if motion.lines_run_down else points[:, :1]
    track = motion.positions(points, motion.line_times_ns(line, np.linspace(0.0, 1.0, TIMES)))
    return np.asarray(np.linalg.norm(np.ptp(track, axis=-2), axis=-1), dtype=np.float64)


def scaled_to_trail(capture: Capture, wanted_px: float, measure: Measure = "median") -> Capture:
    """Return the capture with its motion scaled until the trails are as long as wanted.

    The rates of a gyro are multiplied; known poses turn about, and move away from, the pose at the reference time by
    so many times as much, which leaves the reference view what it is.

    Parameters
    ----------
    capture : Capture
        The shot.
    wanted_px : float
        Trail length, px; 0 holds the camera still.
    measure : {"median", "maximum"}
        Which trail is meant.

    Raises
    ------
    ImuError, CaptureError
        If the motion does not cover the exposure, stands still, or cannot make trails that long.
    """
    if wanted_px < STILL_PX:
        return scaled_motion(capture, 0.0)
    for _ in range(SCALING_STEPS):
        found = trail_px(capture, measure)
        if found < STILL_PX:
            raise _still(capture)
        if abs(found / wanted_px - 1.0) < TOLERANCE:
            return capture
        capture = scaled_motion(capture, wanted_px / found)
    found = trail_px(capture, measure)
    if abs(found / wanted_px - 1.0) > LARGEST_MISS:
        raise CaptureError(
            f"{_source(capture)}: expected a motion that can be scaled to trails of {wanted_px:.1f} px, "
            f"got {found:.1f} px; ask for shorter trails"
        )
    return capture


def scaled_motion(capture: Capture, factor: float) -> Capture:
    """Return the capture with its motion multiplied by a factor; see `scaled_to_trail`."""
    if capture.imu is not None:
        return replace(capture, imu=replace(capture.imu, gyro_rad_s=capture.imu.gyro_rad_s * factor))
    assert capture.poses is not None and capture.reference_ns is not None
    return replace(capture, poses=_scaled_poses(capture.poses, factor, capture.reference_ns))


def reintegrated(poses: PoseTrajectory, rates_rad_s: Array, reference_ns: int) -> PoseTrajectory:
    """Return poses with other angular rates (N, 3) that look where the old ones do at the reference time.

    Positions stay.
    """
    turned = PoseTrajectory.from_gyro(poses.time_ns, rates_rad_s)
    to_reference = poses.at(reference_ns)[0] @ turned.at(reference_ns)[0].T
    return replace(turned, rotations=to_reference @ turned.rotations, positions_m=poses.positions_m)


def _scaled_poses(poses: PoseTrajectory, factor: float, reference_ns: int) -> PoseTrajectory:
    R_ref, p_ref = poses.at(reference_ns)
    if poses.rates_rad_s is None:
        rotations = R_ref @ exp_so3(factor * log_so3(R_ref.T @ poses.rotations))
        turned = replace(poses, rotations=rotations)
    else:
        turned = reintegrated(poses, factor * poses.rates_rad_s, reference_ns)
    if poses.positions_m is None or p_ref is None:
        return turned
    return replace(turned, positions_m=p_ref + factor * (poses.positions_m - p_ref))


def _still(capture: Capture) -> ImuError | CaptureError:
    message = f"{_source(capture)}: expected a moving stretch to shake a photo with, got a still one"
    return ImuError(message) if capture.imu is not None else CaptureError(message)


def _source(capture: Capture) -> str:
    return capture.imu.source if capture.imu is not None else "poses"
