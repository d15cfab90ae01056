"""What a method is given and what it is measured against: shots, and sets of them that are made or read on demand."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture
from gyrosharp.errors import UsageError

Image = NDArray[np.float32]

# Where this project's shared data lies, seen from a checkout.
SHARED_DATA = Path("../shared/data")


@dataclass(frozen=True)
class Entry:
    """One shot of a set, before it is made.

    Attributes
    ----------
    name : str
        Unique within its case.
    case : str
        What was done to it.
    photo : str
        Of which it is a picture; shots of one photo are not independent.
    inputs_sha256 : str
        Over everything that decides the shot: files, numbers and seed.
    index : int
        Its place in the set.
    """

    name: str
    case: str
    photo: str
    inputs_sha256: str
    index: int = 0

    @property
    def key(self) -> str:
        """Case and name."""
        return f"{self.case}/{self.name}"


@dataclass(frozen=True, eq=False)
class BenchmarkShot:
    """A shot to restore.

    Attributes
    ----------
    blurred_linear : (H, W, C) float32 array
        Observation, linear light.
    truth_linear : (H, W, C) float32 array or None
        Truth; None where there is none.
    capture : Capture or None
        The motion as a method is told it; None where it is unknown.
    kernel : (h, w) array or None
        Uniform kernel, where the set gives one.
    lossy : bool
        Whether an encoder has left its traces in the observation.
    mask : (H, W) float32 array or None
        1 where a pixel counts, 0 where it does not; None: all do.
    facts : dict
        What was drawn, as JSON.
    """

    blurred_linear: Image
    truth_linear: Image | None
    capture: Capture | None = None
    kernel: Image | None = None
    lossy: bool = False
    mask: Image | None = None
    facts: dict[str, Any] = field(default_factory=dict)


class ShotSet(Protocol):
    """Shots in a fixed order."""

    @property
    def entries(self) -> Sequence[Entry]:
        """The shots; cheap."""

    def shot(self, entry: Entry) -> BenchmarkShot:
        """Make or read one."""


def digest_of(content: object) -> str:
    """Return the SHA-256 of a JSON value, keys sorted."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def distinct_names(names: Sequence[str]) -> list[str]:
    """Return the names of shots, all different: a.png and a.jpg, both "a", become "a" and "a (2)"."""
    seen: Counter[str] = Counter()
    distinct = []
    for name in names:
        seen[name] += 1
        distinct.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return distinct


def located(path: str, root: Path | None) -> Path:
    """Return where a path of a benchmark lies.

    Parameters
    ----------
    path : str
        Absolute, or relative to the data's folder.
    root : Path or None
        That folder; None takes the shared data beside the checkout.

    Raises
    ------
    UsageError
        If there is nothing.
    """
    base = SHARED_DATA if root is None else root
    found = base / path
    if not found.exists():
        raise UsageError(f"benchmark: expected {path} in {base}, got nothing there; give --data FOLDER that holds it")
    return found
