"""Systems and their networks: parameter counts, variants that can be built, inputs that the spec's words name."""

from pathlib import Path

import pytest

from gyrosharp.systems import find_system, systems
from gyrosharp.systems._recipe import training_config

torch = pytest.importorskip("torch", reason="torch is not installed here")

from gyrosharp.nets import build_net  # noqa: E402
from gyrosharp.nets._net import parameter_count  # noqa: E402
from gyrosharp.nets._table import table  # noqa: E402

pytestmark = pytest.mark.torch

DOCS = Path(__file__).resolve().parents[2] / "docs"
VARIANTS = [(name, variant) for name, spec in systems().items() for variant in (None, *spec.ablations)]


def net_of(name, size, variant=None):
    part = training_config(find_system(name), size, variant).net
    return build_net(part.name, part.size, part.changes)


@pytest.mark.parametrize("name", [name for name, spec in systems().items() if spec.parameters])
def test_full_sizes_have_the_published_parameters(name):
    assert parameter_count(net_of(name, "full")) == find_system(name).parameters


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_every_tiny_variant_runs(name, variant):
    net = net_of(name, "tiny", variant).eval()
    wanted = net.descriptor.inputs
    planes = torch.zeros(1, wanted.channels, 32 // wanted.stride, 32 // wanted.stride) if wanted.channels else None
    with torch.inference_mode():
        assert net(torch.rand(1, 3, 32, 32), planes)[0].shape == (1, 3, 32, 32)


@pytest.mark.parametrize("name", systems())
def test_what_a_network_sees_is_what_the_system_says(name):
    sees = net_of(name, "full").descriptor.inputs.channels > 0
    assert sees != find_system(name).sees.startswith("nothing")


def test_networks_are_listed():
    assert table() in (DOCS / "systems.md").read_text(encoding="utf-8"), "paste gyrosharp.nets._table.table()"
