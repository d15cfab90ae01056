"""Bezier heat maps: every pixel's trajectory as a quadratic curve in time.

    P(u) = 2 u (1 - u) c + u^2 e,    u = 0 at the start of the exposure, 1 at its end,

with the pixel itself as start point, control point c and end point e, both as px from the pixel. e is the last track
point; c is the least-squares solution over the track points p_k of weight w_k,

    c = sum_k w_k b_k (p_k - u_k^2 e) / sum_k w_k b_k^2,    b_k = 2 u_k (1 - u_k),

in closed form. (GAMD's code walks over whole pixels to a neighbour that fits better until there is none; the result is
the nearest local minimum on the pixel grid.) Linear in the field.

*Reference.* The paper's pixel is where the point is at the START of the exposure. A field that refers to its middle
has its first displacement subtracted, but still belongs to the point that sits at x at mid-exposure, d(0) away from
the one meant: the vectors are off by |grad d| |d(0)|, which is second order (20 px trails at f = 512 px: 0.2 px in the
median, 1.3 px at worst; a quarter of that for 10 px). To be exact, make the field with a reference at the start of the
exposure.

*Decoding* evaluates P(u), relative to the start. For a simulated hand, 50 ms and 20 px trails, the curve is off by
0.4 px (median) to 2.7 px (worst); at 100 ms by 0.8 to 9 px. Errors grow with the trail.
"""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.encodings._trajectory import (
    Planes,
    consecutive_pairs,
    planes_of,
    require_channels,
    start_to_end,
    tracks_of,
)
from gyrosharp.blur.field import BlurField
from gyrosharp.errors import UsageError

NAME = "bezier_heatmap"
DESCRIPTION = "control point and end point of a quadratic Bezier curve in time, px from the pixel"
PAPER = "GAMD: Luan et al., Gyroscope-Assisted Motion Deblurring Network, arXiv 2402.06854, blur heat maps"
STRIDE = 1
REFERENCE = "start"
LINEAR = True
CHANNELS = ("control dx px", "control dy px", "end dx px", "end dy px")

# A heat map's code for "no displacement", and with it the range of 8 bits.
ZERO_CODE = 127
HEATMAP_RANGE_PX = (-127, 128)


def vectors(channels: int) -> tuple[tuple[int, int], ...]:
    """Return the channels that hold (dx, dy): control point, end point.

    Raises
    ------
    UsageError
        If there are not 4.
    """
    require_channels(NAME, channels, len(CHANNELS))
    return consecutive_pairs(channels)


def encode(field: BlurField) -> Planes:
    """Return control point and end point of every pixel's trajectory.

    Parameters
    ----------
    field : BlurField
        Trajectories; three or more times, or the curve is a straight line at constant speed.

    Returns
    -------
    (4, h, w) float32 array
        (c_x, c_y, e_x, e_y), px from the place at the start of the exposure.
    """
    end = start_to_end(field)[0]
    if len(field.phases) < 3:
        return planes_of(field, np.stack([end / 2, end]))
    u = (field.phases - field.phases[0]) / (field.phases[-1] - field.phases[0])
    bump = 2 * u * (1 - u)
    share = field.weights * bump / np.sum(field.weights * bump**2)
    # From the samples d_k: p_k = d_k - d_0, and e = d_T - d_0.
    control = share - np.sum(share * u**2) * end
    control[0] -= np.sum(share)
    return planes_of(field, np.stack([control, end]))


def decode(planes: Planes, phases: NDArray[np.float64]) -> Planes:
    """Return the curve's points P(u).

    Parameters
    ----------
    planes : (4, h, w) array
        Control and end point, px.
    phases : (T,) array
        Wanted phases of the exposure, 0 to 1.

    Returns
    -------
    (T, h, w, 2) float32 array
        Displacements from the start of the exposure, px.

    Raises
    ------
    UsageError
        If there are not 4 planes.
    """
    require_channels(NAME, len(planes), len(CHANNELS))
    u = np.asarray(phases, dtype=np.float64)
    return tracks_of(planes, np.stack([2 * u * (1 - u), u**2], axis=1))


def as_heatmap_images(planes: Planes) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the paper's pair of 8-bit pictures: (127 + dx, 127 + dy, 0), whole pixels.

    Displacements are rounded, and clipped to -127 ... 128 px (the published code lets them wrap around, and stores
    channels in the order (0, dy, dx) because its writer takes BGR).

    Returns
    -------
    control, end : (h, w, 3) uint8 arrays
        Channels (dx, dy, 0) as codes.

    Raises
    ------
    UsageError
        If there are not 4 planes.
    """
    require_channels(NAME, len(planes), len(CHANNELS))
    codes = (np.clip(np.rint(planes), *HEATMAP_RANGE_PX) + ZERO_CODE).astype(np.uint8)
    empty = np.zeros_like(codes[0])
    return np.stack([codes[0], codes[1], empty], axis=-1), np.stack([codes[2], codes[3], empty], axis=-1)


def from_heatmap_images(control: NDArray[np.uint8], end: NDArray[np.uint8]) -> Planes:
    """Return the planes (4, h, w) of a pair of 8-bit pictures, the inverse of `as_heatmap_images` up to its rounding.

    Raises
    ------
    UsageError
        If the pictures are not two (h, w, 3) arrays of one size.
    """
    if control.shape != end.shape or control.ndim != 3 or control.shape[2] != 3:
        raise UsageError(f"{NAME}: expected two pictures (h, w, 3) of one size, got {control.shape} and {end.shape}")
    both = np.concatenate([control[..., :2], end[..., :2]], axis=-1)
    return np.ascontiguousarray(np.moveaxis(both, -1, 0), dtype=np.float32) - np.float32(ZERO_CODE)
