"""Exporting trained networks: graph, weights and card, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
pytest.importorskip("onnxscript", reason="onnxscript is not installed here")

from gyrosharp.errors import InputError, MissingComponentError, OutputError  # noqa: E402
from gyrosharp.nets import build_net, net_config  # noqa: E402
from gyrosharp.restore.backends import open_session  # noqa: E402
from gyrosharp.restore.deblur import deblur  # noqa: E402
from gyrosharp.restore.model_card import CardInputs, read_card, verified_bytes  # noqa: E402
from gyrosharp.restore.models import find_model  # noqa: E402
from gyrosharp.restore.network import NetworkDeblurrer  # noqa: E402
from gyrosharp.restore.onnx_session import OnnxSession  # noqa: E402
from gyrosharp.training import export as exporting  # noqa: E402
from gyrosharp.training.checkpoint import checkpoint_of  # noqa: E402
from gyrosharp.training.export import ExportRequest, export_model  # noqa: E402
from gyrosharp.training.half_weights import halve_constants, round_weights  # noqa: E402
from gyrosharp.training.onnx_graph import differences, onnx_graph  # noqa: E402
from onnx_files import write_model  # noqa: E402
from shots import photo, shake_photo  # noqa: E402
from trained_runs import FACTS, restless, write_run  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "deepgyro", "deepgyro")


@pytest.fixture(scope="module")
def exported(run_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    request = ExportRequest(device="a CPU", figures={"psnr_db": 27.5}, limits=("night",), half=True)
    return export_model(run_folder, folder, request)


@pytest.fixture(scope="module")
def rounded_graph():
    """A network whose weights float16 holds exactly, stored in float32."""
    net = restless("deepgyro")
    round_weights(net)
    return onnx_graph(net)


def test_the_card_says_what_the_model_is(exported):
    card = read_card(exported.files[2])
    assert card == exported.card
    net = build_net("deepgyro", "tiny")
    assert card.name == card.net == "deepgyro" and card.size == "tiny" and card.system is None
    assert card.network_input() == net.descriptor.inputs
    assert card.parameters == sum(weight.numel() for weight in net.parameters())
    assert card.net_config == json.loads(json.dumps(vars(net_config("deepgyro", "tiny"))))
    assert (card.steps, card.minutes, card.device, card.data) == (7, 1.5, "a CPU", FACTS)
    assert (card.figures, card.limits, card.weights_precision) == ({"psnr_db": 27.5}, ("night",), "float16")
    assert card.recipe["net"]["name"] == "deepgyro"
    # Between a copy of the picture and a thousand channels of it.
    assert 12 < card.bytes_per_pixel < 4000


def test_graph_and_network_agree_at_sizes_that_were_not_traced(exported):
    assert [(one.height, one.width) for one in exported.differences] == [(40, 56), (104, 72), (136, 200)]
    assert all(one.largest <= 1e-5 for one in exported.differences)


def test_files_are_those_of_the_card_and_half_as_large(exported):
    folder, card = exported.files[0].parent, exported.card
    sizes = {kind: len(verified_bytes(folder, file)) for kind, file in card.files.items()}
    assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in exported.files)
    assert sizes["safetensors"] < 2.1 * card.parameters
    assert sizes["onnx"] < 2.2 * card.parameters + 20_000


def test_the_graph_names_no_file_of_this_machine(exported):
    graph = exported.files[0].read_bytes()
    assert b".py" not in graph and str(Path.home()).encode() not in graph


def test_safetensors_hold_the_rounded_weights(run_folder, exported):
    from safetensors.torch import load_file

    stored = load_file(exported.files[1])
    saved = torch.load(run_folder / "last.pt", weights_only=True)["modules"]["net"]
    assert stored.keys() == saved.keys()
    for name, value in saved.items():
        assert stored[name].dtype == torch.float16 and torch.equal(stored[name], value.half())


def test_the_model_runs_as_the_network_does(exported, run_folder):
    """From photo to photo: encoding, planes, padding and all, against the network's own padding."""
    from gyrosharp.blur.motion import CameraMotion
    from gyrosharp.blur.network_input import input_field, input_planes
    from gyrosharp.media.transfer import SRGB
    from gyrosharp.training.checkpoint import trained_net

    shot = shake_photo(photo(width=157, height=131), seed=1)
    result = deblur(shot.capture, str(exported.files[0]), image=shot.blurred_linear)
    net = trained_net(run_folder / "last.pt")[0]
    round_weights(net)
    wanted = net.descriptor.inputs
    planes = input_planes(wanted, input_field(CameraMotion.from_capture(shot.capture), wanted), (131, 157))
    encoded = SRGB.encode(shot.blurred_linear).astype(np.float32).transpose(2, 0, 1)
    with torch.inference_mode():
        expected = net(torch.from_numpy(encoded)[None], torch.from_numpy(planes)[None])[0][0].numpy()
    expected = SRGB.decode(expected.transpose(1, 2, 0))
    np.testing.assert_allclose(result.image, expected, atol=1e-4)


