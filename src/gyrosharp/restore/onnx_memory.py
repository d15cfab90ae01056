"""How much memory a model takes per pixel: measured, in processes of their own.

Those are interpreters that run this module, not workers of multiprocessing, which would run the caller's script again.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from gyrosharp.errors import InputError
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

    Raises
    ------
    InputError
        If a run fails, as where there is not enough memory for it.
    """
    multiple, wanted = card.size_multiple, card.network_input()
    sides = [-(-side // multiple) * multiple for side in SIDES]
    peaks = [_peak_apart(graph, card.name, wanted.channels, side // wanted.stride, side) for side in sides]
    if min(peaks) == 0:
        return UNKNOWN_BYTES
    return max((peaks[1] - peaks[0]) / (sides[1] ** 2 - sides[0] ** 2), LEAST_BYTES)


def _peak_apart(graph: Path, name: str, channels: int, cells: int, side: int) -> int:
    command = [sys.executable, "-m", __name__, *map(str, (graph, channels, cells, side))]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        cause = (done.stderr.splitlines() or [f"exit code {done.returncode}"])[-1]
        raise InputError(
            f"{name}: expected a graph that runs on {side} x {side} px, got a failure ({cause}); give it more memory"
        )
    return int(done.stdout)


def _peak_bytes(graph: Path, channels: int, cells: int, side: int) -> int:
    session = OnnxSession(graph.read_bytes(), graph.stem, channels)
    planes = np.zeros((1, channels, cells, cells), np.float32) if channels else None
    session.run(np.zeros((1, 3, side, side), np.float32), planes)
    return _high_water()


def _high_water() -> int:
    """Return the most memory that this process has held, bytes; 0 where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration, ValueError):
        return 0


if __name__ == "__main__":
    sys.stdout.write(str(_peak_bytes(Path(sys.argv[1]), *map(int, sys.argv[2:]))))
