"""Synchronising real recordings: what independent fits gave is found, and what tells nothing is refused."""

from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.capture.layouts import read_recording
from gyrosharp.imu.readers import read_imu
from gyrosharp.sync.collecting import point_pairs
from gyrosharp.sync.recording import SynchroniseOptions, synchronise, synchronised_points
from gyrosharp.sync.result import AXES, FOCAL, TIME_OFFSET

pytestmark = pytest.mark.shared_data

STILLS = "gyro/nolic-opencamera_s/20220713_114713"
WRONG_AXES = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])


@pytest.fixture(scope="module")
def stills(shared_data):
    return read_recording(shared_data / STILLS)


def test_three_stills_of_a_pan(stills, record_property):
    result = synchronise(replace(stills, R_cam_imu=WRONG_AXES))
    record_property("mid_frame_delay_ms", float(1e3 * result.mid_frame_delay_s))
    record_property("fx", float(result.fx))
    assert set(result.determined) == {TIME_OFFSET, AXES, FOCAL}
    assert result.R_cam_imu == pytest.approx(np.diag([1.0, -1.0, -1.0]))
    assert result.fx == pytest.approx(1590, rel=0.02)
    assert result.mid_frame_delay_s == pytest.approx(0.0248, abs=0.005)
    # Two pairs, seconds apart: the hand's own movement leaves some milliseconds open, and the report says so.
    assert 0.003 < result.std[TIME_OFFSET] < 0.010


@pytest.fixture(scope="module")
def points(stills):
    return point_pairs(stills, 300)


@pytest.mark.parametrize("other", ["20220713_090357", "20220713_113701", "20220713_134715"])
def test_stills_with_the_log_of_another_recording_are_refused(stills, points, shared_data, other):
    folder = shared_data / "gyro/nolic-opencamera_s" / other
    log = read_imu(next(folder.glob("*gyro.csv")), "opencamera")
    moved = replace(log, time_ns=log.time_ns - log.time_ns[0] + stills.imu.time_ns[0])
    for recording in (replace(stills, imu=moved), replace(stills, imu=moved, offset_std_s=None)):
        result = synchronised_points(recording, points).result
        assert result.determined == ()
        assert result.reasons
        assert result.advice


def test_dash_camera(shared_data, record_property):
    result = synchronise(read_recording(shared_data / "video/phone_dash_gyro"))
    record_property("fx", float(result.fx))
    record_property("mid_frame_delay_ms", float(1e3 * result.mid_frame_delay_s))
    assert {TIME_OFFSET, AXES, FOCAL} <= set(result.determined)
    assert result.R_cam_imu == pytest.approx(WRONG_AXES)
    assert result.residual_px < 1.0
    assert result.mid_frame_delay_s == pytest.approx(0.0106, abs=0.003)
    # The recorder's calibration: 574 px. Without the car's own motion the fit would say 596 to 630.
    assert result.fx == pytest.approx(574, rel=0.02)
    assert any("give --camera" in note for note in result.notes)


def test_dash_camera_with_seconds_to_search(shared_data):
    recording = read_recording(shared_data / "video/phone_dash_gyro")
    result = synchronise(recording, SynchroniseOptions(max_offset_s=3.0))
    assert result.mid_frame_delay_s == pytest.approx(0.0106, abs=0.003)


def test_tiny_motion_is_refused(shared_data):
    result = synchronise(read_recording(shared_data / "realblur/honorv10_mars"))
    assert result.determined == ()
    assert result.time_offset_s == 0.0
    assert result.fx == pytest.approx(980.4812)
    assert result.advice
