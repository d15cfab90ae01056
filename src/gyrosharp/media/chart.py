"""Charts: curves over common axes, drawn with OpenCV, for reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Picture = NDArray[np.uint8]
Array = NDArray[np.float64]
Colour = tuple[int, int, int]

# Colours (RGB) that colour-blind eyes tell apart (Okabe and Ito): x, y, z of a vector, and what else is drawn.
BLUE, ORANGE, GREEN, GREY, RED = (0, 114, 178), (230, 159, 0), (0, 158, 115), (150, 150, 150), (213, 94, 0)
XYZ: tuple[Colour, Colour, Colour] = (BLUE, ORANGE, GREEN)

INK, PAPER, GRID = (40, 40, 40), 255, (228, 228, 228)
LEFT, RIGHT, TOP, BOTTOM = 78, 16, 30, 46
FONT_SCALE = 0.42
FRACTION_BITS = 4
TICKS = 6
SHORT_LOG_AXIS = 1e3


@dataclass(frozen=True, eq=False)
class Curve:
    """One curve.

    Attributes
    ----------
    x, y : (N,) arrays
        Points; NaN breaks a line.
    colour : (r, g, b)
        0 to 255.
    label : str
        For the legend; "" for none.
    style : {"line", "dots", "bars"}
        How it is drawn; bars stand on zero.
    """

    x: Array
    y: Array
    colour: Colour = BLUE
    label: str = ""
    style: str = "line"


@dataclass(frozen=True, eq=False)
class Panel:
    """Curves over one pair of axes.

    Attributes
    ----------
    curves : sequence of Curve
        Drawn in this order.
    title, x_label, y_label : str
        Texts, ASCII.
    log : bool
        Whether both axes are logarithmic.
    level : float or None
        Height of a dashed line.
    x_range : (low, high) or None
        What the x axis spans; None takes what the curves span.
    """

    curves: Sequence[Curve]
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    log: bool = False
    level: float | None = None
    x_range: tuple[float, float] | None = None


def chart(panels: Sequence[Panel], width: int = 960, panel_height: int = 240) -> Picture:
    """Return a picture (H, W, 3) uint8, RGB, with the panels one under the other."""
    canvas = np.full((panel_height * len(panels), width, 3), PAPER, dtype=np.uint8)
    for row, panel in enumerate(panels):
        _draw(canvas[row * panel_height : (row + 1) * panel_height], panel)
    return canvas


@dataclass(frozen=True)
class _Axis:
    """Maps values to px along one direction."""

    low: float
    high: float
    start_px: float
    end_px: float
    log: bool

    def px(self, values: ArrayLike) -> Array:
        values = self._scaled(np.asarray(values, dtype=np.float64))
        low, high = self._scaled(np.array([self.low, self.high]))
        return np.asarray(self.start_px + (values - low) / (high - low) * (self.end_px - self.start_px))

    def _scaled(self, values: Array) -> Array:
        return np.log10(np.maximum(values, 1e-300)) if self.log else values

    def ticks(self) -> Array:
        """Round numbers, about six of them; on a logarithmic axis powers of ten, and 2 and 5 times if it is short."""
        if self.log:
            decades = 10.0 ** np.arange(np.floor(np.log10(self.low)), np.ceil(np.log10(self.high)) + 1)
            factors = (1.0, 2.0, 5.0) if self.high < SHORT_LOG_AXIS * self.low else (1.0,)
            ticks = np.outer(decades, factors).ravel()
            return np.asarray(ticks[(ticks >= self.low) & (ticks <= self.high)])
        rough = (self.high - self.low) / TICKS
        unit = 10.0 ** np.floor(np.log10(rough))
        step = unit * next(factor for factor in (1, 2, 5, 10) if factor * unit >= rough * 0.999)
        return np.asarray(np.arange(np.ceil(self.low / step), np.floor(self.high / step) + 1) * step)


def _draw(canvas: Picture, panel: Panel) -> None:
    height, width = canvas.shape[:2]
    bars = any(curve.style == "bars" for curve in panel.curves)
    xs = [curve.x for curve in panel.curves]
    ys = [curve.y for curve in panel.curves] + ([np.zeros(1)] if bars else [])
    x_axis = _Axis(*(panel.x_range or _range(xs, panel.log, 0.0)), LEFT, width - RIGHT, panel.log)
    y_axis = _Axis(*_range(ys, panel.log, 0.06), height - BOTTOM, TOP, panel.log)
    _draw_axes(canvas, panel, x_axis, y_axis)
    for curve in panel.curves:
        _draw_curve(canvas[:, LEFT : width - RIGHT + 1], curve, x_axis, y_axis)
    if panel.level is not None:
        level = float(y_axis.px(panel.level))
        for x in range(LEFT, width - RIGHT, 10):
            _line(canvas, [(x, level), (x + 5, level)], RED)
    _draw_legend(canvas, [curve for curve in panel.curves if curve.label])


def _range(arrays: Sequence[Array], log: bool, margin: float) -> tuple[float, float]:
    values = np.concatenate([np.ravel(array) for array in arrays]) if arrays else np.zeros(1)
    values = values[np.isfinite(values) & ((values > 0) | (not log))]
    if not values.size:
        return (1.0, 10.0) if log else (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if log:
        return low / 1.3, high * 1.3
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-12):
        return low - 1.0, high + 1.0
    spread = margin * (high - low)
    return low - spread, high + spread


def _draw_axes(canvas: Picture, panel: Panel, x_axis: _Axis, y_axis: _Axis) -> None:
    height, width = canvas.shape[:2]
    for tick, px in zip(x_axis.ticks(), x_axis.px(x_axis.ticks()), strict=True):
        _line(canvas, [(px, TOP), (px, height - BOTTOM)], GRID)
        _text(canvas, f"{_plain(tick)}", px, height - BOTTOM + 16, "middle")
    for tick, px in zip(y_axis.ticks(), y_axis.px(y_axis.ticks()), strict=True):
        _line(canvas, [(LEFT, px), (width - RIGHT, px)], GRID)
        _text(canvas, f"{_plain(tick)}", LEFT - 6, px + 4, "end")
    _line(canvas, [(LEFT, TOP), (LEFT, height - BOTTOM), (width - RIGHT, height - BOTTOM)], INK)
    _text(canvas, panel.x_label, (LEFT + width - RIGHT) / 2, height - 8, "middle")
    _text(canvas, " ".join(filter(None, (panel.title, f"[{panel.y_label}]" if panel.y_label else ""))), LEFT, 19)


def _plain(value: float) -> str:
    return f"{0.0 if abs(value) < 1e-12 else value:.6g}"


def _draw_curve(canvas: Picture, curve: Curve, x_axis: _Axis, y_axis: _Axis) -> None:
    """Draw on the part of the canvas that lies between the axes' ends: what lies beyond them is cut off."""
    points = np.stack([x_axis.px(curve.x) - LEFT, y_axis.px(curve.y)], axis=-1)
    finite = np.isfinite(points).all(axis=1)
    if curve.style == "bars":
        ground = float(y_axis.px(0.0))
        gaps = np.diff(points[finite, 0])
        thickness = max(int(gaps.min() * 0.7) if gaps.size else 8, 1)
        for x, y in points[finite]:
            _bar(canvas, (x - thickness / 2, y), (x + thickness / 2, ground), curve.colour)
    elif curve.style == "dots":
        for point in points[finite]:
            _dot(canvas, point, curve.colour)
    else:
        for part in np.split(points, np.flatnonzero(~finite)):
            kept = part[np.isfinite(part).all(axis=1)]
            _line(canvas, kept, curve.colour, 1 if len(kept) > 400 else 2)


