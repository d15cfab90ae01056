"""Two cameras fixed to each other: where the right one stands, seen from the left one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.calibrate.board import Board
from gyrosharp.calibrate.camera import FEWEST_VIEWS, OUTLIER_PX, OUTLIER_RATIO, CameraCalibration, calibrate_camera
from gyrosharp.calibrate.relabel import matched_labels
from gyrosharp.calibrate.rig_fit import Cameras, Moment, Pair, RigFit, robust_weights
from gyrosharp.calibrate.views import BoardView
from gyrosharp.errors import ImageError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.rotation import exp_so3

Array = NDArray[np.float64]

STEREO_FORMAT = "gyrosharp.stereo/1"
RIGID_RATIO = 3.0
"""If both cameras together fit this many times worse than each alone, they moved against each other, or the pictures of
a pair were not taken at once. Then the intrinsics stay what each camera alone gave: they would absorb the motion."""


@dataclass(frozen=True, eq=False)
class PairReport:
    """One moment that both cameras took.

    Attributes
    ----------
    names : (left, right)
    rms_px : float
        Reprojection in both pictures together, px.
    epipolar_rms_px : float
        Distance of corresponding rows after rectification, px.
    """

    names: tuple[str, str]
    rms_px: float
    epipolar_rms_px: float


@dataclass(frozen=True, eq=False)
class StereoCalibration:
    """Intrinsics of both cameras and the rotation and translation between them.

    A point is at X_right = R_right_left X_left + t_right_left.

    Attributes
    ----------
    left, right : CameraModel
        Intrinsics; refined together with the rest if the cameras were fixed to each other.
    alone : (CameraCalibration, CameraCalibration)
        What each camera's own pictures gave: the start, with coverage and warnings.
    R_right_left : (3, 3) array
        Maps vectors of the left camera to the right one's.
    t_right_left : (3,) array
        Position of the left camera in the right camera's frame, m; in squares where the board's square is unknown.
    rotation_std_rad, translation_std : (3,) arrays
        One standard deviation of R (as a rotation vector) and of t (its unit).
    board : Board
    rms_px : float
        Reprojection over all corners of both cameras, px.
    epipolar_rms_px, epipolar_max_px : float
        Distance between the rows of corresponding corners after rectification, px.
    pairs : tuple of PairReport
    dropped : tuple of (name, reason)
    warnings : tuple of str
    """

    left: CameraModel
    right: CameraModel
    alone: tuple[CameraCalibration, CameraCalibration]
    R_right_left: Array
    t_right_left: Array
    rotation_std_rad: Array
    translation_std: Array
    board: Board
    rms_px: float
    epipolar_rms_px: float
    epipolar_max_px: float
    pairs: tuple[PairReport, ...]
    dropped: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]

    @property
    def baseline(self) -> float:
        """Distance of the cameras, m (squares where the square is unknown)."""
        return float(np.linalg.norm(self.t_right_left))

    @property
    def angle_deg(self) -> float:
        """Angle of the rotation between the cameras, degrees."""
        return float(np.degrees(np.arccos(np.clip((np.trace(self.R_right_left) - 1) / 2, -1.0, 1.0))))

    def as_json(self) -> dict[str, Any]:
        """Return the content of a stereo file, without the names of the camera files."""
        unit = "squares" if self.board.square_m is None else "m"
        return {
            "format": STEREO_FORMAT,
            "R_right_left": self.R_right_left.tolist(),
            f"t_right_left_{unit}": self.t_right_left.tolist(),
            f"baseline_{unit}": self.baseline,
            "angle_deg": self.angle_deg,
            "std": {
                "rotation_rad": self.rotation_std_rad.tolist(),
                f"translation_{unit}": self.translation_std.tolist(),
            },
            "rms_px": self.rms_px,
            "epipolar_rms_px": self.epipolar_rms_px,
            "epipolar_max_px": self.epipolar_max_px,
            "pairs": [
                {
                    "left": pair.names[0],
                    "right": pair.names[1],
                    "rms_px": pair.rms_px,
                    "epipolar_rms_px": pair.epipolar_rms_px,
                }
                for pair in self.pairs
            ],
            "dropped": [{"name": name, "reason": reason} for name, reason in self.dropped],
            "warnings": list(self.warnings),
        }


def calibrate_stereo(
    views_left: Sequence[BoardView | None], views_right: Sequence[BoardView | None], board: Board, model: str = "auto"
) -> StereoCalibration:
    """Return how two cameras stand to each other, from views of a board taken at the same moments.

    Each camera is calibrated alone first, which also settles its lens model. A plain checkerboard looks alike after a
    half turn: the numbering of corners that makes the pairs agree is taken. Pairs that contradict the others (the rig
    was bumped) are dropped. Then the intrinsics of both, rotation and translation between them, and the board's pose
    at every moment are fitted to all corners at once; moments that only one camera saw take part too.

    Parameters
    ----------
    views_left, views_right : sequences of BoardView or None
        Entry k of both was taken at the same moment; None where the board was not found.
    board : Board
    model : {"auto", "opencv", "opencv_fisheye"}
        See `calibrate_camera`.

    Raises
    ------
    ImageError
        If the sequences differ in length, fewer than three moments show the board in both and agree with each other,
        or a camera alone cannot be calibrated.
    UsageError
        If the model is not known.
    """
    if len(views_left) != len(views_right):
        raise ImageError(
            f"stereo: expected as many left as right pictures, got {len(views_left)} and {len(views_right)}; "
            "give them in pairs"
        )
    alone = (_alone(views_left, board, model), _alone(views_right, board, model))
    cameras = alone[0].camera, alone[1].camera
    moments = _usable(views_left, views_right, alone)
    pairs = _enough([(left, right) for left, right in moments if left is not None and right is not None])
    pairs, dropped = matched_labels(pairs, board, *cameras)
    pairs, bumped = _agreeing(_enough(pairs), board, cameras)
    fit = RigFit(_enough(pairs), board, cameras, refine=False)
    apart = float(np.hypot(alone[0].rms_px, alone[1].rms_px) / np.sqrt(2))
    moved = fit.rms_px > RIGID_RATIO * apart + 0.05  # a twentieth of a pixel: noise-free corners differ by rounding
    if not moved:
        singles = [pair for pair in moments if None in pair]
        fit = RigFit([*pairs, *singles], board, cameras, refine=True)
    warnings = _warnings(alone, fit.rms_px if moved else None, apart, len(bumped), len(pairs))
    return _report(pairs, board, fit, alone, (tuple(dropped + bumped), warnings))


def _alone(views: Sequence[BoardView | None], board: Board, model: str) -> CameraCalibration:
    return calibrate_camera([view for view in views if view is not None], board, model)


def _usable(
    lefts: Sequence[BoardView | None],
    rights: Sequence[BoardView | None],
    alone: tuple[CameraCalibration, CameraCalibration],
) -> list[Moment]:
    """Return the moments with the views and corners that each camera's own calibration kept."""
    used = [{report.view.name: report.view for report in one.views} for one in alone]
    return [
        (used[0].get(left.name) if left else None, used[1].get(right.name) if right else None)
        for left, right in zip(lefts, rights, strict=True)
    ]


