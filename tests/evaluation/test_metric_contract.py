"""What holds for every metric: the registry, bad input, masks, and the order of better and worse pictures."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from gyrosharp.errors import ImageError, UsageError
from gyrosharp.evaluation.metrics import all_metrics, find_metric, metrics, table

DOCS = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
FULL_REFERENCE = ("gmsd", "ms_ssim", "psnr", "ssim", "vif")
LEAST_SIDES = {"gmsd": 6, "ms_ssim": 161, "psnr": 1, "ssim": 11, "vif": 41}
PERFECT = {"gmsd": 0.0, "ms_ssim": 1.0, "psnr": np.inf, "ssim": 1.0, "vif": 1.0}


@pytest.fixture(scope="module")
def photo():
    return data.astronaut()[:256, 128:384] / 255.0


@pytest.fixture(scope="module")
def noisy(photo):
    return photo + np.random.default_rng(0).normal(0.0, 0.04, photo.shape)


def test_the_registry_lists_what_works_without_other_packages():
    assert tuple(metrics()) == ("gmsd", "ms_ssim", "niqe", "psnr", "ssim", "vif")
    assert set(all_metrics()) - set(metrics()) == {"lpips", "topiq", "musiq"}
    assert find_metric("lpips").NEEDS == "lpips"


def test_an_unknown_metric_is_named():
    with pytest.raises(UsageError, match=r"metric: expected one of gmsd, .*, got 'fid'"):
        find_metric("fid")


def test_the_documentation_lists_all_metrics():
    assert table() in DOCS.read_text(encoding="utf-8"), "paste gyrosharp.evaluation.metrics.table()"


@pytest.mark.parametrize("name", FULL_REFERENCE)
def test_equal_pictures_are_perfect(name, photo):
    assert find_metric(name).score(photo, photo) == PERFECT[name]


@pytest.mark.parametrize("name", metrics())
def test_more_blur_and_more_noise_are_worse(name, photo):
    rng = np.random.default_rng(1)
    unit = rng.normal(size=photo.shape)
    for made in (
        [cv2.GaussianBlur(photo, (0, 0), sigma) for sigma in (0.6, 1.2, 2.4, 4.8)],
        [photo + sigma * unit for sigma in (0.02, 0.04, 0.08, 0.16)],
    ):
        scores = [find_metric(name).score(picture, photo) for picture in made]
        worse = np.diff(scores) > 0 if find_metric(name).BETTER == "lower" else np.diff(scores) < 0
        assert worse.all(), scores


@pytest.mark.parametrize("name", metrics())
def test_values_are_clipped_as_a_file_would(name, photo):
    stretched = (photo - 0.5) * 1.5 + 0.5
    metric = find_metric(name)
    assert metric.score(stretched, photo) == metric.score(np.clip(stretched, 0.0, 1.0), photo)


@pytest.mark.parametrize("name", metrics())
def test_grey_pictures_score_like_three_equal_channels(name, photo, noisy):
    grey, other = photo[..., 1], noisy[..., 1]
    metric = find_metric(name)
    expected = metric.score(np.repeat(other[..., None], 3, axis=2), np.repeat(grey[..., None], 3, axis=2))
    assert metric.score(other, grey) == pytest.approx(expected, rel=1e-9)
    assert metric.score(other[..., None], grey[..., None]) == metric.score(other, grey)


@pytest.mark.parametrize("name", FULL_REFERENCE)
def test_a_transposed_pair_scores_the_same(name, photo, noisy):
    swapped = find_metric(name).score(noisy.swapaxes(0, 1), photo.swapaxes(0, 1))
    assert swapped == pytest.approx(find_metric(name).score(noisy, photo), rel=1e-9)


@pytest.mark.parametrize("name", FULL_REFERENCE)
def test_equal_weights_change_nothing(name, photo, noisy):
    expected = find_metric(name).score(noisy, photo)
    for weight in (1.0, 0.25):
        masked = find_metric(name).score(noisy, photo, np.full(photo.shape[:2], weight))
        assert masked == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("name", "reach"), [("psnr", 0), ("ssim", 5), ("gmsd", 4), ("vif", 40), ("ms_ssim", 95)])
def test_what_lies_beyond_the_mask_does_not_matter(name, reach, photo, noisy):
    """Weights are zero in the last columns, and changes begin as far behind that line as a window reaches."""
    mask = np.ones(photo.shape[:2])
    mask[:, 120:] = 0.0
    broken = noisy.copy()
    broken[:, 120 + reach :] = 0.0
    metric = find_metric(name)
    assert metric.score(broken, photo, mask) == pytest.approx(metric.score(noisy, photo, mask), rel=1e-9)
    assert metric.score(broken, photo) != pytest.approx(metric.score(noisy, photo), rel=1e-3)


@pytest.mark.parametrize("name", FULL_REFERENCE)
def test_the_smallest_picture_is_scored_and_a_smaller_one_refused(name, photo, noisy):
    least, metric = LEAST_SIDES[name], find_metric(name)
    assert np.isfinite(metric.score(noisy[:least, :least], photo[:least, :least]))
    with pytest.raises(ImageError, match=f"{name}: expected sides of at least {least} px, got"):
        metric.score(noisy[: least - 1, :least], photo[: least - 1, :least])


@pytest.mark.parametrize("name", metrics())
@pytest.mark.parametrize(
    ("broken", "error", "text"),
    [
        (lambda p: (p * 255).astype(np.uint8), UsageError, "expected floats of full scale 1, got uint8"),
        (
            lambda p: np.concatenate([p, p[..., :1]], axis=2),
            UsageError,
            r"or \(H, W, 3\), got an array \(256, 256, 4\)",
        ),
        (lambda p: p.ravel(), UsageError, "expected a picture"),
        (lambda p: np.where(p > 0.9, np.nan, p), ImageError, "expected finite values, got NaN or infinity"),
    ],
)
def test_what_is_no_picture_is_refused(name, broken, error, text, photo):
    with pytest.raises(error, match=f"{name}: .*{text}"):
        find_metric(name).score(broken(photo), photo)


@pytest.mark.parametrize("name", FULL_REFERENCE)
def test_pictures_that_cannot_be_compared_are_refused(name, photo):
    metric = find_metric(name)
    with pytest.raises(UsageError, match=f"{name}: expected the true picture, got none"):
        metric.score(photo)
    with pytest.raises(
        UsageError, match=rf"{name}: expected pictures of one shape, got \(256, 256, 3\) and \(256, 255"
    ):
        metric.score(photo, photo[:, :-1])


@pytest.mark.parametrize("name", FULL_REFERENCE)
@pytest.mark.parametrize(
    ("mask", "text"),
    [
        (np.ones((256, 255)), r"expected a mask \(256, 256\) like the pictures, got \(256, 255\)"),
        (np.full((256, 256), 255.0), r"expected mask weights within \[0, 1\]"),
        (np.full((256, 256), np.nan), r"expected mask weights within \[0, 1\]"),
        (np.zeros((256, 256)), "expected a mask with weights|flat"),
    ],
)
def test_masks_that_are_none_are_refused(name, mask, text, photo, noisy):
    with pytest.raises(UsageError, match=f"{name}: .*({text})"):
        find_metric(name).score(noisy, photo, mask)
