from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.datasets.formats import read_dataset
from gyrosharp.datasets.synthesis.config import CameraPart, PicturePart
from gyrosharp.datasets.synthesis.pictures import Photo, PhotoLibrary, draw_scene, filled_depth
from gyrosharp.errors import ImageError
from gyrosharp.geometry.camera import CameraModel
from synth_inputs import write_photos, write_rgbd

WIDTH, HEIGHT = 240, 180


def ramp_photo(camera=None):
    """Red grows with x and green with y, one step per pixel; so a pixel tells where it comes from. Depth is x, too."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    return Photo(np.stack([x, y, 0 * x], axis=-1) / 1000, x, camera, {"name": "ramp"})


def scene_of(seed=0, margin_px=10, camera=None, **picture):
    part = PicturePart(**{"size": (80, 60), "scale": (0.5, 1.0), **picture})
    return draw_scene(ramp_photo(camera), np.random.default_rng(seed), part, CameraPart(), margin_px)


@pytest.mark.parametrize("seed", range(12))
def test_the_window_is_where_its_camera_says(seed):
    scene = scene_of(seed)
    x, y, width, height = scene.cut_px
    window = scene.whole.cropped(*scene.cut_px).scaled(*scene.size_px)
    # The same direction, seen by the whole camera and by the window's, must show the same content.
    pixel = np.array([20.0, 15.0])
    ray, _ = window.unproject(pixel)
    source, _ = scene.whole.project(ray)
    if "mirrored" in scene.facts:
        source[0] = WIDTH - 1 - source[0]
    shown = scene.sharp_linear[int(pixel[1]), int(pixel[0])] * 1000
    np.testing.assert_allclose(shown[:2], source, atol=0.15)  # averaging over areas is not quite linear
    assert x >= 0 and y >= 0 and x + width <= WIDTH and y + height <= HEIGHT


def test_both_mirrored_and_plain_scenes_occur_and_flip_can_be_off():
    assert {"mirrored" in scene_of(seed).facts for seed in range(12)} == {True, False}
    assert not any("mirrored" in scene_of(seed, flip=False).facts for seed in range(12))


def test_the_sample_has_its_margin_or_what_the_photo_allows():
    assert scene_of(margin_px=10, scale=(1.0, 1.0)).sample_px == (10, 10, 80, 60)
    scene = scene_of(margin_px=500, scale=(1.0, 1.0))
    assert scene.size_px == (WIDTH, HEIGHT) and scene.sample_px == (80, 60, 80, 60)


def test_depth_is_not_interpolated():
    scene = scene_of(3, flip=False)
    assert np.isin(scene.depth_m, np.arange(WIDTH)).all()
    np.testing.assert_allclose(scene.depth_m, scene.sharp_linear[..., 0] * 1000, atol=1.5)


def test_a_known_camera_is_kept():
    camera = CameraModel(WIDTH, HEIGHT, 200.0, 210.0, 100.0, 80.0)
    assert scene_of(camera=camera, flip=False).whole == camera
    scenes = [scene_of(seed, camera=camera) for seed in range(9)]
    mirrored = next(scene for scene in scenes if "mirrored" in scene.facts)
    assert mirrored.whole == replace(camera, cx=WIDTH - 1 - 100.0)


def test_places_and_scales_vary():
    cuts = {scene_of(seed).cut_px for seed in range(20)}
    assert len(cuts) == 20
    scales = [scene_of(seed).facts["scale"] for seed in range(40)]
    assert min(scales) < 0.6 and max(scales) > 0.9


def test_a_small_photo_is_refused():
    with pytest.raises(ImageError, match="ramp: expected at least 300 x 60 px, got 240 x 180"):
        scene_of(size=(300, 60))


def test_the_library_keeps_the_last_photos(tmp_path):
    library = PhotoLibrary(read_dataset(write_photos(tmp_path)))
    first = library.photo(0)
    assert library.photo(0) is first and len(library) == 3
    assert first.depth_m is None and len(first.facts["sha256"]) == 64


def test_a_grey_photo_has_three_channels(tmp_path):
    import cv2

    cv2.imwrite(str(tmp_path / "grey.png"), np.full((40, 50), 120, np.uint8))
    assert PhotoLibrary(read_dataset(tmp_path)).photo(0).sharp_linear.shape == (40, 50, 3)


def test_depth_comes_along(tmp_path):
    photo = PhotoLibrary(read_dataset(write_rgbd(tmp_path))).photo(0)
    assert set(np.unique(photo.depth_m)) == {np.float32(0.8), np.float32(3.0)}


def test_gaps_in_depth_take_the_farther_side():
    nan = np.nan
    depth_m = np.array(
        [[nan, 2, nan, nan, 1, nan], [nan] * 6, [3, 4, 5, 6, 7, 8], [nan, nan, nan, 2, nan, 9]], np.float32
    )
    filled = [[2, 2, 2, 2, 1, 1], [nan] * 6, [3, 4, 5, 6, 7, 8], [2, 2, 2, 2, 9, 9]]
    np.testing.assert_array_equal(filled_depth(depth_m), np.array(filled, np.float32))
