"""The tone curve of an ICC profile.

Only the curve matters here: blur mixes light, so the codes must become proportional to light; which primaries the
channels stand for does not change how they blur. Layout after ICC.1:2022, sections 7.2 to 7.3 and 10.6, 10.18.
"""

import struct
from itertools import pairwise

import numpy as np

from gyrosharp.media.transfer import LINEAR, SRGB, TransferCurve, power_curve

_TAG_TABLE_OFFSET = 128
_PARAMETERS_PER_TYPE = (1, 3, 4, 5, 7)
_SAME_CURVE = 2e-4
"""Curves closer than this everywhere (1/20 of an 8-bit code) are one: files store sRGB with 16-bit rounding."""


def curve_from_icc(profile: bytes) -> TransferCurve | None:
    """Return the tone curve of a profile, or None if it holds none that can be used.

    Parameters
    ----------
    profile : bytes
        A whole ICC profile. Its common curve (``rTRC = gTRC = bTRC`` or ``kTRC``) is taken; profiles whose three
        curves differ, and look-up-table profiles without curves, give None.

    Returns
    -------
    TransferCurve or None
        The built-in sRGB curve if the profile's agrees with it.
    """
    try:
        tags = _tag_table(profile)
        curves = [tags[name] for name in (b"rTRC", b"gTRC", b"bTRC", b"kTRC") if name in tags]
        if not curves or any(curve != curves[0] for curve in curves):
            return None
        curve = _curve(curves[0])
    except (struct.error, IndexError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return None if curve is None else _recognised(curve)


def _tag_table(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, _TAG_TABLE_OFFSET)
    if count > 1000:
        raise ValueError("not a tag table")
    entries = (struct.unpack_from(">4sII", profile, _TAG_TABLE_OFFSET + 4 + 12 * i) for i in range(count))
    return {name: profile[offset : offset + size] for name, offset, size in entries}


def _curve(tag: bytes) -> TransferCurve | None:
    kind = tag[:4]
    if kind == b"curv":
        return _sampled(tag)
    if kind == b"para":
        return _parametric(tag)
    return None


def _sampled(tag: bytes) -> TransferCurve | None:
    (count,) = struct.unpack_from(">I", tag, 8)
    if count == 0:
        return LINEAR
    values = struct.unpack_from(f">{count}H", tag, 12)
    if count == 1:
        return power_curve(values[0] / 256.0)  # u8Fixed8Number
    if values[-1] <= values[0] or any(b < a for a, b in pairwise(values)):
        return None
    return TransferCurve("icc", samples=tuple(value / 65535.0 for value in values))


def _parametric(tag: bytes) -> TransferCurve | None:
    (kind,) = struct.unpack_from(">H", tag, 8)
    raw = struct.unpack_from(f">{_PARAMETERS_PER_TYPE[kind]}i", tag, 12)
    g, *rest = (value / 65536.0 for value in raw)  # s15Fixed16Number
    if kind == 0:
        return power_curve(g)
    a, b = rest[0], rest[1]
    if kind in (1, 2):  # below its break the curve is flat at c, or at 0
        offset = rest[2] if kind == 2 else 0.0
        return TransferCurve("icc", (g, a, b, 0.0, -b / a, offset, offset))
    c, d = rest[2], rest[3]
    e, f = (rest[4], rest[5]) if kind == 4 else (0.0, 0.0)
    return TransferCurve("icc", (g, a, b, c, d, e, f))


def _recognised(curve: TransferCurve) -> TransferCurve | None:
    """Return sRGB for its many spellings, None for a curve that cannot be inverted."""
    encoded = np.linspace(0.0, 1.0, 1025)
    with np.errstate(all="ignore"):  # nonsense parameters overflow, which the checks below find
        linear = curve.decode(encoded)
        if not np.isfinite(linear).all() or abs(linear[-1] - 1) > 0.01 or linear[0] > 0.01:
            return None
        if (np.diff(linear) < 0).any() or not np.abs(curve.encode(linear) - encoded).max() < 1 / 255:
            return None
    return SRGB if np.abs(linear - SRGB.decode(encoded)).max() < _SAME_CURVE else curve
