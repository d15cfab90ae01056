"""Lens models as vectors of unknowns, and the fit of one model to the views of a board."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.calibrate.board import Board
from gyrosharp.calibrate.bundle import MOST_STEPS, BundleFit, fit_bundle
from gyrosharp.calibrate.views import BoardView
from gyrosharp.errors import CaptureError, ImageError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.rotation import exp_so3, log_so3

Array = NDArray[np.float64]

START_FOCALS = (0.3, 0.5, 0.8, 1.3, 2.2, 4.0)
"""Focal lengths to begin with, in widths of the picture: fisheye to telephoto. The best after a few steps goes on."""
START_STEPS = 8
FEWEST_POINTS = 4
"""A pose needs four points."""
WIDEST_TAN = 12.0
"""Rays flatter than 85 degrees are left out of the first guess of a pose, where they would outweigh all others."""


@dataclass(frozen=True)
class LensKind:
    """A lens model with its number of coefficients.

    Attributes
    ----------
    model : str
        ``"opencv"`` or ``"opencv_fisheye"``, as in `CameraModel`.
    coefficients : int
        4, 5 or 8; 4 for the fisheye.
    """

    model: str
    coefficients: int

    def __str__(self) -> str:
        return f"{self.model} {self.coefficients}"

    def camera(self, unknowns: Array, size_px: tuple[int, int]) -> CameraModel:
        """Return the camera for unknowns fx, fy, cx, cy and the coefficients."""
        fx, fy, cx, cy, *distortion = (float(value) for value in unknowns)
        return CameraModel(*size_px, fx, fy, cx, cy, self.model, tuple(distortion))

    def unknowns(self, camera: CameraModel) -> Array:
        """Return fx, fy, cx, cy and the coefficients of a camera; coefficients it lacks are zero."""
        given = camera.distortion if camera.distortion_model == self.model else ()
        padded = (*given, *([0.0] * (self.coefficients - len(given))))
        return np.array([camera.fx, camera.fy, camera.cx, camera.cy, *padded[: self.coefficients]])


OPENCV_KINDS = tuple(LensKind("opencv", count) for count in (4, 5, 8))
FISHEYE_KIND = LensKind("opencv_fisheye", 4)


@dataclass(frozen=True, eq=False)
class LensFit:
    """A lens fitted to views.

    Attributes
    ----------
    kind : LensKind
    camera : CameraModel
    poses : (V, 6) array
        Rotation vector (rad) and translation (squares) of the board in the camera's frame, per view.
    residuals_px : (M, 2) array
        Found corner less projected corner, px; the views one after the other.
    owner : (M,) int64 array
        View of each corner.
    covariance : (4 + n, 4 + n) array
        Of fx, fy, cx, cy and the coefficients.
    """

    kind: LensKind
    camera: CameraModel
    poses: Array
    residuals_px: Array
    owner: NDArray[np.int64]
    covariance: Array

    @property
    def rms_px(self) -> float:
        """Root of the mean squared distance between found and projected corner, px."""
        return float(np.sqrt((self.residuals_px**2).sum(axis=1).mean()))

    @property
    def view_rms_px(self) -> Array:
        """The same per view (V,)."""
        squared = (self.residuals_px**2).sum(axis=1)
        return np.asarray(np.sqrt(np.bincount(self.owner, squared) / np.bincount(self.owner)))


class Stack:
    """The corners of all views in one array, for residuals of all at once."""

    def __init__(self, views: Sequence[BoardView], board: Board) -> None:
        self.views = tuple(views)
        self.points = np.concatenate([board.points(view.ids) for view in views])
        self.pixels = np.concatenate([view.pixels for view in views])
        self.owner = np.repeat(np.arange(len(views)), [len(view) for view in views])
        self.size_px = (views[0].width, views[0].height)

    def in_camera(self, poses: Array) -> Array:
        """Return the corners (M, 3) in the camera's frame for poses (V, 6)."""
        R = exp_so3(poses[:, :3])[self.owner]
        return np.asarray(np.einsum("mij,mj->mi", R, self.points) + poses[self.owner, 3:])

    def residuals(self, kind: LensKind, unknowns: Array, poses: Array) -> Array:
        """Return found less projected (2 M,), px; infinite where there is no such camera or a corner lies behind it."""
        try:
            camera = kind.camera(unknowns, self.size_px)
        except CaptureError:
            return np.full(2 * len(self.pixels), np.inf)
        with np.errstate(over="ignore", invalid="ignore"):
            projected, valid = camera.project(self.in_camera(poses))
            return np.asarray(np.where(valid[:, None], self.pixels - projected, np.inf).ravel())


