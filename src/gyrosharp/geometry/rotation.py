"""Rotations as 3x3 matrices and rotation vectors, over any batch shape.

scipy's Rotation does the work; it is imported inside the functions because that import takes 0.4 s.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.errors import CaptureError

Array = NDArray[np.float64]


def exp_so3(rotvec: ArrayLike) -> Array:
    """Return R = exp([v]x) for rotation vectors v.

    Parameters
    ----------
    rotvec : (..., 3) array
        Axis times angle, rad.

    Returns
    -------
    (..., 3, 3) array
        Rotation matrices.

    Examples
    --------
    >>> exp_so3([0.0, 0.0, np.pi / 2]).round(6) + 0.0
    array([[ 0., -1.,  0.],
           [ 1.,  0.,  0.],
           [ 0.,  0.,  1.]])
    """
    from scipy.spatial.transform import Rotation

    vectors = np.asarray(rotvec, dtype=np.float64)
    matrices = Rotation.from_rotvec(vectors.reshape(-1, 3)).as_matrix()
    return np.asarray(matrices, dtype=np.float64).reshape(*vectors.shape[:-1], 3, 3)


def log_so3(matrix: ArrayLike) -> Array:
    """Return the rotation vector v in rad, |v| <= pi, with exp([v]x) = R; the inverse of `exp_so3`.

    Parameters
    ----------
    matrix : (..., 3, 3) array
        Rotation matrices.

    Returns
    -------
    (..., 3) array
        Axis times angle, rad.
    """
    from scipy.spatial.transform import Rotation

    matrices = np.asarray(matrix, dtype=np.float64)
    vectors = Rotation.from_matrix(matrices.reshape(-1, 3, 3)).as_rotvec()
    return np.asarray(vectors, dtype=np.float64).reshape(matrices.shape[:-1])


def matrix_from_quat_xyzw(quat_xyzw: ArrayLike) -> Array:
    """Return the rotation matrices (..., 3, 3) of quaternions (..., 4), scalar last; they need not be normalised.

    Raises
    ------
    CaptureError
        If a quaternion is zero or not finite.
    """
    from scipy.spatial.transform import Rotation

    quats = np.asarray(quat_xyzw, dtype=np.float64)
    if not np.isfinite(quats).all() or (np.linalg.norm(quats, axis=-1) < 1e-9).any():
        raise CaptureError("expected quaternions x y z w of non-zero length, got a zero or a NaN; check the pose file")
    matrices = Rotation.from_quat(quats.reshape(-1, 4)).as_matrix()
    return np.asarray(matrices, dtype=np.float64).reshape(*quats.shape[:-1], 3, 3)


def require_rotation(matrix: ArrayLike, name: str = "R_cam_imu") -> Array:
    """Return the rotation nearest to a 3x3 matrix that is one up to rounding.

    Axes typed by hand carry rounding errors, so R^T R may differ from the identity by 1e-3; the SVD then gives the
    nearest member of SO(3).

    Raises
    ------
    CaptureError
        If the matrix is not 3x3 and finite, not orthonormal, or a mirror (det -1).

    Examples
    --------
    >>> require_rotation([[0, -1, 0], [1, 0, 0], [0, 0, 1.0001]]).round(6).tolist()
    [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    try:
        array = np.asarray(matrix, dtype=np.float64)
    except (TypeError, ValueError):
        array = np.empty(0)
    if array.shape != (3, 3) or not np.isfinite(array).all():
        raise CaptureError(f"{name}: expected a 3x3 matrix of finite numbers, got {_brief(matrix)}")
    if not np.allclose(array.T @ array, np.eye(3), atol=1e-3):
        raise CaptureError(
            f"{name}: expected a rotation, got a matrix whose rows are not orthonormal: {_brief(matrix)}"
        )
    if np.linalg.det(array) < 0:
        raise CaptureError(
            f"{name}: expected a rotation (det +1), got a mirror (det -1): no gyro is mounted that way; "
            "use the other sign of one axis (DeepGyro's swap matrix means its negative)"
        )
    u, _, vt = np.linalg.svd(array)
    return np.asarray(u @ vt, dtype=np.float64)


def _brief(value: object) -> str:
    text = " ".join(str(value.tolist() if isinstance(value, np.ndarray) else value).split())
    return text if len(text) <= 60 else text[:57] + "..."
