"""Offset of a real hand-shake frame of 240 ms, found from that frame alone, with the log deliberately moved."""

from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.capture.layouts import read_recording
from gyrosharp.sync.result import TIME_OFFSET
from gyrosharp.sync.shot import synchronise_shot

pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def frames(shared_data):
    return read_recording(shared_data / "realblur" / "nolic-phone240ms")


def half_size(capture):
    picture = capture.read_image().pixels_linear
    even = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
    small = even.reshape(even.shape[0] // 2, 2, even.shape[1] // 2, 2, 3).mean(axis=(1, 3))
    return capture.scaled(small.shape[1], small.shape[0]), small


def test_a_frame_finds_its_place_in_the_log(frames, record_property):
    """NOTES.json and the repeated frames say 0 to 10 ms; 240 ms of exposure blur that to some milliseconds."""
    capture, picture = half_size(frames[2])
    found = synchronise_shot(replace(capture, time_offset_s=0.06), picture, max_offset_s=0.1, find_axes=False)
    record_property("time_offset_ms", 1e3 * float(found.time_offset_s))
    assert found.succeeded, found.reasons
    assert -0.002 < found.time_offset_s < 0.018
    assert found.std[TIME_OFFSET] < 0.008


def test_the_log_of_another_frame_is_refused(frames):
    capture, picture = half_size(frames[4])
    shift_s = (frames[4].exposure.start_ns - frames[2].exposure.start_ns) * 1e-9
    wrong = replace(capture, time_offset_s=capture.time_offset_s + shift_s)
    found = synchronise_shot(wrong, picture, max_offset_s=0.05, find_axes=False)
    assert not found.succeeded
    assert np.array_equal(found.R_cam_imu, wrong.R_cam_imu)
