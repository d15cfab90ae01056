"""Batches from a function of requests, made here or by loader processes, in order."""

import signal
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset

from gyrosharp.errors import GyrosharpError
from gyrosharp.training.data.order import Request

# Batches that each loader process makes ahead: the training process pauses for validation and checkpoints, not for one
# slow batch.
AHEAD = 4


def loaded(make: Callable[[Request], Any], wanted: Iterator[Request], workers: int) -> Iterator[Any]:
    """Yield what `make` returns for each request, in the order of the requests.

    Parameters
    ----------
    make : callable
        Makes a batch; with workers it is copied to them, caches and all.
    wanted : iterator of Request
        May be endless.
    workers : int
        Loader processes; 0 makes batches here, when they are asked for.

    Raises
    ------
    GyrosharpError
        Whatever `make` raises, in one line as without workers.
    """
    if workers == 0:
        yield from map(make, wanted)
        return
    batches = DataLoader(
        _Made(make),
        sampler=wanted,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=AHEAD,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_leave_signals,
        # Its own generator: otherwise starting the loader would take a number from the one that a resumed run restores.
        generator=torch.Generator(),
    )
    for batch in batches:
        if isinstance(batch, _Failure):
            raise batch.error
        yield batch


def _leave_signals(_worker: int) -> None:
    """Leave a stop to the training process, which ends its step first: schedulers signal every process of a job."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


class _Failure:
    """An error on its way to the training process; the loader itself would wrap it in a traceback."""

    def __init__(self, error: GyrosharpError) -> None:
        self.error = error


class _Made(Dataset[Any]):
    def __init__(self, make: Callable[[Request], Any]) -> None:
        self._make = make

    def __getitem__(self, request: Request) -> Any:  # noqa: ANN401
        try:
            return self._make(request)
        except GyrosharpError as error:
            return _Failure(error)
