"""The frame around a photo: what solvers may fill with the light that came from outside."""

from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.blur.motion import CameraMotion
from gyrosharp.blur.operator import blur_operator
from gyrosharp.evaluation.metrics import psnr_srgb
from gyrosharp.geometry.trajectory import PoseTrajectory
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.restore.classical import ClassicalDeblurrer, survey
from gyrosharp.restore.solvers import find_method
from shots import photo, shake_photo


@pytest.fixture(scope="module")
def inner():
    """The middle of a larger shaken photo: at its border there is light from outside, as in every real photo."""
    shot = shake_photo(photo("astronaut", 360, 300), seed=4, trail_px=18.0)
    box = np.s_[50:-50, 60:-60]
    blurred = np.ascontiguousarray(shot.blurred_linear[box])
    return shot, shot.capture.cropped(60, 50, 240, 200), blurred, shot.sharp_linear[box]


@pytest.fixture(scope="module")
def scene(inner):
    return survey(inner[1], inner[2])[0]


def frame_of(scene):
    return (scene.framed().picture.shape[0] - scene.picture.shape[0]) // 2


def test_the_frame_and_the_whole_problem_are_kept(scene):
    assert scene.framed() is scene.framed()
    assert scene.problem(None) is scene.problem(None)


def test_the_frame_is_as_wide_as_the_blur_reaches_and_nothing_of_it_is_trusted(scene):
    wide, frame = scene.framed(), frame_of(scene)
    assert frame == np.ceil(scene.problem(None).operator.reach_px) + 1
    assert wide.picture.shape == (200 + 2 * frame, 240 + 2 * frame, 3)
    inside = np.s_[frame:-frame, frame:-frame]
    np.testing.assert_array_equal(wide.picture[inside], scene.picture)
    np.testing.assert_array_equal(wide.confidence[inside], scene.confidence)
    np.testing.assert_array_equal(wide.picture[0, frame:-frame], scene.picture[0])
    assert wide.confidence.sum() == scene.confidence.sum()


def test_pixels_of_the_frame_are_where_the_larger_photo_has_them(scene, inner):
    """A point of the frame moves as in the photo that the inner part was cut from: signs and line times are right."""
    whole, frame = inner[0], frame_of(scene)
    wide = CameraMotion.from_capture(scene.framed().capture)
    corners = np.array([[0.0, 0.0], [239.0 + 2 * frame, 0.0], [0.0, 199.0 + 2 * frame]])
    offset = np.array([60.0 - frame, 50.0 - frame])
    larger = CameraMotion.from_capture(whole.capture)
    times = larger.line_times_ns(corners + offset, [0.0, 0.4, 1.0])
    assert np.abs(wide.line_times_ns(corners, [0.0, 0.4, 1.0]) - times).max() <= 2, "rounded to nanoseconds"
    moved = larger.positions(corners + offset, times)
    np.testing.assert_allclose(wide.positions(corners, times), moved - offset, atol=1e-3)


def test_the_frames_light_explains_the_border(scene, inner):
    """Blurred, the larger sharp photo gives the border as it is, which the sharp photo alone does not."""
    whole, frame = inner[0], frame_of(scene)
    sharp = np.ascontiguousarray(whole.sharp_linear[50 - frame : 250 + frame, 60 - frame : 300 + frame])
    explained = scene.framed().problem(None).operator.forward(sharp)[frame:-frame, frame:-frame]
    alone = scene.problem(None).operator.forward(np.ascontiguousarray(inner[3]))
    assert psnr_srgb(explained, scene.picture) > psnr_srgb(alone, scene.picture) + 1.0


@pytest.mark.parametrize("method", ["rl", "rl-tv"])
def test_borders_gain(inner, method):
    _, capture, blurred, sharp = inner
    framed = ClassicalDeblurrer(method)
    bare = ClassicalDeblurrer(method)
    bare._method = replace(find_method(method), framed=False)
    border = np.ones(sharp.shape[:2], bool)
    border[18:-18, 18:-18] = False
    errors = [np.square(each.deblur(capture, blurred).image - sharp)[border].mean() for each in (framed, bare)]
    assert errors[0] < errors[1]


def ending(capture, begin, end):
    """The capture with a log that begins and ends at these shares of the exposure."""
    start_ns, end_ns = capture.exposure.span_ns
    length_ns = end_ns - start_ns
    stamps = np.linspace(start_ns + begin * length_ns, start_ns + end * length_ns, 200).astype(np.int64)
    imu = capture.imu
    rates = np.stack([np.interp(stamps, imu.time_ns, imu.gyro_rad_s[:, axis]) for axis in range(3)], axis=1)
    return replace(capture, imu=ImuRecording(stamps, rates))


@pytest.mark.parametrize("begin, end", [(0.045, 1.2), (-0.2, 0.955)])
def test_where_the_log_hardly_reaches_there_is_no_frame(inner, begin, end):
    """A log may miss 5 % of an exposure; the lines of the frame would make it more."""
    _, capture, blurred, _ = inner
    assert capture.exposure.readout_s > 0 and capture.time_offset_s == 0
    scene = survey(ending(capture, begin, end), blurred)[0]
    assert scene.framed() is scene
    scene = survey(ending(capture, -0.2, 1.2), blurred)[0]
    assert scene.framed() is not scene


def test_where_known_poses_end_with_the_exposure_there_is_no_frame(inner):
    _, capture, blurred, _ = inner
    start_ns, end_ns = capture.exposure.span_ns
    stamps = np.linspace(start_ns, end_ns, 400).astype(np.int64)
    known = PoseTrajectory(stamps, capture.trajectory().at(stamps)[0])
    scene = survey(replace(capture, imu=None, poses=known), blurred)[0]
    assert scene.framed() is scene


def test_captures_with_depth_have_no_frame(inner):
    _, capture, blurred, _ = inner
    scene = survey(replace(capture, depth_m=np.ones((200, 240), np.float32)), blurred)[0]
    assert scene.framed() is scene


def test_where_the_lens_is_not_known_there_is_no_frame(inner):
    """A radial distortion that folds over just beyond the corners."""
    _, capture, blurred, _ = inner
    camera = capture.camera
    corner = np.hypot(camera.cx, camera.cy) / camera.fx
    bent = replace(camera, distortion_model="opencv", distortion=(-0.137 / corner**2, 0.0, 0.0, 0.0))
    assert bent.unproject([[0, 0], [239, 0], [0, 199], [239, 199]])[1].all()
    scene = survey(replace(capture, camera=bent), blurred)[0]
    assert scene.framed() is scene
    assert blur_operator(scene.capture, scene.poses).reach_px > 0


def test_where_the_frame_would_be_larger_than_two_photos_there_is_none():
    shot = shake_photo(photo("astronaut", 400, 300), seed=0, trail_px=100.0)
    scene = survey(shot.capture, shot.blurred_linear)[0]
    assert scene.problem(None).operator.reach_px > 155
    assert scene.framed() is scene