def _enough(pairs: list[Pair]) -> list[Pair]:
    if len(pairs) < FEWEST_VIEWS:
        raise ImageError(
            f"stereo: expected at least {FEWEST_VIEWS} pairs that show the whole board in both pictures and agree, "
            f"got {len(pairs)}; check that the pictures of a pair were taken at the same moment"
        )
    return pairs


def _agreeing(pairs: list[Pair], board: Board, cameras: Cameras) -> tuple[list[Pair], list[tuple[str, str]]]:
    """Return the pairs that one relative pose explains, and (name, reason) of the others."""
    _, rms = robust_weights(pairs, board, cameras)
    usual = float(np.median(rms))
    limit = max(OUTLIER_RATIO * usual, usual + OUTLIER_PX)
    reason = "RMS {:.2f} px where the others have {:.2f} px: the cameras stood differently, or not the same moment"
    bad = [
        (f"{left.name} + {right.name}", reason.format(value, usual))
        for (left, right), value in zip(pairs, rms, strict=True)
        if value > limit
    ]
    return [pair for pair, value in zip(pairs, rms, strict=True) if value <= limit], bad


def _warnings(
    alone: tuple[CameraCalibration, CameraCalibration], moved_px: float | None, apart_px: float, bumped: int, kept: int
) -> tuple[str, ...]:
    found = []
    if bumped:
        found.append(f"{bumped} of {bumped + kept} pairs contradict the others: the rig was moved between pictures")
    if moved_px is not None:
        found.append(
            f"the pairs agree to {moved_px:.2f} px, each camera alone to {apart_px:.2f} px: the cameras moved against "
            "each other or did not fire at once; the intrinsics are those of each camera alone"
        )
    found += [f"{side}: {text}" for side, one in zip(("left", "right"), alone, strict=True) for text in one.warnings]
    return tuple(found)


