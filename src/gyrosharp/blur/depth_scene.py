"""DepthScene: motion and depth map in the form the native depth kernel reads."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.motion import CameraMotion
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Shutter

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

# Neighbouring pixels are one surface if the whole exposure tears them apart by less than this, px; and in any case if
# their depths differ by less than 2 %, as on a near wall seen at a slant.
SAME_SURFACE_PX, SAME_SURFACE_RATIO = 0.3, 0.02
# Poses are evaluated at lines at most this far apart in time and interpolated linearly in between: at 100 rad/s^2, a
# violent shake, that errs by (0.25 ms)^2 / 8 * 100 = 8e-7 rad.
MAX_STEP_S = 0.25e-3
# Largest inverse depth and tolerance the kernel takes, 1/m.
MOST_INVERSE_M = 1e6
# Nodes of the lens grid, px apart. Bilinear interpolation errs by 4^2 / 8 times the second derivative of the
# distortion, which a strong lens (k1 = -0.3 at f = 400 px) keeps below 0.005 / px in the corners.
LENS_STEP_PX = 4.0
# Virtual pixels beyond the border are kept below this share of the longer side: memory.
MOST_PAD_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class DepthScene:
    """Arrays of the depth kernel; see `gyrosharp.blur._kernel.DepthScene`.

    A pose sends the reference pixel with ideal centred coordinates (u, v) and inverse depth q to
    (X, Y, Z) = A (u, v, 1) + q b, (x, y) = (X, Y) / Z.

    Attributes
    ----------
    rays : (3, H + 2 pad, W + 2 pad) or (5, ...) float32 array
        u, v in px relative to the image's middle, without distortion; q in 1/m, 0 for unknown depth. With a lens also
        what the lens grid leaves in x and y.
    pad : int
        Virtual pixels around the reference, px, which repeat its border.
    poses : (N, 1 or H, 12) float32 array
        A row by row and b of each pose; for a rolling shutter per line of the target.
    weights : (N,) float32 array
        Pose weights, sum 1.
    halo : (N,) float32 array
        Largest width of a disocclusion, px.
    same : (2,) float32 array
        Absolute (1/m) and relative difference of inverse depth within one surface.
    lens : (GH, GW, 2) float32 array or None
        From ideal to real pixels, px.
    lens_frame : (3,) float32 array or None
        x, y of the grid's first node and the step, px.
    transposed : bool
        Whether x and y are exchanged, so that a line is a row.
    reach_px : float
        How far the light of a pixel may come from, px.
    """

    rays: Floats
    pad: int
    poses: Floats
    weights: Floats
    halo: Floats
    same: Floats
    lens: Floats | None
    lens_frame: Floats | None
    transposed: bool
    reach_px: float


def depth_scene(motion: CameraMotion, poses: int) -> DepthScene:
    """Prepare a motion with N poses, each in the middle of one of N equal parts of the exposure.

    Raises
    ------
    CaptureError
        If the depth map has another size than the camera, a point of the scene gets beside or behind the camera, the
        lens distortion cannot be inverted, or a distorting lens is shifted by a stabiliser.
    """
    transposed = motion.lines_run_down
    q = inverse_depth(motion)
    if motion.lens_shift is not None and motion.camera.distortion_model != "none":
        raise CaptureError(
            "depth with a lens shift: expected a camera without distortion, got "
            f"{motion.camera.distortion_model}; undistort the picture, or leave out depth or lens shift"
        )
    tables = _pose_tables(motion, poses)
    travel = _travel(motion, tables, q)
    extent = float(q.max() - q.min())
    halo = np.ceil(travel.parallax_px_m * extent) + 1.0
    reach = travel.reach_px * 1.05 + 1.0
    pad = int(min(np.ceil(reach) + 2, max(4, MOST_PAD_SHARE * max(q.shape))))
    rays, lens, frame = _rays(motion.camera, np.pad(q, pad, mode="edge"), pad, reach)
    tolerance = min(SAME_SURFACE_PX / max(float(travel.parallax_px_m.max()), 1e-9), MOST_INVERSE_M)
    if transposed:
        rays = rays[[1, 0, 2, 4, 3][: len(rays)]].swapaxes(1, 2)
        order = [4, 3, 5, 1, 0, 2, 7, 6, 8, 10, 9, 11]
        tables = tables[..., order]
        if lens is not None and frame is not None:
            lens, frame = lens.swapaxes(0, 1)[..., ::-1], frame[[1, 0, 2]]
    return DepthScene(
        np.ascontiguousarray(rays, dtype=np.float32),
        pad,
        np.ascontiguousarray(tables, dtype=np.float32),
        np.full(poses, 1.0 / poses, dtype=np.float32),
        halo.astype(np.float32),
        np.array([tolerance, SAME_SURFACE_RATIO], dtype=np.float32),
        None if lens is None else np.ascontiguousarray(lens, dtype=np.float32),
        None if frame is None else frame.astype(np.float32),
        transposed,
        reach,
    )


def inverse_depth(motion: CameraMotion) -> Array:
    """Return 1 / depth (H, W) in 1/m; 0, infinitely far, where the depth is unknown.

    Raises
    ------
    CaptureError
        If the depth map has another size than the camera.
    """
    shape = (motion.camera.height, motion.camera.width)
    if motion.depth_m is None or motion.trajectory.positions_m is None:
        return np.zeros(shape)
    if motion.depth_m.shape != shape:
        raise CaptureError(
            f"depth map: expected {shape[1]} x {shape[0]} px like the camera, got shape {motion.depth_m.shape}; "
            "resize or crop it together with the image"
        )
    depth = np.asarray(motion.depth_m, dtype=np.float64)
    known = np.isfinite(depth) & (depth > 1.0 / MOST_INVERSE_M)
    return np.where(known, 1.0 / np.where(known, depth, 1.0), 0.0)


def _pose_tables(motion: CameraMotion, poses: int) -> Array:
    """A = K R(t)^T R_ref K_ref^-1 and b = K R(t)^T (p_ref - p(t)), (N, lines, 12).

    K and K_ref have the image's middle as origin, and their principal point where the stabiliser puts it.
    """
    camera, exposure = motion.camera, motion.exposure
    phases = (np.arange(poses) + 0.5) / poses
    count = camera.width if motion.lines_run_down else camera.height
    rolling = exposure.readout_s > 0.0 and exposure.shutter is not Shutter.GLOBAL
    knots = np.linspace(0, count - 1, _knot_count(exposure.readout_s, count)) if rolling else np.zeros(1)
    points = np.stack([knots, knots], axis=-1)
    R_ref, p_ref = motion.trajectory.at(motion.reference_ns)
    times = motion.line_times_ns(points, phases)
    R_t, p_t = motion.trajectory.at(times)
    K_ref = camera.K - [[0, 0, (camera.width - 1) / 2], [0, 0, (camera.height - 1) / 2], [0, 0, 0]]
    K = np.broadcast_to(K_ref, R_t.shape).copy()
    if motion.lens_shift is not None:
        K[..., :2, 2] += motion.lens_shift.at(times)
        K_ref[:2, 2] += motion.reference_shift_px
    turn = np.swapaxes(R_t, -1, -2)
    A = K @ turn @ (R_ref @ np.linalg.inv(K_ref))
    shift = np.zeros(R_t.shape[:-1]) if p_t is None or p_ref is None else p_ref - p_t
    b = np.einsum("...ij,...j->...i", K @ turn, shift)
    table = np.concatenate([A.reshape(*A.shape[:-2], 9), b], axis=-1).swapaxes(0, 1)
    return _between_knots(table, knots, count) if rolling else table


def _knot_count(readout_s: float, count: int) -> int:
    step = int(np.clip(MAX_STEP_S * count / readout_s, 1, count))
    return max((count - 1) // step + 1, min(count, 2))


def _between_knots(table: Array, knots: Array, count: int) -> Array:
    """Interpolate tables (N, knots, 12) to every line."""
    if knots.size < 2:
        return np.repeat(table, count, axis=1)
    place = np.arange(count) / knots[1]
    low = np.minimum(place.astype(int), knots.size - 2)
    ahead = (place - low)[:, None]
    return np.asarray(table[:, low] * (1.0 - ahead) + table[:, low + 1] * ahead, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class _Travel:
    reach_px: float
    parallax_px_m: Array  # (N,): how far one unit of inverse depth moves a point


def _travel(motion: CameraMotion, tables: Array, q: Array) -> _Travel:
    """Bounds over a coarse grid of pixels, at both ends of the depths."""
    camera = motion.camera
    grid = np.stack(
        np.meshgrid(np.linspace(0, camera.width - 1, 9), np.linspace(0, camera.height - 1, 9)), axis=-1
    ).reshape(-1, 2)
    uv = _ideal(camera, grid)
    line = np.rint(grid[:, 0] if motion.lines_run_down else grid[:, 1]).astype(int)
    table = tables[:, line if tables.shape[1] > 1 else np.zeros_like(line)]
    A, b = table[..., :9].reshape(*table.shape[:2], 3, 3), table[..., 9:]
    far = np.einsum("npij,pj->npi", A, np.column_stack([uv, np.ones(len(uv))]))
    ends = [far + b * depth for depth in (q.min(), q.max())]
    if min(float(end[..., 2].min()) for end in ends) < 1e-2:
        raise CaptureError(
            "expected a motion that keeps the scene in front of the camera, got a point that passes it within the "
            "exposure; check the units of the depth map and of the positions (metres)"
        )
    moved = [_real(camera, end[..., :2] / end[..., 2:]) - grid for end in ends]
    reach = max(float(np.linalg.norm(step, axis=-1).max()) for step in moved)
    parallax = [np.linalg.norm(b[..., :2] - end[..., :2] / end[..., 2:] * b[..., 2:], axis=-1) for end in ends]
    return _Travel(reach, np.maximum(*parallax).max(axis=1))


def _ideal(camera: CameraModel, pixels: Array) -> Array:
    """Ideal centred coordinates of real pixels (..., 2)."""
    rays, valid = camera.unproject(pixels)
    if not valid.all():
        bad = pixels[~valid].reshape(-1, 2)[0]
        raise CaptureError(
            f"distortion: expected coefficients that can be inverted over the image, got none at pixel "
            f"({bad[0]:.0f}, {bad[1]:.0f}); check their order and the camera's size"
        )
    middle = np.array([(camera.width - 1) / 2, (camera.height - 1) / 2])
    return np.asarray(rays[..., :2] * (camera.fx, camera.fy) + (camera.cx, camera.cy) - middle, dtype=np.float64)


def _real(camera: CameraModel, ideal: Array) -> Array:
    """Real pixels of ideal centred coordinates (..., 2)."""
    middle = np.array([(camera.width - 1) / 2, (camera.height - 1) / 2])
    rays = (ideal + middle - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
    return camera.project(np.concatenate([rays, np.ones_like(rays[..., :1])], axis=-1))[0]


def _rays(camera: CameraModel, q: Array, pad: int, reach: float) -> tuple[Array, Array | None, Array | None]:
    """Planes of the padded reference, and the lens grid."""
    x, y = np.arange(camera.width + 2 * pad) - pad, np.arange(camera.height + 2 * pad) - pad
    if camera.distortion_model == "none":
        u, v = np.meshgrid(x - (camera.width - 1) / 2, y - (camera.height - 1) / 2)
        return np.stack([u, v, q]), None, None
    inside = np.stack(np.meshgrid(np.clip(x, 0, camera.width - 1), np.clip(y, 0, camera.height - 1)), axis=-1)
    pixels = np.stack(np.meshgrid(x, y), axis=-1).astype(np.float64)
    # A lens model may have no inverse beyond the image: virtual pixels move as their border pixel does.
    ideal = np.pad(_ideal(camera, pixels[pad:-pad, pad:-pad]), ((pad, pad), (pad, pad), (0, 0)), mode="edge")
    ideal += pixels - inside
    lens, frame = _lens_grid(camera, ideal, reach)
    middle = np.array([(camera.width - 1) / 2, (camera.height - 1) / 2])
    rest = pixels - middle - ideal - _looked_up(lens, frame, ideal)
    return np.stack([ideal[..., 0], ideal[..., 1], q, rest[..., 0], rest[..., 1]]), lens, frame


def _lens_grid(camera: CameraModel, ideal: Array, reach: float) -> tuple[Array, Array]:
    # Distortion stretches the corners: there a step on the sensor is several in ideal coordinates.
    low, high = ideal.reshape(-1, 2).min(axis=0) - 2 * reach, ideal.reshape(-1, 2).max(axis=0) + 2 * reach
    x, y = (np.arange(low[k], high[k] + LENS_STEP_PX, LENS_STEP_PX) for k in (0, 1))
    nodes = np.stack(np.meshgrid(x, y), axis=-1)
    middle = np.array([(camera.width - 1) / 2, (camera.height - 1) / 2])
    return _real(camera, nodes) - middle - nodes, np.array([low[0], low[1], LENS_STEP_PX])


def _looked_up(lens: Array, frame: Array, points: Array) -> Array:
    place = np.clip((points - frame[:2]) / frame[2], 0.0, np.array(lens.shape[1::-1]) - 1.0)
    low = np.minimum(place.astype(int), np.array(lens.shape[1::-1]) - 2)
    fx, fy = np.moveaxis((place - low)[..., None], -2, 0)
    x, y = low[..., 0], low[..., 1]
    top = lens[y, x] * (1 - fx) + lens[y, x + 1] * fx
    below = lens[y + 1, x] * (1 - fx) + lens[y + 1, x + 1] * fx
    return np.asarray(top * (1 - fy) + below * fy, dtype=np.float64)
