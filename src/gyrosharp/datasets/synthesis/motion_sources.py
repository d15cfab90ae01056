"""Where a synthetic shot's camera motion comes from: logs, a simulated hand, accelerometers, constants, known poses.

A source is small and picklable: it holds names and numbers, and reads its files when a process first draws from it.
"""

from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture
from gyrosharp.capture.poses import read_poses
from gyrosharp.datasets.synthesis.log_windows import (
    SLOWEST_RAD_S,
    Log,
    drawn_log,
    drawn_window,
    fitting_files,
    margin_s,
    part_of,
    require_length,
    sha256_of,
    widened,
)
from gyrosharp.datasets.synthesis.tremor import hand_named, hand_tremor
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.rotation import exp_so3, log_so3
from gyrosharp.geometry.shutter import Exposure
from gyrosharp.geometry.trajectory import PoseTrajectory
from gyrosharp.imu.dead_reckoning import Drift, dead_reckoned
from gyrosharp.imu.recording import ImuRecording

Array = NDArray[np.float64]

# Of sources that are computed, samples per second; phones give 100 to 500.
RATE_HZ = 400.0
# The strength of a hand's motion is defined over 4 s: 1600 samples, a length that the FFT is quick at.
TREMOR_S = 1599 / RATE_HZ


@dataclass(frozen=True, eq=False)
class Motion:
    """A stretch of camera motion.

    Attributes
    ----------
    imu : ImuRecording
        Angular rates in the camera frame (R_cam_imu is the identity); the first stamp is 0.
    start_ns : int
        When the stretch that was asked for starts; before and after it lie margins.
    positions_m : (N, 3) array or None
        Camera centres at the stamps of `imu`, in the camera frame at the first stamp; None for pure rotation.
    description : dict
        Where the motion comes from, as JSON.
    """

    imu: ImuRecording
    start_ns: int
    positions_m: Array | None = None
    description: dict[str, Any] = field(default_factory=dict)


class MotionSource(Protocol):
    """Anything that motions can be drawn from."""

    def draw(self, rng: np.random.Generator, duration_s: float) -> Motion:
        """Return a stretch of at least `duration_s` seconds, with margins on both sides."""


def turned(motion: Motion, rng: np.random.Generator) -> Motion:
    """Return the motion of the same hand, the camera turned by a random angle a in [0, 2 pi) about its optical axis.

    w' = Rz(a) w and p' = Rz(a) p. Shake comes in all directions; a log holds those of one grip.
    """
    angle = float(rng.uniform(0.0, 2.0 * np.pi))
    Rz = exp_so3([0.0, 0.0, angle])
    positions = None if motion.positions_m is None else motion.positions_m @ Rz.T
    imu = replace(motion.imu, gyro_rad_s=motion.imu.gyro_rad_s @ Rz.T)
    return replace(motion, imu=imu, positions_m=positions, description={**motion.description, "turned_rad": angle})


def capture_of(motion: Motion, camera: CameraModel, exposure: Exposure, reference_ns: int | None = None) -> Capture:
    """Return the capture of a camera that moves so.

    Parameters
    ----------
    motion : Motion
        The motion; one without positions becomes the capture's gyro log, one with positions its poses.
    camera : CameraModel
        Intrinsics.
    exposure : Exposure
        In the motion's clock: from `motion.start_ns` on.
    reference_ns : int or None
        See `Capture`.
    """
    imu = motion.imu
    if motion.positions_m is None:
        return Capture(camera, exposure, imu=imu, R_cam_imu=imu.R_cam_imu, reference_ns=reference_ns)
    poses = PoseTrajectory.from_gyro(imu.time_ns, imu.gyro_rad_s)
    return Capture(camera, exposure, poses=replace(poses, positions_m=motion.positions_m), reference_ns=reference_ns)


