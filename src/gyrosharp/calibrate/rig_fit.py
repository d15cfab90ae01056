"""The least-squares fit behind a stereo calibration: two lenses, their relative pose, the board at every moment."""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from gyrosharp.calibrate.board import Board
from gyrosharp.calibrate.bundle import fit_bundle
from gyrosharp.calibrate.lens import LensKind, Stack, first_pose
from gyrosharp.calibrate.relabel import composed, inverted, relative_pose
from gyrosharp.calibrate.views import BoardView
from gyrosharp.errors import ImageError
from gyrosharp.geometry.camera import CameraModel

Array = NDArray[np.float64]
Pair = tuple[BoardView, BoardView]
Moment = tuple[BoardView | None, BoardView | None]
Cameras = tuple[CameraModel, CameraModel]

ROBUST_ROUNDS = 8


class RigFit:
    """Residuals and solution for some moments of two cameras.

    Unknowns that all moments share are the pose (rotation vector, translation in squares) with
    X_right = R X_left + t and, where `refine` is true, both lenses; each moment owns the board's pose in the left
    camera.

    Parameters
    ----------
    moments : sequence of (BoardView or None, BoardView or None)
        Left and right view; moments that only one camera saw help to refine its lens.
    board : Board
    cameras : (CameraModel, CameraModel)
        Intrinsics to begin with, or to keep.
    refine : bool
        Whether the intrinsics may change.
    weights : (V,) array or None
        Weight of each moment's squared residuals.

    Attributes
    ----------
    pose, pose_std : (6,) arrays
        The relative pose, and one standard deviation.
    cameras : (CameraModel, CameraModel)
    squared_px : (M,) array
        Squared distance between found and projected corner, px^2.
    owner : (M,) int64 array
        Moment of each corner.

    Raises
    ------
    ImageError
        If the rough poses contradict each other so much that there is nothing to refine.
    """

    def __init__(
        self,
        moments: Sequence[Moment],
        board: Board,
        cameras: Cameras,
        refine: bool,
        weights: Array | None = None,
    ) -> None:
        self.refine = refine
        self.kinds = [LensKind(camera.distortion_model, len(camera.distortion)) for camera in cameras]
        self._known = [kind.unknowns(camera) for kind, camera in zip(self.kinds, cameras, strict=True)]
        self._taken = [np.array([k for k, pair in enumerate(moments) if pair[side] is not None]) for side in (0, 1)]
        self._stacks = [Stack([pair[side] for pair in moments if pair[side] is not None], board) for side in (0, 1)]  # type: ignore[misc]
        self.owner = np.concatenate([of[stack.owner] for of, stack in zip(self._taken, self._stacks, strict=True)])
        factors = np.sqrt(np.ones(len(moments)) if weights is None else weights)[np.repeat(self.owner, 2)]
        shared, own = _start(moments, board, cameras)
        if refine:
            shared = np.concatenate([shared, *self._known])
        found = fit_bundle(
            lambda shared, own: factors * self._residuals(shared, own), np.repeat(self.owner, 2), shared, own
        )
        if not np.isfinite(found.residuals).all():
            raise ImageError(
                "stereo: expected pairs that show one rig, got boards that one camera would see behind itself; "
                "check that left and right are not mixed up"
            )
        self.pose, self.pose_std = found.shared[:6], found.std[:6]
        lenses = zip(self.kinds, self._lenses(found.shared), self._stacks, strict=True)
        self.cameras = cast(Cameras, tuple(kind.camera(part, stack.size_px) for kind, part, stack in lenses))
        self.squared_px = ((found.residuals / factors).reshape(-1, 2) ** 2).sum(axis=1)

    @property
    def rms_px(self) -> float:
        """Over all corners, px."""
        return float(np.sqrt(self.squared_px.mean()))

    @property
    def moment_rms_px(self) -> Array:
        """Per moment (V,), both pictures together, px."""
        return np.sqrt(np.bincount(self.owner, self.squared_px) / np.bincount(self.owner))

    def _lenses(self, shared: Array) -> list[Array]:
        return list(np.split(shared[6:], [len(self._known[0])])) if self.refine else self._known

    def _residuals(self, shared: Array, own: Array) -> Array:
        poses = own, composed(shared[:6], own)
        parts = zip(self._stacks, self.kinds, self._lenses(shared), poses, self._taken, strict=True)
        return np.concatenate([stack.residuals(kind, lens, pose[of]) for stack, kind, lens, pose, of in parts])


def robust_weights(pairs: Sequence[Pair], board: Board, cameras: Cameras) -> tuple[Array, Array]:
    """Return weights (V,) that lessen the say of pairs which contradict the others, and each pair's RMS (V,), px.

    Iteratively reweighted least squares with Cauchy's weights 1 / (1 + (rms / scale)^2) per pair; the scale is the
    median RMS. Rigs get bumped between pictures: then a good part of the pairs contradicts the rest.
    """
    weights = np.ones(len(pairs))
    for _ in range(ROBUST_ROUNDS):
        rms = RigFit(pairs, board, cameras, False, weights).moment_rms_px
        weights = 1.0 / (1.0 + (rms / max(float(np.median(rms)), 1e-9)) ** 2)
    return weights, rms


def _start(moments: Sequence[Moment], board: Board, cameras: Cameras) -> tuple[Array, Array]:
    """Return a rough relative pose (6,) and rough poses of the board in the left camera (V, 6)."""
    both = [(left, right) for left, right in moments if left is not None and right is not None]
    relative = np.median([relative_pose(pair, board, *cameras) for pair in both], axis=0)
    own = []
    for left, right in moments:
        if left is not None:
            own.append(first_pose(left, board, cameras[0]))
        elif right is not None:
            own.append(composed(inverted(relative), first_pose(right, board, cameras[1])))
    return relative, np.array(own)
