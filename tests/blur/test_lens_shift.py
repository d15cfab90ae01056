"""An optical stabiliser moves the whole picture: hand-worked signs, and the fast paths against the plain ones."""

from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.blur.depth_operator import DepthOperator
from gyrosharp.blur.depth_reference import ReferenceWorker
from gyrosharp.blur.exact import ExactOperator, native_kernel_available
from gyrosharp.blur.field import blur_field
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.blur.nodes import pixel_grid
from gyrosharp.blur.psf_grid import PsfGridOperator
from gyrosharp.blur.reference import ReferenceOperator
from gyrosharp.capture.capture import Capture
from gyrosharp.capture.lens_shift import LensShift
from gyrosharp.errors import CaptureError
from gyrosharp.geometry import PoseTrajectory, Shutter
from shaken import adjoint_error, shake, texture, trajectory, turning

MS = 1_000_000
START_NS, END_NS = 50 * MS, 100 * MS
LENSES = {"none": {}, "opencv": {"distortion_model": "opencv", "distortion": (-0.2, 0.05, 1e-3, -5e-4, 0.0)}}
needs_kernel = pytest.mark.skipif(not native_kernel_available(), reason="the native kernel was not built here")


def ramp(x_px_s, y_px_s, time_ns=(0, 200 * MS), middle_ns=75 * MS):
    """A steady shift that is 0 at `middle_ns`."""
    seconds = (np.array(time_ns) - middle_ns) * 1e-9
    return LensShift(np.array(time_ns), seconds[:, None] * (x_px_s, y_px_s))


def wobble(strength_px=4.0):
    """A smooth shift that is not 0 at the reference time either."""
    t = np.arange(0, 200) * 1e-3
    path = np.stack([np.sin(55 * t + 1.0), np.cos(40 * t)], axis=-1)
    return LensShift(np.arange(0, 200) * MS, strength_px * path)


def still(**timing):
    return turning("yaw", 0.0, readout_s=0.0, **timing)


def test_a_shift_of_the_picture_moves_every_point_by_it():
    motion = replace(still(), lens_shift=ramp(200.0, -80.0))
    points = np.array([[10.0, 20.0], [80.0, 60.0]])
    moved = motion.positions(points, [motion.reference_ns + 10 * MS])[:, 0]
    np.testing.assert_allclose(moved - points, [[2.0, -0.8]] * 2, atol=1e-9)


def test_a_pixel_collects_light_from_where_the_picture_was_before_it_moved():
    motion = replace(still(), lens_shift=ramp(200.0, -80.0))
    source = motion.sources([40.0, 30.0], [motion.reference_ns + 10 * MS])[0]
    np.testing.assert_allclose(source, [38.0, 30.8], atol=1e-9)


def test_a_bright_point_is_drawn_out_along_the_shift_path():
    """From -2.5 px to 2.5 px in x within 50 ms, in y not at all; sampled at the middles of 5 parts."""
    motion = replace(still(), lens_shift=ramp(100.0, 0.0))
    point = np.zeros((72, 96, 1), np.float32)
    point[30, 40] = 1.0
    blurred = ExactOperator(motion, 5).forward(point)[..., 0]
    np.testing.assert_allclose(blurred[30, 37:44], [0, 0.2, 0.2, 0.2, 0.2, 0.2, 0], atol=1e-5)
    assert blurred.sum() == pytest.approx(1.0, abs=1e-5)


def test_a_shift_to_one_side_only_blurs_to_that_side():
    """0 until the reference time, then 10 px/s downwards: the stored reference view is the unshifted one."""
    motion = still()
    times = np.array([0, motion.reference_ns, motion.reference_ns + 100 * MS])
    motion = replace(motion, lens_shift=LensShift(times, np.array([[0.0, 0], [0, 0], [0, 10]])))
    track = motion.positions([40.0, 30.0], motion.line_times_ns([40.0, 30.0], [0.0, 0.5, 1.0]))
    np.testing.assert_allclose(track, [[40, 30], [40, 30], [40, 32.5]], atol=1e-6)


