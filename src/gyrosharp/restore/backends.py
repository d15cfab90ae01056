"""Backends: what runs a model's graph, chosen by the environment variable GYROSHARP_BACKEND."""

import os
from functools import lru_cache
from pathlib import Path

from gyrosharp.errors import UsageError
from gyrosharp.restore.model_card import CardFile, verified_bytes
from gyrosharp.restore.models import Model
from gyrosharp.restore.onnx_session import OnnxSession, Session
from gyrosharp.restore.openvino_session import NotConvertibleError, OpenVinoSession

VARIABLE = "GYROSHARP_BACKEND"
ONNXRUNTIME, OPENVINO = "onnxruntime", "openvino"
BACKENDS = (ONNXRUNTIME, OPENVINO)
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
        If the file's checksum is not the card's, or the graph cannot be used.
    """
    choice = os.environ.get(VARIABLE, "") or ONNXRUNTIME
    if choice not in BACKENDS:
        raise UsageError(f"{VARIABLE}: expected one of {', '.join(BACKENDS)}, got {choice!r}")
    card = model.card
    return _session(choice, model.folder, card.files["onnx"], card.name, card.network_input().channels)


@lru_cache(maxsize=KEPT)
def _session(choice: str, folder: Path, file: CardFile, name: str, channels: int) -> Session:
    graph = verified_bytes(folder, file)
    if choice == ONNXRUNTIME:
        return OnnxSession(graph, name, channels)
    try:
        return OpenVinoSession(graph, name, channels)
    except NotConvertibleError:
        session = OnnxSession(graph, name, channels)
        session.backend += " (OpenVINO cannot convert this network)"
        return session
