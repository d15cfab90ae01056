"""Transfer curves: integer codes of a file <-> linear light.

A curve maps an encoded value x in [0, 1] (code / largest code) to linear light y in [0, 1]. Parametric curves are ICC's
``para`` type 4, of which sRGB, pure powers and the identity are special cases::

    y = (a x + b)^g + e   where x >= d
    y =  c x + f          where x <  d

Decoding is one table look-up. Encoding is one too: the leading bits of a float32 name an interval that is narrow
*relative* to the value, so a straight line inside each interval is exact to far below half a code, down to black, for
every curve between linear and a power of 2.8.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

_MANTISSA_BITS = 11
"""Encoding intervals per factor of two: 2^11 keeps the chord of a power curve within 0.001 of a 16-bit code."""
_SHIFT = 23 - _MANTISSA_BITS
_LOWEST_EXPONENT = -50
"""Below 2^-50 one straight line runs to zero: half a 16-bit code under a power of 2.8 is 2^-48, just above it."""
_FIRST_INTERVAL = (127 + _LOWEST_EXPONENT) << _MANTISSA_BITS
_LAST_INTERVAL = 127 << _MANTISSA_BITS
_BLOCK = 1 << 18
"""Values per work item: temporaries stay in the second-level cache."""
Function = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class TransferCurve:
    """A strictly increasing map of [0, 1] onto [0, 1], from encoded values to linear light.

    Attributes
    ----------
    name : str
        For messages and reports, e.g. ``"srgb"``, ``"linear"``, ``"icc"``.
    parameters : tuple of 7 float
        g, a, b, c, d, e, f of the formula above; not used if `samples` is given.
    samples : tuple of float
        Linear light at equally spaced encoded values from 0 to 1, joined by straight lines; empty if parametric.
    """

    name: str
    parameters: tuple[float, ...] = (1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0)
    samples: tuple[float, ...] = ()

    def decode(self, encoded: ArrayLike) -> NDArray[np.float64]:
        """Return linear light for encoded values; both in [0, 1], values outside are clipped."""
        x = np.clip(np.asarray(encoded, dtype=np.float64), 0.0, 1.0)
        if self.samples:
            return np.interp(x, *self._knots())
        g, a, b, c, d, e, f = self.parameters
        curved = np.maximum(a * x + b, 0.0) ** g + e
        return np.clip(np.where(x >= d, curved, c * x + f), 0.0, 1.0)

    def encode(self, linear: ArrayLike) -> NDArray[np.float64]:
        """Return encoded values for linear light, the inverse of `decode`; both in [0, 1]."""
        y = np.clip(np.asarray(linear, dtype=np.float64), 0.0, 1.0)
        if self.samples:
            x, knots_y = self._knots()
            return np.interp(y, knots_y, x)
        g, a, b, c, d, e, f = self.parameters
        curved = (np.maximum(y - e, 0.0) ** (1.0 / g) - b) / a
        # Each branch is used on its own side of the break; a steep or flat toe (c = 0) never divides by zero.
        straight = (y - f) / c if c > 0 else np.zeros_like(y)
        return np.clip(np.where(y >= float(self.decode(d)), curved, straight), 0.0, 1.0)

    def _knots(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the sample points with each plateau, a trace of 16-bit rounding, drawn together to its middle."""
        y = np.maximum.accumulate(np.asarray(self.samples, dtype=np.float64))
        x = np.linspace(0.0, 1.0, y.size)
        levels, first, counts = np.unique(y, return_index=True, return_counts=True)
        middle = (x[first] + x[first + counts - 1]) / 2
        middle[0], middle[-1] = 0.0, 1.0
        return middle, (levels - levels[0]) / (levels[-1] - levels[0])


SRGB = TransferCurve("srgb", (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045, 0.0, 0.0))
"""IEC 61966-2-1, exact in both pieces."""
LINEAR = TransferCurve("linear")
"""Codes proportional to light."""


def power_curve(gamma: float) -> TransferCurve:
    """Return the curve y = x^gamma."""
    return TransferCurve(f"gamma {gamma:.4g}", (gamma, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0))


def decode_codes(codes: NDArray[Any], curve: TransferCurve) -> NDArray[np.float32]:
    """Return linear light in [0, 1] for codes of a file.

    Parameters
    ----------
    codes : uint8, uint16 or float32 array
        Any shape. Float codes are linear light already and are returned as they are, unclipped.
    curve : TransferCurve
        The curve of the file; not used for float codes.

    Returns
    -------
    float32 array of the same shape.
    """
    if codes.dtype == np.float32:
        return codes.astype(np.float32)
    table = _decode_table(curve, int(np.iinfo(_integer(codes.dtype)).max))
    linear = np.empty(codes.shape, np.float32)

    def work(source: NDArray[Any], target: NDArray[np.float32]) -> None:
        np.take(table, source, out=target, mode="clip")

    _in_blocks(work, codes, linear)
    return linear


