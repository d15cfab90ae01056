"""Tar shards as WebDataset reads them: the files of a sample follow one another and share the name before the dot."""

import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from gyrosharp.datasets.job.parts import Shard, part_path, write_lines
from gyrosharp.datasets.job.record import Line, Record
from gyrosharp.datasets.job.writer import Items
from gyrosharp.errors import UsageError
from gyrosharp.media.atomic import atomic_write

# The first moment that a zip archive can hold: what tools that pack reproducibly use. GNU tar warns of 1970.
MTIME_S = 315_532_800
NAME_BYTES = 100
"""Length of a name in the oldest tar format, which every reader knows."""


class TarWriter:
    """Writes each shard as one tar file; its bytes depend on the records alone.

    Format ustar; owner 0, mode 0644, one fixed time; the files of a sample in the order of their suffixes. A shard
    without samples has no tar file.
    """

    layout = "webdataset"

    def shard_name(self, shard: Shard) -> str:
        """Return the name of the shard's tar file."""
        return f"{shard.name}.tar"

    def write(self, output: Path, shard: Shard, items: Items) -> None:
        """Write the tar file, then the manifest part. Memory holds one record at a time.

        Raises
        ------
        OutputError
            If the disk is full, or the folder may not be written.
        UsageError
            If a key or a suffix cannot be a WebDataset name, or occurs twice.
        """
        records = iter(items)
        first = next(records, None)
        if first is not None:
            with atomic_write(output / self.shard_name(shard), overwrite=True) as temporary:
                _write_tar(temporary, first, records)
        write_lines(part_path(output, shard), items.lines)

    def is_whole(self, output: Path, shard: Shard, lines: Sequence[Line]) -> bool:
        """Return whether the tar file is there with the size that the manifest implies."""
        sizes = [size for line in lines for size in line.get("files", {}).values()]
        path = output / self.shard_name(shard)
        return not sizes or (path.is_file() and path.stat().st_size == tar_bytes(sizes))

    def owned(self, shard: Shard, lines: Sequence[Line]) -> list[str]:  # noqa: ARG002 - folder layouts need the lines
        """Return the paths below the output folder that belong to a shard."""
        return [self.shard_name(shard)]

    def finish(self, output: Path, lines: Iterator[Line]) -> Mapping[str, bytes]:  # noqa: ARG002 - folder layouts do
        """Return nothing: a set of shards is complete with its manifest."""
        return {}


def tar_bytes(sizes: Sequence[int]) -> int:
    """Return the size of a tar file: per file a header and its content in blocks, two blocks at the end, in records."""
    blocks = sum(1 + -(-size // tarfile.BLOCKSIZE) for size in sizes) + 2
    return -(-blocks * tarfile.BLOCKSIZE // tarfile.RECORDSIZE) * tarfile.RECORDSIZE


def _write_tar(path: Path, first: Record, others: Iterable[Record]) -> None:
    keys: set[str] = set()
    with path.open("wb") as file, tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        _add(archive, first, keys)
        for record in others:
            _add(archive, record, keys)


def _add(archive: tarfile.TarFile, record: Record, keys: set[str]) -> None:
    if not record.key or record.key in keys or set(record.key) & set("./\\\0"):
        raise UsageError(f"key {record.key!r}: expected a name without dot or slash that is used once; change the key")
    keys.add(record.key)
    for suffix in sorted(record.files):
        archive.addfile(_header(f"{record.key}.{suffix}", record.files[suffix]), io.BytesIO(record.files[suffix]))
    archive.getmembers().clear()  # the archive keeps a list of all it has, which only readers need


def _header(name: str, content: bytes) -> tarfile.TarInfo:
    if len(name.encode()) > NAME_BYTES or "/" in name or name.endswith("."):
        raise UsageError(f"{name}: expected a suffix without slash and at most {NAME_BYTES} bytes in all; shorten it")
    header = tarfile.TarInfo(name)
    header.size = len(content)
    header.mtime = MTIME_S
    return header
