"""Shards at random: the records of tar files that `gyrosharp synth` wrote, found once and read in any order."""

import hashlib
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import Any

from gyrosharp.datasets.job.parts import MANIFEST
from gyrosharp.errors import ImageError

# A record without these is none of ours.
REQUIRED = ("meta.json", "sharp.png", "blurred.png", "field.npy", "noisy_field.npy")
MAKE_AGAIN = "make the shard again with gyrosharp synth, or take it out of the folder"


@dataclass(frozen=True)
class ShardRecord:
    """Where the files of one sample lie.

    Attributes
    ----------
    shard : Path
        The tar file.
    key : str
        Name of the sample within it.
    files : mapping of str to (int, int)
        Offset and length in the tar file, bytes, by suffix ("blurred.png").
    """

    shard: Path
    key: str
    files: Mapping[str, tuple[int, int]]

    def __str__(self) -> str:
        return f"{self.shard}, sample {self.key}"

    def read(self, suffixes: Iterable[str]) -> dict[str, bytes]:
        """Return the content of those of the wanted files that the record has.

        Raises
        ------
        ImageError
            If the shard cannot be read any more, or has become shorter.
        """
        try:
            # Opened afresh each time: loader processes must not share a file's position.
            with self.shard.open("rb", buffering=0) as file:
                return {suffix: self._content(file, suffix) for suffix in suffixes if suffix in self.files}
        except OSError as error:
            raise ImageError(f"{self}: expected to read the shard, got {error.strerror}; {MAKE_AGAIN}") from None

    def _content(self, file: RawIOBase, suffix: str) -> bytes:
        offset, length = self.files[suffix]
        file.seek(offset)
        content = file.read(length) or b""
        if len(content) != length:
            raise ImageError(f"{self}: expected {length} bytes of {suffix}, got {len(content)}; {MAKE_AGAIN}")
        return content


def shard_records(folders: Sequence[Path]) -> tuple[ShardRecord, ...]:
    """Return the samples of all shards: folders as given, their tar files by name, samples in their order there.

    Raises
    ------
    ImageError
        If a folder has no shards, a shard is damaged or cut, or a sample lacks a file.
    """
    return tuple(record for folder in folders for shard in shards_of(folder) for record in _records(shard))


def shards_of(folder: Path) -> list[Path]:
    """Return the tar files of a folder by name.

    Raises
    ------
    ImageError
        If there are none.
    """
    # A shard that is still being written has a name with a dot in front.
    shards = sorted(folder.glob("[!.]*.tar")) if folder.is_dir() else []
    if not shards:
        found = "a folder without tar files" if folder.is_dir() else "no such folder"
        raise ImageError(f"{folder}: expected shards, got {found}; make them with gyrosharp synth")
    return shards


def shard_facts(folders: Sequence[Path], samples: int) -> dict[str, Any]:
    """Return what tells one data set from another: folder names, number of samples, and a hash.

    The hash is that of the manifests, which have one of every sample; of the tar files' names and sizes where there is
    no manifest.
    """
    digest = hashlib.sha256()
    for folder in folders:
        manifest = folder / MANIFEST
        sizes = "".join(f"{shard.name} {shard.stat().st_size}\n" for shard in shards_of(folder))
        digest.update(manifest.read_bytes() if manifest.is_file() else sizes.encode())
    return {
        "folders": [folder.resolve().name for folder in folders],
        "samples": samples,
        "sha256": digest.hexdigest(),
    }


def _records(shard: Path) -> list[ShardRecord]:
    records: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                key, _, suffix = member.name.partition(".")
                records.setdefault(key, {})[suffix] = (member.offset_data, member.size)
            _require_end(shard, archive.offset, key=next(reversed(records), "none"))
    except (tarfile.TarError, OSError) as error:
        last = next(reversed(records), "none")
        raise ImageError(f"{shard}: expected a whole tar file, got {error} after sample {last}; {MAKE_AGAIN}") from None
    return [ShardRecord(shard, key, _checked(shard, key, files)) for key, files in records.items()]


def _require_end(shard: Path, offset: int, key: str) -> None:
    """A tar file ends with a block of zeros; the reader stops without a word at a cut or damaged header as well."""
    with shard.open("rb") as file:
        file.seek(offset)
        block = file.read(tarfile.BLOCKSIZE)
    if block != bytes(tarfile.BLOCKSIZE):
        what = "a damaged header" if len(block) == tarfile.BLOCKSIZE else "its end"
        raise ImageError(f"{shard}: expected a whole tar file, got {what} after sample {key}; {MAKE_AGAIN}")


def _checked(shard: Path, key: str, files: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    for suffix in REQUIRED:
        if suffix not in files:
            raise ImageError(f"{shard}, sample {key}: expected a file {suffix}, got none; {MAKE_AGAIN}")
    return files
