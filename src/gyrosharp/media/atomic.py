"""Files that appear whole or not at all: written under a hidden name in the same folder, flushed, then renamed."""

import errno
import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gyrosharp.errors import OutputError

_serial = itertools.count()
_STEM_CHARACTERS = 40
"""The hidden name must fit where the final one does: names are limited to 255 bytes, a character takes up to 4."""
_NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL}
"""What file systems without hard links (FAT, exFAT, some network mounts) answer to link()."""


@contextmanager
def atomic_write(path: Path, overwrite: bool = False) -> Iterator[Path]:
    """Yield the path of an empty temporary file that becomes `path` when the block ends without an error.

    Parameters
    ----------
    path : Path
        Target. A symbolic link is followed: the file it points to is replaced.
    overwrite : bool
        Replace an existing file; without it a file that appears meanwhile is kept too.

    Yields
    ------
    Path
        Write the content here. It has the target's suffix, and is removed on any failure, interrupts included.

    Raises
    ------
    OutputError
        If the target exists and `overwrite` is false, is a folder, its folder is missing or read-only, the disk is
        full, or the block raises any other OSError.
    """
    check_target(path, overwrite)
    target = Path(os.path.realpath(path))
    name = f".{target.stem[:_STEM_CHARACTERS]}.{os.getpid()}-{next(_serial)}.tmp{target.suffix}"
    temporary = target.with_name(name)
    try:
        temporary.touch()
        yield temporary
        _flush(temporary)
        if overwrite and target.exists():
            shutil.copymode(target, temporary)
        _publish(temporary, target, overwrite)
    except FileExistsError as error:
        raise _exists(path) from error
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {_cause(error)}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_target(path: Path, overwrite: bool) -> None:
    """Check, before any work is done, that `path` may be written.

    Raises
    ------
    OutputError
        If it is a folder, exists and `overwrite` is false, or its folder does not exist.
    """
    if path.is_dir():
        raise OutputError(f"{path}: expected a file name, got a folder; name a file in it")
    if not overwrite and os.path.lexists(path):
        raise _exists(path)
    if not path.parent.is_dir():
        raise OutputError(f"{path}: expected an existing folder, got {path.parent}; create it first")


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, unless it is there.

    Raises
    ------
    OutputError
        If it is a file, or may not be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise OutputError(f"{path}: expected a folder, got a file; name another folder") from None
    except OSError as error:
        raise OutputError(f"{path}: this folder cannot be made: {_cause(error)}") from error


@contextmanager
def made_folder(path: Path) -> Iterator[None]:
    """Make a folder, unless it is there; take it away again if the block fails and has left nothing in it.

    Raises
    ------
    OutputError
        If it is a file, or may not be made.
    """
    made = not path.exists()
    make_folder(path)
    try:
        yield
    except BaseException:
        with suppress(OSError):
            if made:
                path.rmdir()
        raise


def _exists(path: Path) -> OutputError:
    return OutputError(f"{path}: exists already; choose another name or use -f to overwrite it")


def _flush(path: Path) -> None:
    """Bring the content to the disk before the name points to it: a power cut must not leave an empty file."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _publish(temporary: Path, target: Path, overwrite: bool) -> None:
    if overwrite:
        temporary.replace(target)
        return
    try:
        os.link(temporary, target)  # fails if the target exists, which a rename would not
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        target.touch(exist_ok=False)  # the same guarantee without links: reserve the name, then replace it
        temporary.replace(target)


def _cause(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "the disk is full; free some space"
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return "no permission or a read-only disk; choose another folder"
    return f"{error.strerror or error}; choose another folder"
