"""What a job makes: records, and the line of the manifest that describes one."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from gyrosharp.errors import UsageError

Line = dict[str, Any]
"""A line of the manifest."""

OWN_KEYS = frozenset({"index", "key", "shard", "sha256", "files", "skipped"})
"""Keys of a manifest line that the engine fills in."""


@dataclass(frozen=True)
class Record:
    """One sample as bytes.

    Parameters
    ----------
    key : str
        Name of the sample, another one for each index.
    files : mapping of str to bytes
        For tar shards the content by suffix ("blurred.png"); for folder layouts by path below the output folder
        ("train/blur/000012.png").
    manifest : mapping
        What else its line of the manifest says: JSON values, and none of the keys in `OWN_KEYS`.
    """

    key: str
    files: Mapping[str, bytes]
    manifest: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Skipped:
    """A sample that could not be made, and why."""

    index: int
    reason: str


class Maker(Protocol):
    """Makes samples from their indices alone.

    It is pickled once per worker: caches belong in attributes that are filled on first use, not in the pickle. `make`
    must give the same bytes for an index in every process, in any order, and for every count.
    """

    def fingerprint(self) -> Mapping[str, Any]:
        """Return everything that decides the samples, as JSON values; the job keeps it in synth.json."""

    def make(self, index: int) -> Record:
        """Return sample `index`.

        Raises
        ------
        InputError
            If this sample cannot be made; the job skips it or stops, as it was told. An `OutputError` always stops it.
        """


def record_sha256(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 of a record's content, hexadecimal.

    For each file in the order of its name's UTF-8 bytes, these follow one another in the hash: the length of the name
    and of the content, both as 8 bytes, most significant first; the name; the content.
    """
    digest = hashlib.sha256()
    for name, content in sorted((name.encode(), content) for name, content in files.items()):
        digest.update(len(name).to_bytes(8, "big") + len(content).to_bytes(8, "big") + name)
        digest.update(content)
    return digest.hexdigest()


def manifest_line(index: int, shard: str, record: Record) -> Line:
    """Return the manifest line of a record: place, hash and file sizes in bytes, then what the record says.

    Raises
    ------
    UsageError
        If the record's manifest has one of the engine's keys.
    """
    taken = sorted(OWN_KEYS & set(record.manifest))
    if taken:
        raise UsageError(
            f"sample {index}: manifest: expected keys other than the engine's, got {taken[0]!r}; rename it"
        )
    sizes = {name: len(content) for name, content in record.files.items()}
    facts = {"index": index, "key": record.key, "shard": shard, "sha256": record_sha256(record.files), "files": sizes}
    return {**facts, **record.manifest}


def line_text(line: Line) -> str:
    """Return a manifest line as text, its newline included.

    Raises
    ------
    UsageError
        If it holds what JSON cannot: NaN, infinity, NumPy scalars, objects.
    """
    try:
        return json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise UsageError(f"sample {line['index']}: manifest: expected JSON values, got others ({error})") from None
