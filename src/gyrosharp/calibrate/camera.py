"""Calibration of one camera from views of a board."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.calibrate.board import Board
from gyrosharp.calibrate.coverage import Coverage, coverage_of, warnings_of
from gyrosharp.calibrate.lens import LensFit, LensKind, fit_lens
from gyrosharp.calibrate.model_choice import ModelScore, candidate_kinds, choose_model, score_models
from gyrosharp.calibrate.views import BoardView
from gyrosharp.errors import ImageError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.rotation import exp_so3

Array = NDArray[np.float64]

FEWEST_VIEWS = 3
"""Two would do for a lens without distortion; with distortion nothing is left over to check them by."""
OUTLIER_RATIO, OUTLIER_PX = 3.0, 0.3
"""A view is dropped if its RMS is this many times that of the others, and this many pixels above theirs."""
MOST_DROPPED = 1 / 3
STRAY_RATIO, STRAY_PX, STRAY_SHARE, STRAY_ROUNDS = 8.0, 1.0, 0.15, 3
"""A corner is cut if it lies so many standard deviations and pixels off; at most this share of a view, in as many
rounds."""
LARGEST_FOCAL_STD = 0.1
"""A focal length less certain than this (share of itself) is no result."""
_NAMES = {
    "opencv": ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6"),
    "opencv_fisheye": ("k1", "k2", "k3", "k4"),
}


@dataclass(frozen=True, eq=False)
class ViewReport:
    """One picture's part in a calibration.

    Attributes
    ----------
    view : BoardView
        Corners found.
    residuals_px : (N, 2) array
        Found corner less projected corner, px.
    pose : (6,) array
        Rotation vector (rad) and translation (squares) of the board in the camera's frame.
    tilt_deg : float
        Between the board's normal and the optical axis.
    """

    view: BoardView
    residuals_px: Array
    pose: Array
    tilt_deg: float

    @property
    def rms_px(self) -> float:
        """Root of the mean squared length of the residuals, px."""
        return float(np.sqrt((self.residuals_px**2).sum(axis=1).mean()))

    @property
    def max_px(self) -> float:
        """Length of the longest residual, px."""
        return float(np.linalg.norm(self.residuals_px, axis=1).max())


@dataclass(frozen=True, eq=False)
class CameraCalibration:
    """Intrinsics of a camera, and how far to trust them.

    Attributes
    ----------
    camera : CameraModel
        The result.
    std : dict
        One standard deviation of fx, fy, cx, cy (px) and the coefficients, as the scatter of the corners implies it;
        what the model cannot express (a bent board, a rolling shutter) comes on top.
    board : Board
        What was looked for.
    views : tuple of ViewReport
        The pictures used.
    dropped : tuple of (name, reason)
        Pictures left out as outliers, and pictures that lost single corners.
    scores : tuple of ModelScore
        All models tried; see `gyrosharp.calibrate.model_choice`.
    coverage : Coverage
        Which part of the picture has seen corners.
    warnings : tuple of str
        What weakens the result, and which pictures would mend it.
    """

    camera: CameraModel
    std: dict[str, float]
    board: Board
    views: tuple[ViewReport, ...]
    dropped: tuple[tuple[str, str], ...]
    scores: tuple[ModelScore, ...]
    coverage: Coverage
    warnings: tuple[str, ...]

    @property
    def rms_px(self) -> float:
        """Root of the mean squared distance between found and projected corners, px."""
        squared = np.concatenate([(view.residuals_px**2).sum(axis=1) for view in self.views])
        return float(np.sqrt(squared.mean()))

    @property
    def max_px(self) -> float:
        """The longest such distance, px."""
        return max(view.max_px for view in self.views)

    def as_json(self) -> dict[str, Any]:
        """Return the report of `gyrosharp calibrate --json`."""
        camera = self.camera
        return {
            "camera": camera_json(camera),
            "std": self.std,
            "rms_px": self.rms_px,
            "max_px": self.max_px,
            "board": board_json(self.board),
            "models": [
                {
                    "distortion_model": score.kind.model,
                    "coefficients": score.kind.coefficients,
                    "rms_px": score.rms_px,
                    "unseen_rms_px": score.unseen_rms_px if np.isfinite(score.unseen_rms_px) else None,
                }
                for score in self.scores
            ],
            "coverage": {"picture": self.coverage.picture, "reach": self.coverage.reach},
            "views": [
                {
                    "name": report.view.name,
                    "corners": len(report.view),
                    "rms_px": report.rms_px,
                    "max_px": report.max_px,
                    "tilt_deg": report.tilt_deg,
                    "edge_px": report.view.edge_px,
                }
                for report in self.views
            ],
            "dropped": [{"name": name, "reason": reason} for name, reason in self.dropped],
            "warnings": list(self.warnings),
        }


def camera_json(camera: CameraModel) -> dict[str, Any]:
    """Return a camera as the `camera` part of a capture file."""
    return {
        "width": camera.width,
        "height": camera.height,
        "fx": camera.fx,
        "fy": camera.fy,
        "cx": camera.cx,
        "cy": camera.cy,
        "distortion_model": camera.distortion_model,
        "distortion": list(camera.distortion),
    }


def board_json(board: Board) -> dict[str, Any]:
    """Return a board for a report; `square_m` is null where unknown."""
    return {
        "columns": board.columns,
        "rows": board.rows,
        "square_m": board.square_m,
        "dictionary": board.dictionary,
    }


def calibrate_camera(views: Sequence[BoardView], board: Board, model: str = "auto") -> CameraCalibration:
    """Return the intrinsics that explain the views of a board best.

    Views that disagree with the others are dropped, one at a time, up to a third of them. Among the models that `model`
    allows the simplest is taken that foretells unseen views as well as any (`choose_model`).

    Parameters
    ----------
    views : sequence of BoardView
        At least three, of one size.
    board : Board
        Whose corners they are.
    model : {"auto", "opencv", "opencv_fisheye"}
        Lens models to choose from; ``opencv`` has 4, 5 or 8 coefficients.

    Raises
    ------
    ImageError
        If there are fewer than three views, their sizes differ, or they do not determine the focal length.
    UsageError
        If the model is not known.
    """
    kinds = candidate_kinds(model)
    _require_views(views)
    kept, fits, dropped = _without_outliers(list(views), board, kinds)
    scores = score_models(kept, board, fits)
    chosen = scores.index(choose_model(scores))
    return _report(kept, board, fits[chosen], scores, tuple(dropped))


def _report(
    views: Sequence[BoardView],
    board: Board,
    fit: LensFit,
    scores: tuple[ModelScore, ...],
    dropped: tuple[tuple[str, str], ...],
) -> CameraCalibration:
    names = ("fx", "fy", "cx", "cy", *_NAMES[fit.kind.model][: fit.kind.coefficients])
    std = dict(zip(names, np.sqrt(np.maximum(np.diag(fit.covariance), 0.0)).tolist(), strict=True))
    _require_focal(fit.camera, std)
    coverage = coverage_of(views)
    tilts = np.degrees(np.arccos(np.clip(np.abs(exp_so3(fit.poses[:, :3])[:, 2, 2]), 0.0, 1.0)))
    reports = tuple(
        ViewReport(view, fit.residuals_px[fit.owner == k], fit.poses[k], float(tilts[k]))
        for k, view in enumerate(views)
    )
    warnings = warnings_of(views, fit, std, coverage)
    outliers = {name for name, _ in dropped} - {view.name for view in views}
    if len(outliers) > 1 and len(outliers) >= int(MOST_DROPPED * (len(views) + len(outliers))):
        warnings = (f"{len(outliers)} pictures disagree with the others: look at them", *warnings)
    return CameraCalibration(fit.camera, std, board, reports, dropped, scores, coverage, warnings)


def _require_views(views: Sequence[BoardView]) -> None:
    if len(views) < FEWEST_VIEWS:
        raise ImageError(
            f"calibration: expected at least {FEWEST_VIEWS} pictures with the whole board, got {len(views)}; "
            "take 10 to 20 from different sides, with the board tilted up to 45 degrees"
        )
    sizes = {(view.width, view.height): view.name for view in views}
    if len(sizes) > 1:
        (one, first), (other, second) = list(sizes.items())[:2]
        raise ImageError(
            f"{second}: expected pictures of one size, got {other[0]} x {other[1]} px and, in {first}, "
            f"{one[0]} x {one[1]} px; calibrate each size of its own"
        )


def _require_focal(camera: CameraModel, std: dict[str, float]) -> None:
    share = max(std["fx"] / camera.fx, std["fy"] / camera.fy)
    if not share < LARGEST_FOCAL_STD:
        uncertain = f"{share:.0%}" if share < 10 else "any amount"
        raise ImageError(
            f"calibration: expected views that determine the focal length, got one uncertain by {uncertain}; "
            "tilt the board by 20 to 45 degrees about both its axes, and bring it close"
        )


def _without_outliers(
    views: list[BoardView], board: Board, kinds: Sequence[LensKind]
) -> tuple[list[BoardView], list[LensFit], list[tuple[str, str]]]:
    """Take out what no model explains: single corners first, then whole views; also return the fits of the rest."""
    most = int(MOST_DROPPED * len(views))
    cut: dict[str, str] = {}
    dropped: list[tuple[str, str]] = []
    for round_ in range(STRAY_ROUNDS + most + 1):
        fits = [fit_lens(views, board, kind) for kind in kinds]
        best = min(fits, key=lambda fit: fit.rms_px)
        cleaned = _without_strays(views, best, cut) if round_ < STRAY_ROUNDS else views
        if any(len(one) < len(two) for one, two in zip(cleaned, views, strict=True)):
            views = cleaned
            continue
        worst = int(best.view_rms_px.argmax())
        reason = _disagreement(best.view_rms_px, worst)
        if reason is None or len(dropped) == most or len(views) == FEWEST_VIEWS:
            break
        dropped.append((views[worst].name, reason))
        cut.pop(views[worst].name, None)
        views = views[:worst] + views[worst + 1 :]
    return views, fits, dropped + list(cut.items())


def _without_strays(views: Sequence[BoardView], fit: LensFit, cut: dict[str, str]) -> list[BoardView]:
    """Cut corners that lie far off while the rest of their view fits: the detector took something else for them.

    Why goes into `cut` by the view's name. A view with many of them is left whole, and to the test of whole views.
    """
    lengths = np.linalg.norm(fit.residuals_px, axis=1)
    # The median length of a two-dimensional normal error is 1.18 standard deviations.
    limit = max(STRAY_RATIO * float(np.median(lengths)) / 1.18, STRAY_PX)
    found = []
    for k, view in enumerate(views):
        own = lengths[fit.owner == k]
        # One stray corner pulls the pose, and so its neighbours off: only those next to the worst are cut at once.
        stray = own > max(limit, 0.5 * float(own.max()))
        if not 0 < stray.sum() <= STRAY_SHARE * own.size:
            found.append(view)
            continue
        count = int(stray.sum())
        cut[view.name] = f"{count} corner{'s' * (count > 1)} off by up to {own.max():.1f} px not used"
        found.append(view.taken(~stray))
    return found


def _disagreement(rms_px: Array, worst: int) -> str | None:
    """Return why the worst view does not belong to the others, or None."""
    others = float(np.median(np.delete(rms_px, worst)))
    if rms_px[worst] < max(OUTLIER_RATIO * others, others + OUTLIER_PX):
        return None
    return f"RMS {rms_px[worst]:.2f} px where the others have {others:.2f} px: wrong corners, blur or a bent board"
