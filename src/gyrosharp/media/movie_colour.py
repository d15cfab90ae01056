"""Colour of movie frames: planes of Y'CbCr or R'G'B' codes <-> linear light, with no 8-bit step in between.

With K_r, K_b of the colour matrix, K_g = 1 - K_r - K_b, and Y' in [0, 1], C in [-1/2, 1/2] (ITU-T H.273, section 8.3)::

    R' = Y' + 2 (1 - K_r) C_r        Y'  = K_r R' + K_g G' + K_b B'
    B' = Y' + 2 (1 - K_b) C_b        C_b = (B' - Y') / (2 (1 - K_b))
    G' = (Y' - K_r R' - K_b B') / K_g    C_r = (R' - Y') / (2 (1 - K_r))

R'G'B' outside [0, 1] is clipped, as every display clips it. Codes inside come back as they were: arithmetic is in
float32 and 16-bit R'G'B', and the filter that halves chroma undoes the one that doubled it exactly.
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.media.transfer import LINEAR, SRGB, TransferCurve, decode_codes, encode_codes, power_curve

_MATRICES = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601, 625 lines
    6: (0.299, 0.114),  # BT.601, 525 lines
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
    10: (0.2627, 0.0593),  # BT.2020 for linear light; read as the common kind
}
"""K_r and K_b by the number of the colour matrix (ITU-T H.273, table 4)."""
_BT709, _BT601 = 1, 6
_HD_HEIGHT = 720
_FULL = 2
_CURVES = {4: power_curve(2.2), 5: power_curve(2.8), 8: LINEAR}
"""Transfer curves that differ from sRGB's (H.273, table 3). The camera curve of BT.709 is read as sRGB: displays do."""
_HDR_CURVES = {9: "logarithmic", 10: "logarithmic", 16: "PQ", 18: "HLG"}
_LARGEST = 65535
_PLANAR = re.compile(r"(yuv[aj]?4(20|22|44|40)p|gbra?p|gray)((9|10|12|14|16)le)?")
"""Pixel formats whose planes are used as they are."""
_GBR = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])
"""From R, G, B to FFmpeg's order of planes, G, B, R; its transpose leads back."""


@dataclass(frozen=True)
class FrameColour:
    """How the codes of a frame mean colours.

    Attributes
    ----------
    k_r, k_b : float
        Weights of red and blue in luma.
    full_range : bool
        Luma fills all codes; else it runs from 16 to 235 (of 8 bit).
    curve : TransferCurve
        From R'G'B' to linear light.
    centred : bool
        Chroma samples lie between two luma columns, as in JPEG; else on the even ones, as in H.264 and its kin.
    """

    k_r: float
    k_b: float
    full_range: bool
    curve: TransferCurve
    centred: bool


def frame_colour(picture: Any, codec: str) -> FrameColour:  # noqa: ANN401 (av has no types here)
    """Return the colour description of a decoded frame; what its tags leave open is filled in as players do.

    Parameters
    ----------
    picture : av.VideoFrame
        The frame. An unnamed matrix is BT.709 from 720 rows on and BT.601 below; unnamed range is limited for Y'CbCr.
    codec : str
        Name of the codec, e.g. ``"h264"``; ``"mjpeg"`` has its chroma between the columns.
    """
    name = picture.format.name
    matrix = int(picture.colorspace)
    if matrix not in _MATRICES:
        matrix = _BT709 if picture.height >= _HD_HEIGHT else _BT601
    full = int(picture.color_range) == _FULL or name.startswith("yuvj") or _is_rgb(name)
    grey = name.startswith("gray") and int(picture.color_range) == 0
    return FrameColour(
        *_MATRICES[matrix],
        full_range=full or grey,
        curve=_CURVES.get(int(picture.color_trc), SRGB),
        centred=codec == "mjpeg",
    )


def curve_note(transfer: int) -> str | None:
    """Return what to say of a transfer curve, by its H.273 number, that is far from sRGB's and read as it; or None."""
    name = _HDR_CURVES.get(transfer)
    return None if name is None else f"the movie's {name} curve is read as sRGB"


def to_linear(picture: Any, colour: FrameColour) -> NDArray[np.float32]:  # noqa: ANN401
    """Return the (H, W, 3) float32 linear light, in [0, 1], of a decoded frame of any pixel format."""
    import cv2

    planar = _as_planar(picture)
    codes = [plane.astype(np.float32) for plane in planes(planar)[:3]]
    height, width = codes[0].shape
    if len(codes) == 1:
        codes = [codes[0]] * 3
    elif not _is_rgb(planar.format.name):
        codes[1:] = [_enlarged(plane, (width, height), colour.centred) for plane in codes[1:]]
    # cv2 keeps to one pass over memory where NumPy would make nine
    encoded = cv2.transform(cv2.merge(codes), _decoding(planar.format, colour))
    np.clip(encoded, 0, _LARGEST, out=encoded)
    return decode_codes(encoded.astype(np.uint16), colour.curve)