def test_a_convolutional_network_has_no_seams(exported):
    """The margin on its card covers all that a pixel sees, so tiles change nothing."""
    shot = shake_photo(photo(width=440, height=400), seed=1)
    model = find_model(str(exported.files[2]))
    whole, tiled = (NetworkDeblurrer(model, tile).deblur(shot.capture, shot.blurred_linear) for tile in ("off", 256))
    assert tiled.diagnostics.tiles == 4
    np.testing.assert_allclose(tiled.image, whole.image, atol=1e-4)


def test_openvino_agrees_with_onnxruntime(exported, monkeypatch):
    pytest.importorskip("openvino", reason="openvino is not installed here")
    model = find_model(str(exported.files[0]))
    chance = np.random.default_rng(0)
    image = chance.random((1, 3, 72, 104), dtype=np.float32)
    planes = chance.normal(0, 3, (1, 2, 72, 104)).astype(np.float32)
    outputs = {}
    for backend in ("openvino", "onnxruntime"):
        monkeypatch.setenv("GYROSHARP_BACKEND", backend)
        session = open_session(model)
        assert session.backend.lower().startswith(backend)
        outputs[backend] = session.run(image, planes)
    np.testing.assert_allclose(outputs["openvino"], outputs["onnxruntime"], atol=1e-3)


@pytest.mark.slow
def test_deformable_convolutions_become_one_native_node(tmp_path, monkeypatch):
    import onnx

    net = restless("gyrodeblurnet")
    graph = onnx_graph(net)
    kinds = {node.op_type for node in onnx.load_from_string(graph).graph.node}
    assert "DeformConv" in kinds and "GridSample" not in kinds
    assert max(one.largest for one in differences(net, graph, "gyrodeblurnet")) <= 1e-4
    pytest.importorskip("openvino", reason="openvino is not installed here")
    monkeypatch.setenv("GYROSHARP_BACKEND", "openvino")
    inputs = CardInputs(encoding="camera_motion_field", stride=2)
    card = write_model(tmp_path, graph, inputs=inputs, size_multiple=net.descriptor.size_multiple)
    assert open_session(find_model(str(card))).backend.endswith("(OpenVINO cannot convert this network)")


