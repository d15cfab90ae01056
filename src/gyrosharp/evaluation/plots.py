"""Plots of a report as SVG: every shot's gain under every method."""

import html
from collections.abc import Sequence

import numpy as np

from gyrosharp.evaluation.table import Row

# Colours that colour-blind eyes tell apart (Okabe and Ito), in an order that keeps neighbours far apart.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8a7a00", "#777777")
WIDTH, LEFT, RIGHT, TOP = 960, 52, 16, 12
PLOT, TICKS = 220, 6
# Shots' names are cut to so many letters; one letter takes so many px of height, turned as they are.
LETTERS, LETTER_PX = 16, 5.5


def colour(number: int) -> str:
    """Return the colour of the method with this number."""
    return COLOURS[number % len(COLOURS)]


def gain_plot(rows: Sequence[Row], unit: str) -> str:
    """Return a plot of gains, a column per shot and a dot per method; "" where there are none.

    Parameters
    ----------
    rows : sequence of Row
        Rows of one case.
    unit : str
        Of the gain.
    """
    shown = [row for row in rows if row.gains]
    if not shown:
        return ""
    shots = list(dict.fromkeys(gain.shot for row in shown for gain in row.gains))
    values = [gain.value for row in shown for gain in row.gains]
    low, high = min(*values, 0.0), max(*values, 0.0)
    spread = 0.06 * (high - low) or 1.0
    axis = _Axis(low - spread, high + spread)
    x = {shot: LEFT + (place + 0.5) * (WIDTH - LEFT - RIGHT) / len(shots) for place, shot in enumerate(shots)}
    parts = [*_grid(axis, unit), *_columns(x)]
    for number, row in enumerate(shown):
        parts += [
            _dot(x[gain.shot], axis.y(gain.value), colour(number), f"{row.method}, {gain.shot}: {gain.value:+.2f}")
            for gain in row.gains
        ]
    height = TOP + PLOT + 20 + round(LETTER_PX * max(len(shot[-LETTERS:]) for shot in shots))
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        f'xmlns="http://www.w3.org/2000/svg" font-family="sans-serif" font-size="11">{"".join(parts)}</svg>'
    )


class _Axis:
    """The gain's axis."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def y(self, value: float) -> float:
        return TOP + PLOT * (self.high - value) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Round numbers, about six."""
        rough = (self.high - self.low) / TICKS
        unit = 10.0 ** np.floor(np.log10(rough))
        step = unit * next(factor for factor in (1, 2, 5, 10) if factor * unit >= rough * 0.999)
        first, last = np.ceil(self.low / step), np.floor(self.high / step)
        return [step * number for number in range(int(first), int(last) + 1)]


def _grid(axis: _Axis, unit: str) -> list[str]:
    parts = []
    for tick in axis.ticks():
        y, zero = axis.y(tick), abs(tick) < 1e-9
        look = 'stroke="currentColor" stroke-width="1.2"' if zero else 'stroke="#8886" stroke-width="0.7"'
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" {look}/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="currentColor">{tick:g}</text>')
    if unit:
        parts.append(f'<text x="4" y="{TOP + 4}" fill="currentColor">{html.escape(unit)}</text>')
    return parts


def _columns(x: dict[str, float]) -> list[str]:
    parts = []
    base = TOP + PLOT
    for shot, place in x.items():
        parts.append(
            f'<line x1="{place:.1f}" x2="{place:.1f}" y1="{TOP}" y2="{base}" stroke="#8884" stroke-width="0.5"/>'
        )
        parts.append(
            f'<text transform="translate({place + 4:.1f},{base + 8}) rotate(-60)" text-anchor="end" '
            f'fill="currentColor">{html.escape(shot[-LETTERS:])}</text>'
        )
    return parts


def _dot(x: float, y: float, fill: str, label: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{fill}"><title>{html.escape(label)}</title></circle>'
