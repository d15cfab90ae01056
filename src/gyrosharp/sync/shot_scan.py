"""ShotScan: how likely one blurred photo is under its gyro log, for time offsets over a wide range and all axes.

The evidence is that of `gyrosharp.restore.spectrum` at low frequencies, where it changes slowly with the motion. The
log is integrated once, in its own frame: with axes A the turns between camera and reference view are A Q A^T, Q being
those of the IMU, and another offset only moves the moments at which they are read.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.motion import CameraMotion, Views
from gyrosharp.capture.capture import Capture
from gyrosharp.capture.lens_shift import LensShift
from gyrosharp.geometry.trajectory import PoseTrajectory
from gyrosharp.imu.checks import MAX_OUTSIDE
from gyrosharp.restore.calibration import COARSE_FREQUENCY, POSES
from gyrosharp.restore.spectrum import Spectra, SpectralEvidence

Array = NDArray[np.float64]

# A hand's rate changes within some 20 ms, and what a long exposure collects changes more slowly still: between offsets
# this far apart (of the exposure, within bounds) the trails hardly differ.
STEP_SHARE, LEAST_STEP_S, MOST_STEP_S = 0.04, 0.002, 0.005
# Samples kept on each side of the range, for the spline.
MARGIN_SAMPLES = 16


@dataclass(frozen=True, eq=False)
class Scan:
    """What a scan found.

    Attributes
    ----------
    offsets_s : (K,) array
        Time offsets, t_cam = t_imu + offset.
    axes : (A, 3, 3) array
        Candidates of R_cam_imu.
    evidence : (A, K) array
        Mean evidence of the photo's windows, nats per frequency.
    """

    offsets_s: Array
    axes: Array
    evidence: Array

    def peaks(self, apart_s: float) -> Iterator[tuple[int, int]]:
        """Yield indices (axes, offset) of maxima over the offset, best first, those of one mapping this far apart."""
        taken = np.zeros(self.evidence.shape, dtype=bool)
        for flat in np.argsort(-self.evidence, axis=None, kind="stable"):
            a, k = np.unravel_index(flat, self.evidence.shape)
            if not taken[a, k]:
                taken[a] |= np.abs(self.offsets_s - self.offsets_s[k]) < apart_s
                yield int(a), int(k)


class ShotScan:
    """Motions of a log over a range of offsets, in the form the evidence takes.

    Parameters
    ----------
    capture : Capture
        The shot, with a gyro log.
    offsets_s : (K,) array
        Time offsets at which the log covers the exposure.
    """

    def __init__(self, capture: Capture, offsets_s: Array) -> None:
        assert capture.imu is not None
        self.offsets_s = offsets_s
        self._capture = capture
        start_ns, end_ns = capture.exposure.span_ns
        first_ns, last_ns = start_ns - _ns(offsets_s.max()), end_ns - _ns(offsets_s.min())
        window = capture.imu.window(first_ns, last_ns, MARGIN_SAMPLES)
        if capture.gyro_bias_rad_s is not None:
            window = window.minus_bias(capture.gyro_bias_rad_s)
        # The log may end a little too early: its last rate is held, as for every capture.
        slack_ns = _slack_ns(capture)
        stamps = np.pad(window.time_ns, 1)
        stamps[[0, -1]] = stamps[1] - slack_ns, stamps[-2] + slack_ns
        self._poses = PoseTrajectory.from_gyro(stamps, np.pad(window.gyro_rad_s, ((1, 1), (0, 0)), mode="edge"))

    def views(self, offset_s: float, centres_px: Array, poses: int = POSES) -> tuple[CameraMotion, Views]:
        """Return the motion in IMU time, and how the IMU stood during the exposure of pixels (W, 2): views (W, T)."""
        capture, shift_ns = self._capture, _ns(offset_s)
        assert capture.reference_ns is not None
        lens = capture.lens_shift
        motion = CameraMotion(
            capture.camera,
            replace(capture.exposure, start_ns=capture.exposure.start_ns - shift_ns),
            self._poses,
            capture.reference_ns - shift_ns,
            lens_shift=None if lens is None else LensShift(lens.time_ns - shift_ns, lens.shift_px),
        )
        return motion, motion.views(motion.line_times_ns(centres_px, (np.arange(poses) + 0.5) / poses))

    def displacements(self, offset_s: float, axes: Array, centres_px: Array) -> Array:
        """Return the displacements (A, W, T, 2) that blur the pixels (W, 2) under axes (A, 3, 3), px."""
        motion, views = self.views(offset_s, centres_px)
        points = centres_px[:, None, :]
        rays = motion.rays(np.broadcast_to(views.unshifted(points), (*views.turns.shape[:2], 2)))
        turned = [Views(A @ views.turns @ A.T, views.shift_px) for A in axes]
        return np.stack([motion.seen_along(rays, theirs) - points for theirs in turned])

    def trail_px(self, offset_s: float) -> float:
        """Return the median length of the trails about the image's middle for any axes, px: the turn times f."""
        camera = self._capture.camera
        views = self.views(offset_s, np.array([[camera.cx, camera.cy]]), 9)[1]
        forward = views.turns[0] - np.eye(3)
        # Which of the IMU's axes looks forward is not known: the two largest of the three extents.
        turn = np.stack([forward[:, 2, 1], forward[:, 0, 2], forward[:, 1, 0]], axis=-1)
        return float(camera.fx * np.sqrt(np.sum(np.sort(np.ptp(turn, axis=0))[1:] ** 2)))

    def run(self, axes: Array, spectra: Spectra) -> Scan:
        """Look at every offset with every mapping of the axes."""
        level = SpectralEvidence(spectra, COARSE_FREQUENCY)
        evidence = np.empty((len(axes), self.offsets_s.size))
        for k, offset_s in enumerate(self.offsets_s):
            for a, moved in enumerate(self.displacements(offset_s, axes, spectra.centres_px)):
                evidence[a, k] = level.per_window(level.fit(moved)).mean()

        return Scan(self.offsets_s, axes, evidence)


def covered_offsets(capture: Capture, around_s: float, reach_s: float) -> Array:
    """Return equally spaced offsets (K,) around one at which the log covers the exposure; none where it never does.

    Parameters
    ----------
    capture : Capture
        The shot, with a gyro log.
    around_s, reach_s : float
        Middle of the range and half its width, s.
    """
    assert capture.imu is not None
    step_s = float(np.clip(STEP_SHARE * capture.exposure.duration_s, LEAST_STEP_S, MOST_STEP_S))
    start_ns, end_ns = capture.exposure.span_ns
    slack_ns = _slack_ns(capture)
    highest = (start_ns - int(capture.imu.time_ns[0]) + slack_ns) * 1e-9
    lowest = (end_ns - int(capture.imu.time_ns[-1]) - slack_ns) * 1e-9
    steps = np.arange(-np.floor(reach_s / step_s), np.floor(reach_s / step_s) + 1) * step_s
    offsets = around_s + steps
    return np.asarray(offsets[(offsets >= lowest) & (offsets <= highest)], dtype=np.float64)


def _slack_ns(capture: Capture) -> int:
    start_ns, end_ns = capture.exposure.span_ns
    return int(0.9 * MAX_OUTSIDE * (end_ns - start_ns)) + 1


def _ns(seconds: float) -> int:
    return round(float(seconds) * 1e9)
