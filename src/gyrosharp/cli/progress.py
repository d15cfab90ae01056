"""Progress of long work: a bar on a terminal, a line now and then elsewhere, nothing where JSON is asked for."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import typer

State = TypeVar("State")

# Seconds between two lines of progress where there is no terminal.
QUIET_S = 30.0


@dataclass(frozen=True)
class Told:
    """What there is to say of a state of the work.

    Attributes
    ----------
    done, total : int
        How far it is.
    doing : str
        Beside the bar.
    line : str
        Where there is no bar.
    """

    done: int
    total: int
    doing: str
    line: str


@contextmanager
def progress(
    told: Callable[[State], Told], *, quiet: bool, transient: bool = False
) -> Iterator[Callable[[State], None] | None]:
    """Yield what shows a state of the work, or None where nothing is to be shown."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar(told, transient) as show:
            yield show
    else:
        yield _lines(told)


@contextmanager
def counter(label: str) -> Iterator[Callable[[int, int], None] | None]:
    """Yield what shows (done, total) of short work: a bar on a terminal that goes with it, None elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return

    def told(state: tuple[int, int]) -> Told:
        return Told(*state, label, "")

    with _bar(told, transient=True, doing=label) as show:
        yield lambda done, total: show((done, total))


@contextmanager
def _bar(told: Callable[[State], Told], transient: bool, doing: str = "") -> Iterator[Callable[[State], None]]:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=transient) as bar:
        task = bar.add_task(doing, total=None)

        def show(state: State) -> None:
            now = told(state)
            bar.update(task, total=now.total, completed=now.done, description=now.doing)

        yield show


def _lines(told: Callable[[State], Told]) -> Callable[[State], None]:
    """Print a line every half minute."""
    said_s = time.monotonic()

    def show(state: State) -> None:
        nonlocal said_s
        if time.monotonic() - said_s >= QUIET_S:
            said_s = time.monotonic()
            typer.echo(told(state).line, err=True)

    return show
