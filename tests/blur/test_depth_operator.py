"""DepthOperator: native kernel, NumPy reference, linearity, refusals."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gyrosharp.blur import depth_operator
from gyrosharp.blur.depth_backward import BackwardWorker
from gyrosharp.blur.depth_operator import DepthOperator
from gyrosharp.blur.depth_reference import ReferenceWorker
from gyrosharp.blur.exact import ExactOperator, native_kernel_available
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.blur.operator import blur_operator, operator_of_motion
from gyrosharp.capture.capture import Capture
from gyrosharp.errors import CaptureError, ImageError, UsageError
from gyrosharp.geometry import Exposure, PoseTrajectory, Shutter
from gyrosharp.geometry.rotation import exp_so3
from shaken import adjoint_error, camera, check_out, psnr, texture

MS = 1_000_000
WIDTH, HEIGHT, POSES = 96, 72, 4
needs_kernel = pytest.mark.skipif(not native_kernel_available(), reason="the native kernel was not built here")
LENSES = {
    "none": {},
    "opencv": {"distortion_model": "opencv", "distortion": (-0.2, 0.05, 1e-3, -5e-4, 0.0)},
    "fisheye": {"distortion_model": "opencv_fisheye", "distortion": (-0.01, 0.02, -0.005, 0.001)},
}


def layers(width=WIDTH, height=HEIGHT):
    """Depths: a wall, a slanted plane, a near post, and a patch that no sensor measured."""
    y, x = np.mgrid[:height, :width] / (height, width)[0]
    depth = np.full((height, width), 5.0, np.float32)
    slanted = (x > 0.1) & (x < 0.6) & (y > 0.1) & (y < 0.6)
    depth[slanted] = (1 / (0.3 + 0.5 * x))[slanted]
    depth[(x > 0.7) & (x < 0.95) & (y > 0.3)] = 0.9
    depth[(x > 1.0) & (y < 0.2)] = np.nan
    return depth


def walking(turn=1.0, shift=1.0):
    time_ns = np.arange(0, 201 * MS, 4 * MS)
    t = time_ns * 1e-9
    angles = turn * np.stack([0.02 * np.sin(30 * t + 0.3), 0.04 * np.sin(23 * t + 1), 0.06 * np.sin(17 * t)], axis=-1)
    places = shift * np.stack([0.12 * np.cos(20 * t), 0.07 * np.sin(26 * t + 0.5), 0.1 * np.cos(15 * t)], axis=-1)
    return PoseTrajectory(time_ns, exp_so3(angles), places)


def motion(shutter=Shutter.GLOBAL, width=WIDTH, height=HEIGHT, turn=1.0, shift=1.0, depth=None, **lens):
    model, exposure = camera(width, height, **lens), Exposure(50 * MS, 0.05, 0.02, shutter)
    reference_ns = exposure.reference_ns(width, height)
    depth = layers(width, height) if depth is None else depth
    return CameraMotion(model, exposure, walking(turn, shift), reference_ns, depth)


# ---------------------------------------------------------------- native against NumPy


@needs_kernel
@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("shutter", [Shutter.GLOBAL, Shutter.BOTTOM_TO_TOP, Shutter.LEFT_TO_RIGHT])
def test_native_meets_the_reference(shutter, lens):
    shot = motion(shutter, **LENSES[lens])
    image = texture(HEIGHT, WIDTH)
    operator, reference = DepthOperator(shot, POSES), ReferenceWorker(shot, POSES)
    gap = np.abs(operator.forward(image) - reference.forward64(image)).max(axis=-1)
    # The lens grid is good to 0.01 px. A target that lies on a tie may go to another pixel, and ties in the choice of
    # a hole's background depend on the order of the axes: those are few.
    assert np.median(gap) < (2e-3 if lens != "none" else 2e-5)
    assert np.mean(gap > 0.01) < 0.05
    assert psnr(operator.forward(image), reference.forward64(image)) > 45
    assert np.mean(np.abs(operator.coverage - reference.coverage()) > 0.01) < 0.02


@needs_kernel
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_native_meets_the_reference_to_rounding_without_a_lens(channels):
    image = texture(HEIGHT, WIDTH, channels)
    operator, reference = DepthOperator(motion(), POSES), ReferenceWorker(motion(), POSES)
    np.testing.assert_allclose(operator.forward(image), reference.forward64(image), atol=2e-5)
    np.testing.assert_allclose(operator.adjoint(image), reference.adjoint64(image), atol=2e-4)
    np.testing.assert_allclose(operator.coverage, reference.coverage(), atol=1e-6)


@needs_kernel
@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("shutter", Shutter)
def test_rotation_alone_meets_the_exact_operator(shutter, lens):
    shot = motion(shutter, shift=0.0, **LENSES[lens])
    turning = replace(shot, trajectory=replace(shot.trajectory, positions_m=None))
    image = texture(HEIGHT, WIDTH)
    gap = np.abs(DepthOperator(shot, 16).forward(image) - ExactOperator(turning, 16).forward(image))
    assert gap.max() < (5e-4 if lens == "none" else 2e-2)


def test_the_backward_search_meets_the_z_buffer_where_both_see():
    shot = motion(Shutter.TOP_TO_BOTTOM)
    image = texture(HEIGHT, WIDTH)
    splat, back = ReferenceWorker(shot, POSES), BackwardWorker(shot, POSES)
    seen = splat.coverage() > 0.999
    assert seen.mean() > 0.5
    assert psnr(splat.forward(image)[seen], back.forward(image)[seen]) > 40
    assert np.abs(splat.coverage() - back.coverage()).mean() < 0.02


# ---------------------------------------------------------------- a linear operator


@pytest.mark.parametrize("shutter", [Shutter.GLOBAL, Shutter.TOP_TO_BOTTOM, Shutter.RIGHT_TO_LEFT])
@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("fill", ["background", "none"])
def test_the_adjoint_is_the_transpose(shutter, lens, fill):
    operator = DepthOperator(motion(shutter, **LENSES[lens]), POSES, fill=fill)
    assert adjoint_error(operator, channels=3, dtype=np.float32) < 1e-6


@pytest.mark.parametrize("worker", [ReferenceWorker, BackwardWorker])
def test_the_adjoint_of_the_reference_is_the_transpose(worker):
    exact = worker(motion(Shutter.TOP_TO_BOTTOM), POSES)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, HEIGHT, WIDTH, 2))
    blurred, spread = exact.forward64(x), exact.adjoint64(y)
    assert abs((blurred * y).sum() - (x * spread).sum()) <= 1e-10 * np.linalg.norm(blurred) * np.linalg.norm(y)


def test_results_go_where_asked():
    check_out(DepthOperator(motion(), 8))


def test_light_is_neither_made_nor_lost():
    """Weights at a target add up to 1; the transpose hands out all it gets; unfilled holes lack their share."""
    ones = np.ones((HEIGHT, WIDTH, 1), np.float32)
    filled, dark = (DepthOperator(motion(), POSES, fill=fill) for fill in ("background", "none"))
    np.testing.assert_allclose(filled.forward(ones), 1.0, atol=1e-5)
    assert filled.adjoint(ones).sum(dtype=float) == pytest.approx(HEIGHT * WIDTH, rel=1e-5)
    share = dark.forward(ones)
    assert share.min() < 0.9
    assert dark.adjoint(ones).sum(dtype=float) == pytest.approx(share.sum(dtype=float), rel=1e-5)
    # Coverage leaves out what lies beyond the border as well.
    assert (dark.coverage <= share[..., 0] + 1e-5).all()
    np.testing.assert_array_equal(filled.coverage, dark.coverage)


@needs_kernel
@pytest.mark.parametrize("shutter", [Shutter.GLOBAL, Shutter.LEFT_TO_RIGHT])
def test_the_number_of_threads_changes_no_bit(shutter):
    shot = motion(shutter, width=400, height=250)
    image = texture(250, 400)
    one, five = (DepthOperator(shot, POSES, threads=threads) for threads in (1, 5))
    np.testing.assert_array_equal(one.forward(image), five.forward(image))
    np.testing.assert_array_equal(one.adjoint(image), five.adjoint(image))
    np.testing.assert_array_equal(one.coverage, five.coverage)


@needs_kernel
@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(1, 300),
    height=st.integers(1, 130),
    seed=st.integers(0, 2**32 - 1),
    shutter=st.sampled_from(Shutter),
)
def test_any_size_and_any_depth(width, height, seed, shutter):
    """Ragged depths, where no two neighbours are one surface: the transpose is exact and constants stay."""
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.5, 9.0, (height, width)).astype(np.float32)
    depth[rng.random((height, width)) < 0.2] = np.nan
    operator = DepthOperator(motion(shutter, width, height, depth=depth), 3)
    assert adjoint_error(operator, channels=1, dtype=np.float32, seed=seed % 1000) < 1e-6
    np.testing.assert_allclose(operator.forward(np.ones((height, width, 1), np.float32)), 1.0, atol=1e-5)


def test_unknown_depth_is_infinitely_far():
    image = texture(HEIGHT, WIDTH)
    unknown = DepthOperator(motion(depth=np.full((HEIGHT, WIDTH), np.nan, np.float32)), POSES)
    turning = DepthOperator(motion(shift=0.0), POSES)
    np.testing.assert_allclose(unknown.forward(image), turning.forward(image), atol=1e-4)
    farthest = DepthOperator(motion(depth=np.full((HEIGHT, WIDTH), 1e5, np.float32)), POSES)
    np.testing.assert_allclose(unknown.forward(image), farthest.forward(image), atol=1e-3)


@needs_kernel
def test_a_tile_seam_leaves_no_trace():
    """The picture is 600 px wide: three tiles. Cut out around a seam and blurred alone, it comes out the same."""
    depth = np.tile(layers(100, 80), (1, 6))
    shot = motion(width=600, height=80, depth=depth)
    image = texture(80, 600)
    whole = DepthOperator(shot, POSES).forward(image)
    model = shot.camera.cropped(110, 0, 200, 80)
    part = replace(shot, camera=model, depth_m=depth[:, 110:310])
    alone = DepthOperator(part, POSES).forward(image[:, 110:310])
    assert np.mean(np.abs(alone[:, 40:-40] - whole[:, 150:270]) > 1e-3) < 5e-3


# ---------------------------------------------------------------- choices


def test_inpainting_fills_holes_and_has_no_transpose():
    image = texture(HEIGHT, WIDTH)
    operator = DepthOperator(motion(), POSES, fill="inpaint")
    plain = DepthOperator(motion(), POSES)
    painted, filled = operator.forward(image), plain.forward(image)
    whole = DepthOperator(motion(), POSES, fill="none").forward(np.ones((HEIGHT, WIDTH, 1), np.float32))[..., 0] > 0.999
    np.testing.assert_allclose(painted[whole], filled[whole], atol=1e-4)
    assert 0.001 < np.abs(painted - filled)[~whole].mean() < 0.2
    assert painted.min() >= 0 and painted.max() <= image.max() + 1e-5
    with pytest.raises(UsageError, match="adjoint: expected a linear fill, got inpaint"):
        operator.adjoint(image)


def test_without_the_kernel_the_reference_does_the_work(monkeypatch):
    image = texture(HEIGHT, WIDTH)
    kernel = [DepthOperator(motion(), 2, fill=fill).forward(image) for fill in ("background", "none", "inpaint")]
    monkeypatch.setattr(depth_operator, "native_kernel_available", lambda: False)
    for fill, expected in zip(("background", "none", "inpaint"), kernel, strict=True):
        operator = DepthOperator(motion(), 2, fill=fill)
        assert operator.forward(image).dtype == np.float32
        np.testing.assert_allclose(operator.forward(image), expected, atol=5e-3 if fill == "inpaint" else 1e-4)
    reference = ReferenceWorker(motion(), 2)
    np.testing.assert_allclose(DepthOperator(motion(), 2).adjoint(image), reference.adjoint64(image), atol=1e-5)
    np.testing.assert_array_equal(DepthOperator(motion(), 2).coverage, reference.coverage())


def test_method_backward_is_at_hand():
    image = texture(HEIGHT, WIDTH)
    operator = DepthOperator(motion(), 2, method="backward")
    np.testing.assert_allclose(operator.forward(image), BackwardWorker(motion(), 2).forward(image))
    assert adjoint_error(operator, dtype=np.float64) < 1e-6
    assert operator.coverage.shape == (HEIGHT, WIDTH)


def test_reach_holds_every_source():
    """Light of a pixel comes from no further than reach_px: what a tile needs as margin."""
    operator = DepthOperator(motion(Shutter.TOP_TO_BOTTOM), POSES, fill="none")
    spread = operator.forward(np.pad(np.ones((1, 1, 1), np.float32), ((36, 35), (48, 47), (0, 0))))[..., 0]
    y, x = np.nonzero(spread)
    assert np.hypot(y - 36, x - 48).max() <= operator.reach_px + 1
    assert 5 < operator.reach_px < 40


def test_a_capture_with_depth_and_positions_gets_a_depth_operator(tmp_path):
    np.save(tmp_path / "depth.npy", layers())
    shot = motion()
    capture = Capture(shot.camera, shot.exposure, poses=shot.trajectory, depth_file=tmp_path / "depth.npy")
    operator = blur_operator(capture, poses=POSES)
    assert isinstance(operator, DepthOperator)
    image = texture(HEIGHT, WIDTH)
    np.testing.assert_array_equal(operator.forward(image), DepthOperator(shot, POSES).forward(image))
    assert isinstance(blur_operator(replace(capture, depth_file=None)), ExactOperator)
    assert isinstance(operator_of_motion(shot, 4), DepthOperator)
    assert blur_operator(capture).poses > 6


def test_no_poses_are_refused():
    for make in (DepthOperator, operator_of_motion):
        with pytest.raises(UsageError, match="poses: expected at least 1, got 0"):
            make(motion(), 0)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"fill": "black"}, "fill: expected one of background, inpaint, none, got 'black'"),
        ({"method": "magic"}, "method: expected one of splat, backward, got 'magic'"),
        ({"method": "backward", "fill": "none"}, "fill: expected background with method backward, got none"),
    ],
)
def test_unknown_choices_are_refused(choice, message):
    with pytest.raises(UsageError, match=message):
        DepthOperator(motion(), POSES, **choice)


def test_a_depth_map_of_another_size_is_refused():
    with pytest.raises(CaptureError, match="depth map: expected 96 x 72 px like the camera, got shape"):
        DepthOperator(motion(depth=np.ones((HEIGHT, WIDTH + 1), np.float32)), POSES)


@pytest.mark.parametrize("direction", ["forward", "adjoint"])
@pytest.mark.parametrize("shape", [(HEIGHT, WIDTH + 1, 3), (HEIGHT, WIDTH), (HEIGHT, WIDTH, 5), (HEIGHT, WIDTH, 0)])
def test_another_image_is_refused(direction, shape):
    with pytest.raises(ImageError, match="expected an image"):
        getattr(DepthOperator(motion(), POSES), direction)(np.zeros(shape, np.float32))


def test_walking_through_the_scene_is_refused():
    with pytest.raises(CaptureError, match="in front of the camera"):
        DepthOperator(motion(depth=np.full((HEIGHT, WIDTH), 0.01, np.float32)), POSES).forward(texture(HEIGHT, WIDTH))


def test_a_lens_that_folds_over_is_refused():
    shot = motion(distortion_model="opencv", distortion=(-3.0, 0.0, 0.0, 0.0))
    with pytest.raises(CaptureError, match="distortion: expected coefficients"):
        DepthOperator(shot, POSES).forward(texture(HEIGHT, WIDTH))


# ---------------------------------------------------------------- what the kernel refuses


def scene_arguments(**change):
    rays = np.zeros((3, 12, 14), np.float32)
    table = np.tile(np.eye(3, 4, dtype=np.float32).reshape(1, 1, 12), (2, 1, 1))
    arguments = {
        "rays": rays,
        "pad": 2,
        "poses": table,
        "weights": np.full(2, 0.5, np.float32),
        "halo": np.zeros(2, np.float32),
        "same": np.zeros(2, np.float32),
        "lens": None,
        "lens_frame": None,
        "fill": True,
        "threads": 1,
    }
    return {**arguments, **change}


@needs_kernel
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rays": np.zeros((4, 12, 14), np.float32)}, "rays must have 3 planes"),
        ({"rays": np.full((3, 12, 14), np.nan, np.float32)}, "rays must be finite"),
        ({"rays": np.full((3, 12, 14), -1, np.float32)}, "rays must have inverse depths >= 0"),
        ({"rays": np.zeros((3, 12, 14))}, "rays must be float32"),
        ({"pad": 6}, "pad must leave an image"),
        ({"pad": -1}, "pad must be an integer"),
        ({"poses": np.zeros((2, 3, 12), np.float32)}, r"poses must have shape \(N, 1 or 8, 12\)"),
        ({"poses": np.full((2, 1, 12), np.inf, np.float32)}, "poses must be finite"),
        ({"weights": np.zeros(3, np.float32)}, "weights must have shape"),
        ({"halo": np.zeros(3, np.float32)}, "halo must have shape"),
        ({"halo": np.full(2, -1, np.float32)}, "halo must be >= 0"),
        ({"same": np.full(2, -1, np.float32)}, "same must be >= 0"),
        ({"same": np.zeros(3, np.float32)}, "same must have shape"),
        ({"fill": 1}, "fill must be a bool"),
        ({"threads": 0}, "threads must be an integer"),
        (
            {
                "rays": np.zeros((5, 12, 14), np.float32),
                "lens": np.zeros((1, 2, 2), np.float32),
                "lens_frame": np.ones(3, np.float32),
            },
            "lens must have shape",
        ),
        (
            {
                "rays": np.zeros((5, 12, 14), np.float32),
                "lens": np.zeros((2, 2, 2), np.float32),
                "lens_frame": np.zeros(3, np.float32),
            },
            "lens_frame must have a step > 0",
        ),
    ],
)
def test_the_kernel_refuses_unfit_scenes(change, message):
    from gyrosharp.blur import _kernel

    with pytest.raises(ValueError, match=message):
        _kernel.DepthScene(**scene_arguments(**change))


@needs_kernel
def test_the_kernel_refuses_unfit_images():
    from gyrosharp.blur import _kernel

    scene = _kernel.DepthScene(**scene_arguments())
    for function in (_kernel.depth_forward, _kernel.depth_adjoint):
        with pytest.raises(ValueError, match="image must have shape"):
            function(np.zeros((9, 10, 3), np.float32), scene, 1)
        with pytest.raises(ValueError, match="threads"):
            function(np.zeros((8, 10, 3), np.float32), scene, 0)
        with pytest.raises(ValueError, match="out must have shape"):
            function(np.zeros((8, 10, 3), np.float32), scene, 1, np.zeros((8, 10, 1), np.float32))
    with pytest.raises(ValueError, match="threads"):
        _kernel.depth_coverage(scene, 0)
