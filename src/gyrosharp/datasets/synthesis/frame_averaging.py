"""Blur made from a burst: the mean of consecutive sharp frames, in a stated domain.

This is how GoPro (Nah et al., CVPR 2017, eq. 2), GyroBlur-Synth and RSBlur get their blurred pictures:

    B = g( 1/N sum_k g^-1(S_k) )

with the sharp frames S_k of N consecutive moments and the transfer curve g. The published sets differ in g, and often
do not say so: GoPro's ``blur_gamma`` folders average light under a power curve of 2.2, its ``blur`` folders average
the codes themselves (g = identity). Only light adds up in a camera, so "encoded" is not physical: it dims bright things
that move. It is here because data made that way exist and must be told from the others.
"""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImageError, UsageError
from gyrosharp.media.transfer import LINEAR, SRGB, power_curve

AVERAGING_DOMAINS = MappingProxyType({"encoded": LINEAR, "gamma": power_curve(2.2), "srgb": SRGB})
"""Curve g^-1 (codes to what is averaged) by the domain's name."""

_ROUNDING_OFFSET = MappingProxyType({"nearest": 0.5, "down": 0.0})

# Decoding and encoding again leaves an error near 1e-13 codes. Without this much headroom, cutting off would turn a
# code that is met exactly into the one below it. Means of fewer than 10^4 codes that are not whole miss it by far.
_SLACK_CODES = 1e-5


def average_frames(frames: Iterable[NDArray[Any]], domain: str = "srgb", rounding: str = "nearest") -> NDArray[Any]:
    """Return the mean of frames, taken in a domain: B = g(mean_k g^-1(S_k)).

    Frames are read one by one, so a generator that decodes files keeps the memory at one frame and one sum.

    Parameters
    ----------
    frames : iterable of (H, W) or (H, W, C) uint8 or uint16 arrays
        Codes of consecutive frames; one size and one type, at least one frame.
    domain : {"encoded", "gamma", "srgb"}
        What is averaged: the codes themselves, codes^2.2 (GoPro's stand-in for the camera's inverse response), or
        linear light by the exact sRGB curve.
    rounding : {"nearest", "down"}
        How the mean becomes a code. "down" cuts off, as a cast to integers does; it darkens by half a code on average.

    Returns
    -------
    array of the frames' shape and type.

    Raises
    ------
    UsageError
        If the domain or the rounding is none of these.
    ImageError
        If there is no frame, a frame is not 8- or 16-bit, or frames differ in size or type.

    References
    ----------
    S. Nah et al., "Deep multi-scale convolutional neural network for dynamic scene deblurring", CVPR 2017, eq. 1-2.

    Examples
    --------
    >>> burst = [np.array([[0, 100]], np.uint8), np.array([[255, 100]], np.uint8)]
    >>> average_frames(burst, "encoded").tolist(), average_frames(burst, "srgb").tolist()
    ([[128, 100]], [[188, 100]])
    """
    if domain not in AVERAGING_DOMAINS:
        raise UsageError(f"averaging domain: expected one of {', '.join(AVERAGING_DOMAINS)}, got '{domain}'")
    if rounding not in _ROUNDING_OFFSET:
        raise UsageError(f"rounding: expected one of {', '.join(_ROUNDING_OFFSET)}, got '{rounding}'")
    curve = AVERAGING_DOMAINS[domain]
    total, count, dtype = _decoded_sum(frames, domain)
    codes = curve.encode(total / count) * np.iinfo(dtype).max
    return np.floor(codes + _ROUNDING_OFFSET[rounding] + _SLACK_CODES).astype(dtype)


def _decoded_sum(frames: Iterable[NDArray[Any]], domain: str) -> tuple[NDArray[np.float64], int, np.dtype[Any]]:
    """Return the sum of the decoded frames, their number and their type."""
    total, first, count = np.zeros(0), np.zeros(0, np.uint8), 0
    for count, frame in enumerate(frames, start=1):
        if count == 1:
            first = _checked(frame)
            largest = np.iinfo(first.dtype).max
            table = AVERAGING_DOMAINS[domain].decode(np.arange(largest + 1) / largest)
            total = np.zeros(first.shape)
        if frame.shape != first.shape or frame.dtype != first.dtype:
            raise ImageError(
                f"frame {count} of the burst: expected {first.dtype} {first.shape} as the first one, "
                f"got {frame.dtype} {frame.shape}; average frames of one video"
            )
        total += table[frame]
    if not count:
        raise ImageError("burst: expected at least one frame, got none; check the folder or the frame range")
    return total, count, first.dtype


def _checked(frame: NDArray[Any]) -> NDArray[Any]:
    if frame.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"frame 1 of the burst: expected 8- or 16-bit codes, got {frame.dtype}; "
            "float pictures are linear light already: take their plain mean"
        )
    return frame
