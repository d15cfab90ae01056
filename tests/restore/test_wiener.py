import numpy as np
import pytest

from gyrosharp.blur.exact import ExactOperator
from gyrosharp.blur.psf_grid import PsfGridOperator
from gyrosharp.blur.reference import ReferenceOperator
from gyrosharp.blur.uniform import UniformOperator
from gyrosharp.errors import UsageError
from gyrosharp.restore.problem import Problem
from gyrosharp.restore.solvers import wiener
from shaken import psnr, shake, texture

WIDTH, HEIGHT = 240, 180
NOISE = 0.005


class Opaque:
    """An operator that shows nothing but what the protocol asks for."""

    def __init__(self, operator):
        self.shape, self.reach_px, self.coverage = operator.shape, operator.reach_px, operator.coverage
        self.forward, self.adjoint = operator.forward, operator.adjoint


def shot(strength=1.0, **change):
    return shake(WIDTH, HEIGHT, strength, focal=2.0, **change)


@pytest.fixture(scope="module")
def seen():
    """A picture, and what a camera saw of it: more poses than any operator here, and noise."""
    sharp = texture(HEIGHT, WIDTH)
    blurred = ReferenceOperator(shot(), 70).forward(sharp)
    return sharp, (blurred + NOISE * np.random.default_rng(0).standard_normal(sharp.shape)).astype(np.float32)


def problem(observed, operator, noise_std=NOISE):
    return Problem(observed, operator, noise_std, np.ones(observed.shape[:2], np.float32))


def inner(image, margin=20):
    return image[margin:-margin, margin:-margin]


@pytest.mark.parametrize("kind", [ExactOperator, PsfGridOperator])
def test_restores_a_rolling_shake(seen, kind):
    sharp, observed = seen
    restored = wiener.solve(problem(observed, kind(shot(), 32)))
    assert restored.shape == observed.shape
    assert restored.dtype == np.float32
    assert restored.min() >= 0
    assert psnr(inner(restored), inner(sharp)) > psnr(inner(observed), inner(sharp)) + 4.0
    # Near the border the light of points outside is missing; still no worse than the input.
    assert psnr(restored, sharp) > psnr(observed, sharp) + 2.0


def test_an_operator_without_kernels_is_refused(seen):
    with pytest.raises(UsageError, match="Opaque"):
        wiener.solve(problem(seen[1], Opaque(ExactOperator(shot(), 32))))


def test_without_node_grid_the_kernels_come_from_the_motion(seen, monkeypatch):
    _, observed = seen
    operator = ExactOperator(shot(), 32)
    settings = wiener.Settings(grid=(4, 5))
    usual = wiener.solve(problem(observed, operator), settings=settings)
    monkeypatch.setattr(ExactOperator, "nodes", None)
    assert psnr(wiener.solve(problem(observed, ExactOperator(shot(), 32)), settings=settings), usual) > 40


def test_denser_windows_do_better(seen):
    sharp, observed = seen
    operator = PsfGridOperator(shot(), 32)
    quality = [
        psnr(inner(wiener.solve(problem(observed, operator), settings=wiener.Settings(grid=grid))), inner(sharp))
        for grid in [(1, 1), (4, 5), (10, 13)]
    ]
    assert quality[0] < quality[1] < quality[2]


def test_inverts_one_kernel_almost_exactly_without_noise():
    sharp = texture(HEIGHT, WIDTH)
    operator = UniformOperator([[0.2, 0.6, 0.2]], (HEIGHT, WIDTH))
    restored = wiener.solve(problem(operator.forward(sharp), operator, noise_std=0.0))
    assert psnr(inner(restored), inner(sharp)) > 60


def test_the_window_is_read_where_the_light_arrived():
    """A kernel that only shifts, by more than any margin: the picture comes back in place."""
    sharp = texture(HEIGHT, WIDTH)
    kernel = np.zeros((61, 61))
    kernel[50, 10] = 1.0
    operator = UniformOperator(kernel, (HEIGHT, WIDTH))
    restored = wiener.solve(problem(operator.forward(sharp), operator, noise_std=1e-3))
    assert psnr(inner(restored, 40), inner(sharp, 40)) > 40


def test_without_blur_or_noise_nothing_changes():
    image = texture(HEIGHT, WIDTH)
    operator = PsfGridOperator(shot(strength=0.0), 8, (3, 4))
    np.testing.assert_allclose(wiener.solve(problem(image, operator, noise_std=0.0)), image, atol=1e-5)


def test_more_noise_gives_a_smoother_result(seen):
    operator = PsfGridOperator(shot(), 32)
    rough = [
        np.abs(np.diff(wiener.solve(problem(seen[1], operator, noise_std=noise)), axis=1)).mean()
        for noise in (0.001, 0.01, 0.1)
    ]
    assert rough[0] > rough[1] > rough[2]


@pytest.mark.parametrize("channels", [1, 4])
def test_any_number_of_channels(channels):
    image = texture(60, 80, channels)
    restored = wiener.solve(problem(image, PsfGridOperator(shake(80, 60), 8)))
    assert restored.shape == image.shape


def test_kernels_larger_than_the_image():
    operator = PsfGridOperator(shake(24, 18, strength=40.0, focal=4.0), 16)
    assert np.isfinite(wiener.solve(problem(texture(18, 24), operator))).all()


def test_progress_counts_the_windows():
    told = []
    operator = PsfGridOperator(shake(80, 60), 8)
    wiener.solve(problem(texture(60, 80), operator), lambda *state: told.append(state), wiener.Settings(grid=(2, 3)))
    assert told == [(k, 6) for k in range(1, 7)]


def test_more_windows_than_pixels_are_refused():
    operator = PsfGridOperator(shake(80, 60), 8)
    with pytest.raises(UsageError, match="grid: expected 1 to 60"):
        wiener.solve(problem(texture(60, 80), operator), settings=wiener.Settings(grid=(61, 3)))
