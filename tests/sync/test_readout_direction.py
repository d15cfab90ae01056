"""Which way the frames are read, found from points with a known readout direction."""

from dataclasses import replace

import numpy as np
import pytest

from camera_tracks import HEIGHT, WIDTH, Truth, tracks
from gyrosharp.geometry.shutter import Shutter
from gyrosharp.sync.pairs import PointPairs
from gyrosharp.sync.recording import apply, synchronised_points
from gyrosharp.sync.result import FOCAL, READOUT, TIME_OFFSET

DIRECTIONS = [one for one in Shutter if one is not Shutter.GLOBAL]
TRUTH = Truth()


def read_in(shutter, frames=60):
    """Turn the camera of `tracks`, whose frames are read from top to bottom, so that they are read as asked."""
    recording, points = tracks(21, TRUTH, frames=frames)
    # Columns of a turn about the view: old (x, y) seen in the turned camera's frame.
    turn = {
        Shutter.TOP_TO_BOTTOM: [[1, 0], [0, 1]],
        Shutter.BOTTOM_TO_TOP: [[-1, 0], [0, -1]],
        Shutter.LEFT_TO_RIGHT: [[0, 1], [-1, 0]],
        Shutter.RIGHT_TO_LEFT: [[0, -1], [1, 0]],
    }[shutter]
    size = (HEIGHT, WIDTH) if shutter.is_vertical else (WIDTH, HEIGHT)
    middle = (np.array([WIDTH, HEIGHT]) - 1) / 2

    def turned(seen_px):
        return (seen_px - middle) @ np.transpose(turn) + (np.array(size) - 1) / 2

    seen = PointPairs(points.frame_a, points.frame_b, points.pair, turned(points.a_px), turned(points.b_px))
    return replace(recording, size_px=size), seen


@pytest.mark.parametrize("readout_s", [None, TRUTH.readout_s])
@pytest.mark.parametrize("shutter", DIRECTIONS)
def test_a_direction_that_was_only_assumed_is_corrected(shutter, readout_s):
    recording, points = read_in(shutter)
    assumed = replace(recording, readout_s=readout_s)
    result = synchronised_points(assumed, points).result
    # A line count is one off from reading the other way round: 0.02 ms here.
    assert set(result.determined) >= {TIME_OFFSET, READOUT, FOCAL}
    assert result.shutter is shutter
    assert result.time_offset_s == pytest.approx(TRUTH.time_offset_s, abs=1e-3)
    assert result.readout_s == pytest.approx(TRUTH.readout_s, abs=1e-3)
    assert result.fx == pytest.approx(TRUTH.fx, rel=0.01)
    assert apply(assumed, result).shutter is shutter
    noted = any(shutter.value in note for note in result.notes)
    assert noted == (shutter is not Shutter.TOP_TO_BOTTOM)


def test_a_global_shutter_has_no_readout_to_look_for():
    recording, points = tracks(22, replace(TRUTH, readout_s=0.0), frames=45)
    result = synchronised_points(replace(recording, shutter=Shutter.GLOBAL), points).result
    assert READOUT not in result.determined
    assert result.time_offset_s == pytest.approx(TRUTH.time_offset_s, abs=1e-3)
    assert not any("readout" in note or "shutter" in note for note in result.notes)
    assert any("global" in reason for reason in result.reasons)


def test_without_a_readout_no_direction_is_claimed():
    recording, points = tracks(23, replace(TRUTH, readout_s=0.0), frames=45)
    result = synchronised_points(recording, points).result
    assert result.shutter is Shutter.TOP_TO_BOTTOM
    assert result.time_offset_s == pytest.approx(TRUTH.time_offset_s, abs=1e-3)
