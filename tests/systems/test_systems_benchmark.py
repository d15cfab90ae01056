"""benchmarks/systems.py: which runs stand for which variants, and what its intervals are about."""

import argparse
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest

import synth_inputs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def script():
    spec = importlib.util.spec_from_file_location("systems_benchmark", ROOT / "benchmarks" / "systems.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def given(tmp_path, **changes):
    settings = {"runs": tmp_path, "system": "gamd", "test": [tmp_path / "test"], "alpha": 1.0, "samples": 8}
    return argparse.Namespace(**{**settings, "reference": None, "seeds": [0], **changes})


def test_a_variant_without_changes_is_the_run_of_the_system_itself(script):
    assert list(script.wanted_runs(["gamd/full", "gamd", "gamd/no-heatmaps"])) == [
        ("gamd", "full"),
        ("gamd", "full"),
        ("gamd", "no-heatmaps"),
    ]
    assert set(script.wanted_runs(["gamd/*"])) == {("gamd", "full"), ("gamd", "no-heatmaps")}


def test_the_reference_is_the_one_asked_for(script):
    assert script.reference_of("gyrodeblurnet", None) == "full"
    # It comes after the system itself.
    assert script.reference_of("gyrodeblurnet", "m2") == "m2"
    with pytest.raises(SystemExit, match="depth_imu_unet: expected --reference out of blind, depth, kernel, both"):
        script.reference_of("depth_imu_unet", None)


def test_samples_of_a_photo_count_as_one_value(script):
    assert script.by_photo([["b", 1.0], ["a", 4.0], ["b", 3.0]]).tolist() == [4.0, 2.0]


def test_gains_of_other_weights_samples_or_errors_are_not_taken_over(script, tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(script, "sample_gains", lambda *what: made.append(what) or [["a", float(len(made))]])
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "manifest.jsonl").write_text("{}\n")
    (tmp_path / "last.pt").write_bytes(b"1")
    test = [tmp_path / "test"]
    assert script.gains(tmp_path, test, 1.0, 8).tolist() == [1.0]
    assert script.gains(tmp_path, test, 1.0, 8).tolist() == [1.0]
    assert script.gains(tmp_path, test, 0.0, 8).tolist() == [2.0]
    assert script.gains(tmp_path, test, 1.0, 6).tolist() == [3.0]
    (tmp_path / "last.pt").write_bytes(b"2")
    assert script.gains(tmp_path, test, 1.0, 8).tolist() == [4.0]


def test_intervals_know_of_runs_where_there_are_several(script, tmp_path, monkeypatch, capsys):
    """Photos agree within a run, runs do not agree: one run is sure of itself, three are not."""
    photos = np.linspace(0.0, 0.01, 20)
    of_seed = {"0": 1.0, "1": -0.8, "2": 0.9}

    def gains(run, *_):
        _, variant, seed = run.name.split(".")
        return photos + (of_seed[seed] if variant == "full" else 0.0)

    monkeypatch.setattr(script, "gains", gains)
    script.compare(given(tmp_path))
    (one,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| no-heatmaps")]
    assert "-1.00 [-1.00, -1.00] worse" in one
    script.compare(given(tmp_path, seeds=[0, 1, 2]))
    out = capsys.readouterr().out
    assert "unresolved" in out and "worse" not in out
    assert "test: the last 8 samples, 20 photos, alpha 1, 3 runs of each variant; 95 % intervals over runs" in out
    # Mean of 1, -0.8 and 0.9; the gain over the blurred picture knows of the runs, too.
    row = next(line for line in out.splitlines() if line.startswith("| full"))
    mean, half = row.split("|")[3].split("+-")
    assert float(mean) == pytest.approx(0.37, abs=0.01) and float(half) > 2.0


@pytest.mark.torch
def test_two_test_sets_with_the_same_keys_keep_their_photos_apart(script, tmp_path):
    pytest.importorskip("torch", reason="torch is not installed here")
    from training_shards import shards_of_photos

    run, folders = run_at(tmp_path / "run", step=10), []
    for name in ("first", "second"):
        photos = tmp_path / f"photos-{name}"
        synth_inputs.write_photos(photos)
        for path in list(photos.iterdir()):
            path.rename(path.with_stem(f"{name}-{path.stem}"))
        shards_of_photos(photos, tmp_path / name, count=4)
        folders.append(tmp_path / name)
    script.gains(run, folders, 1.0, 3)
    (kept,) = run.glob("gains.*.json")
    found = json.loads(kept.read_text())
    assert [photo.partition("-")[0] for photo, _ in found] == ["first"] * 3 + ["second"] * 3
    assert all(np.isfinite(gain) and gain != 0.0 for _, gain in found)


@pytest.mark.torch
def test_runs_that_were_stopped_are_not_compared(script, tmp_path):
    pytest.importorskip("torch", reason="torch is not installed here")
    from training_shards import shards_of_photos

    synth_inputs.write_photos(tmp_path / "photos")
    shards_of_photos(tmp_path / "photos", tmp_path / "test", count=4)
    with pytest.raises(SystemExit, match="expected a finished run, got one that was stopped"):
        script.gains(run_at(tmp_path / "run", step=7), [tmp_path / "test"], 1.0, 3)
    with pytest.raises(SystemExit, match="expected a trained run and a test set, got no such file"):
        script.gains(tmp_path / "nothing", [tmp_path / "test"], 1.0, 3)


def run_at(folder, step):
    """A run of ten steps that stands at one of them."""
    import torch

    from trained_runs import write_run

    write_run(folder, "nafnet")
    content = torch.load(folder / "last.pt", weights_only=True)
    content["state"]["step"] = step
    torch.save(content, folder / "last.pt")
    return folder
