"""Displacements from mid-exposure: where every pixel was before it and went after it.

Nine equally spaced instants t_0 ... t_8 cut the exposure; the fifth is its middle and is left out. Pair n holds

    (dx_n, dy_n) = x(t_n) - x(t_mid),    n = 0 ... 3, 5 ... 8,

in raw pixels, in the order of time. The public code's time stamps (nine per frame, of which the middle one is left out)
say so; its rows are exposed all at once. Linear in the field.

*Rolling shutter.* By default t_mid is the middle of the pixel's own row's exposure. With ``relative_to="reference"``
displacements start from the field's reference view instead, and so keep the shift that the shutter adds to a whole row,
which a network needs if it is to undo that too.

*Decoding* is exact at the nine instants; a cubic spline fills in. For a simulated hand, 50 ms and 20 px trails, the
error is 0.003 px (median) to 0.07 px (worst), and grows with the trail.
"""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.encodings._trajectory import (
    MIDDLE,
    Planes,
    consecutive_pairs,
    interpolation,
    planes_of,
    require_channels,
    tracks_of,
)
from gyrosharp.blur.field import BlurField
from gyrosharp.errors import UsageError

NAME = "mid_displacements"
DESCRIPTION = "8 (dx, dy) pairs in px from mid-exposure to four instants before and four after it"
PAPER = "GyroDVD: CVPR 2026, rimchang/GyroDVD, rotational kernel (8 pairs, 16 channels)"
STRIDE = 1
REFERENCE = "mid"
LINEAR = True
PAIRS = 8
CHANNELS = tuple(f"d{axis}{n} px" for n in range(PAIRS) for axis in "xy")

ORIGINS = ("own_row", "reference")
_INSTANTS = np.delete(np.linspace(0.0, 1.0, PAIRS + 1), PAIRS // 2)


def vectors(channels: int) -> tuple[tuple[int, int], ...]:
    """Return the channels that hold (dx, dy): all, two by two.

    Raises
    ------
    UsageError
        If there are not 16.
    """
    require_channels(NAME, channels, len(CHANNELS))
    return consecutive_pairs(channels)


def encode(field: BlurField, *, relative_to: str = "own_row") -> Planes:
    """Return the displacements at eight instants.

    Parameters
    ----------
    field : BlurField
        Trajectories.
    relative_to : "own_row" or "reference"
        Where displacements start: at mid-exposure of the pixel's own row, or in the field's reference view.

    Returns
    -------
    (16, h, w) float32 array
        dx_0, dy_0, dx_1, dy_1, ..., px.

    Raises
    ------
    UsageError
        If `relative_to` is neither.
    """
    matrix = interpolation(field.phases, _INSTANTS)
    if _from_own_row(relative_to):
        matrix = matrix - interpolation(field.phases, np.array([MIDDLE]))
    return planes_of(field, matrix)


def decode(planes: Planes, phases: NDArray[np.float64], *, relative_to: str = "own_row") -> Planes:
    """Return displacements: a cubic spline through the eight, and through zero at mid-exposure where that is known.

    Parameters
    ----------
    planes : (16, h, w) array
        Displacements, px.
    phases : (T,) array
        Wanted phases of the exposure, 0 to 1.
    relative_to : "own_row" or "reference"
        As given to `encode`; from "reference" the result starts in the reference view as well.

    Returns
    -------
    (T, h, w, 2) float32 array
        Displacements, px.

    Raises
    ------
    UsageError
        If there are not 16 planes, or `relative_to` is neither.
    """
    require_channels(NAME, len(planes), len(CHANNELS))
    if not _from_own_row(relative_to):
        return tracks_of(planes, interpolation(_INSTANTS, phases))
    spline = interpolation(np.linspace(0.0, 1.0, PAIRS + 1), phases)
    # The ninth knot, zero at mid-exposure, adds nothing to the sum.
    return tracks_of(planes, np.delete(spline, PAIRS // 2, axis=1))


def _from_own_row(relative_to: str) -> bool:
    if relative_to not in ORIGINS:
        raise UsageError(f"{NAME}: expected relative_to to be {' or '.join(ORIGINS)}, got {relative_to!r}")
    return relative_to == ORIGINS[0]
