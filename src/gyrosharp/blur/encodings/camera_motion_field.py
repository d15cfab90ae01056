"""Camera motion field: the steps of every pixel from one instant to the next, M of them.

The exposure is cut at M + 1 equally spaced instants t_0 ... t_M, and pair m holds

    (dx_m, dy_m) = x(t_{m+1}) - x(t_m),    m = 0 ... M - 1,

of the point that sits at the pixel at mid-exposure: raw full-resolution pixels, forward in time. Linear in the field:
the curriculum's blend V = (1 - a) V_clean + a V_noisy is the encoding of the blended field.

*Against the public code* (hmyang0727/GyroDeblurNet, e29895e). It composes homographies away from mid-exposure, four
forward and four backward, and takes differences; the channels come out in the same order, (dx, dy) pairs forward in
time. What differs: it resamples the gyro linearly at stride 1.25 samples (paper: cubic spline; here: the trajectory
itself is resampled by one), integrates left rectangles of the rate (here: whatever made the field), and exposes all
rows at once (here: a pixel's own row counts; a global shutter gives the paper's field). Its grid takes every second
pixel, x = 0, 2, 4, ...; ours the middles of 2 x 2 pixels, half a pixel away, where a half-size picture has its pixels.

*Decoding.* Adding up the steps gives the trajectory at t_0 ... t_M exactly, relative to its place at mid-exposure of
the pixel's own row; a cubic spline fills in. What is lost is the shift between that place and the reference view
(rolling shutter: 2 px in the median for 18 ms of readout, 50 ms and 20 px trails; `mid_displacements` can keep it), and
whatever moves faster than M samples can show. For a simulated hand, 50 ms and 20 px trails, M = 8 is off by 0.003 px
(median) to 0.07 px (worst), M = 2 by 0.4 to 3 px; errors grow with the trail.
"""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.encodings._trajectory import (
    MIDDLE,
    Planes,
    consecutive_pairs,
    interpolation,
    planes_of,
    tracks_of,
)
from gyrosharp.blur.field import BlurField
from gyrosharp.errors import UsageError

NAME = "camera_motion_field"
DESCRIPTION = "steps between 9 instants of the exposure, 8 (dx, dy) pairs in px"
PAPER = "GyroDeblurNet: Yang et al., Gyro-based Neural Single Image Deblurring, CVPR 2025, arXiv 2404.00916, sec. 3.1"
STRIDE = 2
REFERENCE = "mid"
LINEAR = True
PAIRS = 8
CHANNELS = tuple(f"d{axis}{m} px" for m in range(PAIRS) for axis in "xy")


def vectors(channels: int) -> tuple[tuple[int, int], ...]:
    """Return the channels that hold (dx, dy): all, two by two.

    Raises
    ------
    UsageError
        If their number is odd or zero.
    """
    if channels < 2 or channels % 2:
        raise UsageError(f"{NAME}: expected pairs of planes (dx, dy), got {channels} planes")
    return consecutive_pairs(channels)


def encode(field: BlurField, *, pairs: int = PAIRS) -> Planes:
    """Return the steps between M + 1 equally spaced instants.

    Instants between the field's own are interpolated by a cubic spline through all of them (sec. 3.1 does so with the
    gyro samples).

    Parameters
    ----------
    field : BlurField
        Trajectories; the paper's grid has stride 2.
    pairs : int
        M, >= 1; the paper uses 8 and compares 2 and 16.

    Returns
    -------
    (2 M, h, w) float32 array
        dx_0, dy_0, dx_1, dy_1, ..., px.

    Raises
    ------
    UsageError
        If M is below 1.
    """
    if pairs < 1:
        raise UsageError(f"{NAME}: expected pairs >= 1, got {pairs}")
    return planes_of(field, np.diff(interpolation(field.phases, np.linspace(0.0, 1.0, pairs + 1)), axis=0))


def decode(planes: Planes, phases: NDArray[np.float64]) -> Planes:
    """Return displacements from the place at mid-exposure.

    d(t_m) = sum of the steps before m, less its value at mid-exposure; a cubic spline between the t_m.

    Parameters
    ----------
    planes : (2 M, h, w) array
        Steps, px.
    phases : (T,) array
        Wanted phases of the exposure, 0 to 1.

    Returns
    -------
    (T, h, w, 2) float32 array
        Displacements, px; zero at phase 0.5.
    """
    pairs = len(vectors(len(planes)))
    positions_of_steps = np.tri(pairs + 1, pairs, -1)
    instants = np.linspace(0.0, 1.0, pairs + 1)
    spline = interpolation(instants, phases) - interpolation(instants, np.array([MIDDLE]))
    return tracks_of(planes, spline @ positions_of_steps)