def encode_codes(linear: NDArray[np.float32], curve: TransferCurve, dtype: type[np.generic]) -> NDArray[Any]:
    """Return the codes nearest to linear light, the inverse of `decode_codes`.

    Parameters
    ----------
    linear : float32 array
        Finite; for integer codes values outside [0, 1] are clipped.
    curve : TransferCurve
        The curve of the file; not used for float codes.
    dtype : numpy.uint8, numpy.uint16 or numpy.float32
        Type of the codes; float32 returns the values as they are, unclipped.

    Returns
    -------
    array of `dtype`, of the same shape.
    """
    if dtype is np.float32:
        return linear.astype(np.float32)
    codes = np.empty(linear.shape, dtype)
    # Half a code more, so that cutting off rounds to nearest.
    _convert(linear, curve.encode, int(np.iinfo(_integer(np.dtype(dtype))).max), 0.5, codes)
    return codes


def encode_light(linear: NDArray[np.float32], curve: TransferCurve) -> NDArray[np.float32]:
    """Return `TransferCurve.encode` of linear light, which is clipped to [0, 1], and ten times as fast.

    Parametric curves come out within 1e-6, sampled ones, which have kinks, within 2e-5.

    Parameters
    ----------
    linear : float32 array
        Finite.
    curve : TransferCurve
        The curve.
    """
    encoded = np.empty(linear.shape, np.float32)
    _convert(linear, curve.encode, 1, 0.0, encoded)
    return encoded


def decode_light(encoded: NDArray[np.float32], curve: TransferCurve) -> NDArray[np.float32]:
    """Return `TransferCurve.decode` of encoded values, which are clipped to [0, 1], as exactly as `encode_light`.

    Parameters
    ----------
    encoded : float32 array
        Finite.
    curve : TransferCurve
        The curve.
    """
    linear = np.empty(encoded.shape, np.float32)
    _convert(encoded, curve.decode, 1, 0.0, linear)
    return linear


def _convert(values: NDArray[np.float32], function: Function, largest: int, offset: float, out: NDArray[Any]) -> None:
    """Write largest * function(values) + offset, by chords of the function."""
    base, slope = _chords(function, largest, offset)

    def work(source: NDArray[np.float32], target: NDArray[Any]) -> None:
        y = np.clip(source, np.float32(0), np.float32(1))
        interval = (y.view(np.int32) >> _SHIFT) - _FIRST_INTERVAL
        np.maximum(interval, 0, out=interval)
        y *= slope.take(interval)
        y += base.take(interval)
        target[...] = y.astype(out.dtype)

    _in_blocks(work, values, out)


def _integer(dtype: np.dtype[np.generic]) -> type[np.unsignedinteger]:
    if dtype == np.uint8:
        return np.uint8
    if dtype == np.uint16:
        return np.uint16
    raise ValueError(f"expected uint8, uint16 or float32 codes, got {dtype}")


@lru_cache(maxsize=16)
def _decode_table(curve: TransferCurve, largest: int) -> NDArray[np.float32]:
    return curve.decode(np.arange(largest + 1) / largest).astype(np.float32)


@lru_cache(maxsize=16)
def _chords(function: Function, largest: int, offset: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return per interval the line `base + slope y` = largest * function(y) + offset."""
    starts = (np.arange(_FIRST_INTERVAL, _LAST_INTERVAL + 2, dtype=np.int32) << _SHIFT).view(np.float32)
    knots = starts.astype(np.float64)
    knots[0] = 0.0  # the first interval takes everything down to black
    codes = function(knots) * largest
    # The curve ends at 1: the last interval holds the value 1 alone and must not be clipped into a slope.
    slope = np.append(np.diff(codes)[:-1] / np.diff(knots)[:-1], 0.0)
    base = codes[:-1] - slope * knots[:-1] + offset
    return base.astype(np.float32), slope.astype(np.float32)


def _in_blocks(
    work: Callable[[NDArray[Any], NDArray[Any]], None],
    source: NDArray[Any],
    target: NDArray[Any],
) -> None:
    """Run `work(source part, target part)` over both arrays; NumPy frees the interpreter, so threads help."""
    flat_source, flat_target = np.ascontiguousarray(source).reshape(-1), target.reshape(-1)
    if flat_source.size <= _BLOCK:
        work(flat_source, flat_target)  # starting threads takes longer than a small picture
        return
    starts = range(0, flat_source.size, _BLOCK)
    with ThreadPoolExecutor(max_workers=2) as pool:
        jobs = [pool.submit(work, flat_source[i : i + _BLOCK], flat_target[i : i + _BLOCK]) for i in starts]
    for job in jobs:
        job.result()
