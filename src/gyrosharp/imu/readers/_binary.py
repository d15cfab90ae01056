"""What binary readers share: errors and checks that name the byte."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImuError


def failure_at(path: Path, problem: str, offset: int) -> ImuError:
    """Return the error for a byte of `path`: "file, byte N: expected ..., got ...; do ..."."""
    return ImuError(f"{path}, byte {offset}: {problem}")


def require_increasing(path: Path, time_ns: NDArray[np.int64], offsets: NDArray[np.int64]) -> None:
    """Check that stamps (N,) do not go backwards; `offsets` (N,) says at which byte each of them is.

    Raises
    ------
    ImuError
        Naming the byte of the first stamp that is earlier than the one before.
    """
    back = np.flatnonzero(np.diff(time_ns) < 0)
    if back.size:
        k = int(back[0]) + 1
        problem = (
            f"expected stamps that increase, got {time_ns[k]} ns after {time_ns[k - 1]} ns; "
            f"cut the log where the clock was reset"
        )
        raise failure_at(path, problem, int(offsets[k]))
