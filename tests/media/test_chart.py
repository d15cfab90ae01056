"""Charts: values land where the axes say."""

import numpy as np
import pytest

from gyrosharp.media.chart import BLUE, BOTTOM, GREEN, LEFT, RIGHT, TOP, Curve, Panel, chart


def where(picture, colour):
    rows, columns = np.nonzero((picture == colour).all(axis=2))
    return rows, columns


def test_a_line_runs_from_the_lower_left_to_the_upper_right():
    ramp = np.linspace(0.0, 1.0, 50)
    picture = chart([Panel([Curve(ramp, ramp)], "ramp", "x", "y")], 500, 250)
    assert picture.shape == (250, 500, 3)
    rows, columns = where(picture, BLUE)
    assert columns.min() == pytest.approx(LEFT, abs=2) and columns.max() == pytest.approx(500 - RIGHT, abs=2)
    assert rows[columns.argmin()] > 250 - BOTTOM - 20 and rows[columns.argmax()] < TOP + 20


def test_bars_stand_on_zero():
    picture = chart([Panel([Curve(np.arange(3.0), np.array([2.0, 4.0, 2.0]), GREEN, "", "bars")])], 500, 250)
    rows, columns = where(picture, GREEN)
    inner = columns > LEFT + 100
    middle = np.abs(columns - (LEFT + 500 - RIGHT) / 2) < 10
    assert rows[middle & inner].max() == rows.max()
    heights = [np.ptp(rows[np.abs(columns - x) < 3]) for x in (LEFT + 4, (LEFT + 500 - RIGHT) / 2)]
    assert heights[1] == pytest.approx(2 * heights[0], abs=4)


def test_logarithmic_decades_are_equally_far_apart():
    x = np.array([1.0, 10.0, 100.0])
    picture = chart([Panel([Curve(x, x, BLUE, "", "dots")], log=True)], 600, 300)
    _, columns = where(picture, BLUE)
    places = [group.mean() for group in np.split(np.sort(columns), np.flatnonzero(np.diff(np.sort(columns)) > 20) + 1)]
    assert len(places) == 3 and np.diff(places)[0] == pytest.approx(np.diff(places)[1], abs=2)


def test_panels_lie_one_under_the_other_and_nothing_breaks_them():
    odd = [
        Panel([]),
        Panel([Curve(np.zeros(2), np.zeros(2))]),
        Panel([Curve(np.array([0.0, 1.0, 2.0]), np.array([1.0, np.nan, 2.0]), BLUE, "label")], level=1.5),
        Panel([Curve(np.zeros(2), np.zeros(2))], log=True),
    ]
    picture = chart(odd, 300, 150)
    assert picture.shape == (600, 300, 3)
    assert not np.array_equal(picture[300:450], np.full((150, 300, 3), 255))
