"""Scores after registration: results whose pixels do not lie where the truth's do.

A result without exact gyro may be shifted as a whole against the truth: blur with its kernel and sharp picture moved in
opposite directions is the same blur. Pictures of real-blur sets come from two cameras. The evaluations of Koehler et
al. (ECCV 2012), RealBlur (ECCV 2020) and RSBlur (ECCV 2022) register first; so does `aligned`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.errors import UsageError
from gyrosharp.evaluation.metrics import Metric, find_metric
from gyrosharp.evaluation.metrics._pictures import compared
from gyrosharp.evaluation.registration import best_warp, resampled

Array = NDArray[np.float64]

LEAST_SIDE = 32
"""Below it a shift of some pixels leaves too little to register by, px."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """A picture brought over its truth.

    Attributes
    ----------
    image : (H, W, C) array
        Registered picture; what was outside its frame is mirrored there.
    mask : (H, W) array
        Weights: those given, zero where the picture does not reach.
    homography : (3, 3) array
        Takes pixels of the truth to pixels of the picture; a pure shift unless a homography was asked for.
    gain : (C,) array
        What each channel was multiplied by; ones unless asked for.
    """

    image: Array
    mask: Array
    homography: Array
    gain: Array

    @property
    def shift_px(self) -> tuple[float, float]:
        """How far the picture lies to the right of and below the truth (dx, dy), at its centre, px."""
        height, width = self.mask.shape
        centre = np.array([(width - 1) / 2, (height - 1) / 2, 1.0])
        x, y, scale = self.homography @ centre
        return float(x / scale - centre[0]), float(y / scale - centre[1])


def aligned(
    metric: str,
    image: ArrayLike,
    truth: ArrayLike,
    mask: ArrayLike | None = None,
    *,
    homography: bool = False,
    gain: bool = False,
) -> tuple[float, Alignment]:
    """Return a metric's value after registration, and the registration.

    Parameters
    ----------
    metric : str
        Name of a metric that compares pictures and takes weights.
    image, truth : (H, W) or (H, W, C) arrays
        Pictures, sRGB-encoded, [0, 1].
    mask : (H, W) array, optional
        Weights of the truth's pixels.
    homography, gain : bool
        As in `align`.

    Raises
    ------
    UsageError, ImageError
        If the metric does not fit, or as in `align`.
    """
    chosen = _masked_metric(metric)
    found = align(image, truth, mask, homography=homography, gain=gain)
    return chosen.score(found.image, truth, found.mask), found


def align(
    image: ArrayLike, truth: ArrayLike, mask: ArrayLike | None = None, *, homography: bool = False, gain: bool = False
) -> Alignment:
    """Return a picture registered to its truth.

    The warp is that of `best_warp`; pixels are interpolated by cubic splines.

    Parameters
    ----------
    image, truth : (H, W) or (H, W, C) arrays
        Pictures, sRGB-encoded, [0, 1]; clipped first; sides of at least 32 px.
    mask : (H, W) array, optional
        Weights of the truth's pixels; those of weight zero do not take part in the registration.
    homography : bool
        Register by a homography instead of a shift.
    gain : bool
        Multiply each channel by sum(w x z) / sum(w z^2) with truth x and registered picture z, as the evaluations named
        above do.

    Raises
    ------
    UsageError
        If the pictures or the mask cannot be compared.
    ImageError
        If nothing in them can be registered.
    """
    picture, reference, weights = compared("align", image, truth, mask, LEAST_SIDE)
    warp = best_warp(picture, reference, weights, homography)
    moved, reaches = resampled(picture, warp)
    weights = weights * reaches
    gains = _gains(moved, reference, weights) if gain else np.ones(picture.shape[2])
    return Alignment(moved * gains, weights, warp, gains)


def _masked_metric(name: str) -> Metric:
    metric = find_metric(name)
    if not (metric.REFERENCE and metric.MASKED):
        raise UsageError(f"aligned: expected a metric that compares pictures and takes weights, got {name}")
    return metric


def _gains(image: Array, truth: Array, weights: Array) -> Array:
    w = weights[..., None]
    power = (w * image**2).sum(axis=(0, 1))
    return np.asarray((w * image * truth).sum(axis=(0, 1)) / np.where(power > 0.0, power, 1.0), dtype=np.float64)
