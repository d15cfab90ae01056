from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.blur.encodings import encode, encodings, moments_needed
from gyrosharp.blur.field import BlurField, field_of_motion
from gyrosharp.blur.field_transforms import transformed
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.blur.network_input import ORIENTATIONS, NetworkInput, blended, input_field, input_planes, laid_planes
from gyrosharp.capture.capture import Capture
from gyrosharp.datasets.synthesis.trail_length import scaled_to_trail
from gyrosharp.datasets.synthesis.tremor import hand_tremor
from gyrosharp.errors import UsageError
from gyrosharp.geometry import CameraModel, Exposure, PoseTrajectory
from gyrosharp.geometry.shutter import Shutter
from gyrosharp.imu.recording import ImuRecording


def steady(rate_rad_s, width=96, height=64, focal=200.0, duration_s=0.1):
    """A camera that turns steadily behind a global shutter."""
    time_ns = np.arange(0, 400_000_001, 5_000_000)
    imu = ImuRecording(time_ns, np.tile(np.float64(rate_rad_s), (time_ns.size, 1)), R_cam_imu=np.eye(3))
    camera = CameraModel(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)
    exposure = Exposure(100_000_000, duration_s, 0.0, Shutter.GLOBAL)
    return CameraMotion.from_capture(Capture(camera, exposure, imu=imu, R_cam_imu=np.eye(3)))


