"""Time budget, and stopping."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from toy_run import ToyData, toy_config, toy_step, toy_train  # noqa: E402

from gyrosharp.errors import UsageError  # noqa: E402
from gyrosharp.training import run  # noqa: E402
from gyrosharp.training.budget import measured_pace, steps_within  # noqa: E402
from gyrosharp.training.checkpoint import read_checkpoint  # noqa: E402
from gyrosharp.training.run_log import read_log  # noqa: E402
from gyrosharp.training.stopping import stop_requests  # noqa: E402

pytestmark = pytest.mark.torch


def test_steps_and_validations_fill_the_time():
    config = toy_config("validation.every=10")
    # 96 of 100 s: 4 s of the last validation, and n steps of 0.5 s with 0.4 s of validation each.
    assert steps_within(100, config, pace_s=0.5, validation_s=4) == int(92 / 0.9)
    assert steps_within(1, config, pace_s=5, validation_s=4) == 1


def test_the_trial_leaves_no_trace():
    config, device = toy_config(), torch.device("cpu")
    tried, fresh = toy_step(config, device), toy_step(config, device)
    batches = ToyData().batches(0, lambda _: 0.0)
    assert measured_pace(tried, batches, 60, device) > 0
    for name, module in tried.modules().items():
        other = fresh.modules()[name].state_dict()
        assert all(torch.equal(value, other[key]) for key, value in module.state_dict().items())
    # What comes next is the same too: Adam has no moments of the trial.
    sample = ToyData().made(range(4))
    torch.manual_seed(1)
    first = [tried.run(sample, n, 5) for n in range(3)]
    torch.manual_seed(1)
    assert first == [fresh.run(sample, n, 5) for n in range(3)]


def test_a_run_of_given_minutes_ends_its_schedule_in_that_time(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "OVERRUN", 100)  # whatever else this machine does
    report = toy_train(tmp_path, "schedule.steps=1000000", "ema=0", minutes=0.05, data=ToyData(pause_s=0.01))
    assert report.finished and 20 < report.steps < 400
    assert report.stall_share > 0.5  # this data is slow on purpose
    last = [line for line in read_log(tmp_path / "log.jsonl") if "rate" in line][-1]
    assert last["rate"] < 0.01 * 1e-2 and last["alpha"] == 1.0
    # The number of steps is part of the run: the same command finds it finished.
    assert read_checkpoint(tmp_path / "last.pt")["state"]["steps"] == report.steps
    again = toy_train(tmp_path, "schedule.steps=1000000", "ema=0", minutes=0.05)
    assert (again.step, again.crops_per_s) == (report.steps, 0)


def test_a_resumed_run_keeps_its_steps_and_stops_when_the_time_is_over(tmp_path):
    toy_train(tmp_path, "schedule.steps=100000", progress=stop_at(5))
    data = ToyData(pause_s=0.02)
    report = toy_train(tmp_path, "schedule.steps=100000", minutes=0.01, data=data)
    assert (report.steps, report.finished, report.interrupted) == (100_000, False, False)
    assert 5 < report.step < 200
    assert read_checkpoint(tmp_path / "last.pt")["state"]["step"] == report.step


def test_a_machine_that_gets_slower_does_not_overrun_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "steps_within", lambda *_: 10**6)
    report = toy_train(tmp_path, minutes=0.01, data=ToyData(pause_s=0.02))
    assert not report.finished and 0 < report.step < 200


@pytest.mark.parametrize("minutes", [0, -1.5, float("nan"), float("inf")])
def test_no_time_is_refused(tmp_path, minutes):
    with pytest.raises(UsageError, match="--minutes: expected a number above 0, got"):
        toy_train(tmp_path, minutes=minutes)


def test_a_second_signal_interrupts_at_once_and_handlers_are_put_back():
    before = signal.getsignal(signal.SIGTERM)
    with stop_requests() as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_run_in_a_thread_takes_no_signals(tmp_path):
    reports = []
    thread = threading.Thread(target=lambda: reports.append(toy_train(tmp_path, "schedule.steps=2")))
    thread.start()
    thread.join(timeout=60)
    assert reports[0].finished


FAULTS = """
import resource, sys, torch
from gyrosharp.restore.memory import keep_freed_pages
kept = sys.argv[1] == "keep" and keep_freed_pages()
for _ in range(30):  # with an unlucky address the heap grows by up to eight tensors before it has room for all
    torch.ones(2**24)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    torch.ones(2**24)
print(int(kept), resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.slow
def test_kept_pages_are_not_faulted_in_again():
    def faults(mode):
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        out = subprocess.run([sys.executable, "-c", FAULTS, mode], env=environment, capture_output=True, check=True)
        return [int(word) for word in out.stdout.split()]

    kept, after = faults("keep")
    if not kept:
        pytest.skip("no glibc here")
    assert after < 0.1 * faults("default")[1]


def test_waiting_is_counted_as_stall(tmp_path):
    begin = time.perf_counter()
    report = toy_train(tmp_path, "schedule.steps=6", data=ToyData(pause_s=0.1))
    waited = report.stall_share * 4 * 6 / report.crops_per_s
    assert 0.6 <= waited <= time.perf_counter() - begin


def stop_at(step):
    return lambda state: signal.raise_signal(signal.SIGINT) if state.step == step else None
