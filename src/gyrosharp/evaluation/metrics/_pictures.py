"""What every metric does first: check its pictures, clip them as a file would, and weigh their pixels."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.errors import ImageError, UsageError

Array = NDArray[np.float64]

_LUMA = (0.299, 0.587, 0.114)
"""Rec. 601 weights of R, G, B: the grey that the published code of VIF, GMSD and NIQE works on."""
FULL_SCALE = 255.0
"""Constants of VIF, GMSD and NIQE are stated for 8-bit codes."""


def as_stored(metric: str, picture: ArrayLike, least: int = 1) -> Array:
    """Return a picture (H, W, C) float64, clipped to [0, 1] as a file would hold it.

    Parameters
    ----------
    metric : str
        Whose picture it is, for messages.
    picture : (H, W), (H, W, 1) or (H, W, 3) array
        sRGB-encoded floats, full scale 1.
    least : int
        Smallest side that the metric is defined for, px.

    Raises
    ------
    UsageError
        If it is not an array of floats of these shapes.
    ImageError
        If it is too small or holds NaN or infinities.
    """
    values = np.asarray(picture)
    if values.dtype.kind != "f":
        raise UsageError(
            f"{metric}: expected floats of full scale 1, got {values.dtype}; divide codes by their maximum"
        )
    if values.ndim == 2:
        values = values[..., None]
    if values.ndim != 3 or values.shape[2] not in (1, 3):
        raise UsageError(f"{metric}: expected a picture (H, W), (H, W, 1) or (H, W, 3), got an array {values.shape}")
    height, width = values.shape[:2]
    if min(height, width) < least:
        raise ImageError(
            f"{metric}: expected sides of at least {least} px, got {width} x {height}; use a larger picture"
        )
    if not np.isfinite(values).all():
        raise ImageError(f"{metric}: expected finite values, got NaN or infinity; look for where the picture was made")
    return np.clip(values.astype(np.float64), 0.0, 1.0)


def compared(
    metric: str, image: ArrayLike, truth: ArrayLike | None, mask: ArrayLike | None, least: int = 1
) -> tuple[Array, Array, Array]:
    """Return image, truth (H, W, C) and weights (H, W) for a metric that compares two pictures.

    Parameters
    ----------
    metric : str
        Whose pictures they are, for messages.
    image, truth : (H, W) or (H, W, C) arrays
        Pictures as in `as_stored`, of one shape.
    mask : (H, W) array, optional
        Weights of the pixels, 0 to 1; all one by default.
    least : int
        Smallest side that the metric is defined for, px.

    Raises
    ------
    UsageError
        If there is no truth, the shapes differ, or weights are not within [0, 1] or are all zero.
    ImageError
        As in `as_stored`.
    """
    if truth is None:
        raise UsageError(
            f"{metric}: expected the true picture, got none; give truth, or take a metric without reference"
        )
    first, second = as_stored(metric, image, least), as_stored(metric, truth, least)
    if first.shape != second.shape:
        raise UsageError(f"{metric}: expected pictures of one shape, got {first.shape} and {second.shape}")
    return first, second, _weights(metric, mask, first.shape[:2])


def _weights(metric: str, mask: ArrayLike | None, shape: tuple[int, ...]) -> Array:
    if mask is None:
        return np.ones(shape)
    weights = np.asarray(mask, dtype=np.float64)
    if weights.shape != shape:
        raise UsageError(f"{metric}: expected a mask {shape} like the pictures, got {weights.shape}")
    if not ((weights >= 0.0) & (weights <= 1.0)).all():
        raise UsageError(f"{metric}: expected mask weights within [0, 1], got others; divide 8-bit codes by 255")
    return weights


def weighted_mean(metric: str, values: Array, weights: Array) -> float:
    """Return sum(w v) / sum(w) of a map (H, W).

    Raises
    ------
    UsageError
        If all weights are zero: the mask leaves nothing to measure.
    """
    total = float(weights.sum())
    if total == 0.0:
        raise UsageError(f"{metric}: expected a mask with weights where the metric is defined, got none there")
    return float((values * weights).sum() / total)


def luma(picture: Array) -> Array:
    """Return the grey picture (H, W) in 8-bit units, 0 to 255, not rounded."""
    grey = picture[..., 0] if picture.shape[2] == 1 else picture @ np.array(_LUMA)
    return np.asarray(grey * FULL_SCALE, dtype=np.float64)
