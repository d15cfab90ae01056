from dataclasses import replace

import cv2
import numpy as np
import pytest

from gyrosharp.blur.exact import ExactOperator, native_kernel_available
from gyrosharp.blur.operator import blur_operator
from gyrosharp.blur.reference import ReferenceOperator
from gyrosharp.blur.uniform import UniformOperator
from gyrosharp.media.noise import estimate_noise, saturation_confidence
from gyrosharp.restore.deblur import deblur
from gyrosharp.restore.problem import Problem
from gyrosharp.restore.solvers import Facts, _elementwise, find_method, richardson_lucy
from gyrosharp.restore.solvers.richardson_lucy import Settings, plan, plan_consistent, plan_plain
from shaken import psnr, shake, texture
from shots import gain_db, photo, shake_photo

METHODS = ["rl", "rl-tv", "rl-plain"]
SHOTS = [
    ("astronaut", 12.0),
    ("chelsea", 16.0),
    ("coffee", 20.0),
    ("rocket", 24.0),
    ("camera", 28.0),
    ("chelsea", 32.0),
]

needs_kernel = pytest.mark.skipif(not native_kernel_available(), reason="the native kernel was not built")


def problem(observed, operator, noise_std=0.005, confidence=None):
    trusted = np.ones(observed.shape[:2], np.float32) if confidence is None else confidence
    return Problem(observed, operator, noise_std, trusted)


@pytest.fixture(scope="module")
def seen():
    """A small picture through a rolling shutter: (sharp, the problem)."""
    sharp = texture(90, 120)
    motion = shake(120, 90, focal=2.5)
    blurred = ReferenceOperator(motion, 70).forward(sharp)
    noise = 0.005 * np.random.default_rng(0).standard_normal(sharp.shape)
    return sharp, problem(np.maximum(blurred + noise, 0).astype(np.float32), ExactOperator(motion, 24))


