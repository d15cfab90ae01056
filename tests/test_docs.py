"""Tables in the documentation that come from the code."""

from pathlib import Path

import pytest

from gyrosharp.blur.encodings import encodings
from gyrosharp.capture.devices import cameras_table, logs_table, recordings_table
from gyrosharp.datasets.formats import table
from gyrosharp.datasets.sample_files import files_of
from gyrosharp.datasets.synthesis.config import config_reference, named_configs

DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.fixture(scope="module")
def synthesis():
    return (DOCS / "synthesis.md").read_text(encoding="utf-8")


def test_all_formats_are_listed():
    assert table() in (DOCS / "datasets.md").read_text(encoding="utf-8"), "paste gyrosharp.datasets.formats.table()"


@pytest.mark.parametrize("table", [recordings_table, logs_table, cameras_table])
def test_all_devices_are_listed(table):
    page = (DOCS / "devices.md").read_text(encoding="utf-8")
    assert table() in page, f"paste gyrosharp.capture.devices.{table.__name__}()"


def test_all_keys_of_a_config_are_listed(synthesis):
    assert config_reference() in synthesis, "paste gyrosharp.datasets.synthesis.config.config_reference()"


def test_configs_and_encodings_are_listed(synthesis):
    for name, encoding in encodings().items():
        assert f"| `{name}` | {encoding.STRIDE} | {encoding.REFERENCE}" in synthesis
    for name in named_configs():
        assert f"| `{name}` |" in synthesis


def test_the_files_of_a_record_are_listed(synthesis):
    described = files_of.__doc__
    for suffix in ("sharp.png", "blurred.png", "mask.png", "saturation.png", "field.npy", "motion.npy", "depth.npy"):
        assert f"`{suffix}`" in synthesis and f"``{suffix}``" in described
