"""What the user sees of an exception: one line and an exit code, and the traceback where `--debug` asks for it."""

import traceback

import typer

from gyrosharp.errors import GyrosharpError, InputError, UsageError

FAILED = 1
INTERRUPTED = 130


def described(error: Exception) -> tuple[str, int]:
    """Return the one-line message and the exit code of an exception."""
    if isinstance(error, GyrosharpError):
        return str(error), error.exit_code
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):
        command = getattr(getattr(error, "ctx", None), "command_path", "gyrosharp")
        return f"{error.format_message()} (see {command} --help)", UsageError.exit_code
    if isinstance(error, MemoryError):
        return "out of memory; try --tile 1024", FAILED
    if isinstance(error, OSError):
        # What the system refuses is no bug of ours: a folder that may not be listed, a disk that went away.
        return (
            f"{error.filename or 'input or output'}: {error.strerror or error}; check path and permissions",
            InputError.exit_code,
        )
    return f"{type(error).__name__}: {error}; this is a bug: run again with --debug and report it", FAILED


def report_error(message: str, code: int) -> int:
    """Print an error as one line on standard error and return its exit code."""
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    return code


def show_traceback(debug: bool) -> None:
    """Print the traceback of the exception at hand if `--debug` is given."""
    if debug:
        traceback.print_exc()
