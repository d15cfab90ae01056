r"""Where the gyro says a point of one frame is seen in another, and how that depends on what is not known.

A distant point seen at x_a in frame a is seen in frame b at

    x_b = K q / q_z,   q = (I + gap F) E_b M E_a^T K^-1 x_a,   M = R_ci R(t_b)^T R(t_a) R_ci^T

with R(t) the integrated gyro, R_ci = exp([tilt]x) R_cube, E the turn that electronic stabilisation gave a frame, F what
steady translation does to the picture in a second (of a plane n^T X = d: v n^T / d), gap the time from a to b, and

    t = stamp + delay - drift (stamp - middle) + readout (f - 1/2)

the gyro time at which the point's line was in the middle of its exposure; f is the part of the readout that passes
before that line. The delay joins time offset, exposure and half the readout: `mid_frame_delay_s` of the result.

Derivatives are those of q. With W = R_ci w the gyro rate in the camera frame, r_a = E_a^T K^-1 x_a, and p = M r_a:

    dq/dt_b = -W_b x p,   dq/dt_a = M (W_a x r_a),   dq/dtilt e = e x p - M (e x r_a)

and with D = C(t_b) - C(t_a), see `GyroPath.bias_effect`, a bias db turns M's middle by exp([D db]x).
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.recording import Recording
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.rotation import exp_so3
from gyrosharp.geometry.shutter import Exposure, Shutter
from gyrosharp.sync.gyro_path import GyroPath
from gyrosharp.sync.pairs import PointPairs

Array = NDArray[np.float64]

# The unknowns in the order of the parameter vector.
DELAY, FOCAL, READOUT, DRIFT = 0, 1, 2, 3
TILT, BIAS, FLOW = slice(4, 7), slice(7, 10), slice(10, 19)
COUNT = 19
# What steady translation does on top of the gyro's turn, as matrices that are added to the identity: like a turn (along
# a far plane), and as stretches and shears (towards a plane, along a slanted one).
WARPS = np.array(
    [
        [[0, 0, 0], [0, 0, -1], [0, 1, 0]],
        [[0, 0, 1], [0, 0, 0], [-1, 0, 0]],
        [[0, -1, 0], [1, 0, 0], [0, 0, 0]],
        [[1, 0, 0], [0, 0, 0], [0, 0, 0]],
        [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
        [[0, 0, 0], [0, 0, 0], [0, 0, 1]],
        [[0, 0, 0], [0, 0, 1], [0, 1, 0]],
        [[0, 0, 1], [0, 0, 0], [1, 0, 0]],
        [[0, 1, 0], [1, 0, 0], [0, 0, 0]],
    ],
    dtype=np.float64,
)
WARPS.setflags(write=False)
TURNS_OF_FLOW, SHAPES_OF_FLOW = slice(0, 3), slice(3, 9)
# Step of the numerical derivatives of the lens, relative: far above rounding, far below any curvature.
LENS_STEP = 1e-6


@dataclass(frozen=True, eq=False)
class Unknowns:
    """One set of values of what is to be found.

    Attributes
    ----------
    delay_s : float
        Gyro time in the middle of a frame less the frame's stamp.
    camera : CameraModel
        With the focal length looked for.
    readout_s : float
        First line to one past the last; negative if it runs against the direction assumed.
    drift : float
        How much faster the camera's clock runs than the gyro's, parts per one.
    R_cam_imu : (3, 3) array
        Axes.
    bias_rad_s : (3,) array
        Gyro bias, IMU frame.
    flow_per_s : (9,) array
        Steady translation's F, in parts of `WARPS`.
    """

    delay_s: float
    camera: CameraModel
    readout_s: float
    drift: float
    R_cam_imu: Array
    bias_rad_s: Array
    flow_per_s: Array = field(default_factory=lambda: np.zeros(9))

    def stepped(self, step: Array) -> "Unknowns":
        """Return the values after a step (19,): delay, log focal, readout, drift, tilt, bias, flow."""
        return Unknowns(
            self.delay_s + float(step[DELAY]),
            # A factor of two at most: a wild step must not leave what a camera can be.
            self.camera.refocused(float(np.exp(np.clip(step[FOCAL], -0.7, 0.7)))),
            self.readout_s + float(step[READOUT]),
            self.drift + float(step[DRIFT]),
            exp_so3(step[TILT]) @ self.R_cam_imu,
            self.bias_rad_s + step[BIAS],
            self.flow_per_s + step[FLOW],
        )


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything about a set of point pairs that does not change while fitting.

    Attributes
    ----------
    points : PointPairs
        The matches.
    stamp_a_s, stamp_b_s : (M,) arrays
        Stamps of the frames of each pair, s since the path's origin taken as camera time.
    line_a, line_b : (N,) arrays
        Part of the readout that passes before the point's line, less one half.
    turn_a, turn_b : (M, 3, 3) arrays
        Turns of the stored frames by electronic stabilisation.
    path : GyroPath
        The gyro, without bias taken off.
    middle_s : float
        Moment about which drift is counted.
    """

    points: PointPairs
    stamp_a_s: Array
    stamp_b_s: Array
    line_a: Array
    line_b: Array
    turn_a: Array
    turn_b: Array
    path: GyroPath
    middle_s: float

    def __len__(self) -> int:
        return len(self.points)

    def chosen(self, wanted: NDArray[np.intp], most: int | None = None) -> "Scene":
        """Return the scene with some of its pairs, each with at most `most` points."""
        rows = self.points.rows(wanted, most)
        return replace(
            self,
            points=self.points.chosen(wanted, rows),
            stamp_a_s=self.stamp_a_s[wanted],
            stamp_b_s=self.stamp_b_s[wanted],
            line_a=self.line_a[rows],
            line_b=self.line_b[rows],
            turn_a=self.turn_a[wanted],
            turn_b=self.turn_b[wanted],
        )


