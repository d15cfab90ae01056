"""Homographies that a camera motion induces on the image."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def rotation_homography(K: ArrayLike, R: ArrayLike) -> Array:
    """Return H = K R K^-1, the image motion of distant points under the rotation X2 = R X1.

    Parameters
    ----------
    K : (3, 3) array
        Pinhole camera matrix, px.
    R : (..., 3, 3) array
        Maps vectors of the first view to the second: R(t2)^T R(t1) for camera-to-world R(t).

    Returns
    -------
    (..., 3, 3) array
        x2 ~ H x1 in homogeneous pixels.
    """
    k = np.asarray(K, dtype=np.float64)
    return np.asarray(k @ np.asarray(R, dtype=np.float64) @ np.linalg.inv(k), dtype=np.float64)


def plane_homography(K: ArrayLike, R: ArrayLike, T: ArrayLike, normal: ArrayLike, depth_m: float) -> Array:
    """Return H = K (R + T n^T / d) K^-1, the image motion of the plane n^T X1 = d under X2 = R X1 + T.

    Parameters
    ----------
    K : (3, 3) array
        Pinhole camera matrix, px.
    R : (..., 3, 3) array
        Rotation from the first view to the second.
    T : (..., 3) array
        Translation in the second view, metres.
    normal : (3,) array
        Unit normal of the plane in the first view.
    depth_m : float
        Distance of the plane from the first camera along the normal, metres, > 0.

    Returns
    -------
    (..., 3, 3) array
        x2 ~ H x1 in homogeneous pixels.
    """
    shift = np.asarray(T, dtype=np.float64)[..., :, None] * np.asarray(normal, dtype=np.float64) / depth_m
    return rotation_homography(K, np.asarray(R, dtype=np.float64) + shift)
