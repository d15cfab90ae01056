from dataclasses import replace

import cv2
import numpy as np
import pytest

from gyrosharp.capture.capture import Capture
from gyrosharp.capture.lens_shift import LensShift
from gyrosharp.datasets.synthesis.sensor import through_jpeg
from gyrosharp.datasets.synthesis.shot import observed
from gyrosharp.media.transfer import SRGB
from gyrosharp.restore import auto as auto_module
from gyrosharp.restore.agreement import Agreement, measure_agreement
from gyrosharp.restore.auto import FULL_SCORE, MOST_CORRECTED, AutoDeblurrer, judge, mirror_ratio, reflected
from gyrosharp.restore.calibration import Calibration, CalibrationPriors
from gyrosharp.restore.classical import survey
from gyrosharp.restore.deblur import deblur
from gyrosharp.restore.models import find_model
from gyrosharp.restore.spectrum import textured_spectra
from shots import gain_db, photo, shake_photo, with_gyro_errors, with_other_gyro

PHOTOS = ("astronaut", "coffee", "chelsea", "rocket", "camera", "cat")


def auto(capture, picture):
    return deblur(capture, "auto", image=picture)


@pytest.fixture(scope="module")
def shots():
    trails = (12.0, 16.0, 20.0, 24.0, 28.0, 32.0)
    return [shake_photo(photo(name), seed=k, trail_px=trails[k]) for k, name in enumerate(PHOTOS)]


def test_gains_3_5_db_with_all_gyro_errors_together(shots):
    gains = []
    for k, shot in enumerate(shots):
        result = auto(with_gyro_errors(shot.capture, seed=k), shot.blurred_linear)
        gains.append(gain_db(result.image, shot))
        assert result.diagnostics.refined is not None
    assert np.mean(gains) > 3.5
    assert min(gains) > 1.0


def test_is_as_good_as_rl_with_an_exact_gyro(shots):
    lost = []
    for shot in shots[::2]:
        best = deblur(shot.capture, "rl", image=shot.blurred_linear)
        result = auto(shot.capture, shot.blurred_linear)
        lost.append(gain_db(best.image, shot) - gain_db(result.image, shot))
        assert result.diagnostics.decision == "deblurred"
        assert result.diagnostics.gyro_agreement > FULL_SCORE
    assert np.mean(lost) < 0.5
    assert max(lost) < 1.3


@pytest.mark.parametrize("seed", range(4))
def test_the_gyro_of_another_shot_does_no_harm(shots, seed):
    shot = shots[seed]
    result = auto(with_other_gyro(shot.capture, seed), shot.blurred_linear)
    assert gain_db(result.image, shot) > -0.1


@pytest.mark.parametrize("seed", range(3))
def test_a_camera_on_a_tripod_with_a_shaky_log_is_left_alone(shots, seed):
    shot = shots[seed]
    sharp = observed(shot.sharp_linear, np.random.default_rng(seed), 0.01, 8)
    result = auto(shot.capture, sharp)
    assert result.diagnostics.decision == "left unchanged"
    assert "image and gyro disagree" in result.diagnostics.summary()
    np.testing.assert_array_equal(result.image, sharp)


@pytest.mark.parametrize("seed", range(3))
def test_a_photo_out_of_focus_is_left_alone(shots, seed):
    shot = shots[seed]
    y, x = np.mgrid[-5:6, -5:6]
    disc = (np.hypot(x, y) <= 4.5).astype(np.float32)
    soft = cv2.filter2D(shot.sharp_linear, -1, disc / disc.sum()).reshape(shot.sharp_linear.shape)
    soft = observed(soft, np.random.default_rng(seed), 0.01, 8)
    result = auto(shot.capture, soft)
    assert gain_db(result.image, replace(shot, blurred_linear=soft)) > -0.1


@pytest.mark.parametrize("trail_px", [0.3, 0.8])
def test_less_than_a_pixel_is_left_alone(trail_px):
    shot = shake_photo(photo("coffee"), trail_px=trail_px)
    result = auto(shot.capture, shot.blurred_linear)
    np.testing.assert_array_equal(result.image, shot.blurred_linear)
    assert "less than a pixel" in result.diagnostics.reason


def test_a_little_blur_does_no_harm():
    for k, trail_px in enumerate((1.3, 1.8, 2.6)):
        shot = shake_photo(photo("coffee"), seed=k, trail_px=trail_px)
        assert gain_db(auto(with_gyro_errors(shot.capture, k), shot.blurred_linear).image, shot) > -0.1


