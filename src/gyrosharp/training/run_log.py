"""The log of a run: one JSON object per line, the same figures as TensorBoard events, and pictures."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.media.atomic import atomic_write, make_folder
from gyrosharp.media.opencv import png_of

LOG, EVENTS, PICTURES = "log.jsonl", "tb", "pictures"


class RunLog:
    """Writes figures and pictures into a run's folder.

    Parameters
    ----------
    folder : Path
        The run's folder.
    step : int
        Steps done. What an earlier session logged after its last checkpoint is taken back: those steps come again.
    writes : bool
        False in all processes but one: then nothing is written.
    """

    def __init__(self, folder: Path, step: int, *, writes: bool = True) -> None:
        self._folder, self._writes = folder, writes
        self._events: Any = None
        if writes:
            cut_log(folder / LOG, step)
            self._events = _events(folder / EVENTS, step)

    def line(self, step: int, figures: Mapping[str, float]) -> None:
        """Log figures of a step."""
        if not self._writes:
            return
        with (self._folder / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step, **figures}) + "\n")
        if self._events is not None:
            for name, value in figures.items():
                self._events.add_scalar(name, value, step)

    def pictures(self, step: int, strips: Sequence[NDArray[np.uint8]]) -> None:
        """Write pictures: blurred, result, sharp."""
        if not self._writes or not strips:
            return
        make_folder(self._folder / PICTURES)
        for number, strip in enumerate(strips):
            with atomic_write(self._folder / PICTURES / f"{step:08d}-{number}.png", overwrite=True) as temporary:
                temporary.write_bytes(png_of(strip))
            if self._events is not None:
                self._events.add_image(f"picture/{number}", strip, step, dataformats="HWC")

    def close(self) -> None:
        """Finish the files."""
        if self._events is not None:
            self._events.close()


def cut_log(path: Path, step: int) -> None:
    """Remove the lines after a step, and a line that a killed run left half written."""
    if not path.is_file():
        return
    kept = [line for line in path.read_text(encoding="utf-8").splitlines() if _step_of(line) <= step]
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def read_log(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a log."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


def _events(folder: Path, step: int) -> Any:  # noqa: ANN401
    """A TensorBoard writer that takes back events after a step; None where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)
