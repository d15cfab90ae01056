import json
from pathlib import Path

import numpy as np
import pytest

from gyrosharp.errors import InputError, MissingComponentError, OutputError, UsageError
from gyrosharp.restore import models
from gyrosharp.restore.model_card import CardFile, CardInputs, ModelCard, read_card, sha256, verified_bytes
from gyrosharp.restore.models import bundled_cards, bundled_names, find_model
from onnx_files import card_of, conv_graph, write_model

GRAPH = conv_graph(np.ones((1, 1)))


@pytest.fixture
def path(tmp_path):
    return write_model(tmp_path, GRAPH)


def changed(path, **changes):
    raw = json.loads(path.read_text())
    for key, value in changes.items():
        raw |= {key: value}
    path.write_text(json.dumps(raw))
    return path


def test_a_card_is_read_as_it_was_written(path):
    card = card_of(GRAPH, figures={"psnr_db": 27.5}, inputs=CardInputs(encoding="camera_motion_field", stride=2))
    card.write(path, overwrite=True)
    assert read_card(path) == card
    wanted = card.network_input()
    assert (wanted.encoding, wanted.stride, wanted.channels) == ("camera_motion_field", 2, 16)


def test_a_card_is_not_overwritten(path):
    with pytest.raises(OutputError, match="exists already"):
        card_of(GRAPH).write(path)


def test_description(path):
    assert read_card(path).description == "size tiny, 8.1e-05 M parameters, trained 20 steps, 2 min on cpu"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"colour": 1}, r"colour: extra inputs are not permitted, got 1; see docs/models.md"),
        ({"format": "gyrosharp.model/2"}, "expected a model card of format gyrosharp.model/1, got 'gyrosharp.model/2'"),
        ({"steps": -1}, "steps: input should be greater than or equal to 0, got -1"),
        ({"files": {}}, "files: value error, expected the file onnx"),
        ({"steps": 10**4000}, "steps: input should be"),
        ({"size_multiple": 10**9}, "size_multiple: input should be less than or equal to 4096"),
        ({"tile_margin_px": 10**30}, "tile_margin_px: input should be less than or equal to 4096"),
        ({"device": "cpu\n\x1b[31m"}, r"device: string should match pattern .* got 'cpu.n.x1b\[31m'"),
        ({"inputs": {"encoding": "camera_motion_field", "options": {"pairs": 10**9}}}, "expected pairs within 4096"),
        ({"name": "../evil"}, "name: string should match pattern"),
        ({"files": {"onnx": {"name": "../a.onnx", "sha256": "0" * 64}}}, "files.onnx.name: string should match"),
        ({"net_config": "x" * 100}, r"net_config: .* got 'x{56}\.\.\."),
    ],
)
def test_bad_cards_are_refused_in_one_line(path, changes, text):
    with pytest.raises(InputError, match=text) as found:
        read_card(changed(path, **changes))
    assert "\n" not in str(found.value) and found.value.exit_code == 3


@pytest.mark.parametrize("content", ["{", "[" * 100_000, "\xff"])
def test_what_is_no_json_is_refused(path, content):
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError, match=r"expected a model card .JSON., got another file, or a cut one"):
        read_card(path)


def test_a_list_is_no_card(path):
    path.write_text("[1]")
    with pytest.raises(InputError, match=r"format gyrosharp.model/1, got None"):
        read_card(path)


def test_a_missing_card_is_a_missing_component(tmp_path):
    with pytest.raises(MissingComponentError, match="expected a model card, got no such file"):
        read_card(tmp_path / "none.card.json")


@pytest.mark.parametrize(
    "inputs",
    [{"encoding": "magic"}, {"encoding": "camera_motion_field", "options": {"pears": 8}}, {"depth": True, "stride": 2}],
)
def test_inputs_that_this_version_cannot_make_are_refused(inputs):
    with pytest.raises(InputError, match=r"tiny: inputs of its card: .*; export it again with this version"):
        card_of(GRAPH, inputs=CardInputs(**{"encoding": None} | inputs)).network_input()


def test_a_stride_that_does_not_divide_the_size_multiple_is_refused():
    card = card_of(GRAPH, inputs=CardInputs(encoding="camera_motion_field", stride=3))
    with pytest.raises(InputError, match="expected a size multiple that the stride 3 divides, got 4"):
        card.network_input()


def test_cut_changed_and_missing_files_are_refused(tmp_path, path):
    file = read_card(path).files["onnx"]
    assert verified_bytes(tmp_path, file) == GRAPH
    for content in (GRAPH[:-1], GRAPH[:-1] + b"!", b""):
        (tmp_path / file.name).write_bytes(content)
        with pytest.raises(
            InputError, match=r"expected SHA-256 .*: the file is cut, tampered with, or of another model"
        ):
            verified_bytes(tmp_path, file)
    (tmp_path / file.name).unlink()
    with pytest.raises(MissingComponentError, match="expected the weights that the card names, got no such file"):
        verified_bytes(tmp_path, file)


def test_a_folder_is_no_model_file(tmp_path):
    (tmp_path / "folder.onnx").mkdir()
    with pytest.raises(InputError, match="expected a model file, got one that cannot be read"):
        verified_bytes(tmp_path, CardFile(name="folder.onnx", sha256=sha256(b"")))


def test_a_model_is_found_by_its_graph_or_its_card(tmp_path, path):
    for name in (path, tmp_path / "tiny.onnx"):
        model = find_model(str(name))
        assert model.card.name == "tiny" and model.folder == tmp_path


def test_a_renamed_graph_is_refused(tmp_path, path):
    (tmp_path / "tiny.onnx").rename(tmp_path / "other.onnx")
    path.rename(tmp_path / "other.card.json")
    with pytest.raises(InputError, match=r"expected the file that its card names, tiny.onnx, got another"):
        find_model(str(tmp_path / "other.onnx"))


def test_missing_and_unknown_models(tmp_path):
    with pytest.raises(MissingComponentError, match="expected a model, got no such file"):
        find_model(str(tmp_path / "none.onnx"))
    with pytest.raises(UsageError, match=r"model: expected .*a model's .onnx file, got 'magic'"):
        find_model("magic")


def test_bundled_models_are_found_by_name(monkeypatch, tmp_path, path):
    monkeypatch.setattr(models, "bundled_folder", lambda: tmp_path)
    bundled_cards.cache_clear()
    assert bundled_names() == ("tiny",)
    assert bundled_cards()["tiny"] == read_card(path) == find_model("tiny").card
    bundled_cards.cache_clear()


@pytest.mark.parametrize("name", bundled_names())
def test_bundled_models_are_whole(name):
    """Card and graph belong together, and the card can be fed by this version."""
    model = find_model(name)
    assert model.card.name == name
    assert verified_bytes(model.folder, model.card.files["onnx"])
    assert model.card.size_multiple % model.card.network_input().stride == 0


def test_all_keys_of_a_card_are_explained():
    page = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    for kind in (ModelCard, CardInputs, CardFile):
        assert [key for key in kind.model_fields if f"`{key}`" not in page] == []
