"""The error tree. Every error a user can cause is one class here, and each class knows its exit code.

A message is one line that says what was expected, what was found and what to do about it.
"""


class GyrosharpError(Exception):
    """Base of all errors that gyrosharp raises on purpose; exit code 1."""

    exit_code = 1


class UsageError(GyrosharpError):
    """The command line or the arguments of a call contradict each other; exit code 2."""

    exit_code = 2


class InputError(GyrosharpError):
    """A file or a value that the user gave cannot be used; exit code 3."""

    exit_code = 3


class ImageError(InputError):
    """An image or a movie cannot be read, or its size does not fit; exit code 3."""


class ImuError(InputError):
    """An IMU log cannot be read or does not hold what is needed; exit code 3."""


class CaptureError(InputError):
    """A capture description (camera, exposure, axes, poses, depth) is wrong; exit code 3."""


class OutputError(InputError):
    """The result cannot be written: it exists, the folder is read-only, the disk is full; exit code 3."""


class MissingComponentError(GyrosharpError):
    """An optional package or weights file is not installed; the message says what to install; exit code 4."""

    exit_code = 4
