"""Text tables of numbers: decoding, splitting, fast parsing, and finding the cell that is wrong.

Every reader goes through this module, so that each of them refuses a bad log in the same words and names the same
thing: the file, the line, what was expected, what was found, what to do.
"""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImuError
from gyrosharp.imu.checks import RawSamples

HEAD_BYTES = 4096
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
INT64_MAX = 2**63 - 1

Triple = tuple[str, str, str]

# What is left of a number when a logger is killed while writing it: "", "-", "1.", "1.2e", "1.2e-".
_CUT_NUMBER = re.compile(r"[+-]?\d*\.?\d*(?:[eE][+-]?\d*)?$")


def failure(path: Path, problem: str, line: int | None = None) -> ImuError:
    """Return the error for `path` (and a 1-based line): "file, line N: expected ..., got ...; do ..."."""
    place = str(path) if line is None else f"{path}, line {line}"
    return ImuError(f"{place}: {problem}")


def read_text(path: Path, size: int = -1) -> str:
    """Return the text of a file, or of its first `size` bytes, with line ends turned into single newlines.

    UTF-8 (with or without a byte order mark) and UTF-16 with a mark are decoded as such; anything else as GB18030,
    which is what WitMotion's Windows program writes, or failing that as Latin-1.

    Raises
    ------
    ImuError
        If the file is missing, is a folder, cannot be read, is empty, or is not text.
    """
    text = as_text(read_bytes(path, size), cut=size >= 0)
    if text is None:
        raise failure(path, "expected a text log, got binary data; export the log as text (CSV) first")
    return text


