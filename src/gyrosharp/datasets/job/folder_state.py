"""What lies in the output folder before and after a run: the job's description, and files of the job or of others."""

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

from gyrosharp.datasets.job.folders import STAGE, FolderWriter, check_name
from gyrosharp.datasets.job.parts import (
    HIDDEN,
    MANIFEST,
    SYNTH,
    Shard,
    foreign,
    hidden,
    merge_parts,
    part_path,
    read_lines,
    shards_of,
    split_manifest,
)
from gyrosharp.datasets.job.record import Line
from gyrosharp.datasets.job.shards import TarWriter
from gyrosharp.datasets.job.writer import Writer
from gyrosharp.errors import OutputError
from gyrosharp.media.atomic import atomic_write, make_folder

FORMAT = "gyrosharp.synth/1"
Facts = dict[str, Any]
"""Content of synth.json."""

GROWING = ("count", "extra")
"""Facts in which two runs of one job may differ."""
_TEMPORARY = re.compile(r"\.(shard-\d+|manifest|synth|extra)\.\d+-\d+\.tmp(\.(tar|jsonl|json|moving))?")
"""Names that `atomic_write` gives to the job's files while they are written."""
_SHOWN = 60
"""Characters of a value in a message."""


def open_job(output: Path, facts: Facts, writer: Writer, force: bool) -> None:
    """Prepare an output folder for a run: a new job, one that goes on, or one that grows.

    Leftovers of a killed run are removed. The caller holds the folder's lock.

    Parameters
    ----------
    facts : dict
        What decides the samples; `synth.json` of an earlier run must agree, but for a smaller count.
    force : bool
        Remove the earlier job's files first, and nothing else.

    Raises
    ------
    OutputError
        If the folder holds another job, more samples, or a file of someone else under a name that is needed.
    """
    sweep(output)
    old = read_facts(output)
    if force and old is not None:
        remove_job(output, old)
        old = None
    if old is None:
        _refuse_taken(output, [MANIFEST])
    else:
        _agree(output, old, facts)
    known = 0 if old is None else len(shards_of(old["count"], old["shard_size"]))
    new_shards = shards_of(facts["count"], facts["shard_size"])[known:]
    _refuse_taken(output, chain.from_iterable(writer.owned(shard, []) for shard in new_shards))
    make_folder(hidden(output))
    if (output / MANIFEST).exists():
        split_manifest(output, facts["shard_size"])
    write_facts(output, {**facts, "extra": [] if old is None else old["extra"]})
    (output / MANIFEST).unlink(missing_ok=True)


def close_job(output: Path, shards: Sequence[Shard], writer: Writer) -> None:
    """Write what belongs to the data set as a whole, the manifest last, and remove the hidden folder.

    Raises
    ------
    OutputError
        If something cannot be written.
    """
    sweep(output)  # a worker that died has left its temporary files
    facts = read_facts(output)
    assert facts is not None
    extra = writer.finish(output, _all_lines(output, shards))
    for name in extra:
        check_name(name)
    _refuse_taken(output, sorted(set(extra) - set(facts["extra"])))
    write_facts(output, {**facts, "extra": sorted({*facts["extra"], *extra})})
    for name, content in extra.items():
        _place(output, name, content)
    merge_parts(output, shards)
    shutil.rmtree(hidden(output), ignore_errors=True)


def read_facts(output: Path) -> Facts | None:
    """Return what synth.json says, None where there is none.

    Raises
    ------
    OutputError
        If the file is not one of ours.
    """
    path = output / SYNTH
    if not path.exists():
        return None
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        if facts["format"] == FORMAT and {"count", "shard_size", "extra", "layout"} <= set(facts):
            return dict(facts)
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise OutputError(f"{path}: expected the description of a job ({FORMAT}), got another file; choose another folder")


