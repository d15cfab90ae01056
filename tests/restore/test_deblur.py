from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from gyrosharp.blur.uniform import UniformOperator
from gyrosharp.datasets.synthesis.shot import observed
from gyrosharp.errors import ImageError, ImuError, InputError, UsageError
from gyrosharp.evaluation.metrics import psnr_srgb
from gyrosharp.media.noise import saturation_confidence
from gyrosharp.restore import classical
from gyrosharp.restore.classical import Scene, checked_picture, survey
from gyrosharp.restore.deblur import ClassicalDeblurrer, deblur, deblur_uniform, deblurrer
from gyrosharp.restore.solvers import find_method, methods
from shots import gain_db, photo, shake_photo

METHODS = sorted(methods())
TILED = [name for name in METHODS if methods()[name].tiles]
# A long way round: an L of 9 px, lit unevenly.
KERNEL = np.zeros((9, 11))
KERNEL[2, 1:9] = np.linspace(0.5, 1.5, 8)
KERNEL[2:8, 8] = 1.0


@pytest.fixture(scope="module")
def shot():
    """Large enough for the quick kernel, trails long enough for a start at half size."""
    return shake_photo(photo("astronaut", 420, 340), seed=2, trail_px=18.0)


@pytest.fixture(scope="module")
def small():
    return shake_photo(photo("coffee", 90, 70), trail_px=5.0, focal_ratio=4.0)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gains(shot, method):
    before = shot.blurred_linear.copy()
    result = deblur(shot.capture, method, image=shot.blurred_linear)
    assert gain_db(result.image, shot) > 3.0
    assert result.image.shape == before.shape
    assert result.image.dtype == np.float32
    assert result.image.min() >= 0
    assert not result.image.flags.writeable
    np.testing.assert_array_equal(shot.blurred_linear, before)
    said = result.diagnostics
    assert (said.method, said.decision, said.tiles) == (method, "deblurred", 1)
    assert said.blur_extent_px.median == pytest.approx(18.0, abs=1.0)
    assert said.reblur_residual.after < 0.6 * said.reblur_residual.before
    assert (said.iterations is not None) == (said.tv_strength is not None) == method.startswith("rl")
    assert said.seconds > 0


@pytest.mark.parametrize("method", METHODS)
def test_grey_photos(method):
    shot = shake_photo(photo("camera", 340, 320), seed=3, trail_px=12.0)
    result = deblur(shot.capture, method, image=shot.blurred_linear)
    assert result.image.shape == (320, 340, 1)
    assert gain_db(result.image, shot) > 2.0


def test_the_photo_may_be_read_only_of_any_float_and_layout(small):
    usual = deblur(small.capture, "rl", image=small.blurred_linear).image
    frozen = np.asfortranarray(small.blurred_linear, dtype=np.float64)
    frozen.setflags(write=False)
    np.testing.assert_array_equal(deblur(small.capture, "rl", image=frozen).image, usual)


def test_the_same_again_gives_the_same(small):
    first, second = (deblur(small.capture, "rl", image=small.blurred_linear).image for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_strength_mixes_in_linear_light(small):
    none, half, full = (
        deblur(small.capture, "rl", image=small.blurred_linear, strength=strength).image for strength in (0, 0.5, 1)
    )
    np.testing.assert_array_equal(none, small.blurred_linear)
    np.testing.assert_allclose(half, 0.5 * small.blurred_linear + 0.5 * full, atol=1e-6)
    assert np.abs(full - small.blurred_linear).max() > 0.05


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (2, 60), (33, 31)])
@pytest.mark.parametrize("method", METHODS)
def test_tiny_photos(small, method, size):
    width, height = size
    part = small.blurred_linear[4 : 4 + height, 7 : 7 + width]
    result = deblur(small.capture.cropped(7, 4, width, height), method, image=part)
    assert result.image.shape == part.shape
    assert np.isfinite(result.image).all()
    assert np.isfinite(result.diagnostics.noise_std)


def refused(small, error, message, image=None, **arguments):
    picture = small.blurred_linear if image is None else image
    with pytest.raises(error, match=message):
        deblur(small.capture, **{"method": "rl", "image": picture, **arguments})


