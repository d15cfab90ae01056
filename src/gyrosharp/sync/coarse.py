r"""First guess of delay, focal length and axes: turns seen by the camera against turns of the gyro.

For a focal length f, the points of a pair of frames give the turn r of the camera between them (Kabsch's solution);
for a delay tau, the gyro gives its own turn v. With R one of the 24 axes mappings,

    error(f, tau, R) = sum_pairs w |D (r - R v)|^2,   D = diag(f, f, rho),

is the misfit in pixels: a turn about x or y moves the picture by f, a roll by the points' distance rho from the
middle. It needs only sums over pairs, r r^T, v v^T and r v^T, so all 24 mappings and thousands of delays are tried.

References
----------
Kabsch, "A solution for the best rotation to relate two sets of vectors", Acta Cryst. A32, 1976.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gyrosharp.geometry.camera import CameraModel
from gyrosharp.sync.cube import cube_rotations
from gyrosharp.sync.model import WARPS, Scene, unit_rays

Array = NDArray[np.float64]

# From a fisheye (0.3 image widths) to a 105 mm lens; neighbours differ by 9 %.
FOCAL_RATIOS = np.geomspace(0.3, 3.0, 28)
DELAY_STEP_S = 0.004
REWEIGHTINGS = 3
# Peaks closer than this belong to one hump of the error: hands shake below 12 Hz.
PEAK_WIDTH_S = 0.04
# Delays at a time, so that memory stays bounded whatever the range.
BLOCK = 512


@dataclass(frozen=True, eq=False)
class Guess:
    """One candidate.

    Attributes
    ----------
    delay_s : float
        Gyro time in the middle of a frame less the frame's stamp.
    focal_px : float
        Focal length along x.
    R_cam_imu : (3, 3) array
        One of the 24.
    misfit : float
        Share of the picture's motion that the gyro does not explain: 0 perfect, 1 as bad as a gyro at rest.
    """

    delay_s: float
    focal_px: float
    R_cam_imu: Array
    misfit: float


@dataclass(frozen=True, eq=False)
class SeenTurns:
    """Turns (M, 3) of the camera that the points show for one focal length, rad, and their covariances (M, 3, 3)."""

    turns: Array
    covariance: Array


def seen_turns(scene: Scene, camera: CameraModel, flow_per_s: Array | None = None) -> SeenTurns:
    """Return how the camera turned from frame to frame, by robust Kabsch fits.

    The turn is the rotation vector v with exp([v]x) = R(t_a)^T R(t_b), camera frame. Steady translation, in parts (9,)
    of `gyrosharp.sync.model.WARPS`, is taken off before.
    """
    points = scene.points
    ray_a = np.einsum("nji,nj->ni", scene.turn_a[points.pair], unit_rays(camera, points.a_px))
    ray_b = np.einsum("nji,nj->ni", scene.turn_b[points.pair], unit_rays(camera, points.b_px))
    if flow_per_s is not None:
        warp = np.eye(3) + np.multiply.outer(scene.stamp_b_s - scene.stamp_a_s, np.tensordot(flow_per_s, WARPS, 1))
        ray_b = np.einsum("nij,nj->ni", np.linalg.inv(warp)[points.pair], ray_b)
        ray_b /= np.linalg.norm(ray_b, axis=1, keepdims=True)
    weight = np.ones(len(ray_a))
    bounds = points.bounds
    for _ in range(REWEIGHTINGS):
        moment = _sums(weight[:, None, None] * ray_a[:, :, None] * ray_b[:, None, :], bounds)
        u, _, vt = np.linalg.svd(moment)
        mirror = np.ones((len(u), 1, 3))
        mirror[:, 0, 2] = np.linalg.det(u @ vt)
        b_to_a = (u * mirror) @ vt
        error = np.linalg.norm(np.einsum("nij,nj->ni", b_to_a[points.pair], ray_b) - ray_a, axis=1)
        scale = _medians(error, bounds) / 1.1774 + 1e-9
        weight = 1.0 / (1.0 + (error / (2.385 * scale[points.pair])) ** 2)
    # Information of a direction about a turn: the part of the turn across it.
    across = np.eye(3) - ray_a[:, :, None] * ray_a[:, None, :]
    information = _sums(weight[:, None, None] * across, bounds) / scale[:, None, None] ** 2
    return SeenTurns(
        rotation_vectors(b_to_a), np.asarray(np.linalg.inv(information + 1e-6 * np.eye(3)), dtype=np.float64)
    )


def rotation_vectors(matrices: Array) -> Array:
    """Return the rotation vectors of matrices (..., 3, 3), for angles well below pi; fast for millions."""
    odd = np.stack(
        [
            matrices[..., 2, 1] - matrices[..., 1, 2],
            matrices[..., 0, 2] - matrices[..., 2, 0],
            matrices[..., 1, 0] - matrices[..., 0, 1],
        ],
        axis=-1,
    )
    sine = 0.5 * np.linalg.norm(odd, axis=-1)
    cosine = 0.5 * (np.trace(matrices, axis1=-2, axis2=-1) - 1.0)
    angle = np.arctan2(sine, cosine)
    factor = np.where(sine > 1e-7, angle / np.where(sine > 1e-7, sine, 1.0), 1.0)
    return np.asarray(0.5 * factor[..., None] * odd, dtype=np.float64)


def guesses(scene: Scene, camera: CameraModel, delays_s: Array, most: int = 12) -> list[Guess]:
    """Return the best candidates, best first.

    Parameters
    ----------
    scene : Scene
        The matches.
    camera : CameraModel
        Lens and size; its focal length is not used.
    delays_s : (T,) array
        Evenly spaced delays to try.
    most : int
        Number of candidates.
    """
    cameras = [camera.refocused(ratio * max(camera.width, camera.height) / camera.fx) for ratio in FOCAL_RATIOS]
    lowest = np.full((len(delays_s), 24), np.inf)
    focal = np.zeros((len(delays_s), 24), dtype=np.intp)
    seen = [(seen_turns(scene, one).turns, _lever(scene, one)) for one in cameras]
    for first in range(0, len(delays_s), BLOCK):
        part = slice(first, first + BLOCK)
        gyro = gyro_turns(scene, delays_s[part])
        for number, (turns, lever) in enumerate(seen):
            misfit = _misfits(turns, lever, gyro)
            better = misfit < lowest[part]
            lowest[part][better] = misfit[better]
            focal[part][better] = number
    return _peaks(lowest, delays_s, np.array([one.fx for one in cameras])[focal], most)


def gyro_turns(scene: Scene, delays_s: Array) -> Array:
    """Return the gyro's turns (T, M, 3) over the frame intervals for some delays, IMU frame, rad.

    Intervals outside the log, or with a gap of the log in them, give NaN.
    """
    a = scene.stamp_a_s + delays_s[:, None]
    b = scene.stamp_b_s + delays_s[:, None]
    turned = np.swapaxes(scene.path.near_orientation(a), -1, -2) @ scene.path.near_orientation(b)
    vectors = rotation_vectors(turned)
    vectors[~scene.path.covers(a, b)] = np.nan
    return vectors


def _lever(scene: Scene, camera: CameraModel) -> Array:
    """Return what D is made of: px of picture motion per rad, about x, y and z."""
    radius = float(np.sqrt(np.mean(((scene.points.a_px - (camera.cx, camera.cy)) ** 2).sum(axis=1))))
    return np.array([camera.fy, camera.fx, radius])


def _misfits(seen: Array, lever: Array, gyro: Array) -> Array:
    """Return the errors (T, 24) over the picture's motion; infinite where the log covers too little."""
    known = np.isfinite(gyro[..., 0])
    weight = known.astype(np.float64)
    filled = np.where(known[..., None], gyro, 0.0)
    picture = seen * lever
    motion = weight @ (picture**2).sum(axis=1)
    own = np.einsum("tmi,tmj->tij", filled, filled)
    cross = np.einsum("mi,tmj->tij", picture * lever, filled)
    rotations = cube_rotations()
    # |D R v|^2 summed over pairs is the trace of R^T D^2 R times the sum of v v^T.
    heavy = np.einsum("nki,k,nkj->nij", rotations, lever**2, rotations)
    explained = 2.0 * np.einsum("nij,tij->tn", rotations, cross) - np.einsum("nij,tij->tn", heavy, own)
    error = 1.0 - explained / np.maximum(motion, 1e-12)[:, None]
    enough = weight.sum(axis=1) >= max(2.0, 0.5 * len(seen))
    return np.where(enough[:, None], error, np.inf)


