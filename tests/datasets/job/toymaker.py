"""A maker for tests of the job engine: random bytes that depend on the index alone, and accidents on demand."""

import hashlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gyrosharp.datasets.job import Record
from gyrosharp.errors import CaptureError, ImageError, OutputError


def bad_image(index):
    raise ImageError(f"photo {index % 7}: expected an image, got noise; replace it")


def bad_capture(_index):
    raise CaptureError("log.csv: expected 1 s of gyro data, got 0.1 s; record longer")


def system_error(_index):
    raise PermissionError(13, "Permission denied", "photo.png")


def full_disk(_index):
    raise OutputError("cache: cannot be written: the disk is full; free some space")


def bug(_index):
    raise ZeroDivisionError("a bug")


def end_of_file(_index):
    raise EOFError("truncated")


def kill(_index):
    os.kill(os.getpid(), signal.SIGKILL)


def stop_for_good(_index):
    time.sleep(600)


def interrupt(_index):
    raise KeyboardInterrupt


ACCIDENTS = {
    "image": bad_image,
    "capture": bad_capture,
    "system": system_error,
    "full": full_disk,
    "bug": bug,
    "end of file": end_of_file,
    "killed": kill,
    "interrupted": interrupt,
    "stuck": stop_for_good,
}


@dataclass(frozen=True)
class Toy:
    """Samples of two files. `accidents` maps an index to what happens there; `once` marks those that happened."""

    seed: int = 1
    size: int = 200
    layout: str = "shards"
    accidents: tuple[tuple[int, str], ...] = ()
    marks: Path | None = None
    pause_s: float = 0.0
    diary: Path | None = None

    def fingerprint(self):
        return {"seed": self.seed, "size": self.size, "sources": [{"name": "a.png", "sha256": "00"}]}

    def make(self, index):
        accident = dict(self.accidents).get(index)
        if accident:
            self.have(accident, index)
        if self.diary:
            (self.diary / f"{index}.{os.getpid()}").touch()
        if self.pause_s:
            time.sleep(self.pause_s)
        rng = np.random.default_rng([self.seed, index])
        key = f"{index:08d}"
        if self.layout == "shards":
            names = ("sharp.bin", "blurred.bin")
        else:
            names = (f"train/sharp/{key}.bin", f"train/blurred/{key}.bin")
        files = {name: rng.bytes(self.size + int(rng.integers(0, 50))) for name in names}
        return Record(key, files, {"photo": f"photo {index % 7}", "trail_px": index / 8})

    def have(self, accident, index):
        if self.marks is not None:  # once only
            mark = self.marks / str(index)
            if mark.exists():
                return
            mark.write_text(str(os.getppid()))
        ACCIDENTS[accident](index)


def tree(folder):
    """SHA-256 of every file below a folder, hidden ones included, by path."""
    paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
