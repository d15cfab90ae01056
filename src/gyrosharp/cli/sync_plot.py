"""The plot of `sync`: image rate and gyro rate about each axis, with what was given and with what was found."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.cli.drawing import Picture
from gyrosharp.sync.rates import ImageRates

Array = NDArray[np.float64]

# Sizes at twice the final scale: OpenCV's letters are drawn large and reduced, which makes them smooth.
PANEL_WIDTH, PANEL_HEIGHT, MARGIN, GUTTER, HEAD = 1500, 440, 190, 70, 150
INK, FRAME, GRID, PAPER = (40, 40, 40), (150, 150, 150), (225, 225, 225), (255, 255, 255)
# RGB; readable for colour-blind eyes.
IMAGE, GYRO = (214, 94, 0), (0, 114, 178)
AXES = ("pitch (about x)", "yaw (about y)", "roll (about z)")
# Times without frames are shortened to this much.
LONGEST_GAP_S = 0.25
LETTER = 1.3


@dataclass(frozen=True)
class _Panel:
    """Where a panel lies, and the largest rate it shows, deg/s."""

    left: int
    top: int
    most: float

    def at(self, share: float, value: float) -> tuple[int, int]:
        """Return the pixel of a share of the width and a rate."""
        x = self.left + share * PANEL_WIDTH
        y = self.top + PANEL_HEIGHT * (0.5 - 0.5 * np.clip(value / self.most, -1.0, 1.0))
        return round(float(x)), round(float(y))


def rates_plot(before: ImageRates | None, after: ImageRates) -> Picture:
    """Return the picture: one row per camera axis; what was given (if it was) on the left, what was found on the right.

    Parameters
    ----------
    before : ImageRates or None
        Rates with what was given.
    after : ImageRates
        Rates with what was found.
    """
    import cv2

    columns = [("as found", after)] if before is None else [("as given", before), ("as found", after)]
    width = len(columns) * (PANEL_WIDTH + MARGIN) + GUTTER
    height = HEAD + 3 * (PANEL_HEIGHT + GUTTER) + 60
    canvas = np.full((height, width, 3), PAPER, dtype=np.uint8)
    _legend(canvas)
    for column, (title, rates) in enumerate(columns):
        left = MARGIN + column * (PANEL_WIDTH + MARGIN)
        _text(canvas, title, (left, HEAD - 25), INK)
        for axis in range(3):
            _draw_panel(canvas, rates, axis, _Panel(left, HEAD + axis * (PANEL_HEIGHT + GUTTER), _most(after, axis)))
    return np.asarray(cv2.resize(canvas, (width // 2, height // 2), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _draw_panel(canvas: Picture, rates: ImageRates, axis: int, panel: _Panel) -> None:
    import cv2

    low, high = panel.at(0.0, panel.most), panel.at(1.0, -panel.most)
    for level in (-0.5, 0.0, 0.5):
        cv2.line(canvas, panel.at(0.0, level * panel.most), panel.at(1.0, level * panel.most), GRID, 2)
    share, breaks = _places(rates)
    for place in breaks:
        x, y = panel.at(place, -panel.most)
        cv2.line(canvas, (x, low[1]), (x, y), GRID, 6)
    for values, colour, thickness in (
        (rates.gyro_rad_s[:, axis], GYRO, 7),
        (rates.rate_rad_s[:, axis], IMAGE, 3),
    ):
        _draw_curve(canvas, panel, share, breaks, np.rad2deg(values), colour, thickness)
    cv2.rectangle(canvas, low, high, FRAME, 2)
    for level in (-1.0, 0.0, 1.0):
        x, y = panel.at(0.0, level * panel.most)
        _text(
            canvas,
            f"{level * panel.most:+.0f}",
            (x - 125, y + (30 if level == 1.0 else 0 if level == -1.0 else 12)),
            INK,
        )
    _text(canvas, f"{AXES[axis]}, deg/s", (panel.left + 20, panel.top + 45), INK)
    if axis == 2:
        span_s = float(rates.time_ns[-1] - rates.time_ns[0]) * 1e-9
        _text(canvas, "0 s", (panel.left, high[1] + 55), INK)
        _text(canvas, f"{span_s:.1f} s", (high[0] - 140, high[1] + 55), INK)


def _draw_curve(
    canvas: Picture, panel: _Panel, share: Array, breaks: Array, values: Array, colour: tuple[int, ...], thickness: int
) -> None:
    import cv2

    shown = np.isfinite(values)
    points = [panel.at(float(x), float(y)) for x, y in zip(share, np.where(shown, values, 0.0), strict=True)]
    for k, point in enumerate(points):
        if not shown[k]:
            continue
        cv2.circle(canvas, point, thickness + 2, colour, -1, cv2.LINE_AA)
        crosses = k > 0 and bool(((breaks > share[k - 1]) & (breaks < share[k])).any())
        if k > 0 and shown[k - 1] and not crosses:
            cv2.line(canvas, points[k - 1], point, colour, thickness, cv2.LINE_AA)


def _places(rates: ImageRates) -> tuple[Array, Array]:
    """Return where along the panel each pair lies (0 to 1), and where time was left out."""
    if len(rates) == 1:
        return np.array([0.5]), np.empty(0)
    steps = np.diff(rates.time_ns) * 1e-9
    usual = float(np.median(steps))
    jumps = steps > max(LONGEST_GAP_S, 3.0 * usual)
    placed = np.concatenate([[0.0], np.cumsum(np.where(jumps, max(LONGEST_GAP_S, usual), steps))])
    placed = 0.02 + 0.96 * placed / placed[-1]
    return placed, 0.5 * (placed[:-1] + placed[1:])[jumps]


def _most(rates: ImageRates, axis: int) -> float:
    """Return the largest rate to show: a round number that holds the gyro and nearly all of the picture's rates."""
    values = np.abs(np.concatenate([rates.gyro_rad_s[:, axis], rates.rate_rad_s[:, axis]]))
    values = values[np.isfinite(values)]
    most = float(np.rad2deg(np.percentile(values, 99))) if values.size else 1.0
    return max(float(np.ceil(1.15 * most)), 1.0)


def _legend(canvas: Picture) -> None:
    import cv2

    for x, colour, name in ((MARGIN, GYRO, "gyro"), (MARGIN + 280, IMAGE, "picture")):
        cv2.line(canvas, (x, 50), (x + 80, 50), colour, 8, cv2.LINE_AA)
        _text(canvas, name, (x + 100, 64), INK)


def _text(canvas: Picture, text: str, place: tuple[int, int], colour: tuple[int, ...]) -> None:
    import cv2

    cv2.putText(canvas, text, place, cv2.FONT_HERSHEY_SIMPLEX, LETTER, colour, 3, cv2.LINE_AA)