def as_jpeg(shot):
    codes = np.rint(255 * SRGB.encode(shot.blurred_linear)).astype(np.uint8)
    return replace(shot, blurred_linear=SRGB.decode(through_jpeg(codes, 90) / 255).astype(np.float32))


@pytest.mark.parametrize(("name", "trail_px"), [("rocket", 4.0), ("rocket", 20.0), ("chelsea", 2.5), ("chelsea", 4.0)])
def test_an_encoders_errors_do_not_speak_against_the_motion(name, trail_px):
    shot = as_jpeg(shake_photo(photo(name), seed=2, trail_px=trail_px))
    grey = shot.blurred_linear.mean(axis=-1)
    unaware, aware = (
        measure_agreement(shot.capture, textured_spectra(grey, trail_px, lossy=lossy)) for lossy in (False, True)
    )
    assert unaware.score < 0.5
    assert aware.score > 1.0
    assert aware.lead > 0.4


def test_a_jpeg_with_small_blur_is_deblurred():
    shot = as_jpeg(shake_photo(photo("chelsea"), seed=2, trail_px=4.0))
    result = AutoDeblurrer().deblur(with_gyro_errors(shot.capture, seed=2), shot.blurred_linear, lossy=True)
    assert result.diagnostics.reason == "image and gyro agree"
    assert gain_db(result.image, shot) > 1.5


def test_nothing_to_see_is_left_alone(shots):
    flat = np.full_like(shots[0].blurred_linear, 0.4)
    result = auto(shots[0].capture, flat)
    assert "too little texture" in result.diagnostics.reason
    np.testing.assert_array_equal(result.image, flat)


def test_known_poses_are_not_corrected(shots):
    shot = shots[0]
    known = Capture(shot.capture.camera, shot.capture.exposure, poses=shot.capture.trajectory())
    result = auto(known, shot.blurred_linear)
    assert result.diagnostics.decision == "deblurred"
    assert result.diagnostics.refined is None
    assert gain_db(result.image, shot) > 3.0


def test_diagnostics_name_the_corrections_with_their_signs(shots):
    shot = shots[1]
    late = replace(shot.capture, time_offset_s=0.01, camera=shot.capture.camera.refocused(1.06))
    said = auto(late, shot.blurred_linear).diagnostics
    assert abs(said.refined.time_offset_s) < 0.005
    assert said.method == "auto"
    assert said.seconds > 0
    assert said.as_json()["refined"]["focal_factor"] == said.refined.focal_factor
    assert "Gyro and camera were aligned" in said.summary()


def test_agreement_tells_the_own_log_from_others(shots):
    for k, shot in enumerate(shots):
        spectra = textured_spectra(shot.blurred_linear.mean(axis=-1), 20.0)
        own = measure_agreement(shot.capture, spectra)
        other = measure_agreement(with_other_gyro(shot.capture, k), spectra)
        assert own.score > 0.8
        assert own.lead > max(other.lead, 0.1)
        assert own.score > other.score + 0.3


def test_without_windows_nothing_agrees(shots):
    nothing = textured_spectra(np.zeros((300, 300), np.float32), 10.0)
    assert measure_agreement(shots[0].capture, nothing) == Agreement(0.0, 0.0, 0.0, 0.0, 0)


GOOD = Agreement(score=1.1, significance=10.0, lead=0.8, expected=0.1, windows=40)
PRIORS = CalibrationPriors()
MOST_SHIFTED = np.array([np.sqrt(MOST_CORRECTED) * PRIORS.offset_s, 0, 0, 0, 0])


@pytest.mark.parametrize(
    ("changed", "corrections", "trail_px", "strength", "words"),
    [
        ({}, np.zeros(5), 10.0, 1.0, "image and gyro agree"),
        ({"score": 0.5 * FULL_SCORE, "lead": 0.9}, np.zeros(5), 10.0, 0.5, "agree only roughly"),
        ({}, np.zeros(5), 2.0, 0.5, "the blur is small"),
        ({}, np.zeros(5), 0.9, 0.0, "less than a pixel"),
        ({"score": 0.1}, np.zeros(5), 10.0, 0.0, "does not show the blur"),
        ({"score": 0.1, "lead": -0.5, "shorter": 4.0}, np.zeros(5), 10.0, 0.0, "optical stabiliser"),
        ({"significance": 1.0}, np.zeros(5), 10.0, 0.0, "too much noise or compression, to tell"),
        ({"score": -1.0, "significance": -5.0}, np.zeros(5), 10.0, 0.0, "does not show the blur"),
        ({"lead": -0.2}, np.zeros(5), 10.0, 0.0, "another direction or length"),
        ({"score": 0.6, "lead": 0.3}, np.zeros(5), 10.0, 0.0, "nearly as well"),
        ({"expected": 0.001}, np.zeros(5), 10.0, 0.0, "too faint"),
        ({}, 1.1 * MOST_SHIFTED, 10.0, 0.0, "implausible"),
        ({}, 0.9 * MOST_SHIFTED, 10.0, 1.0, "image and gyro agree"),
        ({}, 0.9 * MOST_SHIFTED, 4.0, 0.0, "implausible"),
    ],
)
def test_verdicts(shots, changed, corrections, trail_px, strength, words):
    calibration = Calibration(shots[0].capture, corrections, PRIORS.sigmas, PRIORS)
    verdict = judge(calibration, replace(GOOD, **changed), trail_px)
    assert verdict.strength == pytest.approx(strength)
    assert words in verdict.reason


