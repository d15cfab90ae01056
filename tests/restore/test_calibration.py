from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.capture.capture import Capture
from gyrosharp.errors import CaptureError
from gyrosharp.restore.calibration import (
    FINE,
    CalibrationPriors,
    Prior,
    _Search,
    corrected,
    displacements,
    refine_motion,
    settle_motion,
)
from gyrosharp.restore.spectrum import textured_spectra
from shots import photo, shake_photo, with_gyro_errors

PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")


def windows(shot, trail_px=20.0):
    return textured_spectra(shot.blurred_linear.mean(axis=-1), trail_px)


def error_px(capture, truth, centres_px):
    """How far the trails are from the true ones, apart from shifts of the whole picture; rms."""
    apart = displacements(capture, centres_px) - displacements(truth, centres_px)
    apart -= apart.mean(axis=1, keepdims=True)
    return float(np.sqrt(np.mean(np.sum(apart**2, axis=-1))))


@pytest.fixture(scope="module")
def shots():
    return [shake_photo(photo(name), seed=k, trail_px=20.0) for k, name in enumerate(PHOTOS)]


def test_all_errors_together_shrink_to_a_fraction(shots):
    before, after = [], []
    for k, shot in enumerate(shots):
        spoiled, spectra = with_gyro_errors(shot.capture, seed=k), windows(shot)
        refined = refine_motion(spoiled, spectra)
        before.append(error_px(spoiled, shot.capture, spectra.centres_px))
        after.append(error_px(refined.capture, shot.capture, spectra.centres_px))
        assert refined.distance < 25
    assert np.mean(after) < 0.4 * np.mean(before)
    assert max(after) < 0.5


def test_an_exact_motion_is_hardly_changed(shots):
    for shot in shots:
        spectra = windows(shot)
        refined = refine_motion(shot.capture, spectra)
        assert error_px(refined.capture, shot.capture, spectra.centres_px) < 0.35


def test_slopes_hold_nothing_but_the_motion(shots):
    """Gradient against differences of the objective with fits that were carried on to their end."""
    shot = shots[0]
    search = _Search(shot.capture, windows(shot), CalibrationPriors().sigmas, Prior())

    def objective(z):
        state = search.state(z, FINE)
        for _ in range(15):
            state = search.state(z, FINE, state.fit)
        return state.objective

    state = search.state(np.zeros(5), FINE)
    for _ in range(5):
        state = search.state(np.zeros(5), FINE, state.fit)
    gradient, curvature = search.curvature(state)
    by_hand = [(objective(step) - objective(-step)) / 0.1 for step in 0.05 * np.eye(5)]
    # As the correction that it asks for, in the prior's standard deviations.
    np.testing.assert_allclose(np.linalg.solve(curvature, gradient - by_hand), 0, atol=0.1)


def settled(capture, spectra):
    return settle_motion(capture, refine_motion(capture, spectra), spectra)


def test_a_gyro_that_is_often_right_is_left_alone_unless_the_photo_objects(shots):
    right, wrong, before = [], [], []
    for k, shot in enumerate(shots):
        spectra, spoiled = windows(shot), with_gyro_errors(shot.capture, seed=k)
        right.append(error_px(settled(shot.capture, spectra).capture, shot.capture, spectra.centres_px))
        wrong.append(error_px(settled(spoiled, spectra).capture, shot.capture, spectra.centres_px))
        before.append(error_px(spoiled, shot.capture, spectra.centres_px))
    assert np.mean(right) < 0.05
    assert np.mean(wrong) < 0.45 * np.mean(before)


