"""Captures with known poses and depth: deblurring a box before a wall, against a ray-by-ray oracle."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

import gyrosharp as gs
import rgbd_shot
from gyrosharp.blur.depth_operator import DepthOperator
from gyrosharp.capture.capture_file import load_capture
from gyrosharp.errors import CaptureError, UsageError
from gyrosharp.media.transfer import SRGB
from gyrosharp.restore import classical
from gyrosharp.restore.auto import LEAST_MIRROR_RATIO, mirror_ratio
from gyrosharp.restore.classical import survey
from shaken import psnr


@pytest.fixture(scope="module")
def scene():
    return rgbd_shot.scene()


@pytest.fixture(scope="module")
def folder(scene, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rgbd")
    rgbd_shot.write_shot(folder, scene)
    return folder


@pytest.fixture
def capture(folder):
    return load_capture(folder / "photo.capture.json")


def quality(linear_image, scene):
    """dB of the encoded image, as a viewer sees it."""
    return psnr(SRGB.encode(np.clip(linear_image, 0, 1)), SRGB.encode(np.clip(scene.sharp, 0, 1)))


def gain(capture, scene, method, **options):
    return quality(gs.deblur(capture, method, **options).image, scene) - quality(
        capture.read_image().pixels_linear, scene
    )


def without_depth(capture):
    return replace(capture, depth_file=None)


def test_operator_is_the_oracles_blur(capture, scene):
    """What is left is the background that no depth map knows, and the pixels which see both surfaces."""
    operator = gs.blur_operator(capture)
    assert isinstance(operator, DepthOperator)
    assert psnr(operator.forward(scene.sharp), scene.blurred) > 44
    assert psnr(gs.blur_operator(without_depth(capture)).forward(scene.sharp), scene.blurred) < 30


@pytest.mark.parametrize(("method", "least_db"), [("rl", 8.0), ("rl-tv", 8.0), ("rl-plain", 7.0), ("map", 7.0)])
def test_depth_is_worth_it(capture, scene, method, least_db):
    won = gain(capture, scene, method)
    assert won > least_db
    assert won > gain(without_depth(capture), scene, method) + 6


def test_auto_checks_known_poses_and_uses_them(capture, scene):
    result = gs.deblur(capture, "auto")
    found = result.diagnostics
    assert found.decision == "deblurred" and found.refined is None
    assert found.gyro_agreement > 0.8
    assert found.reblur_residual.after < 0.5 * found.reblur_residual.before
    assert gain(capture, scene, "auto") > 8


@pytest.mark.parametrize("change", ["no depth", "inverted", "turned"])
def test_auto_leaves_the_photo_alone_where_the_motion_is_wrong(capture, change):
    """Without depth; world-to-camera instead of camera-to-world; a path at right angles to the true one."""
    poses = capture.poses
    inverse = np.swapaxes(poses.rotations, -1, -2)
    wrong = {
        "no depth": without_depth(capture),
        "inverted": replace(
            capture,
            poses=replace(poses, rotations=inverse, positions_m=-np.einsum("nij,nj->ni", inverse, poses.positions_m)),
        ),
        "turned": replace(capture, poses=replace(poses, positions_m=poses.positions_m[:, [1, 0, 2]] * [-1, 1, 1])),
    }[change]
    result = gs.deblur(wrong, "auto")
    assert result.diagnostics.decision == "left unchanged", result.diagnostics.reason
    np.testing.assert_array_equal(result.image, capture.read_image().pixels_linear)


def test_mirror_ratio_of_known_poses(capture):
    scene, _ = survey(capture, capture.read_image().pixels_linear)
    centres = np.array([[200.0, 140.0]])
    assert mirror_ratio(scene, centres) > 1.05
    poses = capture.poses
    mirrored = replace(poses, rotations=np.swapaxes(poses.rotations, -1, -2), positions_m=-poses.positions_m)
    reflected = replace(scene, capture=replace(scene.capture, poses=mirrored))
    assert mirror_ratio(reflected, centres) < LEAST_MIRROR_RATIO


def test_tiles_agree_with_the_whole(capture, scene):
    """But for some pixels on the box's edge: whether a pixel there sees box or wall is a tie that rounding decides."""
    whole, tiled = (gs.deblur(capture, "rl", tile=tile) for tile in ("off", 256))
    assert tiled.diagnostics.tiles > 1
    difference = np.abs(SRGB.encode(np.clip(whole.image, 0, 1)) - SRGB.encode(np.clip(tiled.image, 0, 1))).max(axis=-1)
    steps = np.abs(cv2.Laplacian(scene.depth_m, cv2.CV_32F)) > 0
    near_edge = cv2.dilate(steps.astype(np.uint8), np.ones((11, 11), np.uint8)) > 0
    assert difference[~near_edge].max() < 2 / 255
    assert (difference > 2 / 255).sum() < 50


def test_half_size_start(capture, scene, monkeypatch):
    """Trails of 5 px would not be halved; told to, the depth map is halved with the photo."""
    monkeypatch.setattr(classical, "COARSE_TRAIL_PX", 3.0)
    seen = []
    halved = classical.Scene.halved
    monkeypatch.setattr(classical.Scene, "halved", lambda self: seen.append(halved(self)) or seen[-1])
    assert gain(capture, scene, "rl") > 8
    (half,) = seen
    assert half.capture.depth().shape == (144, 200)
    assert set(np.unique(half.capture.depth())) == set(np.unique(scene.depth_m))


def test_disoccluded_places_are_not_trusted(capture):
    scene, _ = survey(capture, capture.read_image().pixels_linear)
    problem = scene.problem(None)
    hidden = problem.operator.coverage < 0.9
    assert 0.005 < hidden.mean() < 0.1
    assert (problem.confidence[hidden] < 0.6).all()
    clear = problem.operator.coverage == 1
    np.testing.assert_array_equal(problem.confidence[clear], scene.confidence[clear])


def test_what_cannot_work_is_refused(capture):
    with pytest.raises(UsageError, match=r"wiener: expected a blur that changes smoothly .*; take method rl"):
        gs.deblur(capture, "wiener")


def test_reference_time_chooses_the_view(tmp_path):
    """The view at the start of the exposure, with its own depth map: the box lies 6 px from where the middle has it."""
    early_s = rgbd_shot.START_S + 0.008
    early = rgbd_shot.scene(early_s)
    rgbd_shot.write_shot(tmp_path, early)
    path = tmp_path / "photo.capture.json"
    path.write_text(json.dumps(rgbd_shot.document(reference_ns=round(early_s * 1e9))))
    told = load_capture(path)
    assert gain(told, early, "rl") > 8
    assert gain(replace(told, reference_ns=None), early, "rl") < 3


def test_depth_of_another_size_is_refused(folder, tmp_path):
    cv2.imwrite(str(tmp_path / "depth.png"), np.full((9, 9), 1000, np.uint16))
    small = replace(load_capture(folder / "photo.capture.json"), depth_file=tmp_path / "depth.png")
    with pytest.raises(CaptureError, match=r"depth\.png: expected a map of 400 x 288 px like the image"):
        gs.deblur(small, "rl")
