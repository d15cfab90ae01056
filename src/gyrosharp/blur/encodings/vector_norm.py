"""Norm and direction: the vector from the start to the end of the exposure in polar form, all within [-1, 1].

    norm = min(|v| / max_length_px, 1),    (dx, dy) = v / |v|,    v = end - start in px

The author of the IMU U-Net reports that training fails unless the norm lies in [0, 1]. What dx and dy are is not
stated. Here they are the unit direction, (0, 0) where nothing moves: as pixels they would bring back the scale that the
norm was freed of, and the norm would say nothing new.

Longer vectors are clipped to `max_length_px`, direction kept. Neither channel is linear in the field.

*Decoding* moves at constant speed along the vector, half of it before and half after mid-exposure: a picture that is
convolved with a centred kernel stays in place. It loses the trail's curvature and change of speed, and what was
clipped. For a simulated hand, 50 ms and 20 px trails, it is off by 0.9 px (median) to 15 px (worst); errors grow with
the trail.
"""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.encodings._planes import moved_planes
from gyrosharp.blur.encodings._trajectory import (
    MIDDLE,
    Planes,
    consecutive_pairs,
    planes_of,
    require_channels,
    start_to_end,
    tracks_of,
)
from gyrosharp.blur.field import BlurField
from gyrosharp.blur.field_transforms import Transform
from gyrosharp.errors import UsageError

NAME = "vector_norm"
DESCRIPTION = "length of the start-to-end vector, scaled to [0, 1], and its unit direction"
PAPER = "IMU U-Net: gjazali, Image motion blur removal using inertial sensor data and CNN, 2023, six-channel input"
STRIDE = 1
MOMENTS = 2
REFERENCE = "mid"
LINEAR = False
CHANNELS = ("norm / max_length_px", "unit dx", "unit dy")

# Half of the 256 px crops that the network is trained on.
MAX_LENGTH_PX = 128.0
# Shorter vectors count as still: below it, a direction is float32 rounding of positions of some hundred px.
STILL_PX = 1e-4


def vectors(channels: int) -> tuple[tuple[int, int], ...]:
    """Return the channels that hold (dx, dy): those after the norm.

    Raises
    ------
    UsageError
        If there are not 3.
    """
    require_channels(NAME, channels, len(CHANNELS))
    return consecutive_pairs(channels, first=1)


def encode(field: BlurField, *, max_length_px: float = MAX_LENGTH_PX) -> Planes:
    """Return norm and unit direction of end minus start.

    Parameters
    ----------
    field : BlurField
        Trajectories.
    max_length_px : float
        Length that norm 1 stands for, > 0, px of this image; longer vectors are clipped to it.

    Returns
    -------
    (3, h, w) float32 array
        norm in [0, 1], dx and dy in [-1, 1].

    Raises
    ------
    UsageError
        If `max_length_px` is not above 0.
    """
    _require_length(max_length_px)
    vector = planes_of(field, start_to_end(field))
    length = np.hypot(vector[0], vector[1])
    direction = np.where(length > STILL_PX, vector / np.maximum(length, np.float32(STILL_PX)), np.float32(0))
    norm = np.minimum(length / np.float32(max_length_px), np.float32(1))
    return np.concatenate([norm[None], direction]).astype(np.float32)


def decode(planes: Planes, phases: NDArray[np.float64], *, max_length_px: float = MAX_LENGTH_PX) -> Planes:
    """Return (u - 1/2) norm max_length_px (dx, dy).

    Parameters
    ----------
    planes : (3, h, w) array
        Norm and direction.
    phases : (T,) array
        Wanted phases u of the exposure, 0 to 1.
    max_length_px : float
        As given to `encode`.

    Returns
    -------
    (T, h, w, 2) float32 array
        Displacements from mid-exposure, px.

    Raises
    ------
    UsageError
        If there are not three planes, or `max_length_px` is not above 0.
    """
    _require_length(max_length_px)
    require_channels(NAME, len(planes), len(CHANNELS))
    vector = planes[1:] * (planes[:1] * np.float32(max_length_px))
    return tracks_of(vector, np.asarray(phases, dtype=np.float64)[:, None] - MIDDLE)


def transform(planes: Planes, change: Transform, stride: int) -> Planes:
    """Return the planes of the changed picture: directions are turned, and resizing scales the norm alone.

    Resizing keeps `max_length_px`. Where a vector was clipped and the picture is made smaller, the clipped length is
    scaled: the true one is not known any more.

    Raises
    ------
    UsageError
        If there are not three planes.
    """
    moved = moved_planes(planes, vectors(len(planes)), change, stride)
    moved[1:] /= np.float32(change.scale)
    np.minimum(moved[0] * np.float32(change.scale), np.float32(1), out=moved[0])
    return moved


def _require_length(max_length_px: float) -> None:
    if not max_length_px > 0:
        raise UsageError(f"{NAME}: expected max_length_px above 0, got {max_length_px}")