def as_text(data: bytes, cut: bool) -> str | None:
    """Return the text of a file's bytes as `read_text` does, None if they are binary.

    `cut` says that the bytes are only the head of the file.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16", errors="replace")
    elif b"\0" in data:
        return None
    else:
        text = _decoded(data, cut)
    # Some Windows loggers end lines with CR CR LF; it must stay one line end or line numbers would double.
    return text.replace("\r\r\n", "\n").replace("\r\n", "\n").replace("\r", "\n")


def read_bytes(path: Path, size: int = -1) -> bytes:
    """Return the bytes of a file, or its first `size` bytes.

    Raises
    ------
    ImuError
        If the file is missing, is a folder, cannot be read, or is empty (or blank).
    """
    data = _bytes_of(path, size)
    if not data.strip():
        raise failure(path, "expected an IMU log, got an empty file; record it again or give another file")
    return data


def _bytes_of(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except FileNotFoundError:
        raise failure(path, "expected an IMU log, got no such file; check the path") from None
    except IsADirectoryError:
        raise failure(path, "expected an IMU log, got a folder; give the log file inside it") from None
    except OSError as error:
        raise failure(path, f"expected a readable IMU log, got '{error.strerror}'; check the permissions") from None


def _decoded(data: bytes, cut: bool) -> str:
    if cut:  # a head may end inside a multi-byte character: leave its last line out of the question
        data = data[: data.rfind(b"\n") + 1] or data
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


def head_lines(head: str) -> list[str]:
    """Return the non-blank lines of a file's head without trailing blanks, tabs and commas.

    A last line without a line end is left out.

    The head may stop in the middle of a row, and a log may stop in the middle of its last row.
    """
    lines = head.split("\n")
    complete = lines[:-1] if len(lines) > 1 else lines
    stripped = (line.lstrip().rstrip(" \t\f\v,") for line in complete)
    return [line for line in stripped if line]


def share_matching(lines: Sequence[str], pattern: re.Pattern[str]) -> float:
    """Return the share of lines that match the whole pattern; 0 where the first one does not.

    A log with a few broken rows is still that log: its reader must claim it to be able to say what is broken.
    """
    if not lines or pattern.fullmatch(lines[0]) is None:
        return 0.0
    return sum(pattern.fullmatch(line) is not None for line in lines) / len(lines)


def row_pattern(*cells: str, delimiter: str = r"[ \t]+") -> re.Pattern[str]:
    """Return the pattern of a row whose cells match the given expressions."""
    return re.compile(delimiter.join(f"(?:{cell})" for cell in cells))


@dataclass(frozen=True)
class Rows:
    """The data rows of a log.

    Attributes
    ----------
    path : Path
        The file, for messages.
    lines : list of str
        Stripped, non-blank data lines.
    numbers : list of int
        1-based number of each line in the file.
    delimiter : str or None
        Between cells; None is any run of blanks or tabs.
    width : int
        Expected number of cells.
    complete : bool
        Whether the file's last line has a line end. If not, the logger may have been stopped while writing it.
    """

    path: Path
    lines: list[str]
    numbers: list[int]
    delimiter: str | None
    width: int
    complete: bool = True

    def split(self, line: str) -> list[str]:
        """Return the stripped cells of a line."""
        return [cell.strip().strip('"') for cell in line.split(self.delimiter)]

    def starting_with(self, first_cell: str) -> "Rows":
        """Return the rows whose first cell is `first_cell`."""
        keep = [k for k, line in enumerate(self.lines) if line.split(self.delimiter, 1)[0] == first_cell]
        last_kept = bool(keep) and keep[-1] == len(self.lines) - 1
        return replace(
            self,
            lines=[self.lines[k] for k in keep],
            numbers=[self.numbers[k] for k in keep],
            complete=self.complete or not last_kept,
        )


@dataclass(frozen=True)
class Columns:
    """Parsed columns: ticks (N,) int64 or float64 as written, values (N, k) float64, line numbers (N,), notes."""

    path: Path
    ticks: NDArray[np.int64] | NDArray[np.float64]
    values: NDArray[np.float64]
    numbers: NDArray[np.int64]
    notes: tuple[str, ...] = ()


def data_rows(path: Path, text: str, skip: int, delimiter: str | None, width: int) -> Rows:
    """Return the non-blank lines of `text` after its first `skip` lines; trailing delimiters are dropped."""
    tail = " \t\f\v" + (delimiter or "")
    numbered = [
        (number, line.lstrip().rstrip(tail))
        for number, line in enumerate(text.split("\n")[skip:], start=skip + 1)
        if line.strip(tail)
    ]
    return Rows(
        path=path,
        lines=[line for _, line in numbered],
        numbers=[number for number, _ in numbered],
        delimiter=delimiter,
        width=width,
        complete=text.endswith("\n"),
    )


def header_cells(line: str, delimiter: str | None) -> list[str]:
    """Return the cells of a header line: quotes, blanks and empty trailing cells removed, case kept."""
    cells = [cell.strip().strip('"').strip() for cell in line.strip().split(delimiter)]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def bare_name(cell: str) -> str:
    """Return a column's name in lower case without its unit: ``"gx[rad/s]"`` and ``"# GX (rad/s)"`` give ``"gx"``."""
    return re.split(r"[\[(]", cell.lstrip("#"))[0].strip().lower()


def named_columns(cells: Sequence[str], *names: Triple) -> list[int] | None:
    """Return the columns of three axes, for the first of several triples of names that a header has; else None."""
    bare = [bare_name(cell) for cell in cells]
    for triple in names:
        if all(name in bare for name in triple):
            return [bare.index(name) for name in triple]
    return None