def test_a_problem_that_is_solved_again_gives_the_same(seen):
    """What was worked out for it is kept, and must stay as it is: some points here are hardly seen."""
    _, task = seen
    kept = task.seen.copy()
    first, again = (richardson_lucy.solve(task, settings=Settings(3, 0.01)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(task.seen, kept)


def test_gains_4_5_db_over_the_blurred_photo():
    """The promise: exact gyro, trails of 12 to 32 px, 1 % noise, 8 bit, 18 ms rolling shutter."""
    gains = []
    for seed, (name, trail_px) in enumerate(SHOTS):
        shot = shake_photo(photo(name), seed, trail_px=trail_px, noise_std=0.01, bits=8, readout_s=0.018)
        gains.append(gain_db(deblur(shot.capture, "rl", image=shot.blurred_linear).image, shot))
    assert np.mean(gains) > 4.5, gains
    assert min(gains) > 2.5, gains


def test_acceleration_and_total_variation_both_pay():
    shot = shake_photo(photo("coffee"), seed=1)
    by_method = {name: gain_db(deblur(shot.capture, name, image=shot.blurred_linear).image, shot) for name in METHODS}
    assert by_method["rl"] > by_method["rl-tv"] - 0.2
    assert by_method["rl-tv"] > by_method["rl-plain"] + 0.5
    assert by_method["rl-plain"] > 2.0


def log_likelihood(task, image):
    """sum c (B log A u - A u) of Poisson light; c as in the solver."""
    predicted = np.maximum(task.operator.forward(image), 1e-3)
    weight = task.confidence * task.operator.coverage**richardson_lucy.COVERAGE_POWER
    return float((weight[..., None] * (task.observed * np.log(predicted) - predicted)).sum(dtype=np.float64))


def test_every_plain_step_raises_the_likelihood(seen):
    _, task = seen
    path = [log_likelihood(task, task.observed)]
    path += [
        log_likelihood(task, richardson_lucy.solve(task, settings=Settings(k, 0.0, accelerated=False)))
        for k in range(1, 13)
    ]
    assert (np.diff(path) > 0).all(), np.diff(path)
    # Ever smaller steps: the first half brings most of it.
    assert path[6] - path[0] > 0.8 * (path[-1] - path[0])


def test_momentum_gets_further_in_as_many_steps(seen):
    _, task = seen
    plain, fast = (
        log_likelihood(task, richardson_lucy.solve(task, settings=Settings(12, 0.0, accelerated)))
        for accelerated in (False, True)
    )
    assert fast > plain


def test_light_is_kept(seen):
    """Away from the borders the iteration only moves light about."""
    _, task = seen
    observed = np.zeros_like(task.observed)
    observed[30:-30, 30:-30] = task.observed[30:-30, 30:-30]
    operator = UniformOperator(np.ones((1, 9)), observed.shape[:2])
    for accelerated in (False, True):
        restored = richardson_lucy.solve(problem(observed, operator), settings=Settings(15, 0.0, accelerated))
        assert restored.sum() == pytest.approx(observed.sum(), rel=0.01)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("level", [0.01, 0.4, 0.9])
def test_a_flat_image_stays_as_it_is(method, level):
    operator = ExactOperator(shake(120, 90, strength=2.0, focal=2.5), 24)
    flat = np.full((90, 120, 3), level, np.float32)
    solver = find_method(method)
    settings = solver.plan(Facts(0.003, level, 12.0), False)
    np.testing.assert_allclose(solver.solve(problem(flat, operator), None, settings, None), flat, rtol=1e-3)


@pytest.mark.parametrize("method", METHODS)
def test_points_that_no_pixel_saw_do_not_turn_black(method):
    """Short exposure, slow readout: the first rows look past the border of the view at the reference time."""
    sharp = photo("chelsea", 400, 280)
    shot = shake_photo(sharp, seed=1, trail_px=16.0, exposure_s=0.01, readout_s=0.03)
    seen_share = blur_operator(shot.capture).adjoint(np.ones((*sharp.shape[:2], 1), np.float32))[..., 0]
    unseen = seen_share < 1e-3
    assert unseen.mean() > 0.01
    restored = deblur(shot.capture, method, image=shot.blurred_linear).image
    assert abs(restored[unseen].mean() / sharp[unseen].mean() - 1) < 0.3
    assert gain_db(restored, shot) > 1.5


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("level", [0.0, 1.0])
def test_black_and_white_stay_finite(method, level):
    operator = ExactOperator(shake(120, 90, strength=2.0, focal=2.5), 24)
    picture = np.full((90, 120, 3), level, np.float32)
    picture[:, 60:] = 0.0
    solver = find_method(method)
    settings = solver.plan(Facts(0.0, float(picture.mean()), 12.0), False)
    restored = solver.solve(problem(picture, operator, 0.0, saturation_confidence(picture)), None, settings, None)
    assert np.isfinite(restored).all()
    assert restored.min() >= 0
    assert restored[:, 75:].max() < 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_dark_noise_is_not_blown_up(method):
    """Black with a few codes of noise: no bright specks."""
    noise = 3e-4 * np.abs(np.random.default_rng(0).standard_normal((90, 120, 3)))
    picture = noise.astype(np.float32)
    solver = find_method(method)
    settings = solver.plan(Facts(3e-4, float(picture.mean()), 12.0), False)
    operator = ExactOperator(shake(120, 90, focal=2.5), 24)
    assert solver.solve(problem(picture, operator, 3e-4), None, settings, None).max() < 3 * picture.max()


def streak():
    """A dim scene with a lamp ten times brighter than white, as a camera that clips it sees it."""
    sharp = np.repeat(0.3 * texture(160, 200, 1) + 0.05, 3, axis=2)
    cv2.line(sharp, (70, 60), (130, 100), (10.0, 10.0, 10.0), 5)
    shot = shake_photo(sharp, seed=4, trail_px=14.0, noise_std=0.004)
    near = cv2.dilate(np.uint8(sharp.max(axis=2) > 1), np.ones((61, 61), np.uint8)).astype(bool)
    trail = cv2.dilate(np.uint8(shot.blurred_linear.max(axis=2) > 0.9), np.ones((9, 9), np.uint8)).astype(bool)
    return shot, near & ~trail


@pytest.mark.parametrize("method", ["rl", "rl-plain"])
def test_the_confidence_mask_keeps_highlights_from_ringing(method):
    shot, around = streak()
    observed = shot.blurred_linear
    operator = blur_operator(shot.capture)
    noise = estimate_noise(observed)
    solver = find_method(method)
    settings = solver.plan(Facts(noise, float(observed.mean()), 14.0), False)
    masked, blind = (
        solver.solve(problem(observed, operator, noise, confidence), None, settings, None)
        for confidence in (saturation_confidence(observed), None)
    )
    ringing = [np.abs(image[around] - shot.sharp_linear[around]).mean() for image in (masked, blind)]
    assert ringing[0] < 0.8 * ringing[1]


def test_a_pixel_that_is_missed_by_more_than_is_trusted_counts_for_less():
    """By hand: B = 0.25, A u = u = 0.16, r = 0.1; at t = 0.02 a fifth of the step to B is left."""
    still = UniformOperator(np.ones((1, 1)), (12, 16))
    observed = np.full((12, 16, 3), 0.25, np.float32)
    for most, stepped in ((np.inf, 0.25), (0.1, 0.25), (0.02, 0.16 + 0.2 * 0.09), (0.0, 0.16)):
        settings = Settings(1, 0.0, accelerated=False, trusted_residual=most)
        start = np.full_like(observed, 0.16)
        np.testing.assert_allclose(
            richardson_lucy.solve(problem(observed, still), None, settings, start), stepped, 1e-5
        )


def test_the_worst_channel_decides():
    still = UniformOperator(np.ones((1, 1)), (12, 16))
    observed = np.broadcast_to(np.float32([0.25, 0.16, 0.17]), (12, 16, 3)).copy()
    settings = Settings(1, 0.0, accelerated=False, trusted_residual=0.05)
    restored = richardson_lucy.solve(problem(observed, still), None, settings, np.full_like(observed, 0.16))
    np.testing.assert_allclose(restored[5, 5], [0.205, 0.16, 0.165], rtol=1e-4)


def test_only_photos_that_lack_noise_are_trusted_only_so_far():
    facts = Facts(0.015, 0.25, 16.0)
    assert plan_consistent(facts).trusted_residual == np.inf
    # Noise of 1.5 % of the encoded photo: its slope at a brightness of 1/4 is 1.
    for taken in (0.1, 0.5, 1.0):
        smoothed = plan_consistent(replace(facts, taken=taken))
        assert smoothed.trusted_residual == pytest.approx(0.1 * 0.015 / taken)
        assert replace(smoothed, trusted_residual=np.inf) == plan_consistent(facts)
        assert plan(facts) == plan(replace(facts, taken=taken))


def test_what_a_camera_sharpened_after_the_blur_does_not_come_back_as_rings():
    """From the true view the few steps back to a sharpened photo lead away; trusted only so far, less than half so."""
    shot = shake_photo(photo("coffee"), seed=2, trail_px=16.0)
    codes = np.sqrt(shot.blurred_linear)
    sharpened = np.clip(codes + 1.5 * (codes - cv2.GaussianBlur(codes, (0, 0), 1.5)), 0, 1) ** 2
    operator = blur_operator(shot.capture)
    facts = Facts(estimate_noise(sharpened, lossy=True), float(sharpened.mean()), 16.0)
    inside = np.s_[40:-40, 40:-40]
    away = []
    for taken in (0.0, 1.0):
        settings = plan_consistent(replace(facts, taken=taken))
        pulled = richardson_lucy.solve(problem(sharpened, operator), None, settings, shot.sharp_linear.copy())
        away.append(np.sqrt(np.mean((np.sqrt(pulled[inside]) - np.sqrt(shot.sharp_linear[inside])) ** 2)))
    assert away[1] < 0.5 * away[0], away


def test_plans_react_to_noise():
    plans = [plan(Facts(noise, 0.25, 16.0)) for noise in (0.002, 0.005, 0.01, 0.02, 0.04)]
    strengths, steps = [p.tv_strength for p in plans], [p.iterations for p in plans]
    assert (np.diff(strengths) > 0).all()
    assert (np.diff(steps) <= 0).all() and steps[-1] < steps[0]
    plain = [plan_plain(Facts(noise, 0.25, 16.0)).iterations for noise in (0.002, 0.01, 0.04)]
    assert plain[0] > plain[1] > plain[2]


def test_plans_are_bounded():
    """No noise at all, noise beyond all measure, black photos, endless trails."""
    for facts in (Facts(0.0, 0.2, 16.0), Facts(1.0, 0.2, 16.0), Facts(0.01, 0.0, 0.0), Facts(0.01, 1.0, 1e5)):
        assert richardson_lucy.LEAST_ITERATIONS <= plan(facts).iterations <= richardson_lucy.MOST_ITERATIONS
        assert richardson_lucy.PLAIN_LEAST <= plan_plain(facts).iterations <= richardson_lucy.PLAIN_MOST
        assert 0 < plan(facts).tv_strength < 0.1


def test_plans_react_to_trails_start_and_acceleration():
    facts = Facts(0.01, 0.25, 16.0)
    assert plan(Facts(0.01, 0.25, 30.0)).iterations > plan(Facts(0.01, 0.25, 8.0)).iterations
    assert plan(facts, started=True).iterations < plan(facts).iterations < plan(facts, accelerated=False).iterations
    assert plan(facts, started=True).tv_strength == plan(facts).tv_strength
    # A brighter photo of the same linear noise shows less of it.
    assert plan(Facts(0.01, 0.5, 16.0)).tv_strength < plan(Facts(0.01, 0.1, 16.0)).tv_strength


def test_without_settings_they_are_planned_from_the_problem(seen):
    _, task = seen
    told = []
    richardson_lucy.solve(task, lambda *state: told.append(state))
    trail_px = 2.0 * task.operator.reach_px
    expected = plan(Facts(task.noise_std, float(task.observed.mean()), trail_px)).iterations
    assert told == [(k, expected) for k in range(1, expected + 1)]


def test_a_start_is_taken(seen):
    sharp, task = seen
    few = Settings(2, 1e-3)
    inner = (slice(15, -15), slice(15, -15))
    from_photo = richardson_lucy.solve(task, settings=few)
    from_truth = richardson_lucy.solve(task, settings=few, start=sharp.copy())
    assert psnr(from_truth[inner], sharp[inner]) > psnr(from_photo[inner], sharp[inner]) + 5


def test_grey_is_as_good_as_a_channel_of_grey_in_colour():
    sharp = photo("camera", 300, 260)
    shot = shake_photo(sharp, seed=2)
    grey = shot.blurred_linear
    coloured = deblur(shot.capture, "rl", image=np.repeat(grey, 3, axis=2)).image
    alone = deblur(shot.capture, "rl", image=grey).image
    np.testing.assert_allclose(coloured[..., 0], coloured[..., 2], atol=1e-5)
    # Total variation couples the channels, so that the gradients of three equal ones weigh sqrt(3) times as much.
    assert psnr(coloured[..., :1], alone) > 40


@pytest.mark.parametrize("method", METHODS)
def test_without_the_native_kernel_the_result_is_the_same(seen, monkeypatch, method):
    _, task = seen
    solver = find_method(method)
    settings = solver.plan(Facts(task.noise_std, float(task.observed.mean()), 12.0), False)
    usual = solver.solve(task, None, settings, None)
    monkeypatch.setattr(_elementwise, "native_kernel_available", lambda: False)
    np.testing.assert_allclose(solver.solve(task, None, settings, None), usual, atol=2e-5)


def both(monkeypatch, call):
    """Results of a call with the native kernel and without."""
    native = call()
    monkeypatch.setattr(_elementwise, "native_kernel_available", lambda: False)
    return native, call()


@needs_kernel
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (7, 1), (67, 131)])
class TestElementwise:
    """The NumPy fallback computes what the native kernel does."""

    def random(self, shape, channels, count):
        rng = np.random.default_rng(1)
        return [rng.random((*shape, channels), np.float32) for _ in range(count)]

    def test_ratio(self, monkeypatch, shape, channels):
        observed, predicted, mask = self.random(shape, channels, 3)
        predicted[0, 0] = 0.0
        confidence = np.ascontiguousarray(mask[..., 0])
        native, numpy = both(
            monkeypatch, lambda: _elementwise.ratio(observed, predicted.copy(), confidence, 1e-3, threads=2)
        )
        np.testing.assert_allclose(native, numpy, rtol=1e-5, atol=1e-6)
        expected = 1 + confidence[..., None] * (observed / np.maximum(predicted, np.float32(1e-3)) - 1)
        np.testing.assert_allclose(numpy, expected, rtol=1e-4, atol=1e-5)

    def test_tv_divergence(self, monkeypatch, shape, channels):
        (image,) = self.random(shape, channels, 1)
        native, numpy = both(
            monkeypatch, lambda: _elementwise.tv_divergence(image, 3e-3, threads=2, out=np.empty_like(image))
        )
        np.testing.assert_allclose(native, numpy, rtol=1e-4, atol=1e-5)
        # A divergence moves and does not make.
        assert abs(numpy.sum(dtype=np.float64)) < 1e-3

    @pytest.mark.parametrize("with_tv", [False, True])
    def test_update(self, monkeypatch, shape, channels, with_tv):
        estimate, correction, tv, previous, mask = self.random(shape, channels, 5)
        tv = 400 * (tv - 0.5) if with_tv else None  # beyond the limit of 0.25 in places
        normaliser = np.ascontiguousarray(mask[..., 0])
        normaliser[0, 0] = 0.0
        weight = np.ascontiguousarray(0.02 * mask[..., -1]) if with_tv else None

        def call():
            images = estimate.copy(), previous.copy()
            _elementwise.update(images[0], correction, normaliser, tv, weight, images[1], 0.7, threads=2)
            return images

        for native, numpy in zip(*both(monkeypatch, call), strict=True):
            np.testing.assert_allclose(native, numpy, rtol=1e-4, atol=1e-5)
