from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.blur.field import blur_field
from gyrosharp.blur.operator import blur_operator
from gyrosharp.datasets.synthesis.shot import POSES, ShakeSettings, observed, shaken_shot
from gyrosharp.datasets.synthesis.trail_length import median_trail_px
from gyrosharp.datasets.synthesis.tremor import hand_tremor
from gyrosharp.errors import ImuError
from gyrosharp.media.transfer import SRGB
from shots import photo, shake_photo


@pytest.fixture(scope="module")
def sharp():
    return photo("coffee", 400, 280)


@pytest.mark.parametrize("trail_px", [0.5, 2.0, 12.0, 40.0])
@pytest.mark.parametrize("readout_s", [0.0, 0.018])
def test_trails_are_as_long_as_asked(sharp, trail_px, readout_s):
    shot = shake_photo(sharp, trail_px=trail_px, readout_s=readout_s)
    assert median_trail_px(shot.capture) == pytest.approx(trail_px, rel=1e-3)
    # Not just by its own measure: a dense field says the same.
    assert np.median(blur_field(shot.capture, stride=2, times=65).extent_px) == pytest.approx(trail_px, rel=0.05)


def test_exposure_and_camera_are_as_asked(sharp):
    shot = shake_photo(sharp, exposure_s=0.03, readout_s=0.01, focal_ratio=1.5)
    exposure, camera = shot.capture.exposure, shot.capture.camera
    assert (exposure.duration_s, exposure.readout_s) == (0.03, 0.01)
    assert (camera.width, camera.height, camera.fx, camera.fy) == (400, 280, 600.0, 600.0)
    assert (camera.cx, camera.cy) == (199.5, 139.5)
    assert exposure.start_ns == shot.capture.imu.time_ns[0] + 300_000_000
    assert shot.sharp_linear is sharp


def test_the_same_seed_gives_the_same_shot(sharp):
    first, again, other = (shake_photo(sharp, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.blurred_linear, again.blurred_linear)
    np.testing.assert_array_equal(first.capture.imu.gyro_rad_s, again.capture.imu.gyro_rad_s)
    assert np.abs(first.blurred_linear - other.blurred_linear).max() > 0.1


def test_without_noise_and_rounding_it_is_the_operators_blur(sharp):
    shot = shake_photo(sharp, noise_std=0.0, bits=0)
    assert shot.blurred_linear.dtype == np.float32
    fine = blur_operator(shot.capture, POSES).forward(sharp)
    np.testing.assert_allclose(shot.blurred_linear, fine, atol=1e-5)
    # The solver's own, coarser operator comes close and is not the same.
    coarse = blur_operator(shot.capture).forward(sharp)
    assert 1e-4 < np.abs(coarse - fine).max() < 0.05


@pytest.mark.parametrize("bits", [8, 10])
def test_codes_are_rounded(sharp, bits):
    codes = SRGB.encode(shake_photo(sharp, bits=bits).blurred_linear) * (2**bits - 1)
    np.testing.assert_allclose(codes, np.rint(codes), atol=2e-3)
    assert codes.min() >= 0
    assert np.rint(codes).max() <= 2**bits - 1


def test_noise_is_as_asked_in_the_encoded_image():
    grey = np.full((120, 160, 3), 0.2, np.float32)
    noise = SRGB.encode(observed(grey, np.random.default_rng(0), 0.02, 0)) - SRGB.encode(grey)
    assert noise.std() == pytest.approx(0.02, rel=0.02)
    assert abs(noise.mean()) < 5e-4
    # Channels and neighbours have their own.
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.03
    assert abs(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]) < 0.03


def test_light_beyond_white_is_clipped():
    bright = np.full((4, 5, 3), 3.0, np.float32)
    np.testing.assert_array_equal(observed(bright, np.random.default_rng(0), 0.0, 8), 1.0)
    np.testing.assert_array_equal(observed(0 * bright, np.random.default_rng(0), 0.0, 0), 0.0)


def test_a_still_recording_is_refused(sharp):
    imu = hand_tremor(np.random.default_rng(0), 0.8)
    still = replace(imu, gyro_rad_s=np.zeros_like(imu.gyro_rad_s))
    with pytest.raises(ImuError, match=r"hand tremor: expected a moving stretch .* got a still one"):
        shaken_shot(sharp, still, 0.3, np.random.default_rng(0), ShakeSettings())


@pytest.mark.parametrize("start_s", [-0.5, 0.79, 100.0])
def test_a_recording_that_misses_the_exposure_is_refused(sharp, start_s):
    imu = hand_tremor(np.random.default_rng(0), 0.8)
    with pytest.raises(ImuError, match="hand tremor: expected"):
        shaken_shot(sharp, imu, start_s, np.random.default_rng(0), ShakeSettings())