def first_line(text: str) -> tuple[str, int]:
    """Return the first line that is not blank, and its 1-based number."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            return line, number
    return "", 1


def headed_columns(
    path: Path, gyro: Sequence[Triple], accel: Sequence[Triple] = (), delimiter: str = ",", time: str | None = None
) -> Columns:
    """Read a table whose first line names its columns.

    Parameters
    ----------
    path : Path
        The log.
    gyro, accel : sequence of three names each
        Spellings of the axes, as `bare_name` gives them; the first triple that the header has counts. The gyro must
        be there, the accelerometer may.
    delimiter : str
        Between cells. If it is no comma, commas are decimal points.
    time : str or None
        Name of the time's column, as `bare_name` gives it; None is the first column.

    Raises
    ------
    ImuError
        If the header has no gyro or time columns or a row is broken.
    """
    text = read_text(path) if delimiter == "," else read_text(path).replace(",", ".")
    line, number = first_line(text)
    header = header_cells(line, delimiter)
    columns = named_columns(header, *gyro)
    if columns is None:
        got = line.strip()[:60]
        raise failure(path, f"expected columns {', '.join(gyro[0])}, got '{got}'; check the format", number)
    columns += named_columns(header, *accel) or []
    bare = [bare_name(cell) for cell in header]
    if time is not None and time not in bare:
        raise failure(path, f"expected a column {time}, got '{line.strip()[:60]}'; check the format", number)
    time_column = 0 if time is None else bare.index(time)
    return parse_columns(data_rows(path, text, number, delimiter, len(header)), time_column, columns)


def parse_columns(rows: Rows, time_column: int, value_columns: Sequence[int]) -> Columns:
    """Parse one time column and some value columns of all rows.

    Whole-number ticks come back as exact int64; others as float64.

    Raises
    ------
    ImuError
        If there are no rows, or naming the first row that has too few or too many cells, or a cell that is no finite
        number. A last line that the logger did not finish is dropped with a note instead.
    """
    rows, notes = _without_cut_tail(rows, time_column)
    if not rows.lines:
        raise failure(rows.path, "expected rows of IMU samples, got none; record a longer log")
    _check_widths(rows)
    columns = [time_column, *value_columns]
    table = _fast(rows, columns, np.int64)
    if table is None:
        table = _fast(rows, columns, np.float64)
    if table is None:
        table = _slow(rows, columns)
    ticks, values = table
    _check_finite(rows, columns, ticks, values)
    return Columns(rows.path, ticks, values, np.array(rows.numbers, dtype=np.int64), notes)


def stamps_ns(columns: Columns, ns_per_tick: Fraction) -> NDArray[np.int64]:
    """Return the ticks as int64 nanoseconds: exact for whole ticks of whole nanoseconds, else rounded to 1 ns.

    Raises
    ------
    ImuError
        If a stamp does not fit into 64 bits.
    """
    ticks = columns.ticks
    peak = int(np.abs(ticks.astype(np.float64)).argmax())
    if abs(Fraction(ticks[peak].item()) * ns_per_tick) > INT64_MAX:
        raise failure(
            columns.path,
            f"expected a stamp under 292 years, got {ticks[peak]}; check the time column and its scale",
            int(columns.numbers[peak]),
        )
    if ticks.dtype == np.int64 and ns_per_tick.denominator == 1:
        return np.asarray(ticks * np.int64(ns_per_tick.numerator), dtype=np.int64)
    # Scaling the distance from the first tick keeps the rounding error at that of the log's length, not of its epoch.
    base = int(np.floor(ticks[0]))
    offset = round(base * ns_per_tick)
    return np.rint((ticks - base) * float(ns_per_tick)).astype(np.int64) + np.int64(offset)


def raw_samples(
    columns: Columns, ns_per_tick: Fraction, gyro_scale: float = 1.0, accel_scale: float = 1.0
) -> RawSamples:
    """Return columns (time; gyro x, y, z; perhaps accel x, y, z) as samples, scaled to rad/s and m/s^2."""
    values = columns.values
    return RawSamples(
        time_ns=stamps_ns(columns, ns_per_tick),
        gyro_rad_s=values[:, :3] * gyro_scale,
        accel_m_s2=values[:, 3:6] * accel_scale if values.shape[1] >= 6 else None,
        lines=columns.numbers,
    )


def interpolated(
    time_ns: NDArray[np.int64], sample_ns: NDArray[np.int64], samples: NDArray[np.float64]
) -> NDArray[np.float64] | None:
    """Return `samples` (M, 3), taken at `sample_ns`, at `time_ns`; linear, held at the ends; None without overlap."""
    if sample_ns.size < 2 or time_ns.size < 1 or sample_ns[0] > time_ns[-1] or sample_ns[-1] < time_ns[0]:
        return None
    order = np.argsort(sample_ns, kind="stable")
    target = (time_ns - time_ns[0]).astype(np.float64)
    known = (sample_ns[order] - time_ns[0]).astype(np.float64)
    return np.column_stack([np.interp(target, known, samples[order, axis]) for axis in range(3)])


def _without_cut_tail(rows: Rows, time_column: int) -> tuple[Rows, tuple[str, ...]]:
    if rows.complete or not rows.lines or not (_is_cut(rows, rows.lines[-1]) or _has_cut_time(rows, time_column)):
        return rows, ()
    note = f"line {rows.numbers[-1]} is not finished (the recording was cut): dropped"
    return replace(rows, lines=rows.lines[:-1], numbers=rows.numbers[:-1]), (note,)


def _is_cut(rows: Rows, line: str) -> bool:
    cells = rows.split(line)
    if len(cells) < rows.width:
        return True
    # All cells are there: only the last one can be unfinished, and it is the beginning of a number.
    return len(cells) == rows.width and not _is_number(cells[-1]) and _CUT_NUMBER.match(cells[-1]) is not None


def _has_cut_time(rows: Rows, time_column: int) -> bool:
    """Whether the time is the last cell of a row, and that of the last row is shorter than the one before."""
    if time_column != rows.width - 1 or len(rows.lines) < 2:
        return False
    before, last = (rows.split(line)[-1] for line in rows.lines[-2:])
    return len(last) < len(before)


def _is_number(cell: str) -> bool:
    return re.fullmatch(NUMBER, cell) is not None


def _check_widths(rows: Rows) -> None:
    if rows.delimiter is None:
        widths = [len(line.split()) for line in rows.lines]
    else:
        widths = [line.count(rows.delimiter) + 1 for line in rows.lines]
    for number, width in zip(rows.numbers, widths, strict=True):
        if width != rows.width:
            # If no row fits, it is the header that is wrong, and guessing which name goes with which column could
            # take a quaternion for a rate.
            remedy = "repair or delete that line" if rows.width in widths else "no line fits: correct the header"
            raise failure(rows.path, f"expected {rows.width} columns, got {width}; {remedy}", number)


Table = tuple[NDArray[np.int64] | NDArray[np.float64], NDArray[np.float64]]


def _fast(rows: Rows, columns: Sequence[int], tick_type: type[np.int64] | type[np.float64]) -> Table | None:
    dtype = np.dtype([("ticks", tick_type), ("values", np.float64, (len(columns) - 1,))])
    with warnings.catch_warnings():
        # NumPy still parses "1.5" as an integer column, with a warning: that is a failure here.
        warnings.simplefilter("error")
        try:
            table = np.loadtxt(
                rows.lines,
                dtype=dtype,
                delimiter=rows.delimiter,
                comments=None,
                usecols=columns,
                ndmin=1,
                quotechar='"',
            )
        except (ValueError, OverflowError, Warning):
            return None
    return table["ticks"], table["values"].reshape(len(rows.lines), -1)


def _slow(rows: Rows, columns: Sequence[int]) -> Table:
    table = np.empty((len(rows.lines), len(columns)))
    for k, (number, line) in enumerate(zip(rows.numbers, rows.lines, strict=True)):
        cells = rows.split(line)
        for j, column in enumerate(columns):
            table[k, j] = _number(rows.path, cells[column], column, number)
    return table[:, 0], table[:, 1:]


def _number(path: Path, cell: str, column: int, line: int) -> float:
    if _is_number(cell) or cell.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return float(cell)  # what is not finite is refused by the caller, with its line
    shown = f"'{cell[:40]}'" if cell else "an empty cell"
    raise failure(path, f"expected a number in column {column + 1}, got {shown}; repair or delete that line", line)


def _check_finite(
    rows: Rows,
    columns: Sequence[int],
    ticks: NDArray[np.int64] | NDArray[np.float64],
    values: NDArray[np.float64],
) -> None:
    bad = ~np.isfinite(np.column_stack([ticks.astype(np.float64), values]))
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise failure(
            rows.path,
            f"expected a finite number in column {columns[column] + 1}, got "
            f"'{rows.split(rows.lines[row])[columns[column]]}'; repair or delete that line",
            rows.numbers[row],
        )
