"""Richardson-Lucy on the training device against the solver that photos are restored with."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")

from gyrosharp.blur.exact import ExactOperator  # noqa: E402
from gyrosharp.blur.torch_operator import shot_grid  # noqa: E402
from gyrosharp.geometry import Shutter  # noqa: E402
from gyrosharp.restore.problem import Problem  # noqa: E402
from gyrosharp.restore.solvers import _elementwise  # noqa: E402
from gyrosharp.restore.solvers.richardson_lucy import Settings, solve  # noqa: E402
from gyrosharp.training.data.device_solver import BatchProblem, tv_divergence  # noqa: E402
from shaken import shake  # noqa: E402
from shots import photo  # noqa: E402

pytestmark = pytest.mark.torch
HEIGHT, WIDTH, POSES = 72, 96, 12
SHOTS = [shake(WIDTH, HEIGHT, strength=2.0, shutter=shutter) for shutter in Shutter]
SETTINGS = [Settings(3 + k, 0.004 * k) for k in range(len(SHOTS))]
# A position on the border may be rounded to either side of it: single pixels there differ by a share of one pose.
AT_BORDERS = 1e-2


def tensors(pictures):
    return torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2).copy())


@pytest.fixture(scope="module")
def problems():
    """One per shutter, with saturated pixels and their own noise."""
    sharp, rng = photo(width=WIDTH, height=HEIGHT), np.random.default_rng(0)
    made = []
    for shot in SHOTS:
        operator = ExactOperator(shot, POSES)
        noisy = operator.forward(sharp) + 0.01 * rng.standard_normal(sharp.shape, dtype=np.float32)
        confidence = np.ones((HEIGHT, WIDTH), np.float32)
        confidence[20:26, 30:44] = 0.0
        made.append(Problem(np.maximum(noisy, 0), operator, 0.01, confidence))
    return made


def batch_of(problems):
    grids = [shot_grid(problem.operator.motion, POSES) for problem in problems]
    confidence = tensors([problem.confidence[..., None] for problem in problems])
    return BatchProblem(tensors([problem.observed for problem in problems]), grids, confidence)


@pytest.mark.parametrize("accelerated", [True, False])
@pytest.mark.parametrize("started", [False, True])
def test_every_shot_of_a_batch_is_solved_as_alone(problems, accelerated, started):
    """All shutters in one batch, each with its own number of steps and strength."""
    settings = [Settings(one.iterations, one.tv_strength, accelerated) for one in SETTINGS]
    starts = [np.maximum(problem.observed[::-1], 1e-3) for problem in problems] if started else None
    solved = batch_of(problems).solve(settings, None if starts is None else tensors(starts))
    for k, problem in enumerate(problems):
        expected = solve(problem, None, settings[k], None if starts is None else starts[k].copy())
        found = solved[k].numpy().transpose(1, 2, 0)
        assert np.abs(found - problem.observed).max() > 0.05
        gap = np.abs(found - expected)
        assert gap[8:-8, 8:-8].max() < 1e-4 and gap.max() < AT_BORDERS


def test_total_variation_is_the_solver_s():
    image = np.random.default_rng(1).random((31, 40, 3), dtype=np.float32)
    image[5:20, 8:30] = 0.4
    expected = _elementwise.tv_divergence(image, 1e-2, 1, np.empty_like(image))
    found = tv_divergence(tensors([image]))[0].numpy().transpose(1, 2, 0)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_points_that_no_pixel_saw_keep_what_they_were_given():
    """A frame around the photo, wider than the blur reaches, of which nothing can be trusted."""
    grid = shot_grid(shake(WIDTH, HEIGHT, strength=40.0), POSES)
    grey = torch.full((1, 3, HEIGHT, WIDTH), 0.2)
    solved = BatchProblem(grey, [grid], torch.zeros(1, 1, HEIGHT, WIDTH)).solve([Settings(4, 0.0)])
    torch.testing.assert_close(solved, grey)
