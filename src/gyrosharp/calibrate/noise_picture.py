"""The Allan deviation of a gyro as a picture."""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.calibrate.gyro_noise import AxisNoise, StillNoise
from gyrosharp.calibrate.sheet import FAINT, PAPER, Picture, Sheet
from gyrosharp.imu.allan import FLATNESS, NoiseFigure
from gyrosharp.media.chart import XYZ, Curve, Panel, chart

Array = NDArray[np.float64]

WIDTH, HEIGHT, LEGEND_HEIGHT = 1280, 760, 92
DASHES = 12
"""Dashes of a line that continues a slope."""
BEYOND = 2.5
"""Such a line reaches this factor beyond the averaging times that the figure was read from."""


def noise_picture(noise: StillNoise, title: str) -> Picture:
    """Return a sheet (H, W, 3): Allan deviation over averaging time, and the lines its figures were read from.

    Dashed lines have the slopes -1/2 (angle random walk), 0 (floor) and +1/2 (rate random walk).
    """
    curves = []
    for name, axis, colour in zip("xyz", noise.axes, XYZ, strict=True):
        curves.append(Curve(axis.tau_s, axis.deviation_rad_s, colour, name))
        curves.append(Curve(axis.tau_s, axis.deviation_rad_s, colour, style="dots"))
        pale = tuple(round(0.45 * part + 0.55 * PAPER) for part in colour)
        curves += [Curve(tau, level, (pale[0], pale[1], pale[2])) for tau, level in _slopes(axis)]
    longest_s = float(noise.axes[0].tau_s[-1])
    heading = f"{title}: Allan deviation at rest, {noise.seconds:.4g} s at {noise.rate_hz:.4g} Hz"
    span = (float(noise.axes[0].tau_s[0]) / 1.2, 1.2 * longest_s)
    panel = Panel(curves, heading, "averaging time tau, s (dashed: slopes -1/2, 0, +1/2)", "rad/s", True, None, span)
    sheet = Sheet(WIDTH, HEIGHT + LEGEND_HEIGHT)
    sheet.paste(chart([panel], WIDTH, HEIGHT), 0, 0)
    for row, (name, axis, colour) in enumerate(zip("xyz", noise.axes, XYZ, strict=True)):
        y = HEIGHT + 20 + 24 * row
        sheet.line([(78, y - 5), (100, y - 5)], colour, 3)
        sheet.text(f"{name}    {_words(axis)}", 110, y, FAINT, 0.46)
    return sheet.pixels


def _slopes(axis: AxisNoise) -> list[tuple[Array, Array]]:
    """Return dashed lines (tau, level) of the noise processes that were found; NaN between the dashes."""
    lines = []
    if axis.white is not None:
        tau = _dashes(axis.white)
        lines.append((tau, axis.white.value / np.sqrt(tau)))
    if axis.instability is not None:
        tau = _dashes(axis.instability)
        lines.append((tau, FLATNESS * axis.instability.value + 0.0 * tau))
    if axis.random_walk is not None:
        tau = _dashes(axis.random_walk)
        lines.append((tau, axis.random_walk.value * np.sqrt(tau / 3.0)))
    return lines


def _dashes(figure: NoiseFigure) -> Array:
    ends = np.geomspace(figure.from_s / BEYOND, figure.to_s * BEYOND, 2 * DASHES)
    return np.column_stack([ends.reshape(-1, 2), np.full(DASHES, np.nan)]).ravel()


def _words(axis: AxisNoise) -> str:
    white = "-" if axis.white is None else f"{axis.white.value:.3g} rad/s/sqrt(Hz)"
    floor = "-" if axis.instability is None else f"{axis.instability.value:.3g} rad/s"
    walk = "-" if axis.random_walk is None else f"{axis.random_walk.value:.3g} rad/s^2/sqrt(Hz)"
    return f"angle random walk {white}    bias instability {floor}    rate random walk {walk}"