def write_facts(output: Path, facts: Facts) -> None:
    """Write synth.json.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    with atomic_write(output / SYNTH, overwrite=True) as temporary:
        temporary.write_text(json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")


def sweep(output: Path) -> None:
    """Remove what a killed run left half made; nobody else works in the folder, as the caller holds its lock."""
    for folder in (output, hidden(output)):
        for path in folder.iterdir() if folder.is_dir() else ():
            if _TEMPORARY.fullmatch(path.name):
                path.unlink(missing_ok=True)
            elif folder.name == HIDDEN and path.name.startswith(STAGE):
                shutil.rmtree(path, ignore_errors=True)


def remove_job(output: Path, facts: Facts) -> None:
    """Remove the files of a job and the folders that are empty then; files of others stay.

    Raises
    ------
    OutputError
        If a file may not be removed.
    """
    try:
        for name in list(_owned(output, facts)):
            _remove(output, name)
        shutil.rmtree(hidden(output), ignore_errors=True)
        for name in (MANIFEST, SYNTH):  # the description last: until then -f can be repeated
            (output / name).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{error.filename}: cannot be removed: {error.strerror}; check permissions") from error


def first_difference(old: Any, new: Any, where: str = "") -> tuple[str, Any, Any] | None:  # noqa: ANN401
    """Return the place, the old and the new value where two JSON values first differ, None if they agree.

    >>> first_difference({"seed": 1, "photos": {"a": "f0"}}, {"seed": 1, "photos": {"a": "f1"}})
    ('photos.a', 'f0', 'f1')
    """
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        pairs: Iterable[tuple[str, Any, Any]] = ((key, old.get(key), new.get(key)) for key in keys)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = ((str(place), *values) for place, values in enumerate(zip(old, new, strict=True)))
    else:
        return None if old == new else (where, old, new)
    found = (first_difference(mine, theirs, f"{where}.{key}".lstrip(".")) for key, mine, theirs in pairs)
    return next((difference for difference in found if difference), None)


def _agree(output: Path, old: Facts, new: Facts) -> None:
    kept = {name: value for name, value in old.items() if name not in GROWING}
    # As they would be read back: tuples are lists in JSON.
    wanted = json.loads(json.dumps({name: value for name, value in new.items() if name not in GROWING}))
    different = first_difference(kept, wanted)
    if different is None and new["count"] < old["count"]:
        different = ("count", old["count"], new["count"])
    if different is None:
        return
    place, before, now = different
    raise OutputError(
        f"{output}: expected the job that began here, with {place} {_shown(before)}, got {_shown(now)}; "
        "choose another folder, or use -f to start anew"
    )


def _shown(value: Any) -> str:  # noqa: ANN401
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _refuse_taken(output: Path, names: Iterable[str]) -> None:
    for name in names:
        path = output / name
        if path.is_symlink() or path.exists():
            raise foreign(path)


def _place(output: Path, name: str, content: bytes) -> None:
    """Write a file whole; half made it lies in the hidden folder, where the next run removes it."""
    make_folder((output / name).parent)
    made = hidden(output) / "extra"
    with atomic_write(made, overwrite=True) as temporary:
        temporary.write_bytes(content)
    made.replace(output / name)


def _all_lines(output: Path, shards: Sequence[Shard]) -> Iterator[Line]:
    return chain.from_iterable(read_lines(part_path(output, shard)) for shard in shards)


def _owned(output: Path, facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paths of a job's files below the output folder."""
    yield from facts["extra"]
    writer: Writer = TarWriter() if facts["layout"] == TarWriter.layout else FolderWriter(facts["layout"])
    shards = shards_of(facts["count"], facts["shard_size"])
    manifests = [output / MANIFEST, *hidden(output).glob("shard-*.jsonl"), *hidden(output).glob("shard-*.moving")]
    for path in manifests if facts["layout"] != TarWriter.layout else ():
        if path.is_file():
            yield from writer.owned(shards[0], list(read_lines(path)))
    if facts["layout"] == TarWriter.layout:
        yield from chain.from_iterable(writer.owned(shard, []) for shard in shards)


def _remove(output: Path, name: str) -> None:
    check_name(name)  # a manifest that someone changed must not make us remove other files
    path = output / name
    path.unlink(missing_ok=True)
    for folder in list(path.relative_to(output).parents)[:-1]:
        with suppress(OSError):
            (output / folder).rmdir()