def _draw_legend(canvas: Picture, curves: Sequence[Curve]) -> None:
    x = float(canvas.shape[1] - RIGHT)
    for curve in reversed(curves):
        x -= _text(canvas, curve.label, x, 19, "end") + 6
        _line(canvas, [(x - 18, 15), (x, 15)], curve.colour, 3)
        x -= 34


def _line(canvas: Picture, points: ArrayLike, colour: Colour, thickness: int = 1) -> None:
    import cv2

    fixed = np.rint(np.asarray(points, dtype=np.float64) * 2**FRACTION_BITS).astype(np.int32).reshape(-1, 1, 2)
    if len(fixed) > 1:
        flags: dict[str, Any] = {"lineType": cv2.LINE_AA, "shift": FRACTION_BITS}
        cv2.polylines(canvas, [fixed], False, colour, thickness, **flags)


def _bar(canvas: Picture, corner: tuple[float, float], opposite: tuple[float, float], colour: Colour) -> None:
    import cv2

    ends = [(round(x), round(y)) for x, y in (corner, opposite)]
    cv2.rectangle(canvas, ends[0], ends[1], colour, -1)


def _dot(canvas: Picture, point: Array, colour: Colour) -> None:
    import cv2

    x, y = (round(float(value) * 2**FRACTION_BITS) for value in point)
    cv2.circle(canvas, (x, y), 3 << FRACTION_BITS, colour, -1, cv2.LINE_AA, FRACTION_BITS)


def _text(canvas: Picture, text: str, x: float, y: float, anchor: str = "start") -> float:
    """Write a text and return its width, px."""
    import cv2

    (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, FONT_SCALE, 1)
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    cv2.putText(canvas, text, (round(left), round(y)), cv2.FONT_HERSHEY_SIMPLEX, FONT_SCALE, INK, 1, cv2.LINE_AA)
    return float(width)
