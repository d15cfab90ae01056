import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gyrosharp.blur.field import blur_field
from gyrosharp.capture.capture import ImageSource
from gyrosharp.capture.lens_shift import LensShift
from gyrosharp.datasets.synthesis.tremor import hand_tremor
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.shutter import Shutter
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.restore.video.extents import IN_A_GAP, NO_EXPOSURE, NOT_COVERED, TOO_FAR, frame_extents
from made_clips import EXPOSURE_S, FIRST_NS, FOCAL_PX, HEIGHT, INTERVAL_NS, WIDTH, made_recording


def frame_by_frame(recording):
    """The same by integrating the gyro anew for each frame, on a finer grid."""
    return np.array([np.median(blur_field(recording[k], stride=20).extent_px) for k in range(len(recording))])


def turned(axis, angle_rad):
    x, y, z = np.asarray(axis, dtype=float)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle_rad) * cross + (1 - np.cos(angle_rad)) * cross @ cross


def steady(rate_rad_s, count=4):
    """A camera that turns at one rate."""
    time_ns = np.arange(0, 2_000_000_000, 2_500_000)
    return made_recording(count, imu=ImuRecording(time_ns, np.tile(rate_rad_s, (time_ns.size, 1))))


def test_a_constant_yaw_smears_by_rate_times_time_times_focal_length():
    """f sec^2(theta) w T along x; the grid's columns lie at 0, 0.25 and 0.49 focal lengths from the middle."""
    found = frame_extents(steady([0.0, 0.5, 0.0])).extent_px
    tangents = (np.arange(-2, 3) / 5 * WIDTH) / FOCAL_PX
    lengths = FOCAL_PX * 0.5 * EXPOSURE_S * (1 + tangents**2)
    assert found == pytest.approx(np.median(lengths), rel=0.02)


def test_pure_roll_is_longer_away_from_the_middle():
    """r w T at distance r from the middle of the picture."""
    found = frame_extents(steady([0.0, 0.0, 0.5])).extent_px
    x = np.arange(-2, 3) / 5 * WIDTH
    y = (np.arange(4) - 1.5) / 4 * HEIGHT
    lengths = np.hypot(*np.meshgrid(x, y)) * 0.5 * EXPOSURE_S
    assert found == pytest.approx(np.median(lengths), rel=0.01)


def test_a_still_camera_smears_nothing():
    np.testing.assert_allclose(frame_extents(steady([0.0, 0.0, 0.0])).extent_px, 0.0, atol=1e-9)


@pytest.mark.parametrize("shutter", list(Shutter))
def test_agrees_with_the_field_of_every_frame(shutter):
    recording = made_recording(10, shutter=shutter)
    found = frame_extents(recording)
    np.testing.assert_allclose(found.extent_px, frame_by_frame(recording), rtol=0.06)
    assert found.unknown == ("",) * 10


def test_lens_bias_drift_and_stabilisation_count():
    recording = made_recording(8)
    camera = replace(recording.camera, distortion_model="opencv_fisheye", distortion=(0.02, -0.01, 0.0, 0.0))
    shift_ns = np.arange(0, 1_500_000_000, 5_000_000)
    shift = LensShift(shift_ns, 4.0 * np.sin(shift_ns[:, None] * 4e-8 + [0.0, 1.0]))
    odd = replace(
        recording,
        camera=camera,
        gyro_bias_rad_s=np.array([0.3, -0.2, 0.1]),
        clock_drift=0.01,
        time_offset_s=0.02,
        image_R_cam=np.stack([turned([0.0, 0.6, 0.8], 0.1 * k) for k in range(8)]),
        lens_shift=shift,
        R_cam_imu=np.diag([1.0, -1.0, -1.0]),
    )
    found = frame_extents(odd).extent_px
    np.testing.assert_allclose(found, frame_by_frame(odd), rtol=0.06)
    assert not np.allclose(found, frame_extents(recording).extent_px, rtol=0.1)


def test_frames_that_the_log_misses_are_named():
    recording = made_recording(12)
    time_ns = recording.imu.time_ns
    ends_ns = FIRST_NS + 8 * INTERVAL_NS
    # Frame 4, [632, 664] ms, lies in a gap; the log ends before frame 8 does.
    kept = (time_ns < ends_ns) & ~((time_ns > 625_000_000) & (time_ns < 662_000_000))
    imu = ImuRecording(time_ns[kept], recording.imu.gyro_rad_s[kept])
    exposure_s = np.full(12, EXPOSURE_S)
    exposure_s[[1, 2]] = np.nan, 0.0
    found = frame_extents(replace(recording, imu=imu, exposure_s=exposure_s))
    expected = ["", NO_EXPOSURE, NO_EXPOSURE, "", IN_A_GAP, "", "", "", *[NOT_COVERED] * 4]
    assert list(found.unknown) == expected
    np.testing.assert_array_equal(np.isnan(found.extent_px), [bool(reason) for reason in expected])


def test_the_same_frames_are_covered_as_for_a_single_shot():
    """What is planned can be restored: the rules are those of `Capture.trajectory`."""
    from gyrosharp.errors import ImuError

    recording = made_recording(6)
    imu = recording.imu.window(FIRST_NS + 40_000_000, FIRST_NS + 5 * INTERVAL_NS, 0)
    recording = replace(recording, imu=imu)
    covered = []
    for index in range(6):
        try:
            recording[index].trajectory()
            covered.append(True)
        except ImuError:
            covered.append(False)
    assert [reason == "" for reason in frame_extents(recording).unknown] == covered
    assert 0 < sum(covered) < 6


def test_turning_away_is_no_blur_that_can_be_told():
    fast = steady([0.0, 90.0, 0.0])
    assert frame_extents(fast).unknown == (TOO_FAR,) * 4


def test_what_every_frame_needs_must_be_there():
    recording = made_recording(3)
    with pytest.raises(CaptureError, match="gyro log"):
        frame_extents(replace(recording, imu=None))
    with pytest.raises(CaptureError, match=r"time offset.*sync"):
        frame_extents(replace(recording, offset_std_s=None))
    with pytest.raises(CaptureError, match="exposure time"):
        frame_extents(replace(recording, exposure_s=np.array(np.nan)))


def test_a_lens_that_has_no_inverse_is_refused():
    recording = made_recording(2)
    camera = replace(recording.camera, fx=5.0, fy=5.0, distortion_model="opencv_fisheye", distortion=(0.0,) * 4)
    with pytest.raises(CaptureError, match="distortion"):
        frame_extents(replace(recording, camera=camera))


def test_ten_minutes_take_seconds(record_property):
    count = 18_000
    movie = Path("long.mp4")
    recording = made_recording(
        count,
        imu=hand_tremor(np.random.default_rng(0), 602.0, rate_hz=200.0),
        frames=tuple(ImageSource(movie, k) for k in range(count)),
        start_ns=FIRST_NS + 33_333_333 * np.arange(count),
    )
    begun = time.process_time()
    found = frame_extents(recording)
    seconds = time.process_time() - begun
    record_property("seconds", seconds)
    assert np.isfinite(found.extent_px).all()
    assert seconds < 3.0
