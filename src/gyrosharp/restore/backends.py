"""Backends: what runs a model's graph, chosen by the environment variable GYROSHARP_BACKEND."""

import os
import re
from functools import lru_cache
from pathlib import Path

from gyrosharp.errors import InputError, UsageError
from gyrosharp.restore.model_card import CardFile, verified_bytes
from gyrosharp.restore.models import Model
from gyrosharp.restore.onnx_session import OnnxSession, Session
from gyrosharp.restore.openvino_session import NotConvertibleError, OpenVinoSession

VARIABLE = "GYROSHARP_BACKEND"
ONNXRUNTIME, OPENVINO = "onnxruntime", "openvino"
BACKENDS = (ONNXRUNTIME, OPENVINO)
# How a graph names a file that holds some of its weights: the key of an entry of TensorProto.external_data
# (onnx.proto3), a text of 8 bytes. Runtimes would look for that file in the user's folder; no checksum covers it.
OTHER_FILE = re.compile(rb"\x0a(\x08|\x88\x80*\x00)location")
# A loaded graph is kept: photos of a batch and frames of a video take the same one.
KEPT = 2


def open_session(model: Model) -> Session:
    """Return a model's graph, loaded by the backend that GYROSHARP_BACKEND names.

    ``onnxruntime`` is the default, even where OpenVINO is installed: results do not depend on what is. ``openvino``
    falls back to it where OpenVINO cannot convert the graph; `Session.backend` says so.

    Raises
    ------
    UsageError
        If the variable names no backend.
    MissingComponentError
        If the graph's file is not there, or OpenVINO is asked for and not installed.
    InputError
        If the file's checksum is not the card's, the graph names other files, or it cannot be used.
    """
    choice = os.environ.get(VARIABLE, "") or ONNXRUNTIME
    if choice not in BACKENDS:
        raise UsageError(f"{VARIABLE}: expected one of {', '.join(BACKENDS)}, got {choice!r}")
    card = model.card
    return _session(choice, model.folder, card.files["onnx"], card.name, card.network_input().channels)


@lru_cache(maxsize=KEPT)
def _session(choice: str, folder: Path, file: CardFile, name: str, channels: int) -> Session:
    graph = verified_bytes(folder, file)
    if OTHER_FILE.search(graph):
        raise InputError(
            f"{folder / file.name}: expected a graph with all of its weights in it, got one that names another file; "
            "export it again with gyrosharp export"
        )
    if choice == ONNXRUNTIME:
        return OnnxSession(graph, name, channels)
    try:
        return OpenVinoSession(graph, name, channels)
    except NotConvertibleError:
        session = OnnxSession(graph, name, channels)
        session.backend += " (OpenVINO cannot convert this network)"
        return session
