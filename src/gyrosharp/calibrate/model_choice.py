"""Which lens model: the simplest one that foretells unseen views as well as the best does.

Richer models always fit the views at hand better. The errors of neighbouring corners hang together (a board that is not
quite flat, blur, a printer's scale), so criteria that count corners as independent (AIC, BIC) still choose too rich
a model. Whole views are left out instead: the lens is fitted to the others, the pose of the board alone to the view
left out, and what remains there is the score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.calibrate.board import Board
from gyrosharp.calibrate.lens import FISHEYE_KIND, OPENCV_KINDS, LensFit, LensKind, fit_lens, fit_poses, reprojection_px
from gyrosharp.calibrate.views import BoardView
from gyrosharp.errors import ImageError, UsageError

Array = NDArray[np.float64]

MODELS = ("auto", "opencv", "opencv_fisheye")
FOLDS = 5
REFIT_STEPS = 25
"""Enough from a start that differs by a few views; models that determine nothing would go on for ever."""
LEAST_GAIN = 0.02
"""A richer model must also lower the mean squared error of unseen views by this share: less is not worth a
coefficient that may run wild outside the corners seen."""


@dataclass(frozen=True, eq=False)
class ModelScore:
    """How a lens model did.

    Attributes
    ----------
    kind : LensKind
    rms_px : float
        Over the views it was fitted to, px.
    unseen_rms_px : float
        Over views it was not fitted to, px.
    unseen_squared_px : (V,) array
        Mean squared error of each view when it was left out, px^2; infinite where the others say nothing about it.
    """

    kind: LensKind
    rms_px: float
    unseen_rms_px: float
    unseen_squared_px: Array


def candidate_kinds(model: str) -> tuple[LensKind, ...]:
    """Return the lens models that a name stands for, simplest first.

    Raises
    ------
    UsageError
        If the name is not in `MODELS`.
    """
    kinds = {"auto": (*OPENCV_KINDS, FISHEYE_KIND), "opencv": OPENCV_KINDS, "opencv_fisheye": (FISHEYE_KIND,)}
    if model not in kinds:
        raise UsageError(f"--model: expected one of {', '.join(MODELS)}, got {model!r}")
    return kinds[model]


def score_models(views: Sequence[BoardView], board: Board, fits: Sequence[LensFit]) -> tuple[ModelScore, ...]:
    """Return the score of each lens model, from fits of them to all views.

    Views are left out in up to five groups: view k belongs to group k mod 5.
    """
    return tuple(_score(views, board, fit) for fit in fits)


def choose_model(scores: Sequence[ModelScore]) -> ModelScore:
    """Return the simplest model that unseen views do not speak against.

    The models are gone through from the simplest on. A later one takes over if the mean of the squared errors of unseen
    views is lower by more than one standard error of the differences per view (the one-standard-error rule of Breiman
    et al., "Classification and Regression Trees", 1984, section 3.4.3, on paired scores), and by 2 %.
    """
    chosen = scores[0]
    for score in scores[1:]:
        if not np.isfinite(score.unseen_squared_px).all():
            continue
        if not np.isfinite(chosen.unseen_squared_px).all():
            chosen = score
            continue
        gain = chosen.unseen_squared_px - score.unseen_squared_px
        error = float(gain.std(ddof=1) / np.sqrt(gain.size)) if gain.size > 1 else np.inf
        if gain.mean() > max(error, LEAST_GAIN * float(chosen.unseen_squared_px.mean())):
            chosen = score
    return chosen


def _score(views: Sequence[BoardView], board: Board, fit: LensFit) -> ModelScore:
    squared = np.empty(len(views))
    groups = min(FOLDS, len(views))
    for group in range(groups):
        out = np.arange(len(views)) % groups == group
        squared[out] = _unseen(views, board, fit, out)
    # Views with more corners count for more, as in the fit.
    counts = np.array([len(view) for view in views])
    return ModelScore(fit.kind, fit.rms_px, float(np.sqrt(np.average(squared, weights=counts))), squared)


def _unseen(views: Sequence[BoardView], board: Board, fit: LensFit, out: NDArray[np.bool_]) -> Array:
    seen = [view for view, left in zip(views, out, strict=True) if not left]
    unseen = [view for view, left in zip(views, out, strict=True) if left]
    start = LensFit(fit.kind, fit.camera, fit.poses[~out], np.zeros((0, 2)), fit.owner[:0], fit.covariance)
    try:
        camera = fit_lens(seen, board, fit.kind, start, REFIT_STEPS).camera
        errors = reprojection_px(unseen, board, camera, fit_poses(unseen, board, camera))
    except ImageError:
        return np.full(len(unseen), np.inf)
    return np.array([float((error**2).sum(axis=1).mean()) for error in errors])
