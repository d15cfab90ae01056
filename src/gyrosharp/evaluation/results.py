"""Result: what one method did to one shot; and the file that keeps results, a JSON object per line."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gyrosharp.errors import OutputError


@dataclass(frozen=True)
class Result:
    """What one method did to one shot.

    Attributes
    ----------
    fingerprint : str
        SHA-256 over everything that decides the scores.
    method, case, shot, photo : str
        Whose result it is.
    inputs_sha256 : str
        Of the shot; see `Entry`.
    scores : dict of str to float
        By metric; empty where it failed.
    seconds : float or None
        Wall-clock time of the method; None where it did nothing.
    megapixels : float
        Size of the picture.
    decision : str
        "deblurred" or "left unchanged"; "" where it failed.
    error : str or None
        Why it failed, one line.
    facts : dict
        What was drawn for the shot.
    machine : str
        Processor and threads that the time was taken with.
    """

    fingerprint: str
    method: str
    case: str
    shot: str
    photo: str
    inputs_sha256: str
    scores: dict[str, float] = field(default_factory=dict)
    seconds: float | None = None
    megapixels: float = 0.0
    decision: str = ""
    error: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    machine: str = ""

    @property
    def key(self) -> str:
        """Case and shot."""
        return f"{self.case}/{self.shot}"


class ResultsFile:
    """Results, one JSON object per line; lines are only ever added.

    A run that was killed may leave half a line at the end: it is cut off when the file is opened, and that result is
    made again.

    Parameters
    ----------
    path : Path
        Made when the first result comes.

    Raises
    ------
    OutputError
        If the file is not one of results.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, Result] = {}
        if path.exists():
            self._load()

    def get(self, fingerprint: str) -> Result | None:
        """Return a result that was kept and did not fail, or None."""
        return self._known.get(fingerprint)

    def add(self, result: Result) -> None:
        """Write a result to the disk.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        line = json.dumps(asdict(result), ensure_ascii=False) + "\n"
        try:
            with self._path.open("ab") as file:
                file.write(line.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written: {error.strerror or error}") from error
        if result.error is None:
            self._known[result.fingerprint] = result

    def _load(self) -> None:
        content = self._path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(self._path, len(whole))
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                result = Result(**json.loads(line))
            except (ValueError, TypeError):
                raise OutputError(
                    f"{self._path}, line {number}: expected a result, got something else; use -f to begin anew"
                ) from None
            if result.error is None:
                self._known[result.fingerprint] = result