def shaken(width, height, seed=0, whole=640):
    """The upper left part of a 640 px wide picture with 28 px trails and a rolling shutter."""
    imu = hand_tremor(np.random.default_rng(seed), 2.0)
    focal = 0.8 * whole
    camera = CameraModel(whole, whole * 3 // 4, focal, focal, (whole - 1) / 2, (whole * 3 // 4 - 1) / 2)
    exposure = Exposure(int(imu.time_ns[0]) + 500_000_000, 0.05, 0.018)
    capture = scaled_to_trail(Capture(camera, exposure, imu=imu, R_cam_imu=np.eye(3)), 28.0)
    return CameraMotion.from_capture(capture.cropped(0, 0, width, height))


def exact_planes(motion, wanted):
    """The encoding of trajectories at every plane sample itself, also of those that the border cuts."""
    stride, camera = wanted.stride, motion.camera
    width, height = (-(-side // stride) * stride for side in (camera.width, camera.height))
    # A little more picture, read at the same pace.
    exposure = replace(motion.exposure, readout_s=motion.exposure.readout_s * height / camera.height)
    grown = replace(motion, camera=replace(camera, width=width, height=height), exposure=exposure)
    field = field_of_motion(grown, stride, max(moments_needed(wanted.encoding, 17), 2))
    return encode(wanted.encoding, field, **wanted.options)


def test_planes_by_hand():
    # Yaw by 0.1 rad about +y: the scene moves left, by 2 f tan(0.05) from end to end in the middle.
    motion = steady((0.0, 1.0, 0.0), 97, 65)
    wanted = NetworkInput("linear_kernel")
    planes = input_planes(wanted, input_field(motion, wanted), (65, 97))
    assert planes.shape == (2, 65, 97) and planes.dtype == np.float32
    assert planes[0, 32, 48] == pytest.approx(-2 * 200 * np.tan(0.05), abs=0.02)
    assert planes[1, 32, 48] == pytest.approx(0.0, abs=1e-3)
    # Roll by 0.1 rad: a point 40 px right of the middle goes up by 2 * 40 sin(0.05).
    motion = steady((0.0, 0.0, 1.0), 97, 65)
    planes = input_planes(wanted, input_field(motion, wanted), (65, 97))
    assert planes[:, 32, 88] == pytest.approx([0.0, -2 * 40 * np.sin(0.05)], abs=0.02)


@pytest.mark.parametrize("name", list(encodings()))
@pytest.mark.parametrize("size", [(128, 96), (333, 251), (17, 33), (15, 9), (5, 7), (1, 1)])
@pytest.mark.parametrize("stride", [1, 4])
def test_coarse_fields_give_the_exact_planes(name, size, stride):
    wanted = NetworkInput(name, stride=stride)
    motion = shaken(*size)
    planes = input_planes(wanted, input_field(motion, wanted), size[::-1])
    truth = exact_planes(motion, wanted)
    assert planes.shape == truth.shape == (wanted.channels, -(-size[1] // stride), -(-size[0] // stride))
    # One pixel at stride 4 stands for a cell whose middle is 1.5 px outside the picture.
    limit_px = 0.3 if size == (1, 1) and stride == 4 else 0.02
    assert np.abs(planes - truth).max() < limit_px


def test_where_a_coarser_field_would_err_it_is_made_finer():
    wanted = NetworkInput("linear_kernel")
    assert input_field(shaken(16, 16), wanted).stride == 8
    assert input_field(shaken(15, 16), wanted).stride == 1
    still = PoseTrajectory(np.array([0, 10**9]), np.tile(np.eye(3), (2, 1, 1)), np.array([[0.0, 0, 0], [1.0, 0, 0]]))
    depth_m = np.full((64, 96), 2.0, np.float32)
    moving = replace(steady((0.0, 0.0, 0.0)), trajectory=still, depth_m=depth_m)
    assert input_field(moving, wanted).stride == 1
    assert input_field(moving, NetworkInput("linear_kernel", stride=2)).stride == 2


def test_a_field_has_no_more_moments_than_needed():
    motion = shaken(64, 64)
    assert input_field(motion, NetworkInput("linear_kernel")).phases.tolist() == [0.0, 1.0]
    assert input_field(motion, NetworkInput("camera_motion_field")).phases.size == 17


def test_depth_comes_last():
    motion = steady((0.0, 1.0, 0.0))
    depth_m = np.full((64, 96), 1.0, np.float32)
    depth_m[:, 10], depth_m[:, 11], depth_m[:, 12] = 5.0, 40.0, np.nan
    wanted = NetworkInput("linear_kernel", depth=True)
    planes = input_planes(wanted, input_field(motion, wanted), (64, 96), depth_m)
    assert planes.shape == (3, 64, 96) and wanted.channels == 3 and planes.dtype == np.float32
    np.testing.assert_allclose(planes[2, 0, 9:13], [0.1, 0.5, 1.0, 1.0], rtol=1e-6)
    alone = NetworkInput(depth=True, depth_far_m=4.0)
    np.testing.assert_array_equal(input_planes(alone, None, (2, 3)), np.ones((1, 2, 3), np.float32))
    assert input_planes(alone, None, (64, 96), depth_m)[0, 0, 0] == 0.25


def test_no_planes_for_networks_that_see_the_picture_alone():
    wanted = NetworkInput()
    assert wanted.channels == 0
    assert input_planes(wanted, None, (5, 7)).shape == (0, 5, 7)


def test_options_reach_the_encoding():
    wanted = NetworkInput("camera_motion_field", {"pairs": 2}, stride=2)
    assert wanted.channels == 4
    motion = steady((0.0, 1.0, 0.0))
    planes = input_planes(wanted, input_field(motion, wanted), (64, 96))
    assert planes.shape == (4, 32, 48)
    # Two steps of 0.05 rad each.
    assert planes[:, 16, 24] == pytest.approx([-200 * np.tan(0.05), 0.0] * 2, abs=0.05)


@pytest.mark.parametrize("name", list(encodings()))
def test_blending_fields_blends_the_planes_of_linear_encodings(name):
    first, second = (input_field(shaken(64, 48, seed), NetworkInput(name)) for seed in (1, 2))
    wanted = NetworkInput(name, stride=2)
    planes = [input_planes(wanted, field, (48, 64)) for field in (first, second, blended(first, second, 0.25))]
    gap = np.abs(0.75 * planes[0] + 0.25 * planes[1] - planes[2]).max()
    assert gap < 1e-4 if encodings()[name].LINEAR else gap > 1e-2
    np.testing.assert_array_equal(blended(first, second, 0.0).displacement_px, first.displacement_px)
    np.testing.assert_array_equal(blended(first, second, 1.0).displacement_px, second.displacement_px)


def field_of(shape=(2, 4, 6, 2), stride=8):
    return BlurField(np.zeros(shape, np.float32), np.full(2, 0.5), np.array([0.0, 1.0]), stride, 0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NetworkInput("fog"), r"encoding: expected one of .*, got 'fog'"),
        (lambda: NetworkInput(stride=0), r"network input: expected stride >= 1, and 1 with depth or physics, got 0"),
        (
            lambda: NetworkInput(stride=2, depth=True),
            r"network input: expected stride >= 1, and 1 with depth or physics, got 2",
        ),
        (lambda: input_field(shaken(16, 16), NetworkInput()), r"expected an encoding, got none: .* picture alone"),
        (
            lambda: input_planes(NetworkInput("vector_norm"), None, (8, 8)),
            r"network input: expected a blur field for vector_norm, got none",
        ),
        (
            lambda: input_planes(NetworkInput("vector_norm"), field_of(), (32, 40)),
            r"expected a blur field of 5 x 4 cells of 8 px for a picture of 40 x 32 px, got 6 x 4; crop field and",
        ),
        (
            lambda: blended(field_of(), field_of(stride=4), 0.5),
            r"blend: expected fields of one grid and moments, got \(2, 4, 6, 2\) at stride 8 and .* at stride 4",
        ),
        (lambda: blended(field_of(), field_of((2, 4, 5, 2)), 0.5), r"blend: expected fields of one grid"),
    ],
)
def test_wrong_use_is_refused(call, message):
    with pytest.raises(UsageError, match=message):
        call()


def test_there_are_eight_orientations_and_the_first_is_none():
    square = np.arange(9).reshape(3, 3)
    assert len({way.laid(square).tobytes() for way in ORIENTATIONS}) == 8
    assert ORIENTATIONS[0].changes == ()


@pytest.mark.parametrize("way", ORIENTATIONS)
@pytest.mark.parametrize("name", encodings())
def test_planes_of_a_picture_that_lies_another_way(name, way):
    """Vectors are turned with the picture; depth and what physics tells are only moved."""
    wanted = NetworkInput(name, depth=True, physics=("noise", "estimate"))
    field = field_of_motion(shaken(48, 32), 1, moments_needed(name, 17))
    rng = np.random.default_rng(1)
    depth_m, physics = rng.uniform(0.5, 5, (32, 48)).astype(np.float32), rng.random((4, 32, 48), dtype=np.float32)
    laid = laid_planes(wanted, input_planes(wanted, field, (32, 48), depth_m, physics), way)
    for change in way.changes:
        field = transformed(field, change)
    shape = way.laid(depth_m).shape
    expected = input_planes(wanted, field, shape, way.laid(depth_m), np.ascontiguousarray(way.laid(physics)))
    np.testing.assert_allclose(laid, expected, atol=1e-5)


@pytest.mark.parametrize("count", [0, 9])
def test_there_are_no_more_orientations(count):
    with pytest.raises(UsageError, match=rf"network input: expected 1 to 8 orientations, got {count}"):
        NetworkInput(orientations=count)