def fit_lens(
    views: Sequence[BoardView], board: Board, kind: LensKind, start: LensFit | None = None, most_steps: int = MOST_STEPS
) -> LensFit:
    """Fit a lens model and the poses of the board to the corners of some views.

    Parameters
    ----------
    views : sequence of BoardView
        All of one size.
    board : Board
    kind : LensKind
    start : LensFit or None
        A fit of these same views to begin with; None begins with a range of focal lengths.
    most_steps : int
        Steps tried at most.

    Raises
    ------
    ImageError
        If no focal length explains the views at all.
    """
    stack = Stack(views, board)
    if start is None:
        start = _best_start(stack, board, kind)
        # Fewer coefficients first: the higher ones run wild far from the solution.
        for simpler in (other for other in OPENCV_KINDS if other.coefficients < kind.coefficients):
            start = _solved(stack, simpler, simpler.unknowns(start.camera), start.poses, most_steps)
    return _solved(stack, kind, kind.unknowns(start.camera), start.poses, most_steps)


def fit_poses(views: Sequence[BoardView], board: Board, camera: CameraModel) -> Array:
    """Return the poses (V, 6) of the board that fit views seen by a known camera best."""
    stack = Stack(views, board)
    kind = LensKind(camera.distortion_model, len(camera.distortion))
    known = kind.unknowns(camera)
    start = np.array([first_pose(view, board, camera) for view in views])
    owner = np.repeat(stack.owner, 2)
    return fit_bundle(lambda _, poses: stack.residuals(kind, known, poses), owner, np.zeros(0), start).own


def reprojection_px(views: Sequence[BoardView], board: Board, camera: CameraModel, poses: Array) -> list[Array]:
    """Return found less projected corners (N, 2) per view, px."""
    stack = Stack(views, board)
    projected, _ = camera.project(stack.in_camera(poses))
    return np.split(stack.pixels - projected, np.cumsum([len(view) for view in views])[:-1])


def first_pose(view: BoardView, board: Board, camera: CameraModel) -> Array:
    """Return a rough pose (6,) of the board, from the homography between board and rays.

    Zhang, "A Flexible New Technique for Camera Calibration" (2000), section 3.1, with K^-1 x the rays.
    """
    rays, valid = camera.unproject(view.pixels)
    usable = valid & (np.abs(rays[:, :2]).max(axis=1) < WIDEST_TAN)
    if usable.sum() < FEWEST_POINTS:
        usable = np.isfinite(rays).all(axis=1)
    corners = board.points(view.ids)[usable, :2]
    H = _homography(corners, rays[usable, :2])
    # H = s (r1, r2, t) up to sign; the corners seen lie in front of the camera.
    H = H / np.sqrt(np.linalg.norm(H[:, 0]) * np.linalg.norm(H[:, 1]))
    H = H if np.median(corners @ H[2, :2] + H[2, 2]) > 0 else -H
    u, _, vt = np.linalg.svd(np.stack([H[:, 0], H[:, 1], np.cross(H[:, 0], H[:, 1])], axis=1))
    return np.concatenate([log_so3(u @ vt), H[:, 2]])


def _homography(source: Array, target: Array) -> Array:
    """Return H with target ~ H source by the normalised direct linear transform."""
    (S, s), (T, t) = _normalised(source), _normalised(target)
    rows = np.zeros((2 * len(s), 9))
    ones = np.column_stack([s, np.ones(len(s))])
    rows[::2, :3], rows[1::2, 3:6] = ones, ones
    rows[::2, 6:], rows[1::2, 6:] = -t[:, :1] * ones, -t[:, 1:] * ones
    H = np.linalg.svd(rows)[2][-1].reshape(3, 3)
    return np.asarray(np.linalg.inv(T) @ H @ S, dtype=np.float64)


def _normalised(points: Array) -> tuple[Array, Array]:
    """Return the similarity that centres points and brings them to unit size, and the points so moved."""
    middle = points.mean(axis=0)
    scale = 1.0 / max(float(np.abs(points - middle).mean()), 1e-12)
    return np.array([[scale, 0, -scale * middle[0]], [0, scale, -scale * middle[1]], [0, 0, 1]]), scale * (
        points - middle
    )


def _best_start(stack: Stack, board: Board, kind: LensKind) -> LensFit:
    fits = []
    width, height = stack.size_px
    simple = LensKind(kind.model, 4)
    for share in START_FOCALS:
        focal = share * max(width, height)
        camera = CameraModel(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2, kind.model, (0.0,) * 4)
        poses = np.array([first_pose(view, board, camera) for view in stack.views])
        if np.isfinite(stack.residuals(simple, simple.unknowns(camera), poses)).all():
            fits.append(_solved(stack, simple, simple.unknowns(camera), poses, START_STEPS))
    if not fits:
        raise ImageError(
            f"{stack.views[0].name}: expected corners of a flat board, got positions that no lens explains; "
            "check the board's size"
        )
    return min(fits, key=lambda fit: fit.rms_px)


def _solved(stack: Stack, kind: LensKind, unknowns: Array, poses: Array, most_steps: int) -> LensFit:
    owner = np.repeat(stack.owner, 2)
    found: BundleFit = fit_bundle(
        lambda shared, own: stack.residuals(kind, shared, own), owner, unknowns, poses, most_steps
    )
    camera = kind.camera(found.shared, stack.size_px)
    return LensFit(kind, camera, found.own, found.residuals.reshape(-1, 2), stack.owner, found.covariance)
