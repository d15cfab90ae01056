"""`gyrosharp train`, from shards to a run's folder."""

import json
import sys

import pytest

from synth_inputs import write_log, write_photos

SMALL = ("picture.size=[48, 48]", "motion.trail_px=[3, 8]", "output.shard_size=4")
SHORT = (
    "data.crop=32",
    "data.batch=2",
    "schedule.steps=4",
    "validation.samples=2",
    "validation.every=2",
    "log_every=2",
)


def flags(changes):
    return [word for change in changes for word in ("--set", change)]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    from gyrosharp.cli.main import main

    folder = tmp_path_factory.mktemp("training")
    write_photos(folder / "photos")
    write_log(folder / "log.gcsv")
    words = ["synth", "refine", "--images", folder / "photos", "-g", folder / "log.gcsv", "-o", folder / "data"]
    with pytest.raises(SystemExit) as done:
        main([str(word) for word in [*words, "-n", "6", "--workers", "1", "--json", *flags(SMALL)]])
    assert not done.value.code
    return folder / "data"


def train(run, data, out, *arguments, system="nafnet", changes=SHORT):
    size = () if system.endswith(".yaml") else ("--size", "tiny")
    words = ("--data", data, "-o", out, *size, "--device", "cpu", *flags(changes))
    return run("train", system, *words, *arguments)


@pytest.mark.torch
def test_a_run_says_what_came_of_it_and_what_is_next(run, data, tmp_path):
    pytest.importorskip("torch", reason="torch is not installed here")
    result = train(run, data, tmp_path / "run")
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert "step 4 of 4" in lines[0] and "crops/s" in lines[0] and "waiting for data" in lines[0]
    assert lines[1].startswith("validation: ") and "blurred" in lines[1] and "gain" in lines[1]
    assert lines[2] == f"next: gyrosharp export {tmp_path / 'run'}"
    assert {"config.json", "log.jsonl", "last.pt", "best.pt", "pictures"} <= {
        p.name for p in (tmp_path / "run").iterdir()
    }
    facts = json.loads((tmp_path / "run" / "config.json").read_text())
    assert facts["config"]["net"] == {"name": "nafnet", "size": "tiny", "changes": {}, "start": None}
    assert facts["config"]["description"] == "nafnet" and facts["steps"] == 4


@pytest.mark.torch
def test_the_same_command_resumes_and_another_is_refused(run, data, tmp_path):
    pytest.importorskip("torch", reason="torch is not installed here")
    assert train(run, data, tmp_path, "--seed", "3").code == 0
    again = train(run, data, tmp_path, "--seed", "3")
    assert again.code == 0 and "nothing left to do" in again.out
    other = train(run, data, tmp_path, "--seed", "4")
    assert other.code == 2 and "got seed = 4 instead of 3" in other.err and "Traceback" not in other.err
    assert train(run, data, tmp_path, "--seed", "4", "-f").code == 0


@pytest.mark.torch
def test_json_has_the_figures(run, data, tmp_path):
    pytest.importorskip("torch", reason="torch is not installed here")
    result = train(run, data, tmp_path / "run", "--json")
    facts = json.loads(result.out)
    assert (facts["step"], facts["steps"], facts["finished"], facts["interrupted"]) == (4, 4, True, False)
    assert facts["psnr_db"] > 5 and facts["blurred_db"] > 5 and facts["folder"] == str(tmp_path / "run")


@pytest.mark.torch
def test_a_config_of_ones_own_and_a_variant(run, data, tmp_path):
    pytest.importorskip("torch", reason="torch is not installed here")
    mine = tmp_path / "mine.yaml"
    mine.write_text("net: {name: nafnet, size: tiny}\nlosses: [{kind: l1}]\n")
    assert train(run, data, tmp_path / "mine", system=str(mine)).code == 0
    result = train(run, data, tmp_path / "bare", "--variant", "no-gyro", system="gyrodeblurnet")
    assert result.code == 0, result.err
    facts = json.loads((tmp_path / "bare" / "config.json").read_text())
    assert facts["config"]["net"]["changes"] == {"gyro": False}
    refused = train(run, data, tmp_path / "x", "--variant", "no-gyro", system=str(mine))
    assert refused.code == 2 and "--variant: expected a system with it, got the config" in refused.err


def test_without_torch_it_says_what_to_install(run, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("gyrosharp.nets", "gyrosharp.training"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    result = run("train", "nafnet", "--data", tmp_path, "-o", tmp_path / "run")
    assert result.code == 4
    assert result.err == 'error: train: expected PyTorch, got none; pip install "gyrosharp[train]"\n'


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nafnet", "-o", "run"), "expected --data FOLDER and -o FOLDER, got no --data"),
        (("nafnet", "--data", "d"), "expected --data FOLDER and -o FOLDER, got no -o"),
        (("nofnet", "--data", "d", "-o", "r"), "system: expected one of"),
        (("no.yaml", "--data", "d", "-o", "r"), "config: expected a YAML file, got 'no.yaml'"),
        (("nafnet", "--data", "d", "-o", "r", "--set", "seed=-1"), "nafnet: seed: Input should be greater"),
        (("nafnet", "--data", "d", "-o", "r", "--variant", "x"), "nafnet: expected a variant out of none"),
    ],
)
def test_a_wrong_command_is_one_line(run, arguments, message):
    result = run("train", *arguments)
    assert result.code == 2 and message in result.err and result.err.count("\n") == 1