def test_a_stabiliser_that_cancels_a_small_yaw_leaves_the_centre_still():
    """Yaw of w rad/s moves the centre LEFT by f tan(w dt); the stabiliser moves the picture RIGHT by as much."""
    rate = 0.3
    motion = turning("yaw", rate, readout_s=0.0)
    stamps = np.arange(0, 200) * MS
    angle = rate * (stamps - motion.reference_ns) * 1e-9
    cancelling = LensShift(stamps, np.stack([motion.camera.fx * np.tan(angle), 0 * angle], axis=-1))
    stabilised = replace(motion, lens_shift=cancelling)
    centre, times = [motion.camera.cx, motion.camera.cy], [START_NS, END_NS]
    assert np.abs(motion.positions(centre, times) - centre)[:, 0].min() > 0.5
    np.testing.assert_allclose(stabilised.positions(centre, times), [centre] * 2, atol=1e-3)
    np.testing.assert_allclose(stabilised.sources(centre, times), [centre] * 2, atol=1e-3)


def test_every_row_sees_the_shift_of_its_own_time():
    """20 ms of readout over 72 rows at 200 px/s: the top row is 2 px behind the middle, the last nearly 2 px ahead."""
    motion = replace(turning("yaw", 0.0, readout_s=0.02), lens_shift=ramp(200.0, 0.0))
    rows = np.array([[40.0, 0.0], [40.0, 35.5], [40.0, 71.0]])
    moved = motion.positions(rows, motion.line_times_ns(rows, [0.5]))[:, 0, 0] - 40.0
    np.testing.assert_allclose(moved, 200 * 0.02 * (rows[:, 1] - 35.5) / 72, atol=1e-5)


@pytest.mark.parametrize("lens", LENSES)
def test_sources_undo_positions(lens):
    motion = replace(shake(640, 480, shutter=Shutter.GLOBAL, **LENSES[lens]), lens_shift=wobble())
    points = np.random.default_rng(0).uniform((60, 60), (580, 420), (30, 2))
    np.testing.assert_allclose(motion.positions(points, [motion.reference_ns])[:, 0], points, atol=1e-6)
    for time_ns in (START_NS, 70 * MS, END_NS):
        moved = motion.positions(points, [time_ns])
        np.testing.assert_allclose(motion.sources(moved[:, 0], [time_ns])[:, 0], points, atol=1e-5)


@needs_kernel
@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("shutter", [Shutter.GLOBAL, Shutter.BOTTOM_TO_TOP, Shutter.LEFT_TO_RIGHT])
def test_the_kernel_meets_the_reference(shutter, lens):
    motion = replace(shake(200, 150, 2.0, shutter=shutter, **LENSES[lens]), lens_shift=wobble())
    image, exact, reference = texture(150, 200), ExactOperator(motion, 12), ReferenceOperator(motion, 12)
    assert exact.nodes is not None or lens != "none"
    assert np.abs(exact.forward(image) - reference.forward(image)).max() < 1e-4
    assert adjoint_error(exact, channels=3, dtype=np.float32) < 1e-6
    unstabilised = ExactOperator(replace(motion, lens_shift=None), 12)
    assert np.abs(exact.forward(image) - unstabilised.forward(image)).max() > 0.05


@pytest.mark.parametrize("operator", [ReferenceOperator, PsfGridOperator])
def test_the_other_operators_have_exact_adjoints_too(operator):
    motion = replace(shake(60, 50, 2.0), lens_shift=wobble())
    assert adjoint_error(operator(motion, 6)) < 1e-12


def test_a_grid_of_every_pixel_holds_the_sources():
    motion = replace(shake(40, 30, 2.0, shutter=Shutter.RIGHT_TO_LEFT), lens_shift=wobble())
    grid = pixel_grid(motion, 3)
    pixel = np.array([7.0, 12.0])
    expected = motion.displacements(pixel, motion.line_times_ns(pixel, (np.arange(3) + 0.5) / 3))
    # Transposed: line x = 7 is the grid's row, and displacements are (dy, dx).
    np.testing.assert_allclose(grid.displacement_px[:, 7 + 1, 12 + 1, ::-1], expected, atol=1e-5)


