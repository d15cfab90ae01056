"""What a model takes per pixel is measured apart from the caller."""

import os
import subprocess
import sys

import numpy as np
import pytest

from gyrosharp.errors import InputError
from gyrosharp.restore.onnx_memory import bytes_per_pixel
from onnx_files import card_of, constant, conv_graph, graph_bytes, node

SCRIPT = """
from pathlib import Path
from gyrosharp.restore.model_card import read_card
from gyrosharp.restore.onnx_memory import bytes_per_pixel
print("measured", bytes_per_pixel(Path("tiny.onnx"), read_card(Path("tiny.card.json"))))
"""


def test_a_script_that_measures_runs_once(tmp_path):
    """Without a guard around its main part; a wider graph takes more."""
    graph = conv_graph(np.ones((3, 3)))
    (tmp_path / "tiny.onnx").write_bytes(graph)
    card_of(graph).write(tmp_path / "tiny.card.json")
    (tmp_path / "mine.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "mine.py"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    # At least the floor; at most 30 copies of the picture of three float32 channels.
    assert line.startswith("measured ") and 64 <= float(line.split()[1]) < 400


def test_a_graph_that_does_not_run_is_refused_in_one_line(tmp_path):
    bound = graph_bytes([node("Add", ["image", "w"], "sharp")], [constant("w", np.zeros((1, 3, 8, 8)))])
    (tmp_path / "tiny.onnx").write_bytes(bound)
    with pytest.raises(InputError, match=r"tiny: expected a graph that runs on 256 x 256 px, got a failure") as caught:
        bytes_per_pixel(tmp_path / "tiny.onnx", card_of(bound))
    assert "\n" not in str(caught.value)
