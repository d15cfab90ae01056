"""Natural image quality evaluator: a metric without reference."""

import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.errors import ImageError, UsageError
from gyrosharp.evaluation.metrics._pictures import as_stored, luma
from gyrosharp.evaluation.metrics._scene_statistics import PATCH, patch_features

NAME = "niqe"
DESCRIPTION = "distance of the patch statistics of the luma from those of sharp photos (model fitted by this project)"
PAPER = "Mittal et al., SPL 2013"
UNIT = ""
BETTER = "lower"
REFERENCE = False
MASKED = False
NEEDS = ""

Array = NDArray[np.float64]
Model = tuple[Array, Array]
"""Mean (36,) and covariance (36, 36) of the features of sharp photos' patches."""

MODEL_FILE = "niqe_pristine.json"
LEAST_PATCHES = 2
"""A covariance needs two."""
SHARP_SHARE = 0.75
"""The model is fitted to patches with at least this share of their picture's greatest sharpness (the paper's T)."""


def score(image: ArrayLike, truth: ArrayLike | None = None, mask: ArrayLike | None = None) -> float:  # noqa: ARG001
    """Return the distance of a stored picture from natural ones, 0 or more; sharp photos score about 2 to 4.

    With mean and covariance of the patch features of the picture (m, S) and of sharp photos (m_p, S_p)::

        NIQE = sqrt((m - m_p)^T ((S + S_p) / 2)^-1 (m - m_p))                                    (eq. 10)

    The model (m_p, S_p) is this project's own fit, so values are comparable with each other and not with those of
    other programs.

    Parameters
    ----------
    image : (H, W) or (H, W, C) array
        sRGB-encoded, [0, 1]; clipped first; must hold two patches of 96 x 96 px.
    truth : array, optional
        Not looked at.
    mask : array, optional
        Not taken: statistics of a patch are not a mean over its pixels.

    Raises
    ------
    UsageError
        If a mask is given, or the picture is not an array of floats (H, W, C).
    ImageError
        If the picture is too small, holds NaN or has fewer than two patches that are not flat.
    """
    if mask is not None:
        raise UsageError(f"{NAME}: expected no mask, got one; crop the picture instead")
    features, _ = patch_features(luma(as_stored(NAME, image, PATCH)))
    if len(features) < LEAST_PATCHES:
        raise ImageError(
            f"{NAME}: expected two patches of {PATCH} x {PATCH} px that are not flat, got {len(features)}; "
            "use a larger picture"
        )
    return distance(_moments(features), pristine_model())


def distance(first: Model, second: Model) -> float:
    """Return the distance of two models, eq. 10. Directions that neither spreads in count as equal (pseudo-inverse)."""
    step = first[0] - second[0]
    return float(np.sqrt(step @ np.linalg.pinv((first[1] + second[1]) / 2.0, hermitian=True) @ step))


def fit_pristine(pictures: Iterable[ArrayLike]) -> tuple[Model, int]:
    """Return the model of sharp pictures and how many patches it rests on.

    Of each picture those patches count whose sharpness is at least 0.75 of its sharpest patch's.

    Parameters
    ----------
    pictures : iterable of (H, W) or (H, W, C) arrays
        sRGB-encoded, [0, 1].

    Raises
    ------
    UsageError, ImageError
        If a picture cannot be used; see `score`.
    """
    kept = []
    for picture in pictures:
        features, sharpness = patch_features(luma(as_stored(NAME, picture, PATCH)))
        kept.append(features[sharpness >= SHARP_SHARE * sharpness.max(initial=0.0)])
    features = np.concatenate(kept)
    return _moments(features), len(features)


@cache
def pristine_model() -> Model:
    """Return the model that ships with the package; its file says what it was fitted to."""
    stored = json.loads((files("gyrosharp.evaluation.metrics") / MODEL_FILE).read_text(encoding="utf-8"))
    return np.array(stored["mean"]), np.array(stored["covariance"])


def _moments(features: Array) -> Model:
    return features.mean(axis=0), np.cov(features, rowvar=False)
