"""A killed run goes on as if nothing had happened."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed here")
from toy_run import STEPS, ToyData, toy_train  # noqa: E402

from gyrosharp.errors import InputError, OutputError, UsageError  # noqa: E402
from gyrosharp.training.checkpoint import read_checkpoint  # noqa: E402
from gyrosharp.training.run_log import read_log  # noqa: E402

pytestmark = pytest.mark.torch
HERE = Path(__file__).parent
TIMED = ("crops_per_s", "stall_share")


def curve(folder):
    return [{k: v for k, v in line.items() if k not in TIMED} for line in read_log(folder / "log.jsonl")]


def weights(folder):
    return read_checkpoint(folder / "last.pt")["modules"]


def same(first, second):
    return all(torch.equal(first[net][name], second[net][name]) for net in first for name in first[net])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    toy_train(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("at_step", [3, 12])
def test_killed_and_resumed_the_curve_is_the_same_bit_for_bit(whole, tmp_path, at_step):
    command = [sys.executable, str(HERE / "toy_run.py"), "slow", str(tmp_path)]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    log = tmp_path / "log.jsonl"
    deadline = time.monotonic() + 120
    while not log.exists() or f'"step": {at_step}' not in log.read_text():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / "last.pt").exists() == (at_step > 7)
    report = toy_train(tmp_path)
    assert report.finished and report.step == STEPS
    assert curve(tmp_path) == curve(whole)
    assert same(weights(tmp_path), weights(whole))


def test_stopped_at_any_step_the_curve_is_the_same(whole, tmp_path):
    # A line of the log is the mean of 3 steps: the sums of a half-full line are in the checkpoint.
    def stop_at(state):
        if state.step == 11:
            signal.raise_signal(signal.SIGINT)

    report = toy_train(tmp_path, progress=stop_at)
    assert (report.interrupted, report.finished, report.step) == (True, False, 11)
    assert toy_train(tmp_path).finished
    assert curve(tmp_path) == curve(whole)
    assert same(weights(tmp_path), weights(whole))


def test_a_finished_run_has_nothing_left_to_do(whole):
    before = (whole / "last.pt").read_bytes()
    report = toy_train(whole)
    assert report.finished and report.crops_per_s == 0 and report.psnr_db is not None
    assert (whole / "last.pt").read_bytes() == before


def test_another_config_is_refused_by_the_name_of_the_key(whole):
    with pytest.raises(UsageError, match=r"expected the config .* got optimiser.rate = 0.5 instead of 0.01; choose"):
        toy_train(whole, "optimiser.rate=0.5")
    with pytest.raises(UsageError, match=r"got schedule.steps = 99 instead of 24"):
        toy_train(whole, "schedule.steps=99")


def test_another_network_is_named_before_what_comes_with_it(whole):
    with pytest.raises(UsageError, match=r"got net.name = 'other' instead of 'toy'"):
        toy_train(whole, "net.name=other", "ema=0.5", "curriculum.points=[[0, 1]]")


def test_long_values_are_cut_short(whole):
    with pytest.raises(
        UsageError, match=r"curriculum.points = \[\[0.0, 1.0\]\] instead of \[\[0.*\.\.\.; choose another"
    ):
        toy_train(whole, "curriculum.points=[[0, 1]]")


def test_other_data_is_refused(whole):
    with pytest.raises(UsageError, match=r"expected the data .* got seed = 5 instead of 0"):
        toy_train(whole, data=ToyData(seed=5))


def test_what_changes_nothing_that_is_learnt_may_differ(whole):
    changes = ("log_every=5", "checkpoint_every=9", "validation.every=4", "data.workers=3", "description=again")
    assert toy_train(whole, *changes).finished


def test_begun_anew_nothing_of_the_earlier_run_is_left(tmp_path):
    toy_train(tmp_path)
    report = toy_train(tmp_path, "schedule.steps=6", "checkpoint_every=50", resume=False)
    assert (report.step, report.steps) == (6, 6)
    assert {path.name[:8] for path in (tmp_path / "pictures").iterdir()} == {"00000006"}
    assert [line["step"] for line in read_log(tmp_path / "log.jsonl")] == [3, 6, 6]


def test_a_damaged_checkpoint_is_refused(tmp_path):
    toy_train(tmp_path, "schedule.steps=3")
    whole = (tmp_path / "last.pt").read_bytes()
    (tmp_path / "last.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"last.pt: expected a checkpoint, got a file that cannot be read"):
        toy_train(tmp_path, "schedule.steps=3")
    torch.save({"format": "other"}, tmp_path / "last.pt")
    with pytest.raises(InputError, match=r"expected a checkpoint of format gyrosharp.run/1, got 'other'"):
        toy_train(tmp_path, "schedule.steps=3")


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (lambda content: content.pop("config"), "expected a checkpoint with the part config, got none"),
        (lambda content: content.update(modules=[1]), "expected a checkpoint with the part modules, got none"),
        (lambda content: content["state"].pop("step"), "expected a checkpoint with steps and seconds, got others"),
        (lambda content: content["state"].update(step="3"), "expected a checkpoint with steps and seconds, got others"),
        (lambda content: content["modules"].pop("net"), "expected modules of this run, got others for net"),
        (lambda content: content["modules"].update(average={}), "expected modules of this run, got others for average"),
        (lambda content: content["optimisers"].pop("net"), "expected optimisers of this run, got others for net"),
    ],
)
def test_a_checkpoint_with_a_part_missing_is_refused_in_one_line(tmp_path, spoil, text):
    toy_train(tmp_path, "schedule.steps=1")
    content = read_checkpoint(tmp_path / "last.pt")
    spoil(content)
    torch.save(content, tmp_path / "last.pt")
    with pytest.raises(InputError, match=f"last.pt: {text}.*begin anew with train -f") as caught:
        toy_train(tmp_path, "schedule.steps=1")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of file sizes")
def test_a_full_disk_is_said_and_the_earlier_checkpoint_stays(tmp_path):
    import resource

    toy_train(tmp_path, progress=stop_at_first)
    before = (tmp_path / "last.pt").read_bytes()
    ignored, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"last.pt: cannot be written: File too large"):
            toy_train(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert (tmp_path / "last.pt").read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def stop_at_first(state):
    if state.step == 1:
        signal.raise_signal(signal.SIGINT)


def test_half_a_checkpoint_that_a_killed_run_left_is_removed(tmp_path):
    toy_train(tmp_path, "schedule.steps=1")
    for name in (".last.12-3.tmp.pt", ".best.12-4.tmp.pt"):
        (tmp_path / name).write_bytes(b"half")
    toy_train(tmp_path, "schedule.steps=1")
    assert not list(tmp_path.glob(".*"))


def test_a_run_that_is_refused_leaves_no_folder(tmp_path):
    with pytest.raises(UsageError, match="loss: expected one of"):
        toy_train(tmp_path / "run", "losses=[{kind: nope}]")
    assert not (tmp_path / "run").exists()


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    torch.save({"format": "gyrosharp.run/1", "config": Path("/")}, tmp_path / "last.pt")
    with pytest.raises(InputError, match="cannot be read"):
        toy_train(tmp_path)


def test_no_checkpoint_is_an_error_of_its_own(tmp_path):
    with pytest.raises(InputError, match=r"expected a checkpoint, got no such file"):
        read_checkpoint(tmp_path / "last.pt")


def test_two_runs_in_one_folder_are_refused(tmp_path):
    def begin_another(_):
        with pytest.raises(OutputError, match="another job works in this folder"):
            toy_train(tmp_path)

    toy_train(tmp_path, "schedule.steps=1", progress=begin_another)
