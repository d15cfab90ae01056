"""Levin's protocol: squared error at the best small shift, and its ratio to what the true kernel gives.

A blind estimate of kernel and picture is right up to a shift of both in opposite directions, and a deconvolution is
wrong near its border; Levin et al. (CVPR 2009) therefore shift and crop before they compare.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.errors import UsageError
from gyrosharp.evaluation.metrics._pictures import compared

Array = NDArray[np.float64]

BORDER_PX = 15
"""What the protocol cuts off at each side."""
REACH_PX = 5
"""Largest shift that it tries, to each side."""
STEPS_PER_PX = 4
"""It tries quarters of a pixel."""
LEAST_SIDE = 2 * BORDER_PX + 1


@dataclass(frozen=True, eq=False)
class BestShift:
    """A result at the shift where it is closest to its truth.

    Attributes
    ----------
    squared_error : float
        Sum of squared differences of the cropped pictures, full scale 1.
    shift_px : (dx, dy)
        How far the result lies to the right of and below the truth, px.
    image, truth : (H - 30, W - 30, C) arrays
        The cropped pictures that were compared, for other metrics.
    """

    squared_error: float
    shift_px: tuple[float, float]
    image: Array
    truth: Array


def best_shift(image: ArrayLike, truth: ArrayLike) -> BestShift:
    """Return a result at its best shift.

    All shifts within +-5 px in both directions are tried in steps of a quarter pixel, by linear interpolation; 15 px
    are cut off at each side.

    Parameters
    ----------
    image, truth : (H, W) or (H, W, C) arrays
        Pictures in the encoding of their set, [0, 1]; clipped first; sides of at least 31 px.

    Raises
    ------
    UsageError, ImageError
        If the pictures cannot be compared; see `compared`.
    """
    first, second, _ = compared("best_shift", image, truth, None, LEAST_SIDE)
    target = _cut(second, BORDER_PX)
    best = BestShift(np.inf, (0.0, 0.0), target, target)
    for down in range(STEPS_PER_PX):
        for across in range(STEPS_PER_PX):
            between = _between(_cut(first, BORDER_PX - REACH_PX), down / STEPS_PER_PX, across / STEPS_PER_PX)
            best = _closest(best, between, (down / STEPS_PER_PX, across / STEPS_PER_PX))
    return best


def error_ratio(image: ArrayLike, with_true_kernel: ArrayLike, truth: ArrayLike) -> float:
    """Return the squared error of a result over that of the result with the true kernel, both at their best shifts.

    A ratio up to 2 or 3 looks as good as the kernel lets it be (Levin et al., section 4).

    Parameters
    ----------
    image, with_true_kernel, truth : (H, W) or (H, W, C) arrays
        Pictures as in `best_shift`.

    Raises
    ------
    UsageError, ImageError
        If the pictures cannot be compared, or the result with the true kernel is perfect.
    """
    reference = best_shift(with_true_kernel, truth).squared_error
    if reference == 0.0:
        raise UsageError(
            "error_ratio: expected a result with the true kernel that differs from the truth, got the truth"
        )
    return best_shift(image, truth).squared_error / reference


def _closest(best: BestShift, between: Array, fraction: tuple[float, float]) -> BestShift:
    """Return the best of `best` and all whole-pixel shifts of a picture interpolated at a fraction (down, across)."""
    height, width = best.truth.shape[:2]
    for row in range(between.shape[0] - height + 1):
        for column in range(between.shape[1] - width + 1):
            moved = between[row : row + height, column : column + width]
            difference = (moved - best.truth).ravel()
            error = float(difference @ difference)
            if error < best.squared_error:
                shift = (column - REACH_PX + fraction[1], row - REACH_PX + fraction[0])
                best = BestShift(error, shift, moved, best.truth)
    return best


def _between(picture: Array, down: float, across: float) -> Array:
    """Return a picture interpolated that far, in px, below and right of its pixels; one shorter where not zero."""
    if down:
        picture = (1.0 - down) * picture[:-1] + down * picture[1:]
    return (1.0 - across) * picture[:, :-1] + across * picture[:, 1:] if across else picture


def _cut(picture: Array, border: int) -> Array:
    return picture[border : picture.shape[0] - border, border : picture.shape[1] - border]
