"""Tables of what is understood, made from the registries, for docs/devices.md."""

from collections.abc import Iterable

from gyrosharp.capture.cameras.formats import formats
from gyrosharp.capture.layouts import layouts
from gyrosharp.imu.readers import readers


def recordings_table() -> str:
    """Return a Markdown table of the recordings: movies and folders."""
    return _table(
        ("layout", "written by", "consists of"),
        ((f"`{layout.NAME}`", layout.DEVICES, layout.FILES) for layout in layouts().values()),
    )


def logs_table() -> str:
    """Return a Markdown table of the gyro logs."""
    return _table(
        ("name", "log", "written by", "rates", "files"),
        (
            (f"`{log.NAME}`", log.DESCRIPTION, log.DEVICES, log.GYRO_UNIT, ", ".join(log.EXTENSIONS))
            for log in readers().values()
        ),
    )


def cameras_table() -> str:
    """Return a Markdown table of the camera files."""
    return _table(
        ("name", "camera file", "files"),
        ((f"`{kind.NAME}`", kind.DESCRIPTION, ", ".join(kind.EXTENSIONS)) for kind in formats().values()),
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
