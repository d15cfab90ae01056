"""Notes: what was assumed, repaired or noticed on the way, said once each on standard error."""

from collections.abc import Iterable

import typer

from gyrosharp.imu.checks import WARNING


class Notes:
    """Prints notes, each text once per run.

    Parameters
    ----------
    quiet : bool
        Print nothing: the notes are in a JSON report.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._said: set[str] = set()

    def say(self, notes: Iterable[str], about: str = "") -> None:
        """Print notes as ``note: ...`` or ``warning: ...``; `about` names the picture where there are several."""
        for note in notes:
            text = note.removeprefix(WARNING)
            kind = "note: " if text == note else WARNING
            line = kind + (f"{about}: " if about else "") + text
            if line not in self._said and not self._quiet:
                typer.echo(line, err=True)
            self._said.add(line)
