import numpy as np
import pytest

from gyrosharp.blur.exact import ExactOperator
from gyrosharp.blur.psf_grid import PsfGridOperator
from gyrosharp.blur.reference import ReferenceOperator
from gyrosharp.blur.uniform import UniformOperator
from gyrosharp.restore.problem import Problem
from gyrosharp.restore.solvers import hyper_laplacian, wiener
from gyrosharp.restore.solvers.hyper_laplacian import Settings, gradient, gradient_adjoint, shrink
from shaken import psnr, shake, texture

WIDTH, HEIGHT = 160, 120
NOISE = 0.005


def shot(strength=1.0):
    return shake(WIDTH, HEIGHT, strength, focal=2.5)


@pytest.fixture(scope="module")
def seen():
    sharp = texture(HEIGHT, WIDTH)
    blurred = ReferenceOperator(shot(), 70).forward(sharp)
    return sharp, (blurred + NOISE * np.random.default_rng(0).standard_normal(sharp.shape)).astype(np.float32)


def problem(observed, operator, noise_std=NOISE, confidence=None):
    trusted = np.ones(observed.shape[:2], np.float32) if confidence is None else confidence
    return Problem(observed, operator, noise_std, trusted)


def inner(image, margin=20):
    return image[margin:-margin, margin:-margin]


@pytest.mark.parametrize("kind", [ExactOperator, PsfGridOperator])
def test_restores_better_than_wiener(seen, kind):
    sharp, observed = seen
    task = problem(observed, kind(shot(), 32))
    restored = hyper_laplacian.solve(task)
    assert restored.shape == observed.shape
    assert restored.dtype == np.float32
    assert restored.min() >= 0
    assert psnr(inner(restored), inner(sharp)) > psnr(inner(observed), inner(sharp)) + 5.0
    assert psnr(inner(restored), inner(sharp)) > psnr(inner(wiener.solve(task)), inner(sharp)) + 1.0


def test_the_start_matters_little(seen):
    sharp, observed = seen
    task = problem(observed, ExactOperator(shot(), 32))
    from_wiener = hyper_laplacian.solve(task)
    from_observed = hyper_laplacian.solve(task, start=observed)
    quality = [psnr(inner(u), inner(sharp)) for u in (from_observed, from_wiener)]
    assert abs(quality[0] - quality[1]) < 1.0
    assert quality[0] > psnr(inner(observed), inner(sharp)) + 5.0


def test_pixels_without_confidence_are_ignored(seen):
    """A burnt-out block would spread its error over the trail; with confidence 0 it stays where it is."""
    sharp, observed = seen
    burnt, trusted = observed.copy(), np.ones((HEIGHT, WIDTH), np.float32)
    burnt[50:60, 70:80] = 5.0
    trusted[50:60, 70:80] = 0.0
    operator = ExactOperator(shot(), 32)
    around = np.ones((HEIGHT, WIDTH), bool)
    around[48:62, 68:82] = False
    around[:20] = around[-20:] = around[:, :20] = around[:, -20:] = False
    clean, ignoring, trusting = (
        psnr(hyper_laplacian.solve(task, start=observed)[around], sharp[around])
        for task in (
            problem(observed, operator),
            problem(burnt, operator, confidence=trusted),
            problem(burnt, operator),
        )
    )
    assert ignoring > clean - 0.3
    assert trusting < clean - 3.0


def test_without_blur_or_noise_little_changes():
    image = texture(HEIGHT, WIDTH)
    operator = PsfGridOperator(shot(strength=0.0), 8)
    assert psnr(hyper_laplacian.solve(problem(image, operator, noise_std=0.0)), image) > 60


def test_denoises_where_there_is_no_blur():
    image = texture(HEIGHT, WIDTH)
    noisy = (image + 0.03 * np.random.default_rng(0).standard_normal(image.shape)).astype(np.float32)
    task = problem(noisy, UniformOperator([[1.0]], (HEIGHT, WIDTH)), noise_std=0.03)
    assert psnr(hyper_laplacian.solve(task, start=noisy), image) > psnr(noisy, image) + 1.0


def test_progress_counts_the_steps():
    told = []
    task = problem(texture(60, 80), PsfGridOperator(shake(80, 60), 8))
    hyper_laplacian.solve(task, lambda *state: told.append(state), Settings(stages=2, cg_steps=3))
    assert told == [(k, 6) for k in range(1, 7)]


def test_gradient_and_its_adjoint():
    rng = np.random.default_rng(0)
    u, p, q = rng.standard_normal((3, 7, 9, 2))
    along_x, along_y = gradient(u)
    np.testing.assert_allclose((along_x * p + along_y * q).sum(), (u * gradient_adjoint(p, q)).sum(), atol=1e-12)
    ramp = np.broadcast_to(np.arange(5.0)[None, :, None], (4, 5, 1))
    assert (gradient(ramp)[0][:, :-1] == 1).all()
    assert (gradient(ramp)[0][:, -1] == 0).all()
    assert (gradient(ramp)[1] == 0).all()


@pytest.mark.parametrize("exponent", [0.5, 0.8, 1.0])
@pytest.mark.parametrize("beta", [0.3, 1.0, 20.0, 500.0])
def test_shrinkage_minimises_the_scalar_problem(beta, exponent):
    """Against a search over a fine grid: the cost found is no higher, up to the table's step."""
    values = np.linspace(-6, 6, 241).astype(np.float32)
    candidates = np.linspace(-6, 6, 24001)

    def cost(w, v):
        return np.abs(w) ** exponent + 0.5 * beta * (w - v) ** 2

    best = cost(candidates[:, None], values).min(axis=0)
    found = cost(shrink(values, beta, exponent).astype(float), values)
    assert (found <= best + 0.01 * (1 + best)).all()


def test_shrinkage_to_absolute_values_is_soft_thresholding():
    values = np.linspace(-5, 5, 101).astype(np.float32)
    expected = np.sign(values) * np.maximum(np.abs(values) - 1 / 4.0, 0)
    np.testing.assert_allclose(shrink(values, 4.0, 1.0), expected, atol=0.01)


def test_shrinkage_beyond_the_table_keeps_the_sign_and_nearly_the_value():
    np.testing.assert_allclose(shrink(np.array([-1e4, 1e4], np.float32), 1.0, 0.8), [-1e4, 1e4], rtol=0.01)
