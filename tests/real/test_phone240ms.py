"""Real hand-shake frames of 240 ms: frame 3 happens to be nearly sharp and shows the same scene as 2 and 4."""

import pytest
from detail import aligned_to, detail_correlation

from gyrosharp.blur.operator import blur_operator
from gyrosharp.capture.layouts import read_recording
from gyrosharp.restore.deblur import deblur

pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def frames(shared_data):
    return read_recording(shared_data / "realblur" / "nolic-phone240ms")


@pytest.fixture(scope="module")
def sharp(frames):
    return frames[3].read_image().pixels_linear, blur_operator(frames[3], 24)


# Measured: frame 2 +0.11 with auto, +0.04 with rl as told; frame 4 +0.03 and +0.01. Frame 4 is blurred up and down, and
# most of the scene's edges are vertical.
@pytest.mark.parametrize(
    ("number", "method", "least"), [(2, "auto", 0.08), (2, "rl", 0.02), (4, "auto", 0.015), (4, "rl", 0.003)]
)
def test_blurred_frames_gain_detail(frames, sharp, number, method, least):
    picture = frames[number].read_image()
    result = deblur(frames[number], method, image=picture)
    assert result.diagnostics.decision == "deblurred"
    homography = aligned_to(picture.pixels_linear, sharp[0])
    before, after = (
        detail_correlation(view, sharp[0], homography, sharp[1]) for view in (picture.pixels_linear, result.image)
    )
    assert after > before + least


def test_another_frames_motion_is_found_out(frames):
    """The motion of frame 2, moved by its clock into the exposure of frame 4, must not touch frame 4."""
    shift_s = (frames[4].exposure.start_ns - frames[2].exposure.start_ns) * 1e-9
    from dataclasses import replace

    wrong = replace(frames[4], time_offset_s=frames[4].time_offset_s + shift_s)
    result = deblur(wrong, "auto", image=frames[4].read_image())
    assert result.diagnostics.decision == "left unchanged"
    assert "disagree" in result.diagnostics.reason
