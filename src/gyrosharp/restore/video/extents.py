"""Predicted blur of every frame of a recording at once: quick enough for hours of video.

The gyro is integrated once, not once per frame. On a 5 x 4 grid of points, each over the exposure of its own line,

    x(t) = project(R(t)^T R(t_ref) unproject(x)),      extent = diagonal of the bounding box of x(t)

as in `gyrosharp.blur.field.blur_field`, whose median over the picture the result agrees with to a few percent.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.recording import Recording
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.shutter import Exposure, Shutter
from gyrosharp.geometry.trajectory import PoseTrajectory
from gyrosharp.imu.checks import GAP_INTERVALS, GAP_S, MAX_OUTSIDE, MIN_COVERED
from gyrosharp.imu.recording import ImuRecording

Array = NDArray[np.float64]
Stamps = NDArray[np.int64]

COLUMNS, ROWS = 5, 4
# A hand's tremor has 1 to 2 periods in the longest exposures of a video, 1/15 s: seven moments miss 3 % of its extent.
TIMES = 7
# Frames that are worked on together: enough to keep NumPy busy, few enough to keep their part of the log small.
BLOCK_FRAMES = 256
# Log samples kept around them: a rate spline has forgotten its end conditions after a few.
MARGIN_SAMPLES = 32
LONGEST_EXPOSURE_S = 60.0

NO_EXPOSURE = "its exposure time is not known"
NOT_COVERED = "the gyro log does not cover it"
IN_A_GAP = "the gyro log has a gap there"
TOO_FAR = "the camera turned by 90 degrees or more within its exposure"


@dataclass(frozen=True, eq=False)
class FrameExtents:
    """Predicted blur of every frame.

    Attributes
    ----------
    extent_px : (N,) float64 array
        Median length of the trails over the picture, px; NaN where it cannot be told.
    unknown : tuple of str
        Why it cannot be told; empty where it can.
    """

    extent_px: Array
    unknown: tuple[str, ...]


def frame_extents(recording: Recording) -> FrameExtents:
    """Predict the blur of all frames of a recording.

    Parameters
    ----------
    recording : Recording
        Frames, camera and gyro.

    Raises
    ------
    CaptureError
        If the recording lacks something that every frame needs: gyro log, camera, axes, a time offset, or all exposure
        times. The message names all of it.
    """
    exposed = (recording.exposure_s > 0.0) & (recording.exposure_s <= LONGEST_EXPOSURE_S)
    recording.capture(int(np.argmax(exposed)))  # raises if something is missing
    reasons = np.where(exposed, "", NO_EXPOSURE).astype(object)
    start_ns, end_ns = _spans_imu_ns(recording, exposed)
    assert recording.imu is not None
    lost = _uncovered(recording.imu, start_ns, end_ns)
    reasons[exposed] = lost[exposed]
    extent = np.full(len(recording), np.nan)
    known = np.flatnonzero(reasons == "")
    for block in np.split(known, np.arange(BLOCK_FRAMES, known.size, BLOCK_FRAMES)) if known.size else []:
        extent[block] = _block_extents(recording, block, int(start_ns[block].min()), int(end_ns[block].max()))
    reasons[known[np.isnan(extent[known])]] = TOO_FAR
    return FrameExtents(extent, tuple(str(reason) for reason in reasons))


def _spans_imu_ns(recording: Recording, exposed: NDArray[np.bool_]) -> tuple[Stamps, Stamps]:
    """First and last moment (N,) at which any line of a frame collects light, IMU clock."""
    offset_ns = _offsets_ns(recording)
    duration_s = np.where(exposed, recording.exposure_s, 0.0)
    if recording.readout_s is not None and recording.shutter is not Shutter.GLOBAL:
        duration_s = duration_s + recording.readout_s
    start_ns = recording.start_ns - offset_ns
    return start_ns, start_ns + np.rint(duration_s * 1e9).astype(np.int64)


def _offsets_ns(recording: Recording) -> Stamps:
    offsets_s = [recording.time_offset_at(int(stamp)) for stamp in recording.start_ns]
    return np.rint(np.array(offsets_s) * 1e9).astype(np.int64)


def _uncovered(imu: ImuRecording, start_ns: Stamps, end_ns: Stamps) -> "NDArray[np.object_]":
    """Return why the log does not cover spans (N,), by the rules of `imu.checks.require_coverage`; "" where it does."""
    origin_ns, interval_s = int(imu.time_ns[0]), 1.0 / imu.rate_hz
    start_s, end_s = (start_ns - origin_ns) * 1e-9, (end_ns - origin_ns) * 1e-9
    slack_s = np.maximum(interval_s, MAX_OUTSIDE * (end_s - start_s))
    outside = (start_s < -slack_s) | (end_s > imu.duration_s + slack_s)
    sample_s = (imu.time_ns - origin_ns) * 1e-9
    steps_s = np.diff(sample_s)
    gaps_s = np.where(steps_s > max(GAP_INTERVALS * interval_s, GAP_S), steps_s, 0.0)
    lost_by_s = np.concatenate([[0.0], np.cumsum(gaps_s)])
    lost_s = np.interp(end_s, sample_s, lost_by_s) - np.interp(start_s, sample_s, lost_by_s)
    gap = lost_s > (1.0 - MIN_COVERED) * (end_s - start_s)
    return np.where(outside, NOT_COVERED, np.where(gap, IN_A_GAP, "")).astype(object)


def _block_extents(recording: Recording, frames: NDArray[np.intp], start_ns: int, end_ns: int) -> Array:
    """Median extents (n,) of covered frames whose exposures lie in [start_ns, end_ns], IMU clock."""
    assert recording.imu is not None
    window = recording.imu.window(start_ns, end_ns, MARGIN_SAMPLES)
    if recording.gyro_bias_rad_s is not None:
        window = window.minus_bias(recording.gyro_bias_rad_s)
    poses = PoseTrajectory.from_gyro(window.time_ns, window.gyro_rad_s)
    points, fractions = _grid(recording)
    times_ns, reference_ns = _moments(recording, frames, fractions)
    offset_ns = _offsets_ns(recording)[frames]
    R_t = _poses_at(poses, times_ns - offset_ns[:, None, None])
    R_ref = _poses_at(poses, reference_ns - offset_ns)
    axes = _axes(recording, frames)
    # (n, lines, T, 3, 3): from the reference view to the view at t, camera axes.
    turns = (axes @ R_t.swapaxes(-1, -2)) @ (R_ref[:, None, None] @ axes.swapaxes(-1, -2))
    shift = None
    if recording.lens_shift is not None:
        shift = recording.lens_shift.at(times_ns) - recording.lens_shift.at(reference_ns)[:, None, None]
    return _median_extent(recording, points, turns, shift)


def _grid(recording: Recording) -> tuple[Array, Array]:
    """Points (lines, per line, 2), px, and the part (lines,) of the readout that passes before each line."""
    width, height = recording.size_px
    x, y = (np.arange(COLUMNS) + 0.5) / COLUMNS * width - 0.5, (np.arange(ROWS) + 0.5) / ROWS * height - 0.5
    points = np.stack(np.meshgrid(x, y), axis=-1)
    shutter = Shutter.GLOBAL if recording.readout_s is None else recording.shutter
    if shutter.is_vertical:
        points = points.swapaxes(0, 1)
    return points, Exposure(0, 1.0, 0.0, shutter).line_fraction(points[:, 0], width, height)


def _moments(recording: Recording, frames: NDArray[np.intp], fractions: Array) -> tuple[Stamps, Stamps]:
    """Stamps (n, lines, T) spread over each line's exposure, and reference times (n,), camera clock."""
    readout_s, duration_s = recording.readout_s or 0.0, recording.exposure_s[frames]
    within_s = readout_s * fractions[:, None] + duration_s[:, None, None] * np.linspace(0.0, 1.0, TIMES)
    start_ns = recording.start_ns[frames]
    reference_ns = [recording.exposure(int(frame)).reference_ns(*recording.size_px) for frame in frames]
    return start_ns[:, None, None] + np.rint(within_s * 1e9).astype(np.int64), np.array(reference_ns)


