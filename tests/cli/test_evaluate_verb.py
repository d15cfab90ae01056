import json
import sys

import pytest
import yaml

import bench_inputs


@pytest.fixture
def own(tmp_path):
    """A benchmark of two photos beside its YAML file."""
    bench_inputs.photos(tmp_path / "photos", 2)
    content = {"name": "own", "photos": {"folder": "photos"}, "motion": {"tremor": "plain", "trail_px": [3, 6]}}
    content["measure"] = {"metrics": ["psnr"]}
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_table_and_where_the_rest_is(run, own, tmp_path):
    found = run("evaluate", own, "--methods", "blurred,rl", "-o", tmp_path / "out")
    assert found.code == 0, found.err
    lines = found.out.splitlines()
    assert lines[0].startswith("own, exact")
    assert [line.split()[0] for line in lines[1:4]] == ["method", "blurred", "rl"]
    assert "2 shots of 2 photos." in found.out
    assert "report.html in a browser" in found.out
    assert (tmp_path / "out" / "report.html").is_file()
    again = run("evaluate", own, "-m", "blurred,rl", "-o", tmp_path / "out")
    assert "4 of 4 results are from earlier runs." in again.out


def test_names_in_brackets_are_names(run, own, tmp_path):
    """A folder may be called shots [night] or a[/b]: no markup of the terminal's."""
    content = yaml.safe_load(own.read_text())
    own.write_text(yaml.safe_dump({**content, "name": "own [night] [/b]"}))
    found = run("evaluate", own, "-m", "blurred", "--limit", "1", "-o", tmp_path / "out")
    assert found.code == 0, found.err
    assert found.out.startswith("own [night] [/b], exact")


def test_json_and_progress(run, own, tmp_path, monkeypatch):
    monkeypatch.setattr("gyrosharp.cli.progress.QUIET_S", 0.0)
    arguments = ("evaluate", own, "-m", "rl", "--limit", "1", "-o", tmp_path / "out")
    assert "1 of 2 results; rl, exact/a" in run(*arguments).err
    found = run(*arguments, "--json", "-f")
    stated = json.loads(found.out)
    assert found.err == ""
    assert [row["method"] for row in stated["rows"]] == ["blurred", "rl"]
    assert stated["rows"][1]["gain"]["mean"] > 0
    assert stated["resumed"] == 0


def test_what_fails_is_named_and_the_exit_code_says_so(run, own, tmp_path):
    found = run("evaluate", own, "-m", "gone.onnx,rl", "--limit", "1", "-o", tmp_path / "out")
    assert found.code == 1
    assert found.err.splitlines()[-1].startswith("failed: gone.onnx, all shots: gone.onnx: expected a model")
    assert "rl" in found.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing-like-it"], "error: evaluate: expected gopro, gyroblur-mini, harm, levin, a YAML file or a folder"),
        (["own.yaml", "-m", "rl,,auto"], "error: --methods: expected names with commas between, got 'rl,,auto'"),
        (["own.yaml", "-m", "sharpen"], "error: method: expected one of"),
        (["own.yaml", "--metrics", "beauty"], "error: metric: expected one of"),
        (["own.yaml", "--cases", "worse"], "error: cases: expected some of exact, got worse"),
        (["own.yaml", "--limit", "0"], "error: Invalid value for '--limit'"),
    ],
)
def test_usage_errors(run, own, monkeypatch, arguments, message):
    monkeypatch.chdir(own.parent)
    found = run("evaluate", *arguments)
    assert found.code == 2
    assert found.err.startswith(message)


def test_without_data_the_message_says_which_flag_helps(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = run("evaluate", "gyroblur-mini")
    assert found.code == 2
    assert found.err.endswith("got nothing there; give --data FOLDER that holds it\n")


def test_a_terminal_sees_a_bar(run, own, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert run("evaluate", own, "-m", "rl", "--limit", "1", "-o", tmp_path / "out").code == 0
