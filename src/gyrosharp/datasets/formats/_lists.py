"""Text files of data sets: lists of pairs, and rows of numbers."""

from pathlib import Path

from gyrosharp.errors import CaptureError


def text_lines(path: Path) -> list[tuple[int, str]]:
    """Return the lines of a text file that are neither blank nor comments (#), with their 1-based numbers.

    Raises
    ------
    CaptureError
        If the file is missing or no text.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise CaptureError(f"{path}: expected a text file, got no such file; complete the set") from None
    except (OSError, UnicodeDecodeError):
        raise CaptureError(f"{path}: expected a text file, got one that cannot be read as text") from None
    numbered = ((number, line.strip()) for number, line in enumerate(content.splitlines(), 1))
    return [(number, line) for number, line in numbered if line and not line.startswith("#")]


def paths_rows(path: Path, count: int, what: str) -> list[tuple[int, list[str]]]:
    """Return the cells of each line of a list file, which must hold at least `count`, with the line's number.

    Raises
    ------
    CaptureError
        Naming the first line with fewer.
    """
    rows = [(number, line.split()) for number, line in text_lines(path)]
    for number, cells in rows:
        if len(cells) < count:
            raise CaptureError(f"{path}, line {number}: expected {what}, got {' '.join(cells)[:60]!r}")
    return rows


def number_row(path: Path, number: int, line: str, count: int, what: str) -> list[float]:
    """Return the numbers of a line, separated by blanks or commas.

    Raises
    ------
    CaptureError
        If there are not `count` of them.
    """
    try:
        values = [float(cell) for cell in line.replace(",", " ").split()]
    except ValueError:
        values = []
    if len(values) != count:
        raise CaptureError(f"{path}, line {number}: expected {what}, got {line[:60]!r}")
    return values


def number_rows(path: Path, count: int, what: str) -> list[list[float]]:
    """Return the numbers of every line; see `number_row`."""
    return [number_row(path, number, line, count, what) for number, line in text_lines(path)]
