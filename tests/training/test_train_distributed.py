"""Two processes that torchrun starts learn what one with the doubled batch does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from toy_run import STEPS, ToyData, plain_step, toy_train  # noqa: E402

from gyrosharp.training.checkpoint import read_checkpoint  # noqa: E402
from gyrosharp.training.distributed import average_gradients, from_leader, mean_over_processes  # noqa: E402
from gyrosharp.training.run_log import read_log  # noqa: E402

pytestmark = pytest.mark.torch


LEAVING = b"terminate called without an active exception"


def in_two_processes(folder, *changes):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    script = Path(__file__).parent / "toy_run.py"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    for _ in range(3):
        done = subprocess.run(
            [*command, str(script), "plain", str(folder), *changes], env=environment, capture_output=True, timeout=180
        )
        # Seen once, when all was done and written: torch's own threads brought down a process that was leaving.
        if LEAVING not in done.stderr:
            break
        shutil.rmtree(folder)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.slow
def test_two_processes_equal_one_with_the_doubled_batch(tmp_path):
    in_two_processes(tmp_path / "two")
    toy_train(tmp_path / "one", data=ToyData(batch=8), make_step=plain_step)
    two, one = (read_log(tmp_path / name / "log.jsonl") for name in ("two", "one"))
    assert [line["step"] for line in two] == [line["step"] for line in one]
    for first, second in zip(two, one, strict=True):
        for name in ("loss", "psnr_db"):
            if name in first:
                assert first[name] == pytest.approx(second[name], abs=1e-5)
    states = [read_checkpoint(tmp_path / name / "last.pt")["modules"]["average"] for name in ("two", "one")]
    for name, value in states[0].items():
        torch.testing.assert_close(value, states[1][name], rtol=1e-4, atol=1e-5)
    assert read_checkpoint(tmp_path / "two" / "last.pt")["state"]["step"] == STEPS


def test_a_process_of_its_own_transfers_nothing():
    values = torch.tensor([1.0, 2.0])
    assert mean_over_processes(values) is values
    assert from_leader(3.5, torch.device("cpu")) == 3.5
    net = torch.nn.Linear(2, 1)
    average_gradients([net])
    assert net.weight.grad is None
