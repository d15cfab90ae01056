from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

import gyrosharp as gs
from gyrosharp.datasets.synthesis.shot import observed
from gyrosharp.errors import ImageError, UsageError
from gyrosharp.media.transfer import SRGB
from gyrosharp.restore.confidence import TOLERANCE, confidence_map
from gyrosharp.restore.deblur import deblur, deblur_uniform
from gyrosharp.restore.restoration import mixed
from shots import photo, shake_photo, with_gyro_errors, with_other_gyro

SIDE = 288
BLOCK = 16
# Where a piece of another photo is pasted in.
OBJECT = (slice(100, 190), slice(90, 190))
# Where a light is, with nothing else saturated within reach.
LIGHT = (slice(140, 152), slice(140, 152))


def encoded(image):
    return SRGB.encode(np.clip(image, 0, 1))


def error_of(image, truth):
    return np.abs(encoded(image) - encoded(truth)).mean(axis=2)


def area_under_curve(score, label):
    """Share of pairs of a labelled and another pixel of which the labelled one scores higher."""
    ranks, hits = rankdata(score.ravel()), label.sum()
    return (ranks[label.ravel()].sum() - hits * (hits + 1) / 2) / (hits * (label.size - hits))


def in_blocks(values):
    rows, columns = (side // BLOCK for side in values.shape)
    return values[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK).mean((1, 3)).ravel()


def recorded(shot, border_px=36, reach_px=20):
    """Pixels whose light all fell on pixels that can be trusted: what the others hold may be right, by good luck."""
    bright = (encoded(shot.blurred_linear).max(axis=2) > 0.94).astype(np.uint8)
    mask = cv2.dilate(bright, np.ones((2 * reach_px + 1, 2 * reach_px + 1))) == 0
    mask[:border_px] = mask[-border_px:] = mask[:, :border_px] = mask[:, -border_px:] = False
    return mask


def map_of(shot, capture=None):
    result = deblur(capture or shot.capture, "rl", image=shot.blurred_linear)
    return result, confidence_map(result, shot.blurred_linear)


@pytest.fixture(scope="module", params=["astronaut", "coffee"])
def shot(request):
    return shake_photo(photo(request.param, SIDE, SIDE), seed=1, trail_px=18.0)


@pytest.fixture(scope="module")
def exact(shot):
    return map_of(shot)


def test_it_ranks_pixels_by_their_error(shot, exact, record_property):
    result, confidence = exact
    error = error_of(result.image, shot.sharp_linear)
    mask = recorded(shot)
    area = area_under_curve(-confidence[mask], error[mask] > TOLERANCE)
    whole = in_blocks(mask.astype(float)) == 1.0
    rank = spearmanr(-in_blocks(confidence)[whole], in_blocks(error)[whole]).statistic
    record_property("area_under_curve", float(area))
    record_property("rank_correlation_of_blocks", float(rank))
    assert confidence.shape == error.shape and confidence.dtype == np.float32
    assert confidence.min() >= 0.0 and confidence.max() <= 1.0
    # Measured: 0.82 and 0.84; 0.5 is chance.
    assert area > 0.77
    assert rank > 0.6


def test_it_says_how_many_pixels_are_right(shot, exact):
    """Share of pixels within the tolerance: overall, where the map is sure, and where it gives them an even chance."""
    result, confidence = exact
    mask = recorded(shot)
    right, confidence = error_of(result.image, shot.sharp_linear)[mask] < TOLERANCE, confidence[mask]
    assert abs(right.mean() - confidence.mean()) < 0.07
    assert right[confidence > 0.9].mean() > 0.95
    # Measured: 0.52 and 0.76.
    assert 0.35 < right[(confidence > 0.4) & (confidence < 0.6)].mean() < 0.85


def test_gyro_errors_lower_it_all_over(shot, exact):
    gyro = with_gyro_errors(shot.capture, 1, noise=0.02, bias=0.04, offset_s=0.008, focal=0.08)
    assert map_of(shot, gyro)[1].mean() < exact[1].mean() - 0.01


def test_it_falls_as_the_motion_gets_longer_than_it_was():
    """A focal length that is too long by a fifth, and by two: the same motion on the picture, only longer."""
    shot = shake_photo(photo("coffee", SIDE, SIDE), seed=2, trail_px=18.0)
    means = []
    for factor in (1.0, 1.2, 1.4):
        capture = replace(shot.capture, camera=shot.capture.camera.refocused(factor))
        means.append(map_of(shot, capture)[1].mean())
    assert means[0] > means[1] + 0.02 and means[1] > means[2] + 0.02


def test_the_gyro_of_another_shot_is_trusted_least(shot, exact):
    assert map_of(shot, with_other_gyro(shot.capture, 3))[1].mean() < exact[1].mean() - 0.03


def test_a_moving_object_stands_out(shot):
    still = observed(photo("cat", SIDE, SIDE)[OBJECT], np.random.default_rng(0), 0.01, 8)
    picture = shot.blurred_linear.copy()
    picture[OBJECT] = still
    inside = np.zeros(picture.shape[:2], bool)
    inside[OBJECT] = True
    _, confidence = map_of(replace(shot, blurred_linear=picture))
    assert confidence[inside].mean() < confidence[~inside].mean() - 0.25


def test_saturated_light_and_the_trail_around_it_are_not_trusted():
    sharp = np.full((SIDE, SIDE, 3), 0.2, np.float32)
    sharp[LIGHT] = 60.0
    shot = shake_photo(sharp, seed=1, trail_px=18.0)
    _, confidence = map_of(shot)
    saturated = encoded(shot.blurred_linear).min(axis=2) > 0.98
    assert confidence[LIGHT].max() < 0.1
    assert confidence[saturated].mean() < 0.4
    assert confidence[40:80, 40:80].min() > 0.9


def test_light_from_outside_the_picture_is_not_trusted():
    shot = shake_photo(np.full((SIDE, SIDE, 1), 0.2, np.float32), seed=1, trail_px=30.0)
    _, confidence = map_of(shot)
    border = np.ones((SIDE, SIDE), bool)
    border[40:-40, 40:-40] = False
    assert confidence.min() < 0.75
    assert confidence[~border].min() > 0.85
    assert confidence[border].mean() < confidence[~border].mean() - 0.05


def test_tiles_make_no_difference(shot, exact):
    # The tile is smaller than the picture, and yet holds it with its margins: two spans each way.
    tiled = confidence_map(exact[0], shot.blurred_linear, tile=256)
    np.testing.assert_allclose(tiled, exact[1], atol=2e-3)


def test_half_the_effect_is_mapped_as_it_is_written(shot, exact):
    half = replace(exact[0], image=mixed(exact[0].image, shot.blurred_linear, 0.5))
    confidence = confidence_map(half, shot.blurred_linear)
    error = error_of(half.image, shot.sharp_linear)
    mask = recorded(shot)
    assert area_under_curve(-confidence[mask], error[mask] > TOLERANCE) > 0.77


def test_the_motion_is_the_one_that_was_used(shot, exact):
    """Of the same result, mapped with the motion it rests on and with another one, the other is trusted less."""
    result, confidence = exact
    assert result.capture is not None
    other = replace(result, capture=with_other_gyro(result.capture, 3))
    assert confidence_map(other, shot.blurred_linear).mean() < confidence.mean() - 0.1


def test_a_photo_that_was_left_unchanged_is_trusted(shot):
    untouched = deblur(shot.capture, "rl", image=shot.blurred_linear, strength=0.0)
    assert untouched.capture is None
    np.testing.assert_array_equal(confidence_map(untouched, shot.blurred_linear), 1.0)


def test_without_a_cameras_motion_there_is_no_map(shot):
    kernel = np.zeros((5, 5))
    kernel[2] = 1.0
    result = deblur_uniform(shot.blurred_linear, kernel)
    with pytest.raises(UsageError, match="confidence map: expected a result that rests on the camera's motion"):
        confidence_map(result, shot.blurred_linear)


def test_another_photo_is_refused(shot, exact):
    with pytest.raises(ImageError, match="expected the photo of the result"):
        gs.confidence_map(exact[0], shot.blurred_linear[:-1])
