"""Training that starts from the weights of an earlier run, or of a model."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")

from gyrosharp.errors import InputError  # noqa: E402
from gyrosharp.nets import build_net  # noqa: E402
from gyrosharp.training.config import train_config  # noqa: E402
from gyrosharp.training.export import ExportRequest, export_model  # noqa: E402
from gyrosharp.training.run import supervised_step  # noqa: E402
from trained_runs import write_run  # noqa: E402

pytestmark = pytest.mark.torch
CPU = torch.device("cpu")


def config_of(size, start, name="deepgyro", **changes):
    return train_config({"net": {"name": name, "size": size, "start": str(start), "changes": changes}})


def outputs(net, side=32):
    """What a network makes of random planes."""
    torch.manual_seed(1)
    inputs = net.descriptor.inputs
    with torch.inference_mode():
        return net.eval().restore(torch.rand(1, 3, side, side), torch.rand(1, inputs.channels, side, side))[0]


@pytest.mark.parametrize("name", ["", "last.pt"])
def test_the_first_weights_are_those_of_the_run(tmp_path, name):
    run = write_run(tmp_path / "run", "deepgyro")
    step = supervised_step(config_of("tiny", run / name), CPU)
    earlier = torch.load(run / "last.pt", weights_only=True)["modules"]["net"]
    for key, value in step.modules()["net"].state_dict().items():
        assert torch.equal(value, earlier[key]), key
    drawn = build_net("deepgyro", "tiny").state_dict()
    assert any(not torch.equal(value, earlier[key]) for key, value in drawn.items())


def test_weights_of_another_size_are_refused(tmp_path):
    run = write_run(tmp_path / "run", "deepgyro")
    with pytest.raises(InputError, match=r"net\.start: expected weights of this network and size, got those of .*last"):
        supervised_step(config_of("full", run), CPU)


def test_a_run_that_is_not_there_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: expected a training run with best\.pt or last\.pt, got none"):
        supervised_step(config_of("tiny", tmp_path / "empty"), CPU)


def test_a_name_of_nothing_is_refused(tmp_path):
    message = r"net\.start: expected the folder of a run, a checkpoint or a model, got .*nowhere, .* refine-s"
    with pytest.raises(InputError, match=message):
        supervised_step(config_of("tiny", tmp_path / "nowhere"), CPU)


def test_weights_of_another_network_are_refused(tmp_path):
    run = write_run(tmp_path / "run", "deepgyro")
    with pytest.raises(InputError, match=r"net\.start: .* weights of this network and size, got those"):
        supervised_step(config_of("tiny", run, name="imu_unet"), CPU)


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize("suffix", [".onnx", ".card.json"])
def test_a_model_is_where_training_goes_on(tmp_path, half, suffix):
    run = write_run(tmp_path / "run", "refine")
    export_model(run, tmp_path, ExportRequest(name="mine", half=half))
    net = supervised_step(config_of("tiny", tmp_path / f"mine{suffix}", name="refine"), CPU).modules()["net"]
    earlier = torch.load(run / "last.pt", weights_only=True)["modules"]["net"]
    assert {key: value.shape for key, value in net.state_dict().items()} == {k: v.shape for k, v in earlier.items()}
    for key, value in net.state_dict().items():
        assert torch.equal(value, earlier[key].half().float() if half else earlier[key]), key


def test_a_model_that_comes_with_gyrosharp_is_named():
    net = supervised_step(config_of("small", "refine-s", name="refine"), CPU).modules()["net"]
    assert net.last.weight.abs().max() > 0  # zero in a network that was not trained


def test_a_larger_network_starts_as_the_smaller_one(tmp_path):
    run = write_run(tmp_path / "run", "refine")
    small = build_net("refine", "tiny")
    small.load_state_dict(torch.load(run / "last.pt", weights_only=True)["modules"]["net"])
    large = supervised_step(config_of("tiny", run, name="refine", blocks=[3, 2, 2]), CPU).modules()["net"]
    assert len(large.state_dict()) > len(small.state_dict())
    assert torch.equal(outputs(large), outputs(small))


def test_a_graph_that_does_not_name_its_weights_is_refused(tmp_path, monkeypatch):
    run = write_run(tmp_path / "run", "deepgyro")
    export_model(run, tmp_path, ExportRequest(name="mine"))
    monkeypatch.setattr("gyrosharp.training.start.graph_weights", lambda _: {})
    with pytest.raises(InputError, match=r"mine: expected a graph that keeps .* by name, got one"):
        supervised_step(config_of("tiny", tmp_path / "mine.onnx"), CPU)
