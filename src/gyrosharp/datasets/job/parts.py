"""The manifest: one part per finished shard while the job runs, one file when it is complete."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gyrosharp.datasets.job.record import Line, line_text
from gyrosharp.errors import OutputError
from gyrosharp.media.atomic import atomic_write

HIDDEN = ".synth"
MANIFEST = "manifest.jsonl"
SYNTH = "synth.json"


@dataclass(frozen=True)
class Shard:
    """The samples [start, stop) of a job: what one worker makes at a time."""

    number: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """Name of its files, without a suffix."""
        return f"shard-{self.number:06d}"

    @property
    def indices(self) -> range:
        """Indices of its samples."""
        return range(self.start, self.stop)


def shards_of(count: int, size: int) -> list[Shard]:
    """Return the shards of `count` samples, `size` in each but the last."""
    return [Shard(number, start, min(start + size, count)) for number, start in enumerate(range(0, count, size))]


def hidden(output: Path) -> Path:
    """Return the job's hidden folder in the output folder."""
    return output / HIDDEN


def part_path(output: Path, shard: Shard) -> Path:
    """Return where the manifest part of a shard is. The part is written last: it says that the shard is done."""
    return hidden(output) / f"{shard.name}.jsonl"


def journal_path(output: Path, shard: Shard) -> Path:
    """Return where a shard's manifest part is while its files are moved to their final names."""
    return hidden(output) / f"{shard.name}.moving"


def foreign(path: Path) -> OutputError:
    """Return the error for a file of someone else that has the name of one of the job's."""
    return OutputError(f"{path}: exists already and is not of this job; move it away or choose another folder")


def lines_text(lines: Sequence[Line]) -> bytes:
    """Return manifest lines as the content of a file.

    Raises
    ------
    UsageError
        If a line holds what JSON cannot.
    """
    return "".join(map(line_text, lines)).encode()


def write_lines(path: Path, lines: Sequence[Line]) -> None:
    """Write manifest lines to a file that appears whole.

    Raises
    ------
    OutputError
        If it cannot be written.
    UsageError
        If a line holds what JSON cannot.
    """
    with atomic_write(path, overwrite=True) as temporary:
        temporary.write_bytes(lines_text(lines))


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a manifest or of a part.

    Raises
    ------
    OutputError
        If it cannot be read, or is no manifest.
    """
    try:
        with path.open(encoding="utf-8") as file:
            for number, text in enumerate(file, 1):
                yield _line(text, f"{path}: line {number}")
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"{path}: expected a manifest, got a file that cannot be read ({error}); use -f") from None


def part_lines(output: Path, shard: Shard) -> list[Line] | None:
    """Return the manifest lines of a shard, None where it has no part, a damaged one, or one for other samples."""
    path = part_path(output, shard)
    if not path.is_file():
        return None
    try:
        lines = list(read_lines(path))
    except OutputError:
        return None
    return lines if [line["index"] for line in lines] == list(shard.indices) else None


def merge_parts(output: Path, shards: Sequence[Shard]) -> None:
    """Write manifest.jsonl from the parts of all shards, in order.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with atomic_write(output / MANIFEST, overwrite=True) as temporary, temporary.open("wb") as file:
        for shard in shards:
            file.write(part_path(output, shard).read_bytes())


def split_manifest(output: Path, size: int) -> None:
    """Write the parts of a complete job again from its manifest.jsonl, for shards of `size` samples.

    Raises
    ------
    OutputError
        If the manifest is not that of a job, or a part cannot be written.
    """
    lines: list[Line] = []
    for line in read_lines(output / MANIFEST):
        if lines and line["index"] // size != lines[0]["index"] // size:
            _write_part(output, lines, size)
            lines = []
        lines.append(line)
    if lines:
        _write_part(output, lines, size)


def _write_part(output: Path, lines: list[Line], size: int) -> None:
    number = lines[0]["index"] // size
    write_lines(part_path(output, Shard(number, number * size, number * size + len(lines))), lines)


def _line(text: str, where: str) -> Line:
    try:
        line = json.loads(text)
        if not isinstance(line["index"], int):
            raise TypeError("index")
    except (ValueError, TypeError, KeyError):
        raise OutputError(f"{where}: expected a manifest line with an index, got {text[:40]!r}; use -f") from None
    return dict(line)
