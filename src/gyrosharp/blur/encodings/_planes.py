"""What cropping, mirroring, turning and resizing a picture does to encoded planes."""

import numpy as np

from gyrosharp.blur.encodings._trajectory import Planes
from gyrosharp.blur.field_transforms import Transform, turned


def moved_planes(planes: Planes, pairs: tuple[tuple[int, int], ...], change: Transform, stride: int) -> Planes:
    """Move all planes with the grid, and turn and scale those that hold vectors; the others keep their values.

    Parameters
    ----------
    planes : (C, h, w) float32 array
        Encoded planes.
    pairs : tuple of (int, int)
        Channels that hold (dx, dy).
    change : Transform
        What happens to the picture.
    stride : int
        Grid spacing of the planes, px of the picture before the change.

    Returns
    -------
    (C, h', w') float32 array
        A new array.
    """
    moved = np.array(change.moved(planes, stride), dtype=np.float32, order="C")
    matrix = change.matrix
    if pairs and not np.array_equal(matrix, np.eye(2)):
        x, y = (list(channels) for channels in zip(*pairs, strict=True))
        moved[x], moved[y] = turned(moved[x], moved[y], matrix)
    return moved
