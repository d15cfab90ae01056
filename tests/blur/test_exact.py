import numpy as np
import pytest

from gyrosharp.blur import exact
from gyrosharp.blur.exact import ExactOperator, native_kernel_available, thread_count
from gyrosharp.blur.field import blur_field
from gyrosharp.blur.operator import MAX_POSES, MIN_POSES, blur_operator, pose_count
from gyrosharp.blur.reference import ReferenceOperator
from gyrosharp.capture.capture import Capture
from gyrosharp.errors import ImageError, UsageError
from gyrosharp.geometry import Shutter
from shaken import adjoint_error, check_out, shake, texture

needs_kernel = pytest.mark.skipif(not native_kernel_available(), reason="the native kernel was not built here")
WIDTH, HEIGHT = 200, 150


def motion(**change):
    return shake(**{"width": WIDTH, "height": HEIGHT, "strength": 2.0, **change})


def capture_of(shot):
    return Capture(shot.camera, shot.exposure, poses=shot.trajectory)


@needs_kernel
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("shutter", Shutter)
def test_forward_meets_the_reference(shutter, channels):
    shot = motion(shutter=shutter)
    image = texture(HEIGHT, WIDTH, channels)
    operator = ExactOperator(shot, 16)
    assert operator.nodes is not None
    blurred = operator.forward(image)
    assert blurred.dtype == np.float32
    assert np.abs(blurred - ReferenceOperator(shot, 16).forward(image)).max() < 1e-4


@needs_kernel
@pytest.mark.parametrize("shutter", Shutter)
def test_adjoint_meets_the_reference_and_is_the_transpose(shutter):
    shot = motion(shutter=shutter)
    image = texture(HEIGHT, WIDTH)
    operator = ExactOperator(shot, 16)
    # Light piles up at the border, so that the values there reach several units.
    np.testing.assert_allclose(
        operator.adjoint(image), ReferenceOperator(shot, 16).adjoint(image), rtol=1e-4, atol=1e-3
    )
    assert adjoint_error(operator, channels=3, dtype=np.float32) < 1e-6


@needs_kernel
@pytest.mark.parametrize("shutter", [Shutter.TOP_TO_BOTTOM, Shutter.LEFT_TO_RIGHT])
def test_coverage_and_reach_meet_the_reference(shutter):
    operator, reference = ExactOperator(motion(shutter=shutter), 16), ReferenceOperator(motion(shutter=shutter), 16)
    # A pose that grazes the border counts in or out by rounding.
    assert np.mean(np.abs(operator.coverage - reference.coverage()) > 1e-3) < 2e-3
    assert operator.coverage.min() < 1.0
    assert operator.reach_px >= reference.reach_px - 1e-3


@pytest.mark.parametrize("shutter", [Shutter.TOP_TO_BOTTOM, Shutter.LEFT_TO_RIGHT])
@pytest.mark.parametrize("native", [pytest.param(True, marks=needs_kernel), False])
def test_results_go_where_asked(monkeypatch, shutter, native):
    monkeypatch.setattr(exact, "native_kernel_available", lambda: native)
    check_out(ExactOperator(motion(shutter=shutter, width=40, height=30), 8))


def test_a_still_camera_changes_nothing():
    image = texture(HEIGHT, WIDTH)
    np.testing.assert_allclose(ExactOperator(motion(strength=0.0), 8).forward(image), image, atol=1e-6)


def test_without_the_kernel_the_reference_does_the_work(monkeypatch):
    monkeypatch.setattr(exact, "native_kernel_available", lambda: False)
    shot = motion(width=40, height=30)
    operator, reference = ExactOperator(shot, 4), ReferenceOperator(shot, 4)
    image = texture(30, 40)
    assert operator.forward(image).dtype == np.float32
    np.testing.assert_allclose(operator.forward(image), reference.forward(image), atol=1e-6)
    np.testing.assert_allclose(operator.adjoint(image), reference.adjoint(image), atol=1e-5)
    np.testing.assert_array_equal(operator.coverage, reference.coverage())
    assert operator.reach_px == pytest.approx(reference.reach_px)


@pytest.mark.parametrize("direction", ["forward", "adjoint"])
@pytest.mark.parametrize("shape", [(HEIGHT, WIDTH + 1, 3), (HEIGHT, WIDTH)])
def test_another_size_is_refused(direction, shape):
    with pytest.raises(ImageError, match="expected an image"):
        getattr(ExactOperator(motion(), 8), direction)(np.zeros(shape, np.float32))


def test_poses_follow_the_longest_trail():
    shot = motion()
    longest = blur_field(capture_of(shot), stride=18).extent_px.max()
    poses = blur_operator(capture_of(shot)).poses
    assert poses >= longest / 1.3
    assert pose_count(blur_field(capture_of(motion(strength=0.0)))) == MIN_POSES
    assert pose_count(blur_field(capture_of(motion(strength=20.0)))) == MAX_POSES
    assert blur_operator(capture_of(shot), poses=5).poses == 5


def test_no_poses_are_refused():
    with pytest.raises(UsageError, match="poses: expected at least 1, got 0"):
        blur_operator(capture_of(motion()), poses=0)


@pytest.mark.parametrize(("asked", "count"), [("3", 3), ("0", None), ("many", None), ("", None)])
def test_thread_count(monkeypatch, asked, count):
    monkeypatch.setenv("GYROSHARP_THREADS", asked)
    assert thread_count() == count if count else thread_count() >= 1