def _poses_at(poses: PoseTrajectory, times_ns: Stamps) -> Array:
    """Rotations at times that may lie a little beyond the log's ends, where its last pose is held."""
    return poses.at(np.clip(times_ns, poses.time_ns[0], poses.time_ns[-1]))[0]


def _axes(recording: Recording, frames: NDArray[np.intp]) -> Array:
    """IMU to camera axes, (3, 3) or, with electronic stabilisation, (n, 1, 1, 3, 3)."""
    assert recording.R_cam_imu is not None
    if recording.image_R_cam is None:
        return recording.R_cam_imu
    return np.asarray((recording.image_R_cam[frames] @ recording.R_cam_imu)[:, None, None])


def _median_extent(recording: Recording, points: Array, turns: Array, shift: Array | None) -> Array:
    camera = recording.camera
    assert camera is not None
    rays, valid = camera.unproject(points)
    if not valid.any():
        raise CaptureError(f"{recording.source}: expected a lens distortion that can be inverted, got none that can")
    # (n, lines, T, 3, 3) @ (lines, 1, 3, per line)
    directions = turns @ rays.swapaxes(-1, -2)[:, None]
    pixels, ahead = camera.project(directions.swapaxes(-1, -2))
    if shift is not None:
        pixels = pixels + shift[..., None, :]
    extent = np.linalg.norm(np.ptp(pixels, axis=2), axis=-1)
    # Beyond what the lens model can invert there is nothing to be seen.
    extent = np.median(extent[:, valid], axis=-1)
    return np.where(ahead.all(axis=(1, 2, 3)), extent, np.nan)