def test_the_reversed_motion_is_told_from_the_true_one(shots):
    """Its power spectrum is the same, so calibration and agreement cannot see it."""
    refused = 0
    for shot in shots[:4]:
        reversed_ = replace(shot.capture, imu=replace(shot.capture.imu, gyro_rad_s=-shot.capture.imu.gyro_rad_s))
        result = auto(reversed_, shot.blurred_linear)
        assert gain_db(result.image, shot) > -0.1
        refused += "reversed motion" in result.diagnostics.reason
    assert refused >= 2


def test_a_constant_rate_is_its_own_reflection(shots):
    spectra = textured_spectra(shots[0].blurred_linear.mean(axis=-1), 20.0)
    steady = replace(shots[0].capture.imu, gyro_rad_s=0 * shots[0].capture.imu.gyro_rad_s + [0.0, 0.5, 0.0])
    exposure = replace(shots[0].capture.exposure, readout_s=0.0)
    scene, _ = survey(
        replace(shots[0].capture, imu=steady, exposure=exposure, reference_ns=None), shots[0].blurred_linear
    )
    assert mirror_ratio(scene, spectra.centres_px) == pytest.approx(1.0, abs=2e-3)
    true, _ = survey(shots[0].capture, shots[0].blurred_linear)
    assert mirror_ratio(true, spectra.centres_px) > 1.005


@pytest.mark.parametrize("seed", [0, 4, 5])
def test_a_stabiliser_that_took_out_half_of_the_motion_is_named(seed):
    """The picture saw half of yaw and pitch that the gyro recorded, and all of its roll."""
    shot = shake_photo(photo(PHOTOS[seed]), seed=seed, trail_px=14.0)
    unstabilised = replace(shot.capture.imu, gyro_rad_s=shot.capture.imu.gyro_rad_s * (2.0, 2.0, 1.0))
    result = auto(replace(shot.capture, imu=unstabilised), shot.blurred_linear)
    assert result.diagnostics.decision == "left unchanged"
    assert "an optical stabiliser" in result.diagnostics.reason


def test_no_stabiliser_is_suspected_of_a_tripod(shots):
    for seed, shot in enumerate(shots[:3]):
        sharp = observed(shot.sharp_linear, np.random.default_rng(seed), 0.01, 8)
        assert "stabiliser" not in auto(shot.capture, sharp).diagnostics.reason


def test_a_reflected_capture_reflects_shift_and_bias(shots):
    capture = shots[0].capture
    moments = np.array([capture.exposure.start_ns, capture.reference_ns, capture.reference_ns + 40_000_000])
    shift = LensShift(moments, np.array([[1.0, 0.0], [2.0, 1.0], [5.0, -1.0]]))
    shifted = replace(capture, lens_shift=shift, gyro_bias_rad_s=np.array([0.01, 0.0, -0.02]))
    there = reflected(shifted)
    np.testing.assert_allclose(there.lens_shift.shift_px, [[3.0, 2.0], [2.0, 1.0], [-1.0, 3.0]])
    np.testing.assert_allclose(there.trajectory().rates_rad_s, -shifted.trajectory().rates_rad_s)


def test_files_with_losses_have_a_network_of_their_own(shots, monkeypatch):
    """What a camera stored as a JPEG it has smoothed and sharpened before."""
    asked = []
    monkeypatch.setattr(auto_module, "find_model", lambda name: (asked.append(name), find_model(name))[1])
    one = AutoDeblurrer()
    for lossy in (False, True, True):
        result = one.deblur(shots[0].capture, shots[0].blurred_linear, lossy=lossy)
        assert gain_db(result.image, shots[0]) > 1.0
    assert asked == ["refine-s", "refine-s-finished"]