def scene_from(recording: Recording, points: PointPairs, path: GyroPath) -> Scene:
    """Return the scene of a recording's matched points; lens shifts that were recorded are taken off the points."""
    seconds = (recording.start_ns - path.origin_ns) * 1e-9
    turns = recording.image_R_cam
    if turns is None:
        turns = np.broadcast_to(np.eye(3), (len(recording), 3, 3))
    if recording.lens_shift is not None:
        stamps = recording.start_ns
        a_px = points.a_px - recording.lens_shift.at(stamps[points.frame_a])[points.pair]
        b_px = points.b_px - recording.lens_shift.at(stamps[points.frame_b])[points.pair]
        points = replace(points, a_px=a_px, b_px=b_px)
    return Scene(
        points,
        np.asarray(seconds[points.frame_a], dtype=np.float64),
        np.asarray(seconds[points.frame_b], dtype=np.float64),
        _lines(points.a_px, recording.size_px, recording.shutter),
        _lines(points.b_px, recording.size_px, recording.shutter),
        turns[points.frame_a],
        turns[points.frame_b],
        path,
        float(np.mean(seconds[points.frame_a])) if len(points) else 0.0,
    )


def with_lines(scene: Scene, size_px: tuple[int, int], shutter: Shutter) -> Scene:
    """Return the scene with its frames of some size (width, height) read in another direction."""
    points = scene.points
    return replace(scene, line_a=_lines(points.a_px, size_px, shutter), line_b=_lines(points.b_px, size_px, shutter))


def _lines(points_px: Array, size_px: tuple[int, int], shutter: Shutter) -> Array:
    # Only the order of lines is asked of it; its times are not used.
    return Exposure(0, 1.0, 0.0, shutter).line_fraction(points_px, *size_px) - 0.5


@dataclass(frozen=True, eq=False)
class Prediction:
    """Residuals and derivatives of all points, px.

    Attributes
    ----------
    residual_px : (N, 2) array
        Predicted less seen.
    by_unknown : (N, 2, 19) array
        Derivatives by the unknowns.
    """

    residual_px: Array
    by_unknown: Array


