"""The plot of `sync`: image rate and gyro rate about each axis, with what was given and with what was found."""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.cli.drawing import Picture
from gyrosharp.media.chart import BLUE, RED, Curve, Panel, chart
from gyrosharp.sync.rates import ImageRates

Array = NDArray[np.float64]

AXES = ("pitch (about x)", "yaw (about y)", "roll (about z)")
WIDTH, PANEL_HEIGHT = 860, 250
# Times without frames are shortened to this much.
LONGEST_GAP_S = 0.25
# Rates beyond this share of all are not shown: a mismatched pair of frames would flatten the rest.
SHOWN_PERCENT = 99.5


def rates_plot(before: ImageRates | None, after: ImageRates) -> Picture:
    """Return the picture: one row per camera axis; what was given (if it was) on the left, what was found on the right.

    Parameters
    ----------
    before : ImageRates or None
        Rates with what was given.
    after : ImageRates
        Rates with what was found.
    """
    columns = [] if before is None else [_column(before, "as given")]
    return np.concatenate([*columns, _column(after, "as found")], axis=1)


def _column(rates: ImageRates, title: str) -> Picture:
    time_s = _shortened(rates)
    panels = [
        Panel(
            [
                Curve(time_s, _shown(rates.gyro_rad_s[:, axis]), BLUE, "gyro"),
                Curve(time_s, _shown(rates.rate_rad_s[:, axis]), RED, "picture", "dots"),
            ],
            f"{title}: {AXES[axis]}",
            "time, s (long gaps left out)" if axis == 2 else "",
            "deg/s",
        )
        for axis in range(3)
    ]
    return chart(panels, WIDTH, PANEL_HEIGHT)


def _shortened(rates: ImageRates) -> Array:
    """Return the time of each pair, s, with long gaps taken out."""
    steps = np.diff(rates.time_ns) * 1e-9
    usual = float(np.median(steps)) if steps.size else 0.0
    longest = max(LONGEST_GAP_S, 3.0 * usual)
    return np.concatenate([[0.0], np.cumsum(np.where(steps > longest, longest, steps))])


def _shown(rates_rad_s: Array) -> Array:
    """Return rates in deg/s, NaN where they stand out too far."""
    size = np.abs(rates_rad_s)
    known = size[np.isfinite(size)]
    limit = 2.0 * float(np.percentile(known, SHOWN_PERCENT)) if known.size else 0.0
    return np.where(size <= limit, np.rad2deg(rates_rad_s), np.nan)
