"""Linear maps between trajectories and planes: what the encodings have in common.

Encoding takes sums over time, v_n = sum_k A[n, k] d(t_k), the same at every pixel; decoding sums over vectors,
d(t) = sum_n B[t, n] v_n. Both are one matrix product.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.field import BlurField
from gyrosharp.errors import UsageError

Array = NDArray[np.float64]
Planes = NDArray[np.float32]

# Mid-exposure as a phase.
MIDDLE = 0.5


def interpolation(phases: Array, wanted: Array) -> Array:
    """Return the matrix (N, T) that takes samples at `phases` (T,) to a cubic spline's values at `wanted` (N,).

    The spline is scipy's default ("not-a-knot"): it reproduces cubics, and through two or three samples it is the line
    or parabola.
    """
    return _interpolation(tuple(np.asarray(phases).tolist()), tuple(np.asarray(wanted).tolist()))


@lru_cache(maxsize=256)
def _interpolation(phases: tuple[float, ...], wanted: tuple[float, ...]) -> Array:
    from scipy.interpolate import CubicSpline

    matrix = np.asarray(CubicSpline(phases, np.eye(len(phases)))(wanted), dtype=np.float64)
    matrix.setflags(write=False)
    return matrix


def planes_of(field: BlurField, matrix: Array) -> Planes:
    """Return the vectors matrix (N, T) @ trajectories, as planes (2 N, h, w) in the order dx0, dy0, dx1, dy1, ..."""
    times, height, width, _ = field.displacement_px.shape
    mixed = matrix.astype(np.float32) @ field.displacement_px.reshape(times, -1)
    vectors = mixed.reshape(-1, height, width, 2).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1, height, width)


def tracks_of(planes: Planes, matrix: Array) -> Planes:
    """Return the displacements (T, h, w, 2) = matrix (T, N) @ the vectors in planes (2 N, h, w)."""
    height, width = planes.shape[1:]
    mixed = matrix.astype(np.float32) @ np.asarray(planes, dtype=np.float32).reshape(len(planes) // 2, -1)
    vectors = mixed.reshape(-1, 2, height, width).transpose(0, 2, 3, 1)
    return np.ascontiguousarray(vectors, dtype=np.float32)


def start_to_end(field: BlurField) -> Array:
    """Return the matrix (1, T) of the last position minus the first."""
    matrix = np.zeros((1, len(field.phases)))
    matrix[0, [0, -1]] = -1.0, 1.0
    return matrix


def require_channels(name: str, channels: int, expected: int) -> None:
    """Refuse another number of planes than an encoding has.

    Raises
    ------
    UsageError
        Naming the encoding and the numbers.
    """
    if channels != expected:
        raise UsageError(f"{name}: expected {expected} planes, got {channels}; give those that `encode` made")


def consecutive_pairs(channels: int, first: int = 0) -> tuple[tuple[int, int], ...]:
    """Return the pairs (first, first + 1), (first + 2, first + 3), ... up to the last of the channels."""
    return tuple((x, x + 1) for x in range(first, channels - 1, 2))
