"""Training that starts from the weights of an earlier run."""

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")

from gyrosharp.errors import InputError  # noqa: E402
from gyrosharp.nets import build_net  # noqa: E402
from gyrosharp.training.config import train_config  # noqa: E402
from gyrosharp.training.run import supervised_step  # noqa: E402
from trained_runs import write_run  # noqa: E402

pytestmark = pytest.mark.torch
CPU = torch.device("cpu")


def config_of(size, start):
    return train_config({"net": {"name": "deepgyro", "size": size, "start": str(start)}})


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
