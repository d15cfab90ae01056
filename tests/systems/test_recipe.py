"""How a system, a size, a variant and the user's changes become one training config."""

from types import MappingProxyType

import pytest

from gyrosharp.errors import UsageError
from gyrosharp.systems import Ablation, SystemSpec
from gyrosharp.systems._recipe import merged, training_config

SPEC = SystemSpec(
    name="madeup",
    title="a system",
    paper="nobody, nowhere",
    net="nafnet",
    sees="nothing",
    data="refine",
    training=MappingProxyType(
        {
            "optimiser": MappingProxyType({"rate": 2e-4, "kind": "adamw"}),
            "losses": [{"kind": "l1"}, {"kind": "ssim", "weight": 0.5}],
            "schedule": {"steps": 1000},
        }
    ),
    tiny=MappingProxyType({"optimiser": {"rate": 1e-3}, "losses": [{"kind": "psnr"}], "ema": 0.9}),
    ablations=MappingProxyType({"bare": Ablation("nothing", ("net.changes={width: 8}", "ema=0.5"))}),
)


def test_the_full_size_is_the_papers_recipe():
    config = training_config(SPEC)
    assert (config.net.name, config.net.size, config.description) == ("nafnet", "full", "madeup")
    assert (config.optimiser.rate, config.optimiser.kind, config.schedule.steps) == (2e-4, "adamw", 1000)
    assert [(part.kind, part.weight) for part in config.losses] == [("l1", 1.0), ("ssim", 0.5)]
    assert config.ema == 0.0


def test_tiny_changes_key_by_key_and_replaces_lists():
    config = training_config(SPEC, "tiny")
    assert (config.optimiser.rate, config.optimiser.kind) == (1e-3, "adamw")
    assert [part.kind for part in config.losses] == ["psnr"]
    assert (config.net.size, config.ema) == ("tiny", 0.9)


def test_variant_and_then_user_have_the_last_word():
    variant = training_config(SPEC, "tiny", "bare")
    assert (variant.net.changes, variant.ema, variant.description) == ({"width": 8}, 0.5, "madeup bare")
    assert training_config(SPEC, "tiny", "bare", ("ema=0.7",)).ema == 0.7


def test_nothing_is_changed_in_the_spec():
    training_config(SPEC, "tiny", None, ("optimiser.rate=1.0", "losses=[{kind: mse}]"))
    assert training_config(SPEC).optimiser.rate == 2e-4
    assert SPEC.training["optimiser"]["rate"] == 2e-4


def test_another_variant_is_refused():
    with pytest.raises(UsageError, match="madeup: expected a variant out of bare, got 'x'"):
        training_config(SPEC, variant="x")


def test_an_unknown_key_is_refused():
    with pytest.raises(UsageError, match=r"madeup: optimiser.speed: Extra inputs .* see docs/training.md"):
        training_config(SPEC, changes=("optimiser.speed=1",))


def test_merging_leaves_both_alone():
    base, over = {"a": {"b": [1]}, "c": 1}, {"a": {"d": (2, 3)}}
    result = merged(base, over)
    assert result == {"a": {"b": [1], "d": [2, 3]}, "c": 1}
    result["a"]["b"].append(9)
    assert (base, over) == ({"a": {"b": [1]}, "c": 1}, {"a": {"d": (2, 3)}})