def test_averaged_weights_are_exported_where_there_are_any(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(exporting, "onnx_graph", lambda net, **_: seen.append(net) or b"graph")
    monkeypatch.setattr(exporting, "differences", lambda *_: [])
    monkeypatch.setattr(exporting, "bytes_per_pixel", lambda *_: 100.0)
    average = restless("deepgyro")
    with torch.no_grad():
        next(average.parameters()).fill_(0.25)
    run = write_run(tmp_path / "run", "deepgyro", average=average)
    export_model(run, tmp_path, ExportRequest())
    assert bool((next(seen[0].parameters()) == 0.25).all())


def test_a_graph_that_differs_is_not_written(rounded_graph, tmp_path, monkeypatch):
    other = write_run(tmp_path / "other", "deepgyro", build_net("deepgyro", "tiny"))
    monkeypatch.setattr(exporting, "onnx_graph", lambda *_, **__: rounded_graph)
    folder = tmp_path / "model"
    folder.mkdir()
    with pytest.raises(InputError, match=r"deepgyro: expected the graph to be within 0.0001 of the network, got .*"):
        export_model(other, folder, ExportRequest())
    assert not list(folder.iterdir())


def test_existing_models_are_kept(run_folder, exported):
    with pytest.raises(OutputError, match="exists already"):
        export_model(run_folder, exported.files[0].parent, ExportRequest())


def test_the_best_checkpoint_goes_before_the_last(tmp_path):
    with pytest.raises(InputError, match=r"expected a training run with best.pt or last.pt, got none"):
        checkpoint_of(tmp_path)
    (tmp_path / "last.pt").touch()
    assert checkpoint_of(tmp_path) == tmp_path / "last.pt"
    (tmp_path / "best.pt").touch()
    assert checkpoint_of(tmp_path) == tmp_path / "best.pt"
    assert checkpoint_of(tmp_path / "last.pt") == tmp_path / "last.pt"


def test_cut_checkpoints_and_those_of_other_networks_are_refused(tmp_path, run_folder):
    content = (run_folder / "last.pt").read_bytes()
    cut = tmp_path / "cut.pt"
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="expected a checkpoint, got a file that cannot be read"):
        export_model(cut, tmp_path, ExportRequest())
    wrong = write_run(tmp_path / "wrong", "deepgyro", restless("imu_unet"))
    with pytest.raises(InputError, match="expected weights of deepgyro, got others"):
        export_model(wrong, tmp_path, ExportRequest())


def test_a_checkpoint_of_another_network_than_the_systems_is_refused(tmp_path, run_folder):
    with pytest.raises(InputError, match="expected gamd, the network of gamd, got deepgyro; name its own system"):
        export_model(run_folder, tmp_path, ExportRequest(system="gamd", system_net="gamd"))
    assert not list(tmp_path.iterdir())


def test_weights_that_are_not_finite_are_refused(tmp_path):
    net = restless("deepgyro")
    with torch.no_grad():
        next(net.parameters()).view(-1)[0] = float("nan")
    run = write_run(tmp_path / "run", "deepgyro", net)
    with pytest.raises(InputError, match=r"last.pt: expected finite weights, got NaN or infinity in .*; take another"):
        export_model(run, tmp_path, ExportRequest())


def test_weights_beyond_half_precision_are_refused():
    net = restless("deepgyro")
    with torch.no_grad():
        next(net.parameters()).fill_(1e6)
    with pytest.raises(InputError, match="--half: expected weights within float16's range, got larger ones in "):
        round_weights(net)


def test_missing_packages_are_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(
        MissingComponentError, match=r'expected the package onnxscript, got none; pip install "gyrosharp'
    ):
        onnx_graph(build_net("deepgyro", "tiny"))
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(MissingComponentError, match=r"expected the package safetensors, got none; pip install"):
        exporting._weights(build_net("deepgyro", "tiny"), half=False)


def test_half_constants_change_nothing_but_the_size(rounded_graph):
    import onnx

    model = onnx.load_from_string(rounded_graph)
    halve_constants(model)
    halved = model.SerializeToString()
    assert len(halved) < 0.6 * len(rounded_graph)
    image = np.random.default_rng(0).random((1, 3, 40, 40), dtype=np.float32)
    planes = np.zeros((1, 2, 40, 40), np.float32)
    outputs = [OnnxSession(graph, "deepgyro", 2).run(image, planes) for graph in (rounded_graph, halved)]
    np.testing.assert_array_equal(*outputs)


def test_constants_that_half_precision_would_change_stay():
    from onnx import TensorProto, helper, numpy_helper

    values = np.random.default_rng(0).normal(size=(16, 16)).astype(np.float32)
    graph = helper.make_graph([], "test", [], [], [numpy_helper.from_array(values, "w")])
    model = helper.make_model(graph)
    halve_constants(model)
    assert model.graph.initializer[0].data_type == TensorProto.FLOAT and not model.graph.node
