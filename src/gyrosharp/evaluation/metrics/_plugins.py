"""Metrics that other packages compute: loading the package, and one line when it is not there."""

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gyrosharp.errors import MissingComponentError, UsageError
from gyrosharp.evaluation.metrics._pictures import Array, as_stored

_LEAST_SIDE = 32
"""The networks halve their input five times."""


def loaded(metric: str, package: str) -> Any:  # noqa: ANN401
    """Return an optional package.

    Raises
    ------
    MissingComponentError
        If it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingComponentError(
            f"{metric}: expected the package {package}, which is not installed here; pip install {package}"
        ) from error


def colour(metric: str, picture: ArrayLike) -> Array:
    """Return a stored picture (H, W, 3), grey ones repeated: the networks were trained on colour.

    Raises
    ------
    UsageError, ImageError
        If it is not a picture; see `as_stored`.
    """
    values = as_stored(metric, picture, _LEAST_SIDE)
    return np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values


def require_no_mask(metric: str, mask: ArrayLike | None) -> None:
    """Raise UsageError if there is a mask: a network's score is no mean over pixels."""
    if mask is not None:
        raise UsageError(f"{metric}: expected no mask, got one; crop the picture instead")


def pyiqa_score(metric: str, model: str) -> Callable[..., float]:
    """Return the ``score`` of a metric that is one of pyiqa's models without reference."""

    def score(image: ArrayLike, truth: ArrayLike | None = None, mask: ArrayLike | None = None) -> float:  # noqa: ARG001
        """Return the model's score of a stored picture.

        Parameters
        ----------
        image : (H, W) or (H, W, C) array
            sRGB-encoded, [0, 1]; clipped, and rounded to 8 bits as files are; sides of at least 32 px.
        truth : array, optional
            Not looked at.
        mask : array, optional
            Not taken.

        Raises
        ------
        MissingComponentError
            If pyiqa is not installed, or the model's weights cannot be downloaded.
        UsageError, ImageError
            If a mask is given, or the picture cannot be used.
        """
        from PIL import Image

        require_no_mask(metric, mask)
        codes = np.rint(colour(metric, image) * 255.0).astype(np.uint8)
        return float(_pyiqa_model(metric, model)(Image.fromarray(codes)).item())

    return score


@cache
def _pyiqa_model(metric: str, model: str) -> Any:  # noqa: ANN401
    return with_weights(metric, lambda: loaded(metric, "pyiqa").create_metric(model))


def with_weights(metric: str, make: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Return ``make()``, a model whose package fetches weights on first use.

    Raises
    ------
    MissingComponentError
        If they cannot be fetched.
    """
    try:
        return make()
    except OSError as error:
        raise MissingComponentError(
            f"{metric}: expected weights that its package downloads on first use, got {type(error).__name__}; "
            "run it once with a connection"
        ) from error