def from_linear(pixels: NDArray[np.float32], source: Any, colour: FrameColour) -> Any:  # noqa: ANN401
    """Return a frame with the pixel format and the colour tags of `source` that shows `pixels`.

    Parameters
    ----------
    pixels : (H, W, 3) float32 array
        Finite linear light; values outside [0, 1] are clipped.
    source : av.VideoFrame
        The frame it came from; its alpha is kept.
    colour : FrameColour
        What `to_linear` was called with.
    """
    import av
    import cv2

    old = _as_planar(source)
    frame = av.VideoFrame(old.width, old.height, old.format.name)
    _copy_tags(old, frame)
    encoded = encode_codes(pixels, colour.curve, np.uint16).astype(np.float32)
    codes = cv2.split(cv2.transform(encoded, _encoding(old.format, colour)))
    targets = planes(frame)
    if not _is_rgb(old.format.name):
        codes = [
            codes[0],
            *(_reduced(c, t.shape, colour.centred) for c, t in zip(codes[1:], targets[1:3], strict=False)),
        ]
    largest = (1 << old.format.components[0].bits) - 1
    for plane, target in zip(codes, targets, strict=False):
        target[...] = np.clip(plane + np.float32(0.5), 0, largest)
    if len(targets) == 4:
        targets[3][...] = planes(old)[3]
    return frame if frame.format.name == source.format.name else _reformatted(frame, source.format.name)


def luma(picture: Any, colour: FrameColour) -> NDArray[np.float32]:  # noqa: ANN401
    """Return the (H, W) float32 luma Y' of a decoded frame, black 0 and white 1, not clipped: quick, for tracking."""
    planar = _as_planar(picture)
    codes = planes(planar)
    if _is_rgb(planar.format.name):
        weights = np.array([1 - colour.k_r - colour.k_b, colour.k_b, colour.k_r])
        black, step, *_ = _steps(planar.format, colour)
        value = sum(np.float32(w / step) * plane for w, plane in zip(weights, codes, strict=False))
        return np.asarray(value, dtype=np.float32)
    black, step, *_ = _steps(planar.format, colour)
    return (codes[0] - np.float32(black)) * np.float32(1 / step)