def _report(
    pairs: Sequence[Pair],
    board: Board,
    fit: RigFit,
    alone: tuple[CameraCalibration, CameraCalibration],
    remarks: tuple[tuple[tuple[str, str], ...], tuple[str, ...]],
) -> StereoCalibration:
    rows = [row_errors_px(pair, fit.cameras, fit.pose) for pair in pairs]
    errors = np.concatenate(rows)
    unit = 1.0 if board.square_m is None else board.square_m
    reports = tuple(
        PairReport((left.name, right.name), float(rms), float(np.sqrt((row**2).mean())))
        for (left, right), rms, row in zip(pairs, fit.moment_rms_px, rows, strict=False)
    )
    return StereoCalibration(
        left=fit.cameras[0],
        right=fit.cameras[1],
        alone=alone,
        R_right_left=exp_so3(fit.pose[:3]),
        t_right_left=fit.pose[3:] * unit,
        rotation_std_rad=fit.pose_std[:3],
        translation_std=fit.pose_std[3:] * unit,
        board=board,
        rms_px=fit.rms_px,
        epipolar_rms_px=float(np.sqrt((errors**2).mean())),
        epipolar_max_px=float(np.abs(errors).max()),
        pairs=reports,
        dropped=remarks[0],
        warnings=remarks[1],
    )


def row_errors_px(pair: Pair, cameras: Cameras, pose: Array) -> Array:
    """Return how far corners that both views show lie from each other's row once the views are rectified, px.

    Parameters
    ----------
    pair : (BoardView, BoardView)
        Left and right view.
    cameras : (CameraModel, CameraModel)
    pose : (6,) array
        Rotation vector and translation with X_right = R X_left + t.
    """
    _, at_left, at_right = np.intersect1d(pair[0].ids, pair[1].ids, return_indices=True)
    turns = rectifying_rotations(exp_so3(pose[:3]), pose[3:])
    focal = (cameras[0].fy + cameras[1].fy) / 2
    rows = []
    for camera, view, taken, turn in zip(cameras, pair, (at_left, at_right), turns, strict=True):
        turned = camera.unproject(view.pixels[taken])[0] @ turn.T
        rows.append(focal * turned[:, 1] / turned[:, 2])
    return rows[0] - rows[1]


def rectifying_rotations(R_right_left: Array, t_right_left: Array) -> tuple[Array, Array]:
    """Return the rotations (left, right) that bring corresponding points of both cameras to one row.

    The new x axis lies along the baseline, from the left to the right camera (turned round if that points against the
    left camera's larger axis); the new z axis lies next to the mean of both optical axes (Fusiello et al., "A compact
    algorithm for rectification of stereo pairs", 2000). Each maps vectors of its camera to the common frame. Cameras
    one above the other are rectified too: their rows are then the pictures' columns.
    """
    x = -R_right_left.T @ t_right_left
    x = x / np.linalg.norm(x)
    x = x if x[np.abs(x).argmax()] > 0 else -x
    forward = np.array([0.0, 0.0, 1.0]) + R_right_left.T[:, 2]
    y = np.cross(forward, x)
    y /= np.linalg.norm(y)
    common_left = np.stack([x, y, np.cross(x, y)])
    return common_left, common_left @ R_right_left.T
