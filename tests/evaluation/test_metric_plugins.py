"""Metrics of optional packages, with stand-ins for the packages."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from gyrosharp.errors import MissingComponentError, UsageError
from gyrosharp.evaluation.metrics import find_metric
from gyrosharp.evaluation.metrics import lpips as lpips_metric
from gyrosharp.evaluation.metrics._plugins import _pyiqa_model


@pytest.fixture(autouse=True)
def forgotten():
    """Models are kept per process: each test starts and ends without."""
    lpips_metric._model.cache_clear()
    _pyiqa_model.cache_clear()
    yield
    lpips_metric._model.cache_clear()
    _pyiqa_model.cache_clear()


@pytest.fixture
def pictures():
    rng = np.random.default_rng(13)
    return rng.uniform(size=(40, 48, 3)), rng.uniform(size=(40, 48, 3))


def im2tensor(image, cent, factor):
    return (image / factor - cent)[..., None].transpose(3, 2, 0, 1)


class Distance:
    """Stands in for lpips.LPIPS: mean absolute difference."""

    made = 0

    def __init__(self, net, verbose):
        assert net == "alex" and not verbose
        Distance.made += 1

    def __call__(self, first, second):
        assert first.shape == (1, 3, 40, 48) and first.min() >= -1.0 and first.max() <= 1.0
        return np.abs(first - second).mean()


def test_lpips_gets_colour_tensors_of_full_range(monkeypatch, pictures):
    monkeypatch.setitem(sys.modules, "lpips", SimpleNamespace(LPIPS=Distance, im2tensor=im2tensor))
    image, truth = pictures
    metric, before = find_metric("lpips"), Distance.made
    assert metric.score(image, truth) == pytest.approx(2.0 * np.abs(image - truth).mean())
    assert metric.score(truth[..., 0], truth[..., 0]) == 0.0
    assert Distance.made == before + 1


@pytest.mark.parametrize(("name", "model"), [("topiq", "topiq_nr"), ("musiq", "musiq")])
def test_pyiqa_gets_an_8_bit_picture(monkeypatch, pictures, name, model):
    asked = []

    def create_metric(wanted):
        asked.append(wanted)
        return lambda picture: np.float64(np.asarray(picture).mean())

    monkeypatch.setitem(sys.modules, "pyiqa", SimpleNamespace(create_metric=create_metric))
    metric = find_metric(name)
    assert metric.score(pictures[0]) == pytest.approx(np.rint(pictures[0] * 255.0).mean())
    metric.score(pictures[1], pictures[0])
    assert asked == [model]


@pytest.mark.parametrize(("name", "package"), [("lpips", "lpips"), ("topiq", "pyiqa"), ("musiq", "pyiqa")])
def test_a_missing_package_is_named(monkeypatch, pictures, name, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        MissingComponentError, match=f"{name}: expected the package {package}, .*; pip install {package}"
    ):
        find_metric(name).score(*pictures)


def test_weights_out_of_reach_are_named(monkeypatch, pictures):
    def offline(_):
        raise ConnectionError("no route")

    monkeypatch.setitem(sys.modules, "pyiqa", SimpleNamespace(create_metric=offline))
    with pytest.raises(MissingComponentError, match="musiq: expected weights that its package downloads on first use"):
        find_metric("musiq").score(pictures[0])


@pytest.mark.parametrize("name", ["lpips", "topiq", "musiq"])
def test_masks_are_refused(pictures, name):
    with pytest.raises(UsageError, match=f"{name}: expected no mask, got one"):
        find_metric(name).score(*pictures, np.ones((40, 48)))


def test_lpips_needs_a_truth_of_its_shape(pictures):
    metric = find_metric("lpips")
    with pytest.raises(UsageError, match="lpips: expected the true picture, got none"):
        metric.score(pictures[0])
    with pytest.raises(UsageError, match=r"lpips: expected pictures of one shape, got \(40, 48, 3\) and \(39, 48, 3\)"):
        metric.score(pictures[0], pictures[1][1:])