def test_unknown_methods_are_refused(small):
    known = r"method: expected one of auto, .*rl-tv, wiener.*, or a model's .onnx file, got 'magic'"
    refused(small, UsageError, known, method="magic")
    with pytest.raises(UsageError, match="method: expected one of auto"):
        deblurrer("")
    with pytest.raises(UsageError, match=r"method: expected one of map, rl, .* got 'auto'"):
        find_method("auto")
    with pytest.raises(UsageError, match="got 'magic'"):
        ClassicalDeblurrer("magic")


@pytest.mark.parametrize("strength", [-0.01, 1.01, float("nan"), float("inf")])
def test_strengths_beyond_0_to_1_are_refused(small, strength):
    refused(small, UsageError, f"strength: expected 0 to 1, got {strength:g}", strength=strength)
    with pytest.raises(UsageError, match="strength: expected 0 to 1"):
        deblur_uniform(small.blurred_linear, KERNEL, strength=strength)


@pytest.mark.parametrize("poses", [0, -3])
def test_fewer_poses_than_1_are_refused(small, poses):
    refused(small, UsageError, f"poses: expected at least 1, got {poses}", poses=poses)


def test_bad_tiles_are_refused_before_anything_is_read(small):
    with pytest.raises(UsageError, match="tile: expected auto, off or a size of at least 256 px, got 100"):
        deblur(small.capture, "rl", tile=100)


