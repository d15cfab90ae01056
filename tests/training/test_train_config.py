"""The training config, and what the documentation says of it."""

from pathlib import Path

import pytest

from gyrosharp.errors import UsageError
from gyrosharp.training.config import read_train_config, train_config, train_config_reference

PAGE = Path(__file__).resolve().parents[2] / "docs" / "training.md"
LOSSES = Path(__file__).resolve().parents[2] / "src" / "gyrosharp" / "training" / "losses"


def test_all_keys_are_listed():
    assert train_config_reference() in PAGE.read_text(encoding="utf-8"), (
        "paste gyrosharp.training.config.train_config_reference()"
    )


def test_all_losses_are_listed():
    page = PAGE.read_text(encoding="utf-8")
    names = [path.stem for path in LOSSES.glob("[a-z]*.py")]
    assert len(names) > 5 and all(f"`{name}`" in page for name in names)


def test_what_may_differ_on_resuming_is_listed():
    pytest.importorskip("torch", reason="torch is not installed here")
    from gyrosharp.training.checkpoint import FREE

    assert ", ".join(f"`{name}`" for name in FREE) in PAGE.read_text(encoding="utf-8")


def test_the_reference_has_defaults_as_yaml_writes_them():
    rows = train_config_reference().splitlines()
    assert "| `optimiser.betas` | [0.9, 0.999] | decay of the running moments |" in rows
    assert "| `schedule.final_rate` | 1e-07 | of cosine: learning rate at the end |" in rows
    assert "| `losses` | [{kind: psnr}] | see below |" in rows
    assert "| `optimiser.clip_norm` |  | gradients are scaled down to this norm |" in rows
    assert not any("`description`" in row for row in rows)


def test_a_file_and_changes(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("net: {name: nafnet, size: tiny}\nema: 0.9\n")
    config = read_train_config(path, ("ema=0.5", "net.changes={width: 8}"))
    assert (config.net.name, config.net.changes, config.ema) == ("nafnet", {"width": 8}, 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "net: {name: nafnet}\noptimizer: {}",
            r"optimizer: Extra inputs are not permitted, got \{\}; see docs/training",
        ),
        ("ema: 0.9", "net: Field required"),
        ("net: {name: a}\ncurriculum: {points: [[0.5, 0], [0.2, 1]]}", "expected points .* with rising progress"),
        ("net: {name: a}\noptimiser: {betas: [0.9, 1]}", "optimiser.betas.1: Input should be less than 1, got 1"),
        ("net: {name: a}\noptimiser: {rate: .inf}", "optimiser.rate: Input should be a finite number, got inf"),
        ("net: {name: a}\nseed: 9223372036854775808", "seed: Input should be less than 9223372036854775808"),
        ("- 1", "expected a mapping of parts, got list"),
        ("net: [", "expected YAML, got something else"),
    ],
)
def test_a_wrong_file_is_refused_in_one_line(tmp_path, text, message):
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        read_train_config(path)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"config: expected a YAML file, got '.*no.yaml'; check the path"):
        read_train_config(tmp_path / "no.yaml")
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(UsageError, match=r"binary.yaml: expected a YAML file, got one that cannot be read"):
        read_train_config(path)


def test_no_mapping_is_refused():
    with pytest.raises(UsageError, match="config: expected a mapping of parts, got NoneType"):
        train_config(None)