@dataclass(frozen=True)
class LogWindows:
    """Windows cut from gyro logs, those without gaps and not at rest.

    A log is drawn in proportion to its length, then a window in it.

    Attributes
    ----------
    files : tuple of str
        Logs of any format that `read_imu` knows.
    axes : str or None
        How the gyro lies in the camera (`parse_axes`) where a log does not say; None takes its axes as the camera's.
    slowest_rad_s : float
        Least rms rate of a window, rad/s.
    """

    files: tuple[str, ...]
    axes: str | None = None
    slowest_rad_s: float = SLOWEST_RAD_S

    def draw(self, rng: np.random.Generator, duration_s: float) -> Motion:
        """Return a window of a log.

        Raises
        ------
        ImuError
            If a log cannot be read, is shorter than the window with its margins, or the drawn one holds no window.
        """
        log = drawn_log(self.files, self.axes, rng, duration_s)
        cut, start_ns = drawn_window(log.imu, rng, duration_s, self.slowest_rad_s)
        return _cut(log, cut, start_ns, "log")

    def fitting(self, duration_s: float) -> tuple["LogWindows", tuple[str, ...]]:
        """Return the source over the logs that can be read and are long enough, and a message on each left out."""
        kept, messages = fitting_files(self.files, self.axes, duration_s)
        return replace(self, files=kept), messages


@dataclass(frozen=True)
class InertialPoses:
    """Windows with positions, cut from logs of gyro and accelerometer; see `dead_reckoned`.

    Attributes
    ----------
    files, axes, slowest_rad_s
        As in `LogWindows`.
    r_cam_imu_m : (float, float, float)
        Position of the accelerometer in the camera frame, metres.
    reckoned_s : float
        Seconds of log around a window over which positions are reckoned, where there are.
    drift : {"none", "constant", "linear"}
        Drift that is taken off over that time.
    """

    files: tuple[str, ...]
    axes: str | None = None
    slowest_rad_s: float = SLOWEST_RAD_S
    r_cam_imu_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    reckoned_s: float = 5.0
    drift: Drift = "constant"

    def draw(self, rng: np.random.Generator, duration_s: float) -> Motion:
        """Return a window of a log, with positions.

        Raises
        ------
        ImuError
            As for `LogWindows`, or if the log has no accelerometer.
        """
        log = drawn_log(self.files, self.axes, rng, duration_s)
        cut, start_ns = drawn_window(log.imu, rng, duration_s, self.slowest_rad_s)
        wide = widened(log.imu, cut, self.reckoned_s)
        poses = dead_reckoned(part_of(log.imu, wide), r_cam_imu_m=self.r_cam_imu_m, drift=self.drift)
        inner = slice(cut.start - wide.start, cut.stop - wide.start)
        motion = _cut(log, cut, start_ns, "inertial")
        return replace(motion, positions_m=_seen_from_first(poses.rotations[inner], poses.positions_m, inner))

    def fitting(self, duration_s: float) -> tuple["InertialPoses", tuple[str, ...]]:
        """Return the source over the logs that can be read and are long enough, and a message on each left out."""
        kept, messages = fitting_files(self.files, self.axes, duration_s)
        return replace(self, files=kept), messages


@dataclass(frozen=True)
class HandTremor:
    """A simulated hand, of a strength drawn from its distribution; see `gyrosharp.datasets.synthesis.tremor`.

    Attributes
    ----------
    preset : str
        Which hand.
    """

    preset: str = "handheld"

    def draw(self, rng: np.random.Generator, duration_s: float) -> Motion:
        """Return a stretch of tremor.

        Raises
        ------
        UsageError
            If there is no such hand.
        """
        hand = hand_named(self.preset)
        rms = float(hand.rms_rad_s * np.exp(hand.rms_spread * rng.standard_normal()))
        # Two sample intervals to spare on each side, for stretches that start between samples.
        total_s = duration_s + 2 * (margin_s(RATE_HZ) + 2 / RATE_HZ)
        imu = hand_tremor(rng, max(TREMOR_S, total_s), rms, RATE_HZ, self.preset)
        cut, start_ns = drawn_window(imu, rng, duration_s, 0.0)
        motion = _cut(Log(imu, ""), cut, start_ns, "tremor")
        return replace(motion, description={"source": "tremor", "preset": self.preset, "rms_rad_s": rms})