def test_unfit_photos_are_refused(small):
    picture = small.blurred_linear
    refused(small, ImageError, r"image: expected \(70, 90, '1 or 3'\) .*got \(69, 90, 3\)", image=picture[:-1])
    refused(small, ImageError, r"got \(70, 90, 2\)", image=picture[..., :2])
    refused(small, ImageError, r"got \(70, 90, 4\)", image=np.concatenate([picture, picture[..., :1]], axis=2))
    refused(small, ImageError, r"got \(70, 90\)", image=picture[..., 0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_photos_that_are_not_finite_are_refused(small, bad):
    broken = small.blurred_linear.copy()
    broken[20, 30, 1] = bad
    refused(small, ImageError, "image: expected finite pixels, got NaN or infinity", image=broken)
    with pytest.raises(ImageError, match="image: expected finite pixels"):
        deblur_uniform(broken, KERNEL)


def test_values_below_0_count_as_black():
    picture = np.full((4, 5, 3), 0.2, np.float32)
    picture[1, 1] = -0.1
    cleaned = checked_picture(picture, (4, 5))
    assert cleaned.min() == 0
    assert picture.min() < 0


def test_without_a_photo_there_is_nothing_to_deblur(small):
    with pytest.raises(ImageError, match="capture: expected an image, got none"):
        deblur(small.capture, "rl")


def test_a_log_that_misses_the_exposure_is_refused(small):
    exposure = small.capture.exposure
    late = replace(small.capture, exposure=replace(exposure, start_ns=exposure.start_ns + 10**10), reference_ns=None)
    with pytest.raises(ImuError, match=r"expected .*got"):
        deblur(late, "rl", image=small.blurred_linear)


@pytest.mark.parametrize(("method", "tile"), [(name, "off") for name in METHODS] + [(name, 256) for name in TILED])
def test_progress_rises_to_all(shot, method, tile):
    told = []
    part = shot.blurred_linear[:, :300]
    capture = shot.capture.cropped(0, 0, 300, part.shape[0])
    deblur(capture, method, image=part, tile=tile, progress=lambda *state: told.append(state))
    done, totals = zip(*told, strict=True)
    assert len(set(totals)) == 1
    assert all(later >= earlier for earlier, later in pairwise(done))
    assert 0 <= done[0] < done[-1] == totals[0]
    assert len(set(done)) > 5


def test_coarse_to_fine_is_quicker_and_no_worse(monkeypatch):
    shots = [
        shake_photo(photo(name, 440, 340), seed, trail_px=28.0) for seed, name in enumerate(("astronaut", "coffee"))
    ]

    def results():
        return [deblur(shot.capture, "rl", image=shot.blurred_linear) for shot in shots]

    started = results()
    monkeypatch.setattr(classical, "COARSE_TRAIL_PX", 1e9)
    direct = results()
    for shot, coarse, fine in zip(shots, started, direct, strict=True):
        assert coarse.diagnostics.iterations < fine.diagnostics.iterations
        assert gain_db(coarse.image, shot) > gain_db(fine.image, shot) - 0.1


@pytest.mark.parametrize("size", [(200, 140), (201, 143)])
def test_the_half_size_scene_has_the_same_motion(size):
    """Half the trails, half the noise, and the very blur of the halved photo."""
    shot = shake_photo(photo("astronaut", *size), trail_px=16.0, noise_std=0.0, bits=0)
    scene, _ = survey(shot.capture, shot.blurred_linear, poses=32)
    half = scene.halved()
    sharp = Scene(shot.capture, shot.sharp_linear, scene.confidence, scene.facts, 32).halved()
    assert half.picture.shape == (size[1] // 2, size[0] // 2, 3)
    assert half.confidence.shape == half.picture.shape[:2]
    assert half.facts.trail_px == scene.facts.trail_px / 2
    assert half.facts.noise_std == scene.facts.noise_std / 2
    assert half.poses == 16
    again = half.problem(None).operator.forward(sharp.picture)
    assert psnr_srgb(again, half.picture) > 37
    assert psnr_srgb(sharp.picture, half.picture) < 27


def test_a_box_of_a_scene_has_the_blur_of_that_box(shot):
    scene, _ = survey(shot.capture, shot.blurred_linear)
    whole = scene.problem(None)
    part = scene.problem((100, 60, 240, 200))
    box = (slice(60, 260), slice(100, 340))
    np.testing.assert_array_equal(part.observed, whole.observed[box])
    np.testing.assert_array_equal(part.confidence, whole.confidence[box])
    inner = (slice(40, -40), slice(40, -40))
    blurred = whole.operator.forward(shot.sharp_linear)[box][inner]
    np.testing.assert_allclose(
        part.operator.forward(np.ascontiguousarray(shot.sharp_linear[box]))[inner], blurred, atol=1e-3
    )


def test_the_survey_measures_noise_trails_and_saturation(shot):
    scene, extent = survey(shot.capture, shot.blurred_linear)
    assert extent.median == pytest.approx(18.0, abs=1.0)
    assert extent.median <= extent.max
    assert scene.facts.trail_px == extent.median
    assert scene.facts.brightness == pytest.approx(shot.blurred_linear.mean(), rel=1e-5)
    assert 0.003 < scene.facts.noise_std < 0.02
    np.testing.assert_array_equal(scene.confidence, saturation_confidence(shot.blurred_linear))
    assert survey(shot.capture, shot.blurred_linear, poses=7)[0].poses == 7


@pytest.fixture(scope="module")
def shifted():
    """A photo blurred by KERNEL, and the truth."""
    sharp = photo("coffee", 300, 260)
    blurred = UniformOperator(KERNEL, sharp.shape[:2]).forward(sharp)
    return sharp, observed(blurred, np.random.default_rng(0), 0.005, 8)


@pytest.mark.parametrize("method", METHODS)
def test_one_kernel_for_the_whole_photo(shifted, method):
    sharp, blurred = shifted
    told = []
    result = deblur_uniform(blurred, 255 * KERNEL, method, progress=lambda *state: told.append(state))
    gain = psnr_srgb(np.clip(result.image, 0, 1), sharp) - psnr_srgb(blurred, sharp)
    assert gain > 4.0
    assert result.diagnostics.method == method
    assert result.diagnostics.poses == 1
    assert 0 < result.diagnostics.reblur_residual.after < result.diagnostics.reblur_residual.before
    assert told[-1][0] == told[-1][1]
    # Mirrored, the same kernel is the wrong one.
    wrong = deblur_uniform(blurred, KERNEL[::-1, ::-1], method)
    assert psnr_srgb(np.clip(wrong.image, 0, 1), sharp) < psnr_srgb(blurred, sharp)


def test_strength_of_one_kernel(shifted):
    _, blurred = shifted
    none, half, full = (deblur_uniform(blurred, KERNEL, strength=strength).image for strength in (0, 0.5, 1))
    np.testing.assert_array_equal(none, blurred)
    np.testing.assert_allclose(half, 0.5 * blurred + 0.5 * full, atol=1e-6)


def test_kernels_that_are_none(shifted):
    _, blurred = shifted
    for kernel in (np.zeros((3, 3)), -KERNEL, KERNEL[0], np.ones((3, 400))):
        with pytest.raises(InputError, match="kernel: expected"):
            deblur_uniform(blurred, kernel)
    with pytest.raises(UsageError, match="method: expected one of"):
        deblur_uniform(blurred, KERNEL, method="auto")
    with pytest.raises(ImageError, match="image: expected"):
        deblur_uniform(blurred[..., :2], KERNEL)
    with pytest.raises(ImageError, match="image: expected"):
        deblur_uniform(blurred[..., 0], KERNEL)
