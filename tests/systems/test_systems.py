"""Every system: its recipe is valid in both sizes and all variants, and fits its network and its weights."""

import json
from pathlib import Path

import pytest

from gyrosharp.datasets.synthesis.config import load_config, named_configs
from gyrosharp.errors import UsageError
from gyrosharp.restore.models import bundled_cards, find_model
from gyrosharp.systems import find_system, systems
from gyrosharp.systems._recipe import training_config
from gyrosharp.systems._table import variants_table

DOCS = Path(__file__).resolve().parents[2] / "docs"
MISSION = {"gamd", "gyrodeblurnet", "depth_imu_unet", "imu_unet", "deepgyro"}
RUNS = [
    (name, size, variant)
    for name, spec in systems().items()
    for size in ("full", "tiny")
    for variant in (None, *spec.ablations)
]


def test_the_systems_of_the_mission_are_there():
    assert set(systems()) >= MISSION


@pytest.mark.parametrize("spec", systems().values(), ids=lambda spec: spec.name)
def test_a_system_says_what_it_is(spec):
    assert spec.title and spec.paper and spec.sees
    assert spec.data in named_configs()
    assert all(figure.psnr_db > 0 and figure.source for figure in spec.published)


@pytest.mark.parametrize(("name", "size", "variant"), RUNS)
def test_every_recipe_is_valid(name, size, variant):
    spec = find_system(name)
    config = training_config(spec, size, variant)
    assert config.net.name == spec.net
    if size == "tiny":
        assert config.schedule.steps == spec.tiny["schedule"]["steps"]
        assert config.data.crop == spec.tiny["data"]["crop"]


@pytest.mark.parametrize("spec", systems().values(), ids=lambda spec: spec.name)
def test_crops_fit_into_the_samples_of_the_systems_data(spec):
    data, crop = load_config(spec.data), training_config(spec).data.crop
    assert crop <= min(data.picture.size) and crop % data.field.stride == 0


def test_all_tiny_sizes_have_one_budget():
    budgets = {
        json.dumps({part: dict(spec.tiny[part]) for part in ("data", "schedule", "optimiser")})
        for spec in systems().values()
    }
    assert len(budgets) == 1


def test_one_variant_is_the_system_itself():
    for spec in systems().values():
        if spec.ablations:
            assert [name for name, ablation in spec.ablations.items() if not ablation.changes] in (["full"], [])


def test_the_curriculum_is_gyrodeblurnets_alone():
    """The others meet gyro errors from the first step, or see no gyro at all."""
    for spec in systems().values():
        first = training_config(spec, "tiny").curriculum.points[0]
        sees = not spec.sees.startswith("nothing")
        assert first == ((0.0, 0.0) if spec.name == "gyrodeblurnet" or not sees else (0.0, 1.0))


def test_unknown_names_are_refused():
    with pytest.raises(UsageError, match=r"expected one of davanet_single, .*got 'blur3blur'"):
        find_system("blur3blur")
    with pytest.raises(UsageError, match="gamd: expected a variant out of no-heatmaps, full, got 'm2'"):
        find_system("gamd").find_ablation("m2")
    with pytest.raises(
        UsageError, match="nafnet: expected a variant out of none: this system has no variants, got 'x'"
    ):
        find_system("nafnet").find_ablation("x")


@pytest.mark.parametrize("name", bundled_cards())
def test_weights_belong_to_a_system_and_say_what_they_measure(name):
    card = find_model(name).card
    assert (card.system == name or name.startswith(f"{card.system}-")) and card.net == find_system(card.system).net
    for case in ("exact", "errors"):
        assert isinstance(card.figures["gyroblur-mini"][case]["gain_db"], float)
    assert card.recipe["net"]["name"] == card.net and card.data and card.steps


def test_all_systems_have_weights():
    assert {card.system for card in bundled_cards().values()} >= set(systems())


def test_variants_are_listed():
    assert variants_table() in (DOCS / "systems.md").read_text(encoding="utf-8"), "paste gyrosharp.systems._table"
