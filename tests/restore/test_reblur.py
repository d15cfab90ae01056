from dataclasses import replace

import numpy as np
import pytest

from gyrosharp.blur.operator import blur_operator
from gyrosharp.media.noise import saturation_confidence
from gyrosharp.restore.problem import Problem
from gyrosharp.restore.reblur import LEAST_NOISE_STD, ReblurSums, reblur_residual
from shots import photo, shake_photo

NOISE = 0.004


@pytest.fixture(scope="module")
def task():
    """A shot with white noise of known strength in linear light: (truth, problem)."""
    shot = shake_photo(photo("astronaut", 400, 300), seed=5, trail_px=16.0, noise_std=0.0, bits=0)
    noise = NOISE * np.random.default_rng(0).standard_normal(shot.sharp_linear.shape)
    observed = (shot.blurred_linear + noise).astype(np.float32)
    confidence = saturation_confidence(observed)
    return shot.sharp_linear, Problem(observed, blur_operator(shot.capture), NOISE, confidence)


def test_the_truth_is_off_by_the_noise_and_the_photo_by_more(task):
    sharp, problem = task
    residual = reblur_residual(problem, sharp)
    assert residual.after == pytest.approx(1.0, abs=0.1)
    assert residual.before > 2.0


def test_doing_nothing_scores_as_the_photo(task):
    residual = reblur_residual(task[1], task[1].observed)
    assert residual.after == residual.before


def test_the_worse_the_image_the_higher_the_score(task):
    sharp, problem = task
    mixed = [problem.observed * share + sharp * np.float32(1 - share) for share in (0.0, 0.3, 0.6, 1.0)]
    scores = [reblur_residual(problem, image.astype(np.float32)).after for image in mixed]
    assert (np.diff(scores) > 0).all()


def test_a_shifted_image_scores_badly(task):
    sharp, problem = task
    assert reblur_residual(problem, np.roll(sharp, 3, axis=1)).after > 3.0


def test_the_unit_is_the_noise(task):
    sharp, problem = task
    usual, doubled = (reblur_residual(p, sharp) for p in (problem, replace(problem, noise_std=2 * NOISE)))
    # Twice the noise halves the score; the texture that counts is also stronger, which moves it a little.
    assert doubled.after == pytest.approx(usual.after / 2, rel=0.1)


def test_saturated_pixels_do_not_count(task):
    sharp, problem = task
    burnt = problem.observed.copy()
    burnt[100:140, 150:200] = 3.0
    trusted = problem.confidence.copy()
    trusted[95:145, 145:205] = 0.0
    assert reblur_residual(replace(problem, observed=burnt, confidence=trusted), sharp).after < 1.2
    assert reblur_residual(replace(problem, observed=burnt), sharp).after > 5.0


def test_light_from_outside_the_image_does_not_count(task):
    sharp, problem = task
    outside = problem.operator.coverage < 0.99
    assert outside.any()
    wrong = problem.observed.copy()
    wrong[outside] = 0.0
    assert reblur_residual(replace(problem, observed=wrong), sharp).after < 1.5


def test_without_any_trusted_pixel_there_is_no_residual(task):
    sharp, problem = task
    assert reblur_residual(replace(problem, confidence=np.zeros_like(problem.confidence)), sharp) is None


@pytest.mark.parametrize("noise_std", [0.0, 0.01])
def test_a_photo_without_texture_is_judged_on_all_its_pixels(task, noise_std):
    _, problem = task
    flat = np.full_like(problem.observed, 0.5)
    plain = replace(problem, observed=flat, noise_std=noise_std)
    assert reblur_residual(plain, flat).after < 0.01
    brighter = reblur_residual(plain, flat + np.float32(0.02))
    assert brighter.after == pytest.approx(0.02 / max(noise_std, LEAST_NOISE_STD), rel=1e-3)


def test_parts_add_up_to_the_whole(task):
    sharp, problem = task
    sums = ReblurSums()
    for rows in (slice(0, 130), slice(130, None)):
        sums.add(problem, sharp, (rows, slice(None)))
    parts, whole = sums.residual(NOISE, 3), reblur_residual(problem, sharp)
    assert parts.before == pytest.approx(whole.before, rel=1e-6)
    assert parts.after == pytest.approx(whole.after, rel=1e-6)


def test_the_problem_is_left_as_it_was(task):
    sharp, problem = task
    before = problem.observed.copy(), sharp.copy()
    reblur_residual(problem, sharp)
    np.testing.assert_array_equal(problem.observed, before[0])
    np.testing.assert_array_equal(sharp, before[1])
