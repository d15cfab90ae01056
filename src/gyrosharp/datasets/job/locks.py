"""Who may write in an output folder: one job at a time, and the workers of that job.

The locks are advisory ones of the kernel (flock) on folders: they need no file of their own, and go with their process
however it ends. Where the system or the file system has none (Windows, some network mounts), nothing is locked.
"""

import importlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gyrosharp.errors import OutputError

fcntl: Any = importlib.import_module("fcntl") if sys.platform != "win32" else None

ORPHANS_S = 30.0
"""How long to wait for the workers of a killed job: they stop after the sample that they are at."""
_POLL_S = 0.1


@contextmanager
def sole_job(output: Path) -> Iterator[None]:
    """Keep other jobs out of a folder.

    Raises
    ------
    OutputError
        If another job works in it.
    """
    with _opened(output) as folder:
        if not _locked(folder, shared=False):
            raise OutputError(f"{output}: another job works in this folder; wait for it or choose another folder")
        yield


@contextmanager
def working(folder: Path) -> Iterator[None]:
    """Show that a worker writes in a job's hidden folder."""
    with _opened(folder) as handle:
        _locked(handle, shared=True)
        yield


def await_orphans(folder: Path, patience_s: float = ORPHANS_S) -> None:
    """Wait until no worker of an earlier job writes in the job's hidden folder, if it is there.

    Raises
    ------
    OutputError
        If one still does after `patience_s` seconds.
    """
    if not folder.is_dir():
        return
    deadline = time.monotonic() + patience_s
    with _opened(folder) as handle:
        while not _locked(handle, shared=False):
            if time.monotonic() > deadline:
                raise OutputError(f"{folder}: workers of a stopped job still write here; end them, then run again")
            time.sleep(_POLL_S)


@contextmanager
def _opened(folder: Path) -> Iterator[int | None]:
    """Open a folder for locking; None where this system cannot lock one."""
    if fcntl is None:
        yield None
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)


def _locked(handle: int | None, shared: bool) -> bool:
    """Lock without waiting; false only if someone else holds the lock."""
    if handle is None:
        return True
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # the file system has no locks
        return True
    return True