def predict(scene: Scene, at: Unknowns) -> Prediction:
    """Return residuals and derivatives at some values.

    Parameters
    ----------
    scene : Scene
        The matches.
    at : Unknowns
        The values.
    """
    points, pair = scene.points, scene.points.pair
    path = scene.path
    time_a, time_b = (_times(scene, at, stamps, line)[:, None] for stamps, line in _sides(scene))
    to_camera = at.R_cam_imu
    world_a = path.orientation(time_a[:, 0]) @ to_camera.T
    world_b = path.orientation(time_b[:, 0]) @ to_camera.T
    turn_a, turn_b = scene.turn_a[pair], scene.turn_b[pair]
    rays, rays_by_focal = _rays(at.camera, points.a_px)
    ray_a = _turned(turn_a.transpose(0, 2, 1), rays)
    seen_by_world = turn_b @ world_b.transpose(0, 2, 1)
    effect = path.bias_effect(time_b[:, 0]) - path.bias_effect(time_a[:, 0])
    # A bias that is taken off turns the world frame between a and b by (C(t_b) - C(t_a)) db: exact but for the square
    # of bias times gap, 1e-4 rad at 0.01 rad/s and 2 s.
    world_a = exp_so3(effect @ at.bias_rad_s) @ world_a
    relative = world_b.transpose(0, 2, 1) @ world_a
    p = _turned(relative, ray_a)
    rate_a = (path.rate(time_a[:, 0]) - at.bias_rad_s) @ to_camera.T
    rate_b = (path.rate(time_b[:, 0]) - at.bias_rad_s) @ to_camera.T
    by_time_a = _turned(relative, np.cross(rate_a, ray_a))
    by_time_b = -np.cross(rate_b, p)
    by = np.empty((len(p), 3, COUNT))
    by[:, :, DELAY] = by_time_a + by_time_b
    by[:, :, FOCAL] = _turned(relative, _turned(turn_a.transpose(0, 2, 1), rays_by_focal))
    by[:, :, READOUT] = scene.line_a[:, None] * by_time_a + scene.line_b[:, None] * by_time_b
    since_a, since_b = ((scene.middle_s - stamps)[pair, None] for stamps, _ in _sides(scene))
    by[:, :, DRIFT] = since_a * by_time_a + since_b * by_time_b
    by[:, :, TILT] = _crosses(p) - relative @ _crosses(ray_a)
    # (D db) x v = -[v]x D db, with v the point in the gyro's world frame.
    far = _turned(world_a, ray_a)
    by[:, :, BIAS] = _crosses(far) @ effect
    by[:, :, BIAS] = seen_by_world @ by[:, :, BIAS]
    others = [DELAY, FOCAL, READOUT, DRIFT, 4, 5, 6]
    by[:, :, others] = turn_b @ by[:, :, others]
    q = _turned(turn_b, p)
    gap_s = (scene.stamp_b_s - scene.stamp_a_s)[pair, None]
    by[:, :, FLOW] = gap_s[:, None] * np.einsum("kij,nj->nik", WARPS, q)
    flow = np.tensordot(at.flow_per_s, WARPS, 1)
    by[:, :, : FLOW.start] += gap_s[:, None] * (flow @ by[:, :, : FLOW.start])
    return _projected(at.camera, points.b_px, q + gap_s * (q @ flow.T), by)


def _times(scene: Scene, at: Unknowns, stamps: Array, line: Array) -> Array:
    of_frame = stamps + at.delay_s - at.drift * (stamps - scene.middle_s)
    return np.asarray(of_frame[scene.points.pair] + at.readout_s * line, dtype=np.float64)


def _sides(scene: Scene) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    return (scene.stamp_a_s, scene.line_a), (scene.stamp_b_s, scene.line_b)


def _rays(camera: CameraModel, points_px: Array) -> tuple[Array, Array]:
    """Directions of unit length, and their derivatives by the logarithm of the focal length."""
    rays = unit_rays(camera, points_px)
    longer = unit_rays(camera.refocused(1.0 + LENS_STEP), points_px)
    return rays, (longer - rays) / LENS_STEP


def unit_rays(camera: CameraModel, points_px: Array) -> Array:
    """Return the directions (N, 3) of unit length from which points (N, 2) are seen."""
    rays = camera.unproject(points_px)[0]
    return np.asarray(rays / np.linalg.norm(rays, axis=-1, keepdims=True), dtype=np.float64)


def _projected(camera: CameraModel, seen_px: Array, q: Array, by: Array) -> Prediction:
    """Project directions and their derivatives to pixels."""
    predicted = camera.project(q)[0]
    lens = np.empty((len(q), 2, 3))
    for axis in range(3):
        moved = q.copy()
        moved[:, axis] += LENS_STEP
        lens[:, :, axis] = (camera.project(moved)[0] - predicted) / LENS_STEP
    by_unknown = lens @ by
    by_unknown[:, :, FOCAL] += (camera.refocused(1.0 + LENS_STEP).project(q)[0] - predicted) / LENS_STEP
    return Prediction(predicted - seen_px, by_unknown)


def _turned(matrices: Array, vectors: Array) -> Array:
    return np.asarray(np.einsum("nij,nj->ni", matrices, vectors), dtype=np.float64)


def _crosses(vectors: Array) -> Array:
    """Return -[v]x (N, 3, 3): its column k is e_k x v."""
    x, y, z = vectors.T
    zero = np.zeros_like(x)
    return np.stack([zero, z, -y, -z, zero, x, y, -x, zero], axis=-1).reshape(-1, 3, 3)
