"""`gyrosharp export`, and `gyrosharp deblur` with networks."""

import json
import sys

import numpy as np
import pytest

from gyrosharp.cli.export import run as export
from gyrosharp.cli.export_options import ExportOptions
from gyrosharp.errors import InputError, MissingComponentError, UsageError
from gyrosharp.media.image_file import read_image
from gyrosharp.restore import models
from gyrosharp.restore.model_card import CardInputs
from onnx_files import conv_graph, planes_graph, write_model

SHARPEN = conv_graph(np.array([[0, -0.25, 0], [-0.25, 2, -0.25], [0, -0.25, 0]]))


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    return write_model(folder, SHARPEN)


@pytest.fixture
def guided(tmp_path):
    """A network that needs the motion."""
    folder = tmp_path / "guided"
    folder.mkdir()
    return write_model(
        folder, planes_graph(np.full((3, 2), 1e-3)), "guided", inputs=CardInputs(encoding="linear_kernel")
    )


def test_a_shot_is_deblurred_by_a_network(run, shot, guided):
    result = run("deblur", shot / "photo.capture.json", "--method", guided, "-o", shot / "out.png", "--tile", "256")
    assert result.code == 0 and "Deblurred (guided): as asked." in result.out
    assert result.err.startswith("note: guided: size tiny, ") and result.err.count("note: guided") == 1
    report = json.loads((shot / "out.png.json").read_text())
    assert report["method"] == str(guided) and report["diagnostics"]["tiles"] == 2
    assert report["diagnostics"]["reblur_residual"] is not None
    assert any("run by onnxruntime" in note for note in report["notes"])


def test_a_photo_without_a_log_is_deblurred_by_a_network_that_sees_nothing_else(run, shot, model):
    bare = shot / "bare.png"
    bare.write_bytes((shot / "photo.png").read_bytes())
    result = run("deblur", bare, "--method", model)
    assert result.code == 0 and "Deblurred (tiny): from the photo alone." in result.out
    before, after = read_image(bare), read_image(shot / "bare_deblurred.png")
    assert after.pixels_linear.shape == before.pixels_linear.shape and after.bit_depth == 8
    assert np.abs(after.pixels_linear - before.pixels_linear).max() > 0.02


def test_a_photo_beside_its_capture_file_keeps_its_motion(run, shot, model):
    result = run("deblur", shot / "photo.png", "--method", model)
    assert result.code == 0 and "Points are smeared over" in result.out


def test_a_folder_of_photos_without_logs(run, tmp_path, shot, model):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes((shot / "photo.png").read_bytes())
    result = run("deblur", folder, "--method", model, "-o", tmp_path / "out")
    assert result.code == 0 and "2 inputs: 2 done" in result.out
    assert result.err.count("note: tiny") == 1
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["a_deblurred.png", "b_deblurred.png"]


def test_a_network_that_needs_the_motion_asks_for_the_log(run, shot, guided):
    bare = shot / "bare.png"
    bare.write_bytes((shot / "photo.png").read_bytes())
    result = run("deblur", bare, "--method", guided)
    assert result.code == 3 and "expected a gyro log for the photo, got none" in result.err


def test_a_bundled_network_is_found_by_name(run, shot, model, monkeypatch):
    monkeypatch.setattr(models, "bundled_folder", lambda: model.parent)
    assert run("deblur", shot / "photo.png", "--method", "tiny").code == 0
    result = run("deblur", shot / "photo.png", "--method", "big")
    assert result.code == 2 and "wiener, tiny, or a model's .onnx file, got 'big'" in result.err


