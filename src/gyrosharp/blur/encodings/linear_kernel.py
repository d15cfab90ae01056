"""Linear kernel: one vector per pixel, its place at the end of its row's exposure minus that at the start.

Three forms:

- ``vector``: (dx, dy) in px. Linear in the field.
- ``canonical``: a straight streak looks the same whichever way it was drawn, so of (dx, dy) and (-dx, -dy) the one with
  dy < 0 stands for both, or dx >= 0 where dy = 0. Not linear.
- ``deepgyro``: DeepGyro's coding, for networks trained on it: rounded to whole pixels, canonical, clipped to +-127 px,
  then (d + 128) / 255, so that no blur is 0.502. The published code wraps around beyond +-127 where this clips, and
  leaves the sign of exactly horizontal streaks as it comes; both signs occur in its training data. Not linear.

A field that refers to mid-exposure belongs to the point at x at that time, not at the start: second order, see
`bezier_heatmap`.

*Decoding* moves at constant speed along the vector from the start of the exposure. It loses the trail's curvature and
change of speed, and in the last two forms its direction. For a simulated hand, 50 ms and 20 px trails, ``vector`` is
off by 1.7 px (median) to 15 px (worst); errors grow with the trail.
"""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.encodings._planes import moved_planes
from gyrosharp.blur.encodings._trajectory import (
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

NAME = "linear_kernel"
DESCRIPTION = "the vector from the start to the end of the exposure, (dx, dy) in px"
PAPER = (
    "DeepGyro: Mustaniemi et al., Gyroscope-Aided Motion Deblurring with Deep Networks, WACV 2019, arXiv 1810.00986, "
    "blur field; the Oulu thesis's kernel planes"
)
STRIDE = 1
MOMENTS = 2
REFERENCE = "start"
LINEAR = True
CHANNELS = ("dx px", "dy px")

FORMS = ("vector", "canonical", "deepgyro")
# DeepGyro's code for zero, the largest code, and the longest component that keeps its sign in both directions.
ZERO_CODE, LAST_CODE, CLIP_PX = 128.0, 255.0, 127.0


def vectors(channels: int) -> tuple[tuple[int, int], ...]:
    """Return the channels that hold (dx, dy): the two there are.

    Raises
    ------
    UsageError
        If there are not 2.
    """
    require_channels(NAME, channels, len(CHANNELS))
    return consecutive_pairs(channels)


def encode(field: BlurField, *, form: str = "vector") -> Planes:
    """Return end minus start.

    Parameters
    ----------
    field : BlurField
        Trajectories.
    form : "vector", "canonical" or "deepgyro"
        See the module.

    Returns
    -------
    (2, h, w) float32 array
        (dx, dy), px; for "deepgyro" codes from 0 to 1.

    Raises
    ------
    UsageError
        If there is no such form.
    """
    _require_form(form)
    return _in_form(planes_of(field, start_to_end(field)), form)


def decode(planes: Planes, phases: NDArray[np.float64], *, form: str = "vector") -> Planes:
    """Return u (dx, dy): constant speed from the start of the exposure.

    Parameters
    ----------
    planes : (2, h, w) array
        Encoded vectors.
    phases : (T,) array
        Wanted phases u of the exposure, 0 to 1.
    form : "vector", "canonical" or "deepgyro"
        As given to `encode`.

    Returns
    -------
    (T, h, w, 2) float32 array
        Displacements from the start of the exposure, px.

    Raises
    ------
    UsageError
        If there are not two planes, or no such form.
    """
    return tracks_of(_in_px(planes, form), np.asarray(phases, dtype=np.float64)[:, None])


def transform(planes: Planes, change: Transform, stride: int, *, form: str = "vector") -> Planes:
    """Return the planes of the changed picture, in the same form.

    A resized "deepgyro" plane is rounded twice: it may differ from that of the resized field by one pixel per component
    (factors up to 1), and, since rounding may turn a streak horizontal, by its sign.

    Raises
    ------
    UsageError
        If there are not two planes, or no such form.
    """
    in_px = _in_px(planes, form)
    return _in_form(moved_planes(in_px, vectors(len(in_px)), change, stride), form)


def _require_form(form: str) -> None:
    if form not in FORMS:
        raise UsageError(f"{NAME}: expected the form to be {', '.join(FORMS[:-1])} or {FORMS[-1]}, got {form!r}")


def _in_form(vectors_px: Planes, form: str) -> Planes:
    if form == FORMS[0]:
        return vectors_px
    if form == FORMS[1]:
        return _canonical(vectors_px)
    whole = _canonical(np.clip(np.rint(vectors_px), -CLIP_PX, CLIP_PX))
    return ((whole + np.float32(ZERO_CODE)) / np.float32(LAST_CODE)).astype(np.float32)


def _in_px(planes: Planes, form: str) -> Planes:
    _require_form(form)
    require_channels(NAME, len(planes), len(CHANNELS))
    if form != FORMS[2]:
        return planes
    # Codes are whole numbers over 255; rounding takes the division's float32 error out again.
    return np.asarray(np.rint(planes * np.float32(LAST_CODE)) - np.float32(ZERO_CODE), dtype=np.float32)


def _canonical(vectors_px: Planes) -> Planes:
    dx, dy = vectors_px
    backwards = (dy > 0) | ((dy == 0) & (dx < 0))
    return np.where(backwards, -vectors_px, vectors_px).astype(np.float32)