def planes(picture: Any) -> list[NDArray[Any]]:  # noqa: ANN401
    """Return the planes of a planar frame as (h, w) uint8 or uint16 views, in FFmpeg's order (G, B, R for RGB)."""
    dtype = np.dtype(np.uint8 if picture.format.components[0].bits <= 8 else "<u2")
    views = []
    for plane in picture.planes:
        rows = np.frombuffer(plane, dtype, count=plane.height * plane.line_size // dtype.itemsize)
        views.append(rows.reshape(plane.height, -1)[:, : plane.width])
    return views


def _is_rgb(name: str) -> bool:
    return name.startswith("gbr")


def _as_planar(picture: Any) -> Any:  # noqa: ANN401
    """Return the frame itself, or its codes in the planar format that loses nothing of them."""
    name = picture.format.name
    return picture if _PLANAR.fullmatch(name) else _reformatted(picture, _planar_name(picture))


def _planar_name(picture: Any) -> str:  # noqa: ANN401
    form = picture.format
    bits = max(component.bits for component in form.components)
    depth = next(
        text for most, text in ((8, ""), (10, "10le"), (12, "12le"), (16, "16le")) if bits <= most or most == 16
    )
    alpha = "a" if any(component.is_alpha for component in form.components) else ""
    if form.is_rgb or form.has_palette:
        return f"gbr{alpha}p{depth}"
    if len(form.components) < 3:
        return f"gray{depth}"
    halves = (2 * form.chroma_width(64) == 64, 2 * form.chroma_height(64) == 64)
    whole = (form.chroma_width(64) == 64, form.chroma_height(64) == 64)
    if halves == (True, True):
        return f"yuv{alpha}420p{depth}"
    return f"yuv{alpha}422p{depth}" if halves[0] and whole[1] else f"yuv{alpha}444p{depth}"


def _reformatted(picture: Any, name: str) -> Any:  # noqa: ANN401
    frame = picture.reformat(format=name)
    _copy_tags(picture, frame)
    return frame


def _copy_tags(source: Any, target: Any) -> None:  # noqa: ANN401
    target.colorspace, target.color_range = source.colorspace, source.color_range
    target.color_trc, target.color_primaries = source.color_trc, source.color_primaries


def _steps(form: Any, colour: FrameColour) -> tuple[float, float, float, float]:  # noqa: ANN401
    """Return code of black, codes from black to white, code of no chroma, codes per unit of chroma."""
    bits = form.components[0].bits
    if colour.full_range:
        return 0.0, 2.0**bits - 1, 2.0 ** (bits - 1), 2.0**bits - 1
    unit = 2.0 ** (bits - 8)
    return 16 * unit, 219 * unit, 128 * unit, 224 * unit


def _luma_chroma(colour: FrameColour) -> NDArray[np.float64]:
    """Return the (3, 3) matrix from R', G', B' to Y', C_b, C_r."""
    k_r, k_b = colour.k_r, colour.k_b
    luma = np.array([k_r, 1 - k_r - k_b, k_b])
    red, blue = np.eye(3)[0], np.eye(3)[2]
    return np.stack([luma, (blue - luma) / (2 * (1 - k_b)), (red - luma) / (2 * (1 - k_r))])


def _decoding(form: Any, colour: FrameColour) -> NDArray[np.float64]:  # noqa: ANN401
    """Return the (3, 4) map from codes of the planes to 16-bit R'G'B' codes, with the half that makes cutting round."""
    black, luma_step, grey, chroma_step = _steps(form, colour)
    if form.name.startswith("gray"):
        matrix: NDArray[Any] = np.array([[1.0, 0, 0]] * 3) / luma_step
        zero = np.array([black, 0, 0])
    elif _is_rgb(form.name):
        matrix = _GBR.T / luma_step
        zero = np.full(3, black)
    else:
        inverse = np.linalg.inv(_luma_chroma(colour))
        matrix = inverse / np.array([luma_step, chroma_step, chroma_step])
        zero = np.array([black, grey, grey])
    table = _LARGEST * np.column_stack([matrix, -matrix @ zero]) + np.array([0, 0, 0, 0.5])
    return np.asarray(table, dtype=np.float64)


def _encoding(form: Any, colour: FrameColour) -> NDArray[np.float64]:  # noqa: ANN401
    """Return the (3, 4) map from 16-bit R'G'B' codes to unrounded codes of the planes."""
    black, luma_step, grey, chroma_step = _steps(form, colour)
    if _is_rgb(form.name):
        matrix, zero = _GBR * luma_step, np.full(3, black)
    else:
        matrix = _luma_chroma(colour) * np.array([[luma_step], [chroma_step], [chroma_step]])
        zero = np.array([black, grey, grey])
    return np.column_stack([matrix / _LARGEST, zero])


def _enlarged(plane: NDArray[np.float32], size: tuple[int, int], centred: bool) -> NDArray[np.float32]:
    """Return a chroma plane at the size (W, H) of luma: linear between the samples, the border repeated.

    Rows lie between two luma rows always. Columns do too if `centred`; else they lie on the even luma columns.
    """
    import cv2

    rows, columns = plane.shape
    tall = rows if rows == size[1] else 2 * rows
    wide = 2 * columns if centred and columns != size[0] else columns
    if (tall, wide) != plane.shape:
        plane = cv2.resize(plane, (wide, tall), interpolation=cv2.INTER_LINEAR)
    if wide < size[0]:
        doubled = np.empty((tall, 2 * wide), np.float32)
        doubled[:, 0::2] = plane
        doubled[:, 1:-1:2] = (plane[:, :-1] + plane[:, 1:]) / 2
        doubled[:, -1] = plane[:, -1]
        plane = doubled
    return plane[: size[1], : size[0]]


def _reduced(plane: NDArray[np.float32], shape: tuple[int, ...], centred: bool) -> NDArray[np.float32]:
    """Return a plane of luma's size at the (h, w) of chroma; undoes `_enlarged` exactly (up to an odd last row).

    The filters are the analysis low-passes of the wavelets whose synthesis low-pass is linear interpolation: 5/3 of
    Le Gall and Tabatabai (ICASSP 1988) for samples on the even columns, 3.1 of Cohen, Daubechies and Feauveau
    (Comm. Pure Appl. Math. 45, 1992) for samples between two.
    """
    import cv2

    between, on_even, none = (-0.25, 0.75, 0.75, -0.25), (-0.125, 0.25, 0.75, 0.25, -0.125), (1.0,)
    down, across = plane.shape[0] != shape[0], plane.shape[1] != shape[1]
    if not (down or across):
        return plane
    vertical = between if down else none
    horizontal = (between if centred else on_even) if across else none
    # of the four taps between two samples the second lies on the even one
    anchor = (1 if horizontal is between else len(horizontal) // 2, 1 if down else 0)
    kernels = np.array(horizontal, np.float32), np.array(vertical, np.float32)
    smooth = cv2.sepFilter2D(plane, -1, *kernels, anchor=anchor, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(smooth[:: 2 if down else 1, :: 2 if across else 1], dtype=np.float32)