@pytest.mark.parametrize("priors", [Prior(), Prior(often_right=True)])
def test_the_parabola_touches_the_prior_and_stays_above(priors):
    rng = np.random.default_rng(0)
    for size in (0.0, 0.05, 0.3, 0.6, 1.0, 3.0):
        z = size * rng.standard_normal(5)
        slope = [(priors.log_density(z + d) - priors.log_density(z - d)) / 2e-5 for d in 1e-5 * np.eye(5)]
        np.testing.assert_allclose(slope, -priors.weight(z) * z, atol=1e-5)
        for other in z + rng.standard_normal((20, 5)):
            parabola = priors.log_density(z) - 0.5 * priors.weight(z) * (other @ other - z @ z)
            assert priors.log_density(other) >= parabola - 1e-9


def test_a_gyro_that_is_often_right_is_not_told_surer(shots):
    shot, spectra = shots[1], windows(shots[1])
    stds = [found(shot.capture, spectra).uncertainties for found in (refine_motion, settled)]
    np.testing.assert_allclose(stds[1], stds[0], rtol=0.3)


@pytest.mark.parametrize("offset_s", [-0.012, 0.012])
def test_an_offset_is_found_with_its_sign_and_uncertainty(shots, offset_s):
    found, told = [], []
    for shot in shots:
        late = replace(shot.capture, time_offset_s=offset_s)
        refined = refine_motion(late, windows(shot))
        found.append(refined.capture.time_offset_s)
        told.append(refined.uncertainties[0])
    # Smooth motion hardly tells offset from bias, so single shots miss by some of their stated uncertainty.
    assert abs(np.median(found)) < 0.4 * abs(offset_s)
    assert (np.abs(found) < 4 * np.array(told) + 1e-3).all()
    assert all(0 < std < CalibrationPriors().offset_s for std in told)


def test_a_wrong_focal_length_is_found_with_its_sign(shots):
    factors = []
    for shot in shots:
        long = replace(shot.capture, camera=shot.capture.camera.refocused(1.08))
        factors.append(np.exp(refine_motion(long, windows(shot)).corrections[4]))
    # The prior's standard deviation of 4 % holds it back: bias can explain a part of the length as well.
    assert max(factors) < 1.0
    assert 1 / 1.1 < np.median(factors) < 0.985


def test_corrections_apply_to_what_they_name():
    capture = shake_photo(photo("coffee", 90, 70), trail_px=5.0, focal_ratio=4.0).capture
    changed = corrected(capture, np.array([0.003, 0.01, -0.02, 0.03, np.log(1.1)]))
    assert changed.time_offset_s == pytest.approx(capture.time_offset_s + 0.003)
    np.testing.assert_allclose(changed.imu.gyro_rad_s, capture.imu.gyro_rad_s - [0.01, -0.02, 0.03])
    assert changed.camera.fx == pytest.approx(1.1 * capture.camera.fx)
    assert changed.reference_ns == capture.reference_ns


def test_the_result_does_not_depend_on_chance(shots):
    spoiled, spectra = with_gyro_errors(shots[0].capture), windows(shots[0])
    first, second = (refine_motion(spoiled, spectra).corrections for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_without_windows_or_gyro_nothing_is_corrected(shots):
    shot = shots[0]
    blank = textured_spectra(np.zeros((300, 300), np.float32), 10.0)
    assert refine_motion(shot.capture, blank).capture is shot.capture
    known = Capture(shot.capture.camera, shot.capture.exposure, poses=shot.capture.trajectory())
    refined = refine_motion(known, windows(shot))
    assert refined.capture is known and settle_motion(known, refined, windows(shot)) is refined
    assert refined.distance == 0


def test_narrow_priors_hold_the_motion(shots):
    spoiled = with_gyro_errors(shots[0].capture)
    refined = refine_motion(spoiled, windows(shots[0]), CalibrationPriors(1e-7, 1e-7, 1e-7))
    np.testing.assert_allclose(refined.corrections, 0, atol=1e-6)


@pytest.mark.parametrize("bad", [{"offset_s": 0.0}, {"bias_rad_s": -1.0}, {"log_focal": np.nan}])
def test_priors_must_be_positive(bad):
    with pytest.raises(CaptureError, match="expected standard deviations > 0"):
        CalibrationPriors(**bad)
