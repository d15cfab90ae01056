"""The 24 ways a gyro can sit behind a picture with its axes along the picture's."""

from functools import cache
from itertools import permutations, product

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@cache
def cube_rotations() -> Array:
    """Return the rotations (24, 3, 3) that map a cube to itself; read-only.

    Examples
    --------
    >>> len(cube_rotations())
    24
    """
    found = []
    for order in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=3):
            matrix = np.zeros((3, 3))
            matrix[range(3), order] = signs
            if np.linalg.det(matrix) > 0:
                found.append(matrix)
    rotations = np.array(found)
    rotations.setflags(write=False)
    return rotations


def nearest_cube(matrix: Array) -> tuple[Array, float]:
    """Return the member of `cube_rotations` nearest to a rotation, and the angle between the two, rad."""
    traces = np.einsum("nij,ij->n", cube_rotations(), matrix)
    best = int(np.argmax(traces))
    return cube_rotations()[best], float(np.arccos(np.clip((traces[best] - 1.0) / 2.0, -1.0, 1.0)))


def axes_letters(matrix: Array) -> str:
    """Return the letters of the nearest axes mapping, as `gyrosharp.imu.axes` reads them: 'x,-y,-z'."""
    cube = nearest_cube(matrix)[0]
    cells = [("-" if row.sum() < 0 else "") + "xyz"[int(np.argmax(np.abs(row)))] for row in cube]
    return ",".join(cells)
