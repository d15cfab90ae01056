"""The noise estimate against known noise on blurred pictures, and the trust in bright pixels."""

import cv2
import numpy as np
import pytest

from gyrosharp.media.image_file import read_image
from gyrosharp.media.noise import NoiseModel, estimate_noise, fit_noise, measure_noise, saturation_confidence
from gyrosharp.media.transfer import SRGB


def scene(seed=0, shape=(400, 500, 3)):
    """Sharp-edged overlapping discs in linear light."""
    rng = np.random.default_rng(seed)
    picture = np.full(shape, 0.3, np.float32)
    for _ in range(250):
        x, y, radius = int(rng.integers(shape[1])), int(rng.integers(shape[0])), int(rng.integers(4, 40))
        cv2.circle(picture, (x, y), radius, rng.uniform(0.03, 0.75, 3).tolist(), -1)
    return picture


@pytest.mark.parametrize("std", [0.002, 0.005, 0.01, 0.03])
@pytest.mark.parametrize("blur_px", [2, 5])
def test_known_noise_on_blurred_pictures(std, blur_px):
    picture = cv2.GaussianBlur(scene(), (0, 0), blur_px)
    noisy = picture + std * np.random.default_rng(1).standard_normal(picture.shape).astype(np.float32)
    assert estimate_noise(np.clip(noisy, 0, 1)) == pytest.approx(std, rel=0.1)
    assert estimate_noise(noisy[..., 1]) == pytest.approx(std, rel=0.1)


def test_motion_blur_across_rows_only():
    kernel = np.full((1, 25), 1 / 25, np.float32)
    picture = cv2.filter2D(scene(), -1, kernel)  # stays sharp along columns
    noisy = picture + 0.005 * np.random.default_rng(1).standard_normal(picture.shape).astype(np.float32)
    assert estimate_noise(noisy) == pytest.approx(0.005, rel=0.25)


def test_eight_bit_rounding_does_not_hide_noise():
    picture = cv2.GaussianBlur(scene(), (0, 0), 3)
    noisy = np.clip(picture + 0.01 * np.random.default_rng(1).standard_normal(picture.shape), 0, 1)
    rounded = SRGB.decode(np.round(SRGB.encode(noisy) * 255) / 255).astype(np.float32)
    assert estimate_noise(rounded) == pytest.approx(0.01, rel=0.25)


def test_shot_noise():
    picture = cv2.GaussianBlur(scene(), (0, 0), 4)
    rng = np.random.default_rng(1)
    noisy = picture + np.sqrt(0.004**2 + 0.0004 * picture) * rng.standard_normal(picture.shape)
    model = fit_noise(noisy.astype(np.float32))
    assert model.shot_gain == pytest.approx(0.0004, rel=0.25)
    brightness = np.array([0.1, 0.4, 0.7], np.float32)
    np.testing.assert_allclose(model.std_at(brightness), np.sqrt(0.004**2 + 0.0004 * brightness), rtol=0.1)


def test_no_noise():
    assert estimate_noise(cv2.GaussianBlur(scene(), (0, 0), 5)) < 5e-4


@pytest.mark.parametrize("picture", [np.zeros((400, 400, 3)), np.ones((400, 400, 1)), np.full((9, 9, 3), 0.5)])
def test_pictures_that_cannot_tell(picture):
    assert fit_noise(picture.astype(np.float32)) == NoiseModel(0.0, 0.0, 0.0)


def test_confidence():
    grey = np.full((20, 30, 3), 0.5, np.float32)
    grey[10, 12, 1] = 1.0  # one channel is enough
    grey[3, 25] = SRGB.decode(0.96)  # halfway between knee and white
    trust = saturation_confidence(grey)
    assert trust.dtype == np.float32 and trust.shape == (20, 30)
    expected = np.ones((20, 30), np.float32)
    expected[9:12, 11:14] = 0.0
    expected[2:5, 24:27] = trust[3, 25]
    np.testing.assert_array_equal(trust, expected)
    assert 0.4 < trust[3, 25] < 0.6
    assert saturation_confidence(grey, grow_px=0).sum() == pytest.approx(20 * 30 - 2 + trust[3, 25])


@pytest.mark.parametrize(("quality", "most_left"), [(95, 0.4), (80, 0.3), (60, 0.2)])
def test_lossy_encoders_hide_the_noise(quality, most_left):
    encoded = SRGB.encode(cv2.GaussianBlur(scene(), (0, 0), 5))
    noisy = encoded + 0.01 * np.random.default_rng(3).standard_normal(encoded.shape)
    _, file = cv2.imencode(".jpg", np.uint8(np.rint(255 * np.clip(noisy, 0, 1))), [cv2.IMWRITE_JPEG_QUALITY, quality])
    picture = SRGB.decode(cv2.imdecode(file, cv2.IMREAD_COLOR) / 255.0).astype(np.float32)
    slope = 2 * np.sqrt(picture.mean())
    assert estimate_noise(picture) / slope < most_left * 0.01
    assert 0.0149 < estimate_noise(picture, lossy=True) / slope < 0.027


def test_what_was_smoothed_lacks_its_noise():
    """Noise of 1 % that a JPEG keeps, that smoothing has taken away before, and that a poor JPEG takes away."""
    encoded = SRGB.encode(cv2.GaussianBlur(scene(), (0, 0), 5))
    noisy = (encoded + 0.01 * np.random.default_rng(3).standard_normal(encoded.shape)).astype(np.float32)
    smooth = cv2.GaussianBlur(noisy, (0, 0), 2)
    taken = []
    for quality, picture in ((95, noisy), (85, noisy), (85, smooth), (40, noisy)):
        codes = np.uint8(np.rint(255 * np.clip(picture, 0, 1)))
        _, file = cv2.imencode(".jpg", codes, [cv2.IMWRITE_JPEG_QUALITY, quality])
        stored = SRGB.decode(cv2.imdecode(file, cv2.IMREAD_COLOR) / 255.0).astype(np.float32)
        taken.append(measure_noise(stored, lossy=True).taken)
        assert measure_noise(stored).taken == 0.0
    assert taken[:2] == [0.0, 0.0] and taken[2] > 0.2 and taken[3] > 0.5, taken


def test_noise_that_an_encoder_left_counts():
    noisy = cv2.GaussianBlur(scene(), (0, 0), 5)
    noisy += 0.05 * np.random.default_rng(3).standard_normal(noisy.shape).astype(np.float32)
    assert estimate_noise(noisy, lossy=True) == estimate_noise(noisy) > 0.04


def test_black_pictures_have_a_floor_too():
    assert 0 < estimate_noise(np.zeros((400, 400, 3), np.float32), lossy=True) < 0.01


@pytest.mark.shared_data
def test_blurred_photos(shared_data):
    for name in ("kodim01.png", "kodim08.png", "kodim23.png"):
        picture = cv2.GaussianBlur(read_image(shared_data / "images/kodak24" / name).pixels_linear, (0, 0), 2)
        noisy = picture + 0.004 * np.random.default_rng(1).standard_normal(picture.shape).astype(np.float32)
        assert estimate_noise(noisy) == pytest.approx(0.004, rel=0.25)
