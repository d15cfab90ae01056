"""NIQE: its fits on samples of known shape, its features against a direct form, its model and its judgement."""

import importlib.util
import json
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.optimize import brentq
from scipy.special import gamma
from scipy.stats import gennorm
from skimage import data

from gyrosharp.errors import ImageError, UsageError
from gyrosharp.evaluation.metrics._scene_statistics import (
    asymmetric_gaussian,
    generalised_gaussian,
    normalised,
    patch_features,
)
from gyrosharp.evaluation.metrics.niqe import distance, fit_pristine, pristine_model, score

TOOL = Path(__file__).resolve().parents[2] / "tools" / "fit_niqe.py"


@pytest.mark.parametrize("shape", [0.5, 1.0, 2.0, 4.0])
def test_the_fit_finds_the_shape_of_samples(shape):
    samples = gennorm.rvs(shape, scale=0.7, size=(2, 400_000), random_state=9)
    found, variance = generalised_gaussian(samples)
    assert found == pytest.approx([shape, shape], rel=0.02)
    assert variance == pytest.approx(gennorm.var(shape, scale=0.7) * np.ones(2), rel=0.02)


@pytest.mark.parametrize("shape", [0.7, 1.0, 2.0])
def test_the_asymmetric_fit_finds_both_sides(shape):
    """Each side is half a symmetric density; the left one holds b_l / (b_l + b_r) of the samples."""
    left, right, size = 0.4, 1.2, 800_000
    rng = np.random.default_rng(10)
    sizes = np.abs(gennorm.rvs(shape, size=size, random_state=rng))
    values = np.where(rng.uniform(size=size) < left / (left + right), -left * sizes, right * sizes)
    found, mean, below, above = (float(value[0]) for value in asymmetric_gaussian(values[None]))
    second_moment = gamma(3 / shape) / gamma(1 / shape)
    assert found == pytest.approx(shape, rel=0.02)
    assert below == pytest.approx(left**2 * second_moment, rel=0.02)
    assert above == pytest.approx(right**2 * second_moment, rel=0.02)
    assert mean == pytest.approx(values.mean(), rel=0.02)