@pytest.mark.parametrize(
    ("spoil", "code", "text"),
    [
        (
            lambda card: card.with_name("tiny.onnx").write_bytes(SHARPEN[:-9]),
            3,
            "cut, tampered with, or of another model",
        ),
        (lambda card: card.with_name("tiny.onnx").unlink(), 4, "expected the weights that the card names"),
        (lambda card: card.write_text("{}"), 3, "expected a model card of format"),
        (lambda card: card.unlink(), 4, "expected a model, got no such file"),
    ],
)
def test_models_that_are_not_whole_give_one_line_before_any_work(run, shot, model, spoil, code, text):
    spoil(model)
    result = run("deblur", shot / "photo.png", "--method", model)
    assert result.code == code and text in result.err and result.err.count("\n") == 1
    assert not (shot / "photo_deblurred.png").exists()


def test_bad_flags_of_export_are_refused_before_torch_is_loaded(tmp_path):
    with pytest.raises(UsageError, match=r"--name: expected letters, digits and any of _.\+-, got 'a/b'"):
        export(tmp_path, ExportOptions(name="a/b"))
    with pytest.raises(UsageError, match=r"system: expected one of .*, got 'magic'"):
        export(tmp_path, ExportOptions(system="magic"))
    with pytest.raises(InputError, match="expected a training run's folder or a checkpoint, got none; check the path"):
        export(tmp_path / "none", ExportOptions())


@pytest.mark.parametrize(
    ("content", "text"), [("{", "expected a JSON file"), ("[1]", "expected a JSON object, got list")]
)
def test_figures_must_be_a_json_object(tmp_path, content, text):
    figures = tmp_path / "figures.json"
    figures.write_text(content)
    with pytest.raises(InputError, match=f"--figures .*{text}"):
        export(tmp_path, ExportOptions(figures=figures))


def test_without_torch_export_says_what_to_install(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("gyrosharp.training.", "gyrosharp.nets"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(
        MissingComponentError, match=r'expected the package torch, got none; pip install "gyrosharp\[train\]"'
    ):
        export(tmp_path, ExportOptions())


@pytest.mark.torch
@pytest.mark.slow
def test_a_run_is_exported_and_deblurs(run, shot, tmp_path):
    pytest.importorskip("onnxscript", reason="the extra `train` is not installed here")
    from trained_runs import write_run

    folder = write_run(tmp_path / "run", "deepgyro")
    figures = tmp_path / "figures.json"
    figures.write_text('{"psnr_db": 27.5}')
    command = ("export", folder, "-o", tmp_path / "models", "--name", "mine", "--figures", figures)
    result = run(*command)
    assert result.code == 0 and result.out.startswith("mine: size tiny, 0.27")
    assert result.out.count("graph and network differ by at most") == 3
    model = tmp_path / "models" / "mine.onnx"
    assert f"Run it: gyrosharp deblur PHOTO --method {model}" in result.out
    assert json.loads((tmp_path / "models" / "mine.card.json").read_text())["figures"] == {"psnr_db": 27.5}
    assert run("deblur", shot / "photo.capture.json", "--method", model).code == 0
    again = run(*command)
    assert again.code == 3 and "exists already" in again.err
    found = json.loads(run(*command, "-f", "--half", "--json").out)
    assert found["card"]["weights_precision"] == "float16" and len(found["files"]) == 3


@pytest.mark.torch
@pytest.mark.slow
def test_a_run_is_exported_in_8_bits(run, tmp_path):
    pytest.importorskip("onnxscript", reason="the extra `train` is not installed here")
    from synth_inputs import write_photos
    from trained_runs import write_run
    from training_shards import shards_of_photos

    folder = write_run(tmp_path / "run", "imu_unet")
    shards_of_photos(write_photos(tmp_path / "photos"), tmp_path / "samples", 2)
    command = ("export", folder, "-o", tmp_path / "models", "--int8", tmp_path / "samples")
    result = run(*command)
    assert result.code == 0 and "M parameters in int8, trained" in result.out
    assert result.out.count(" dB on 1 samples") == 1
    found = json.loads(run(*command, "-f", "--json").out)
    assert found["card"]["arithmetic"] == "int8" and found["int8"]["samples"] == 1
    again = run(*command, "-f", "--half")
    assert again.code == 2 and "expected --half or --int8, got both" in again.err
