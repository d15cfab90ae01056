"""How much memory a model takes per pixel: measured, in processes of their own."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from gyrosharp.restore.model_card import ModelCard
from gyrosharp.restore.onnx_session import OnnxSession

# Sides of the pictures, px, before they are rounded up to the size multiple: what does not grow with them cancels.
# onnxruntime takes memory in steps that double: nearer sizes could lie on one step.
SIDES = (256, 768)
# Where the peak cannot be read, or is hidden by what loading takes: a float32 copy of 64 channels.
LEAST_BYTES, UNKNOWN_BYTES = 64.0, 4.0 * 64


def bytes_per_pixel(graph: Path, card: ModelCard) -> float:
    """Return the memory that running a graph takes per px of the picture, in bytes, besides what loading it takes.

    The peaks of two runs, of 256 and 768 px squares, each in a process of its own, are compared.
    """
    multiple = card.size_multiple
    sides = [-(-side // multiple) * multiple for side in SIDES]
    peaks = []
    for side in sides:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            peaks.append(pool.submit(_peak_bytes, graph, card, side).result())
    if min(peaks) == 0:
        return UNKNOWN_BYTES
    return max((peaks[1] - peaks[0]) / (sides[1] ** 2 - sides[0] ** 2), LEAST_BYTES)


def _peak_bytes(graph: Path, card: ModelCard, side: int) -> int:
    wanted = card.network_input()
    session = OnnxSession(graph.read_bytes(), card.name, wanted.channels)
    cells = side // wanted.stride
    planes = np.zeros((1, wanted.channels, cells, cells), np.float32) if wanted.channels else None
    session.run(np.zeros((1, 3, side, side), np.float32), planes)
    return _high_water()


def _high_water() -> int:
    """Return the most memory that this process has held, bytes; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration, ValueError):
        return 0