def walking():
    """A global shutter, turning and moving in front of two surfaces."""
    shot = shake(96, 72, 1.0, readout_s=0.01)
    t = shot.trajectory.time_ns * 1e-9
    places = np.stack([0.4 * np.sin(8 * t), 0.2 * t, 0.1 * t**2], axis=-1)
    depth = np.full((72, 96), 4.0, np.float32)
    depth[20:50, 30:60] = 1.5
    poses = replace(trajectory(), positions_m=places)
    assert isinstance(poses, PoseTrajectory)
    return replace(shot, trajectory=poses, depth_m=depth, lens_shift=wobble())


@needs_kernel
def test_with_depth_the_kernel_and_two_other_routes_agree():
    motion, image = walking(), texture(72, 96)
    native = DepthOperator(motion, 8)
    blurred = native.forward(image)
    assert np.median(np.abs(blurred - ReferenceWorker(motion, 8).forward64(image))) < 2e-5
    # Where nothing is hidden the search from behind finds the same places.
    backward = DepthOperator(motion, 8, method="backward").forward(image)
    assert np.median(np.abs(blurred - backward)) < 2e-3
    without = DepthOperator(replace(motion, lens_shift=None), 8).forward(image)
    assert np.median(np.abs(blurred - without)) > 5e-3
    assert adjoint_error(native, channels=3, dtype=np.float32) < 1e-5


@needs_kernel
def test_depth_far_away_blurs_like_no_depth():
    motion = replace(walking(), depth_m=np.full((72, 96), 1e5, np.float32))
    image = texture(72, 96)
    flat = ExactOperator(replace(motion, depth_m=None), 8).forward(image)
    assert np.abs(DepthOperator(motion, 8).forward(image) - flat)[12:-12, 12:-12].max() < 2e-3


def test_depth_with_a_distorting_lens_and_a_stabiliser_is_refused():
    motion = walking()
    bent = replace(motion, camera=replace(motion.camera, distortion_model="opencv", distortion=(-0.1, 0.0, 0.0, 0.0)))
    with pytest.raises(CaptureError, match="without distortion, got opencv; undistort"):
        DepthOperator(bent, 4).forward(texture(72, 96))


def stabilised_capture():
    shot = shake(96, 72, readout_s=0.01)
    return Capture(shot.camera, shot.exposure, poses=shot.trajectory, lens_shift=wobble())


def test_the_field_of_a_capture_knows_its_stabiliser():
    capture = stabilised_capture()
    apart = blur_field(capture).displacement_px - blur_field(replace(capture, lens_shift=None)).displacement_px
    shift = wobble().at([START_NS + 5 * MS, capture.reference_ns])
    middle_row = apart[0, 2]  # pixel row 39.5, whose exposure starts 5.5 ms after the first row's
    np.testing.assert_allclose(middle_row.mean(axis=0), shift[0] - shift[1], atol=0.2)


def test_a_cropped_or_scaled_capture_is_shifted_like_the_whole():
    whole = CameraMotion.from_capture(stabilised_capture())
    part = CameraMotion.from_capture(stabilised_capture().cropped(20, 10, 50, 40))
    half = CameraMotion.from_capture(stabilised_capture().scaled(48, 36))
    point = np.array([30.0, 20.0])
    times = whole.line_times_ns(point, [0.1, 0.8])
    expected = whole.positions(point, times)
    corner = np.array([20.0, 10.0])
    np.testing.assert_allclose(part.positions(point - corner, times) + corner, expected, atol=1e-6)
    halved = half.positions((point + 0.5) / 2 - 0.5, times)
    np.testing.assert_allclose((halved + 0.5) * 2 - 0.5, expected, atol=1e-6)
