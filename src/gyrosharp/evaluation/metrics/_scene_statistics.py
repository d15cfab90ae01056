"""Natural scene statistics of picture patches: NIQE's 36 features."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from gyrosharp.evaluation.metrics._windows import gaussian_taps

Array = NDArray[np.float64]

PATCH = 96
"""Side of a patch, px of the full picture; 48 px at the second scale."""
FEATURES = 36
"""Two scales of 2 for the coefficients and 4 for each of four directions of neighbours."""

_TAPS = gaussian_taps(7, 7 / 6)
"""Window of the local mean and deviation: 3 px to each side, cut at three standard deviations."""
_SATURATION = 1.0
"""C of eq. 1, 8-bit codes: keeps flat parts from being divided by zero."""
_FLAT = 1e-12
"""Patches whose coefficients' mean square is below it hold rounding errors: one pixel of one code makes 1e-5."""
_HALVING_TAPS = np.array([-3.0, -9.0, 29.0, 111.0, 111.0, 29.0, -9.0, -3.0]) / 256.0
"""Keys' cubic (a = -1/2) stretched to twice its width and sampled at +-0.5, 1.5, 2.5 and 3.5 px: bicubic reduction."""
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Right, below, and the two diagonals: (rows, columns)."""
_SHAPES = np.arange(0.2, 10.0, 0.001)
"""Shapes that a fit may find: 2 is Gaussian, 1 Laplacian."""


def patch_features(grey: Array) -> tuple[Array, Array]:
    """Return the features and the sharpness of a picture's patches.

    Patches of 96 x 96 px tile the picture from its top left corner; what is left over at right and bottom is not used.
    Flat patches have no shape and are left out.

    Parameters
    ----------
    grey : (H, W) array
        Luma, 0 to 255; sides of at least 96 px.

    Returns
    -------
    features : (N, 36) array
        Per scale: shape and variance of the coefficients, then shape, mean, left and right variance of the products of
        neighbours, for each of four directions.
    sharpness : (N,) array
        Mean local deviation, 8-bit codes (eq. 9).
    """
    rows, columns = grey.shape[0] // PATCH, grey.shape[1] // PATCH
    grey = grey[: rows * PATCH, : columns * PATCH]
    coefficients, deviation = normalised(grey)
    fine, coarse = _patches(coefficients, PATCH), _patches(normalised(_bicubic_half(grey))[0], PATCH // 2)
    lively = ((fine**2).mean(axis=(1, 2)) > _FLAT) & ((coarse**2).mean(axis=(1, 2)) > _FLAT)
    features = np.concatenate([_features(fine[lively]), _features(coarse[lively])], axis=1)
    return features, _patches(deviation, PATCH).mean(axis=(1, 2))[lively]


def normalised(grey: Array) -> tuple[Array, Array]:
    """Return the coefficients (I - m) / (s + 1) and the local deviation s of a picture (H, W), 0 to 255 (eq. 1-3)."""
    import cv2

    def mean(values: Array) -> Array:
        return np.asarray(cv2.sepFilter2D(values, cv2.CV_64F, _TAPS, _TAPS, borderType=cv2.BORDER_REPLICATE))

    local_mean = mean(grey)
    deviation = np.sqrt(np.maximum(mean(grey**2) - local_mean**2, 0.0))
    return (grey - local_mean) / (deviation + _SATURATION), deviation


def generalised_gaussian(values: Array) -> tuple[Array, Array]:
    """Return shape and variance of the generalised Gaussian that fits each row of values (N, M), of mean zero.

    The density is proportional to exp(-(abs(x) / b)^a) (eq. 4); moments determine it, as
    mean(abs(x))^2 / mean(x^2) = G(2/a)^2 / (G(1/a) G(3/a)) falls on one shape a.
    """
    variance = (values**2).mean(axis=1)
    return _shape(np.abs(values).mean(axis=1) ** 2 / variance), variance


def asymmetric_gaussian(values: Array) -> tuple[Array, Array, Array, Array]:
    """Return shape, mean, left and right variance of the asymmetric generalised Gaussian of each row of (N, M) values.

    Scales differ on both sides of zero (eq. 7). With c the ratio of the left to the right deviation, the moment ratio
    is corrected by (c^3 + 1) (c + 1) / (c^2 + 1)^2 before the shape is looked up; the mean is
    (b_right - b_left) G(2/a) / G(1/a) (eq. 8).
    """
    from scipy.special import gamma

    left, right = _side_variance(values, values < 0.0), _side_variance(values, values > 0.0)
    ratio = np.sqrt(left / right)
    moments = np.abs(values).mean(axis=1) ** 2 / (values**2).mean(axis=1)
    shape = _shape(moments * (ratio**3 + 1.0) * (ratio + 1.0) / (ratio**2 + 1.0) ** 2)
    scale = np.sqrt(gamma(1.0 / shape) / gamma(3.0 / shape))
    mean = (np.sqrt(right) - np.sqrt(left)) * scale * gamma(2.0 / shape) / gamma(1.0 / shape)
    return shape, mean, left, right


def _features(patches: Array) -> Array:
    columns = list(generalised_gaussian(_rows(patches)))
    for down, across in _NEIGHBOURS:
        columns += asymmetric_gaussian(_rows(_products(patches, down, across)))
    return np.stack(columns, axis=1)


def _products(patches: Array, down: int, across: int) -> Array:
    """Return the products of each coefficient with its neighbour in the same patch."""
    first, second = patches[:, : patches.shape[1] - down], patches[:, down:]
    if across < 0:
        return first[:, :, -across:] * second[:, :, :across]
    return first[:, :, : first.shape[2] - across] * second[:, :, across:]


def _rows(patches: Array) -> Array:
    return patches.reshape(len(patches), patches.shape[1] * patches.shape[2])


def _patches(picture: Array, side: int) -> Array:
    rows, columns = picture.shape[0] // side, picture.shape[1] // side
    return picture.reshape(rows, side, columns, side).swapaxes(1, 2).reshape(-1, side, side)


def _side_variance(values: Array, chosen: NDArray[np.bool_]) -> Array:
    """Return the mean square of the chosen values of each row; a side without values counts as almost no spread."""
    tiny = 1e-12
    mean_square = (values**2 * chosen).sum(axis=1) / np.maximum(chosen.sum(axis=1), 1)
    return np.asarray(np.maximum(mean_square, tiny), dtype=np.float64)


def _shape(moments: Array) -> Array:
    """Return the shapes whose ratio mean(abs(x))^2 / mean(x^2) these are; the ends of `_SHAPES` beyond them."""
    return np.asarray(np.interp(moments, _ratios(), _SHAPES), dtype=np.float64)


@cache
def _ratios() -> Array:
    from scipy.special import gamma

    return np.asarray(gamma(2.0 / _SHAPES) ** 2 / (gamma(1.0 / _SHAPES) * gamma(3.0 / _SHAPES)), dtype=np.float64)


def _bicubic_half(grey: Array) -> Array:
    """Return a picture of even sides at half its size: bicubic with the kernel stretched against aliasing."""
    from scipy.ndimage import correlate1d

    # Output i lies between inputs 2i and 2i + 1: the tap at +0.5 px is input 2i + 1, the one of index 4.
    for axis in (0, 1):
        filtered = correlate1d(grey, _HALVING_TAPS, axis=axis, mode="reflect", origin=-1)
        grey = filtered[::2] if axis == 0 else filtered[:, ::2]
    return np.asarray(grey, dtype=np.float64)
