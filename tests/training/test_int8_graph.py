"""Graphs whose inner convolutions run in 8-bit integers: what is rounded, what it costs, what is refused."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
onnx = pytest.importorskip("onnx", reason="onnx is not installed here")
pytest.importorskip("onnxscript", reason="onnxscript is not installed here")

from gyrosharp.errors import ImageError, InputError, UsageError  # noqa: E402
from gyrosharp.nets import build_net  # noqa: E402
from gyrosharp.restore.deblur import deblur  # noqa: E402
from gyrosharp.restore.model_card import read_card  # noqa: E402
from gyrosharp.restore.models import find_model  # noqa: E402
from gyrosharp.restore.onnx_session import OnnxSession  # noqa: E402
from gyrosharp.restore.openvino_session import OpenVinoSession  # noqa: E402
from gyrosharp.training import int8_graph as made_here  # noqa: E402
from gyrosharp.training.export import ExportRequest, export_model  # noqa: E402
from gyrosharp.training.int8_graph import FIRST_KEPT, LAST_KEPT, int8_graph  # noqa: E402
from gyrosharp.training.onnx_graph import graph_weights, onnx_graph  # noqa: E402
from gyrosharp.training.start import net_of_model  # noqa: E402
from shots import photo, shake_photo  # noqa: E402
from synth_inputs import write_photos  # noqa: E402
from trained_runs import restless, write_run  # noqa: E402
from training_shards import shards_of_photos  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.slow]
NET = "refine"


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("samples")
    shards_of_photos(
        write_photos(folder / "photos"), folder / "shards", 6, physics=build_net(NET, "tiny").descriptor.inputs.physics
    )
    return folder / "shards"


@pytest.fixture(scope="module")
def net():
    return restless(NET)


@pytest.fixture(scope="module")
def graph(net):
    return onnx_graph(net)


@pytest.fixture(scope="module")
def made(net, graph, samples):
    return int8_graph(graph, net.descriptor, [samples], "any")


def rounded(graph):
    """Whether the weights of each convolution are rounded, in the graph's order."""
    nodes = onnx.load_from_string(graph).graph.node
    wrote = {name: node.op_type for node in nodes for name in node.output}
    convolutions = [node for node in nodes if node.op_type == "Conv"]
    return [wrote.get(node.input[1]) == "DequantizeLinear" for node in convolutions]


def test_the_first_and_the_last_convolutions_stay_as_they_are(graph, made):
    count = len(rounded(graph))
    assert not any(rounded(graph)) and count > FIRST_KEPT + LAST_KEPT + 3
    inner = count - FIRST_KEPT - LAST_KEPT
    assert rounded(made[0]) == [False] * FIRST_KEPT + [True] * inner + [False] * LAST_KEPT


@pytest.mark.parametrize("session", [OnnxSession, OpenVinoSession])
def test_the_result_is_nearly_that_of_the_network(net, made, session):
    """Eight bits over the range of an activation: noise of some 0.3 % of it per layer, and not none."""
    if session is OpenVinoSession:
        pytest.importorskip("openvino", reason="openvino is not installed here")
    chance = torch.Generator().manual_seed(5)
    image = torch.rand(1, 3, 64, 96, generator=chance)
    planes = torch.rand(1, net.descriptor.inputs.channels, 64, 96, generator=chance)
    with torch.inference_mode():
        expected = net.restore(image, planes)[0].numpy()
    found = session(made[0], "any", planes.shape[1]).run(image.numpy(), planes.numpy())
    apart = np.abs(found - expected).mean() / expected.std()
    assert 1e-5 < apart < 0.05


def test_weights_and_biases_stay_in_the_file(net, made):
    found = graph_weights(made[0])
    for name, value in net.state_dict().items():
        assert torch.equal(found[name], value), name


def test_the_cost_is_measured_on_other_samples(made):
    cost = made[1]
    assert cost.samples == 3
    assert cost.float_db != cost.int8_db and abs(cost.float_db - cost.int8_db) < 0.1


def test_it_is_the_same_every_time(net, graph, samples, made):
    assert int8_graph(graph, net.descriptor, [samples], "any") == made


def test_what_costs_too_much_is_refused(net, graph, samples, monkeypatch):
    monkeypatch.setattr(made_here, "MOST_LOST_DB", -1.0)
    message = (
        r"mine: expected 8 bits to cost at most -1\.0 dB, got \d+\.\d\d instead of \d+\.\d\d dB; export it without"
    )
    with pytest.raises(InputError, match=message):
        int8_graph(graph, net.descriptor, [samples], "mine")


def test_too_few_and_too_small_samples_are_refused(net, graph, samples, tmp_path):
    shards_of_photos(write_photos(tmp_path / "photos"), tmp_path / "one", 1)
    with pytest.raises(UsageError, match="--int8: expected two samples or more, got 1"):
        int8_graph(graph, net.descriptor, [tmp_path / "one"], "any")
    with pytest.raises(ImageError, match="nowhere"):
        int8_graph(graph, net.descriptor, [tmp_path / "nowhere"], "any")
    with pytest.raises(UsageError, match=r"--int8: expected samples of 128 px or more, got 64 x 64 px"):
        int8_graph(graph, replace(net.descriptor, size_multiple=128), [samples], "any")


def test_a_network_without_inner_convolutions_is_refused(net, graph, samples, monkeypatch):
    monkeypatch.setattr(made_here, "FIRST_KEPT", 10**6)
    with pytest.raises(InputError, match="any: expected convolutions between the first 1000000 and the last, got none"):
        int8_graph(graph, net.descriptor, [samples], "any")


def test_a_model_in_8_bits_says_so_and_runs(samples, tmp_path):
    exported = export_model(write_run(tmp_path / "run", NET), tmp_path, ExportRequest(name="mine", int8=(samples,)))
    card = read_card(tmp_path / "mine.card.json")
    assert (card.arithmetic, card.weights_precision) == ("int8", "float32")
    assert "M parameters in int8, trained" in card.description
    assert exported.int8.samples == 3 and len(exported.differences) == 3
    shot = shake_photo(photo(width=157, height=131), seed=1)
    model = find_model(str(exported.files[0]))
    assert deblur(shot.capture, str(exported.files[0]), image=shot.blurred_linear).image.shape == (131, 157, 3)
    expected = restless(NET).state_dict()
    for name, value in net_of_model(model).state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_halves_in_8_bits_are_refused(samples, tmp_path):
    source = write_run(tmp_path / "run", NET, build_net(NET, "tiny"))
    with pytest.raises(UsageError, match="expected --half or --int8, got both"):
        export_model(source, tmp_path, ExportRequest(half=True, int8=(samples,)))
