"""Folder layouts: the files of a sample lie where a paper's code looks for them."""

import ctypes
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gyrosharp.datasets.job.parts import (
    HIDDEN,
    MANIFEST,
    SYNTH,
    Shard,
    foreign,
    hidden,
    journal_path,
    lines_text,
    part_path,
    write_lines,
)
from gyrosharp.datasets.job.record import Line
from gyrosharp.datasets.job.writer import Items
from gyrosharp.errors import UsageError
from gyrosharp.media.atomic import atomic_write, make_folder

STAGE = "making-"
"""How the names of the folders begin in which files are made."""

Finish = Callable[[Path, Iterator[Line]], Mapping[str, bytes]]
"""Gives the files that the data set as a whole has (lists, statistics) from its folder and its manifest lines."""


@dataclass(frozen=True)
class FolderWriter:
    """Writes each sample as files below the output folder.

    A shard's files are made in the hidden folder and brought to the disk; then its manifest part is written as a
    journal that names them; then they are moved to their final names; then the journal becomes the part. So no file is
    ever seen half written, and after a kill the journal tells the job's files from those of others.

    Parameters
    ----------
    layout : str
        Name of the layout.
    finish_with : callable, optional
        See `Finish`; a function of a module, since writers are pickled.
    """

    layout: str
    finish_with: Finish | None = None

    def shard_name(self, shard: Shard) -> str:
        """Return the number of the shard as a name; no file is called so."""
        return shard.name

    def write(self, output: Path, shard: Shard, items: Items) -> None:
        """Write the files of a shard, then its manifest part. Memory holds one record at a time.

        Raises
        ------
        OutputError
            If the disk is full, the folder may not be written, or a file of someone else has a sample's name.
        UsageError
            If a path leaves the output folder, is the job's own, or occurs twice.
        """
        journal, part = journal_path(output, shard), part_path(output, shard)
        stages = tempfile.TemporaryDirectory
        with atomic_write(part, overwrite=True) as temporary, stages(prefix=STAGE, dir=hidden(output)) as stage:
            names = _stage(Path(stage), items)
            # In this order: another worker that makes the same shard writes its journal before it moves a file.
            taken = _taken(output, names)
            if taken and not journal.exists() and not part.exists():
                raise foreign(output / taken)
            write_lines(journal, items.lines)
            _move(Path(stage), output, names)
            temporary.write_bytes(lines_text(items.lines))
        journal.unlink(missing_ok=True)

    def is_whole(self, output: Path, shard: Shard, lines: Sequence[Line]) -> bool:  # noqa: ARG002 - tar shards need it
        """Return whether every file is there with its size."""
        sizes = {name: size for line in lines for name, size in line.get("files", {}).items()}
        return all(_has_size(output / name, size) for name, size in sizes.items())

    def owned(self, shard: Shard, lines: Sequence[Line]) -> list[str]:  # noqa: ARG002
        """Return the paths below the output folder that belong to a shard."""
        return [name for line in lines for name in line.get("files", {})]

    def finish(self, output: Path, lines: Iterator[Line]) -> Mapping[str, bytes]:
        """Return the files of the data set as a whole."""
        return self.finish_with(output, lines) if self.finish_with else {}


def check_name(name: str) -> None:
    """Check that a path may be written below the output folder.

    Raises
    ------
    UsageError
        If it is absolute, leaves the folder, or is one of the job's own.
    """
    parts = PurePosixPath(name).parts
    if not parts or ".." in parts or str(PurePosixPath(*parts)) != name or parts[0] == "/":
        raise UsageError(f"{name!r}: expected a plain path below the output folder; change the layout")
    if parts[0] in {HIDDEN, MANIFEST, SYNTH}:
        raise UsageError(f"{name}: expected a path other than the job's own; change the layout")


def _stage(stage: Path, items: Items) -> list[str]:
    """Write all files of a shard under numbers, and return their names in this order."""
    names: dict[str, None] = {}
    for record in items:
        for name, content in record.files.items():
            check_name(name)
            if name in names:
                raise UsageError(f"{name}: expected a path of its own for each file, got it twice; change the layout")
            (stage / str(len(names))).write_bytes(content)
            names[name] = None
    flush(stage)
    return list(names)


def _taken(output: Path, names: Sequence[str]) -> str | None:
    return next((name for name in names if os.path.lexists(output / name)), None)


def flush(folder: Path) -> None:
    """Bring the files of a folder to the disk, so that a power cut does not leave empty ones under final names.

    Linux does so for a whole file system in one call, about as fast as for one file; elsewhere each file takes its own.
    """
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None) if sys.platform == "linux" else None
    for path in folder.iterdir() if syncfs is None else ():
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    if syncfs is not None:
        handle = os.open(folder, os.O_RDONLY)
        failed = syncfs(handle)
        os.close(handle)
        if failed:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))


def _move(stage: Path, output: Path, names: Sequence[str]) -> None:
    for number, name in enumerate(names):
        target = output / name
        make_folder(target.parent)
        (stage / str(number)).replace(target)


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size
