"""Tone curves from ICC profiles built byte by byte."""

import struct

import numpy as np
import pytest

from gyrosharp.media.icc import curve_from_icc
from gyrosharp.media.transfer import LINEAR, SRGB


def profile(**tags):
    """Return a profile with an empty header and the given tags."""
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        table += struct.pack(">4sII", name.encode(), offset + len(body), len(content))
        body += content
    return b"\0" * 128 + struct.pack(">I", len(tags)) + table + body


def curv(*values):
    return b"curv\0\0\0\0" + struct.pack(f">I{len(values)}H", len(values), *values)


def para(kind, *values):
    return b"para\0\0\0\0" + struct.pack(f">HH{len(values)}i", kind, 0, *(round(v * 65536) for v in values))


def rgb(curve):
    return profile(rTRC=curve, gTRC=curve, bTRC=curve)


X = np.linspace(0, 1, 101)
CASES = {
    "identity": (curv(), X),
    "count 1": (curv(round(2.2 * 256)), X ** (563 / 256)),
    "samples": (curv(0, 16384, 65535), np.interp(X, [0, 0.5, 1], [0, 16384 / 65535, 1])),
    "type 0": (para(0, 1.8), X**1.8),
    "type 1": (para(1, 2.0, 1.25, -0.25), np.where(X >= 0.2, (1.25 * X - 0.25) ** 2, 0)),
    "type 3": (
        para(3, 2.2, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081),
        np.where(X >= 0.081, ((X + 0.099) / 1.099) ** 2.2, X / 4.5),
    ),
    "type 4": (para(4, 2.0, 1.0, 0.0, 0.5, 0.25, 0.0, 0.0), np.where(X >= 0.25, X**2, 0.5 * X)),
}


@pytest.mark.parametrize("name", [name for name in CASES if name != "type 1" and name != "type 4"])
def test_curve(name):
    tag, expected = CASES[name]
    curve = curve_from_icc(rgb(tag))
    np.testing.assert_allclose(curve.decode(X), expected, atol=2e-4)
    np.testing.assert_allclose(curve.encode(curve.decode(X)), X, atol=1e-6)


@pytest.mark.parametrize("name", ["type 1", "type 4"])
def test_curves_that_cannot_be_inverted_give_none(name):
    # type 1 here is flat over a fifth of its range, type 4 falls at its break: codes would not survive
    assert curve_from_icc(rgb(CASES[name][0])) is None


def test_grey_profile():
    assert curve_from_icc(profile(kTRC=curv())) == LINEAR


def test_srgb_is_recognised_in_every_spelling():
    samples = curv(*(int(v) for v in np.round(SRGB.decode(np.linspace(0, 1, 1024)) * 65535)))
    assert curve_from_icc(rgb(samples)) is SRGB
    assert curve_from_icc(rgb(para(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))) is SRGB
    from PIL import ImageCms

    assert curve_from_icc(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()) is SRGB


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 200,
        rgb(curv())[:140],
        profile(A2B0=b"mft2"),
        profile(rTRC=curv(), gTRC=curv(512), bTRC=curv()),
        rgb(para(9, 1.0)),
        rgb(curv(65535, 0)),
        rgb(b"what\0\0\0\0"),
        rgb(para(0, 0.0)),
        b"\0" * 128 + b"\xff" * 8,
    ],
    ids=[
        "empty",
        "no tags",
        "cut",
        "look-up table",
        "channels differ",
        "type 9",
        "falling",
        "unknown",
        "power 0",
        "noise",
    ],
)
def test_what_is_no_curve_gives_none(data):
    assert curve_from_icc(data) is None