def direct_features(grey):
    """One patch, 96 x 96 px, feature by feature from the paper's equations."""

    def coefficients(picture):
        blurred = [gaussian_filter(p, 7 / 6, mode="nearest", truncate=3 / (7 / 6)) for p in (picture, picture**2)]
        return (picture - blurred[0]) / (np.sqrt(np.maximum(blurred[1] - blurred[0] ** 2, 0.0)) + 1.0)

    def shape_of(ratio):
        return brentq(lambda a: gamma(2 / a) ** 2 / (gamma(1 / a) * gamma(3 / a)) - ratio, 0.2, 9.99)

    def keys(x):
        x = abs(x)
        if x < 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0

    def shrunk(picture):
        padded = np.pad(picture, ((4, 4), (0, 0)), mode="symmetric")
        rows = [
            sum(0.5 * keys((2 * i + 0.5 - j) / 2.0) * padded[j + 4] for j in range(2 * i - 3, 2 * i + 5))
            for i in range(picture.shape[0] // 2)
        ]
        return np.array(rows)

    out = []
    for picture in (grey, shrunk(shrunk(grey).T).T):
        c = coefficients(picture)
        n = len(c)
        out += [shape_of(np.mean(np.abs(c)) ** 2 / np.mean(c**2)), np.mean(c**2)]
        for down, across in ((0, 1), (1, 0), (1, 1), (1, -1)):
            pairs = [
                c[i, j] * c[i + down, j + across]
                for i in range(n - down)
                for j in range(max(0, -across), n - max(0, across))
            ]
            p = np.array(pairs)
            left, right = np.mean(p[p < 0] ** 2), np.mean(p[p > 0] ** 2)
            k = np.sqrt(left / right)
            a = shape_of(np.mean(np.abs(p)) ** 2 / np.mean(p**2) * (k**3 + 1) * (k + 1) / (k**2 + 1) ** 2)
            scale = np.sqrt(gamma(1 / a) / gamma(3 / a))
            mean = (np.sqrt(right) - np.sqrt(left)) * scale * gamma(2 / a) / gamma(1 / a)
            out += [a, mean, left, right]
    return out


def test_features_are_the_papers():
    grey = data.camera()[150:246, 150:246].astype(np.float64)
    features, sharpness = patch_features(grey)
    assert features.shape == (1, 36)
    assert features[0] == pytest.approx(direct_features(grey), rel=1e-4, abs=1e-6)
    assert sharpness[0] == pytest.approx(normalised(grey)[1].mean())


def test_a_mirrored_picture_swaps_the_diagonals():
    grey = data.camera()[:192, :192].astype(np.float64)
    mean, mirrored = (patch_features(picture)[0].mean(axis=0) for picture in (grey, grey[:, ::-1]))
    for scale in (0, 18):
        assert mirrored[scale : scale + 10] == pytest.approx(mean[scale : scale + 10], rel=1e-9)
        assert mirrored[scale + 10 : scale + 14] == pytest.approx(mean[scale + 14 : scale + 18], rel=1e-9)


def test_patches_tile_from_the_top_left_and_flat_ones_are_left_out():
    grey = np.random.default_rng(12).uniform(0.0, 255.0, (200, 300))
    grey[:110, 85:205] = 90.0
    assert len(patch_features(grey)[0]) == 5


def test_the_distance_of_models_is_worked_by_hand():
    """Means 3 and 4 apart along two axes of variances (1 + 3) / 2 and (2 + 6) / 2: 9 / 2 + 16 / 4 = 8.5."""
    first = np.zeros(2), np.diag([1.0, 2.0])
    second = np.array([3.0, 4.0]), np.diag([3.0, 6.0])
    assert distance(first, second) == pytest.approx(np.sqrt(8.5))
    assert distance(first, first) == 0.0


def test_the_model_is_a_covariance():
    mean, covariance = pristine_model()
    assert mean.shape == (36,) and covariance.shape == (36, 36)
    assert np.array_equal(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance)[0] > 0.0


def test_the_fit_takes_sharp_patches_only():
    """A picture of a sharp and a blurred patch gives one patch of the two."""
    photo = data.camera()[150:246, 150:246] / 255.0
    both = np.concatenate([photo, cv2.GaussianBlur(photo, (0, 0), 4.0)], axis=1)
    model, patches = fit_pristine([both, photo])
    assert patches == 2
    assert model[0].shape == (36,)


def test_small_flat_and_masked_pictures_are_refused():
    photo = data.camera() / 255.0
    with pytest.raises(ImageError, match="niqe: expected sides of at least 96 px, got 300 x 95"):
        score(photo[:95, :300])
    with pytest.raises(ImageError, match="niqe: expected two patches of 96 x 96 px that are not flat, got 1"):
        score(photo[:191, :191])
    with pytest.raises(ImageError, match=r"niqe: expected two patches .* not flat, got 0"):
        score(np.full((192, 192), 0.5))
    with pytest.raises(UsageError, match="niqe: expected no mask, got one"):
        score(photo, mask=np.ones(photo.shape))


@pytest.mark.shared_data
def test_blur_is_worse_on_the_kodak_photos(shared_data, record_property):
    photos = sorted((shared_data / "images" / "kodak24").glob("*.png"))
    assert len(photos) == 24
    sharp, blurred = [], []
    for path in photos:
        picture = cv2.imread(str(path))[..., ::-1] / 255.0
        sharp.append(score(picture))
        blurred.append(score(cv2.GaussianBlur(picture, (0, 0), 1.0)))
    record_property("niqe_sharp_mean", float(np.mean(sharp)))
    record_property("niqe_blurred_mean", float(np.mean(blurred)))
    assert sum(b > s for s, b in zip(sharp, blurred, strict=True)) >= 22
    assert 2.0 < np.mean(sharp) < 4.0


@pytest.mark.slow
@pytest.mark.shared_data
def test_the_tool_reproduces_the_model(shared_data):
    specification = importlib.util.spec_from_file_location("fit_niqe", TOOL)
    tool = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(tool)
    photos = tool.photos_of(shared_data / "images")
    (mean, covariance), patches = fit_pristine(tool.picture_of(path) for path in photos)
    card = json.loads((files("gyrosharp.evaluation.metrics") / "niqe_pristine.json").read_text(encoding="utf-8"))
    assert card["photos"] == len(photos) and card["photos_sha256"] == tool.digest_of(photos)
    assert card["photo_sets"] == list(tool.SETS)
    # Decoders of JPEG files differ by a code here and there: a patch may fall on the other side of the threshold.
    assert patches == pytest.approx(card["patches"], rel=0.01)
    assert mean == pytest.approx(np.array(card["mean"]), rel=0.01, abs=1e-3)
    assert np.sqrt(np.diag(covariance)) == pytest.approx(np.sqrt(np.diag(np.array(card["covariance"]))), rel=0.02)