def _peaks(lowest: Array, delays_s: Array, focal_px: Array, most: int) -> list[Guess]:
    """Return the lowest minima over delay of errors (T, 24), with their focal lengths (T, 24)."""
    padded = np.pad(lowest, ((1, 1), (0, 0)), constant_values=np.inf)
    is_low = (lowest <= padded[:-2]) & (lowest <= padded[2:]) & np.isfinite(lowest)
    found: list[Guess] = []
    rows, columns = np.nonzero(is_low)
    for k in np.argsort(lowest[rows, columns], kind="stable"):
        row, column = int(rows[k]), int(columns[k])
        rotation, delay = cube_rotations()[column], float(delays_s[row])
        if any(np.array_equal(g.R_cam_imu, rotation) and abs(g.delay_s - delay) < PEAK_WIDTH_S for g in found):
            continue
        found.append(Guess(delay, float(focal_px[row, column]), rotation, float(lowest[row, column])))
        if len(found) == most:
            break
    return found


def _sums(values: Array, bounds: NDArray[np.intp]) -> Array:
    return np.asarray(np.add.reduceat(values, bounds[:-1], axis=0), dtype=np.float64)


def _medians(values: Array, bounds: NDArray[np.intp]) -> Array:
    return np.array([np.median(values[a:b]) for a, b in pairwise(bounds)])
