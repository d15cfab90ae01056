"""Windows that several metrics look through, and halving for their coarser scales."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def gaussian_taps(length: int, sigma: float) -> Array:
    """Return `length` samples, odd, of a centred Gaussian of `sigma` px, with sum 1."""
    offsets = np.arange(length) - (length - 1) / 2
    taps = np.exp(-0.5 * (offsets / sigma) ** 2)
    return np.asarray(taps / taps.sum(), dtype=np.float64)


def windowed(planes: Array, taps: Array) -> Array:
    """Return means (H - n + 1, W - n + 1, ...) over windows of n x n px that lie inside the planes (H, W, ...)."""
    import cv2

    reach = len(taps) // 2
    filtered = np.asarray(cv2.sepFilter2D(planes, cv2.CV_64F, taps, taps)).reshape(planes.shape)
    return filtered[reach : planes.shape[0] - reach, reach : planes.shape[1] - reach]


def inside(weights: Array, taps: Array) -> Array:
    """Return the weights (H - n + 1, W - n + 1) of the centres of `windowed`'s windows."""
    reach = len(taps) // 2
    return weights[reach : weights.shape[0] - reach, reach : weights.shape[1] - reach]


def halved(planes: Array, outside: str) -> Array:
    """Return the means of 2 x 2 blocks, (ceil(H / 2), ceil(W / 2), ...).

    Parameters
    ----------
    planes : (H, W, ...) array
        Planes.
    outside : {"edge", "zero"}
        What completes the last block of an odd side: the last row or column again, or zeros.
    """
    odd = [(0, planes.shape[0] % 2), (0, planes.shape[1] % 2)] + [(0, 0)] * (planes.ndim - 2)
    padded = np.pad(planes, odd, mode="edge") if outside == "edge" else np.pad(planes, odd)
    rows = padded[::2] + padded[1::2]
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) / 4.0, dtype=np.float64)