@dataclass(frozen=True)
class ConstantRate:
    """The same angular rate (and velocity) all the time.

    Attributes
    ----------
    rate_rad_s : (float, float, float)
        Angular rate in the camera frame, rad/s.
    velocity_m_s : (float, float, float) or None
        Velocity in the camera frame at the first stamp, m/s; None for pure rotation.
    """

    rate_rad_s: tuple[float, float, float]
    velocity_m_s: tuple[float, float, float] | None = None

    def draw(self, rng: np.random.Generator, duration_s: float) -> Motion:  # noqa: ARG002
        """Return a stretch; every one is the same."""
        spare_s = margin_s(RATE_HZ)
        time_ns = _stamps_ns(duration_s + 2 * spare_s)
        rates = np.broadcast_to(np.array(self.rate_rad_s, dtype=np.float64), (time_ns.size, 3))
        velocity = self.velocity_m_s
        seconds = np.asarray(time_ns * 1e-9, dtype=np.float64)
        positions = None if velocity is None else np.outer(seconds, velocity)
        description = {"source": "constant", "rate_rad_s": list(self.rate_rad_s)}
        if velocity is not None:
            description["velocity_m_s"] = list(velocity)
        return Motion(_recording(time_ns, rates, "constant rate"), round(spare_s * 1e9), positions, description)


@dataclass(frozen=True)
class UserTrajectory:
    """Windows of known camera poses from a text file in TUM format.

    The poses are resampled along their spline at 400 Hz; rates are central differences of it.

    Attributes
    ----------
    file : str
        See `gyrosharp.capture.poses.read_poses`.
    """

    file: str

    def draw(self, rng: np.random.Generator, duration_s: float) -> Motion:
        """Return a window of the trajectory.

        Raises
        ------
        CaptureError
            If the file cannot be read.
        ImuError
            If the trajectory is shorter than the window with its margins.
        """
        poses = _poses(self.file)
        spare_s = margin_s(RATE_HZ)
        length_s = float(poses.time_ns[-1] - poses.time_ns[0]) * 1e-9
        # Central differences look half a sample beyond the ends.
        needed_s = duration_s + 2 * (spare_s + 1 / RATE_HZ)
        require_length(self.file, length_s, needed_s, duration_s)
        begin_s = float(rng.uniform(0.0, length_s - needed_s)) + 0.5 / RATE_HZ
        time_ns = _stamps_ns(duration_s + 2 * spare_s)
        origin_ns = int(poses.time_ns[0]) + round(begin_s * 1e9)
        rotations, positions = poses.at(origin_ns + time_ns)
        imu = _recording(time_ns, _rates(poses, origin_ns + time_ns), self.file)
        description = {
            "source": "trajectory",
            "file": Path(self.file).name,
            "sha256": sha256_of(self.file),
            "start_s": begin_s + spare_s,
        }
        return Motion(imu, round(spare_s * 1e9), _seen_from_first(rotations, positions), description)


@lru_cache(maxsize=64)
def _poses(file: str) -> PoseTrajectory:
    return read_poses(Path(file))


def _cut(log: Log, cut: slice, start_ns: int, kind: str) -> Motion:
    stamps = log.imu.time_ns[cut]
    imu = _recording(stamps - stamps[0], log.imu.gyro_rad_s[cut], log.imu.source)
    description = {
        "source": kind,
        "file": Path(log.imu.source).name,
        "sha256": log.sha256,
        "start_s": float(start_ns - log.imu.time_ns[0]) * 1e-9,
    }
    return Motion(imu, int(start_ns - stamps[0]), None, description)


def _recording(time_ns: NDArray[np.int64], rates: Array, source: str) -> ImuRecording:
    return ImuRecording(time_ns, rates, clock="motion", R_cam_imu=np.eye(3), source=source)


def _stamps_ns(length_s: float) -> NDArray[np.int64]:
    count = int(np.ceil(length_s * RATE_HZ)) + 1
    return np.asarray(np.rint(np.arange(count) * 1e9 / RATE_HZ), dtype=np.int64)


def _seen_from_first(rotations: Array, positions: Array | None, part: slice = slice(None)) -> Array:
    """Positions (N, 3) of a part in the camera frame at its first pose: R_0^T (p - p_0)."""
    assert positions is not None
    inside = positions[part]
    return np.asarray((inside - inside[0]) @ rotations[0])


def _rates(poses: PoseTrajectory, stamps: NDArray[np.int64]) -> Array:
    """Angular rate in the camera frame, log(R(t - h)^T R(t + h)) / 2h: error of order h^2 of a smooth spline."""
    half_ns = round(0.1e9 / RATE_HZ)
    before, after = poses.at(stamps - half_ns)[0], poses.at(stamps + half_ns)[0]
    turn = np.einsum("nji,njk->nik", before, after)
    return np.asarray(log_so3(turn) / (2e-9 * half_ns), dtype=np.float64)
