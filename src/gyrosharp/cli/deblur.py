"""`gyrosharp deblur`: photos in, sharper photos and reports out."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer

from gyrosharp import __version__
from gyrosharp.capture.capture import Capture, ImageSource
from gyrosharp.capture.recordings import is_recording
from gyrosharp.cli.options import (
    CAPTURE_SUFFIX,
    CaptureOptions,
    DeblurOptions,
    captures_of,
)
from gyrosharp.errors import GyrosharpError, ImageError, UsageError
from gyrosharp.media.atomic import atomic_write, check_target
from gyrosharp.media.image_file import IMAGE_SUFFIXES, ImageFile, write_image
from gyrosharp.restore.deblur import deblur, deblur_uniform
from gyrosharp.restore.problem import Progress
from gyrosharp.restore.restoration import Restoration

SOME_FAILED = 1
MOVIE_OUTPUT_SUFFIX = ".png"


@dataclass(frozen=True, eq=False)
class Job:
    """One picture to deblur and where the result goes."""

    source: ImageSource
    capture: Capture | None
    target: Path


def run(inputs: list[Path], described: CaptureOptions, options: DeblurOptions) -> int:
    """Deblur every input; return the exit code.

    A single input raises its own error; in a batch each failure is named and the rest goes on.
    """
    _check_options(described, options)
    sources = list(_expanded(inputs, options.recursive))
    batch = len(sources) > 1 or any(path.is_dir() for path in inputs)
    items, failures = [], 0
    for source in sources:
        try:
            jobs = _jobs(source, described, options, batch)
        except GyrosharpError as error:
            _fail(error, source, batch)
            items.append({"input": str(source), "status": "failed", "error": str(error)})
            failures += 1
            continue
        batch = batch or len(jobs) > 1
        for job in jobs:
            item = _attempt(job, options, batch)
            failures += item["status"] == "failed"
            items.append(item)
    if options.json:
        typer.echo(json.dumps({"tool": "gyrosharp", "version": __version__, "items": items}, indent=1))
    return SOME_FAILED if failures else 0


def _check_options(described: CaptureOptions, options: DeblurOptions) -> None:
    from gyrosharp.restore.deblur import require_method, require_tile

    if not 0.0 <= options.strength <= 1.0:
        raise UsageError(f"--strength: expected 0 to 1, got {options.strength:g}")
    if options.psf is not None and (described.gyro or described.capture):
        raise UsageError("expected --psf or a gyro log, got both; a kernel replaces the log")
    require_method(options.method)
    require_tile(options.tile)


def _expanded(inputs: list[Path], recursive: bool) -> Iterator[Path]:
    """Yield the inputs with plain folders replaced by the photos and captures in them."""
    for path in inputs:
        if not path.is_dir() or is_recording(path):
            yield path
            continue
        found = sorted(_in_folder(path, recursive))
        if not found:
            raise ImageError(f"{path}: expected a folder with captures, described photos or a recording, got none")
        yield from found


def _in_folder(folder: Path, recursive: bool) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_dir():
            if is_recording(path):
                yield path
            elif recursive:
                yield from _in_folder(path, recursive)
        elif path.name.endswith(CAPTURE_SUFFIX):
            yield path
        elif path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith("."):
            # A photo with a capture file beside it is reached through that file.
            continue


def _jobs(source: Path, described: CaptureOptions, options: DeblurOptions, batch: bool) -> list[Job]:
    if options.psf is not None:
        image = ImageSource(source)
        return [Job(image, None, _target(image, source.stem, options, batch))]
    captures = captures_of(source, described)
    batch = batch or len(captures) > 1
    jobs = []
    for capture in captures:
        if capture.image is None:
            raise ImageError(f"{source}: expected a capture with an image, got none; add the key 'image'")
        jobs.append(Job(capture.image, capture, _target(capture.image, capture.name, options, batch)))
    return jobs


def _target(image: ImageSource, stem: str, options: DeblurOptions, batch: bool) -> Path:
    ending = MOVIE_OUTPUT_SUFFIX if image.frame is not None else image.path.suffix
    name = f"{stem}{options.suffix}{ending}"
    if options.output is None:
        return image.path.with_name(name)
    if batch or options.output.is_dir():
        if options.output.exists() and not options.output.is_dir():
            raise UsageError(f"-o {options.output}: expected a folder for several inputs, got a file")
        return options.output / name
    return options.output


def _attempt(job: Job, options: DeblurOptions, batch: bool) -> dict[str, Any]:
    item: dict[str, Any] = {"input": str(job.source), "output": str(job.target)}
    if options.skip_existing and job.target.exists():
        _say(options, f"{job.target}: exists, skipped")
        return {**item, "status": "skipped"}
    try:
        return {**item, **_process(job, options, batch)}
    except GyrosharpError as error:
        _fail(error, job.source.path, batch)
        return {**item, "status": "failed", "error": str(error)}


def _fail(error: GyrosharpError, source: Path, batch: bool) -> None:
    """Raise a single input's error; name a batch's and go on."""
    if not batch:
        raise error
    text = " ".join(str(error).split())
    typer.echo(f"error: {text if str(source) in text else f'{source}: {text}'}", err=True)


def _process(job: Job, options: DeblurOptions, batch: bool) -> dict[str, Any]:
    if batch:
        job.target.parent.mkdir(parents=True, exist_ok=True)
    check_target(job.target, options.force)
    picture = job.source.read() if job.capture is None else job.capture.read_image()
    with _progress(job.target.name) as progress:
        result = _restored(job, picture, options, progress)
    changed = result.diagnostics.decision == "deblurred" and options.strength > 0
    _write(job, picture, result, options, changed)
    report = _report(job, options, result)
    if options.report:
        with atomic_write(job.target.with_suffix(job.target.suffix + ".json"), overwrite=True) as temporary:
            temporary.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    _say(options, f"{job.target}: {result.diagnostics.summary()}")
    return {"status": "done", **report}


def _restored(job: Job, picture: ImageFile, options: DeblurOptions, progress: Progress | None) -> Restoration:
    if job.capture is None:
        from gyrosharp.blur.uniform import read_kernel

        assert options.psf is not None
        method = "rl" if options.method == "auto" else options.method
        return deblur_uniform(picture.pixels_linear, read_kernel(options.psf), method, options.strength, progress)
    return deblur(
        job.capture,
        options.method,
        image=picture.pixels_linear,
        strength=options.strength,
        tile=options.tile,
        progress=progress,
    )


def _write(job: Job, picture: ImageFile, result: Restoration, options: DeblurOptions, changed: bool) -> None:
    same_container = job.target.suffix.lower() == job.source.path.suffix.lower()
    if not changed and same_container and job.source.frame is None:
        # An untouched photo is copied byte for byte.
        with atomic_write(job.target, options.force) as temporary:
            shutil.copyfile(job.source.path, temporary)
        return
    write_image(job.target, result.image, picture, options.force)


def _report(job: Job, options: DeblurOptions, result: Restoration) -> dict[str, Any]:
    parameters = {"strength": options.strength, "tile": options.tile}
    if options.psf is not None:
        parameters["psf"] = str(options.psf)
    if job.capture is not None:
        parameters["time_offset_s"] = job.capture.time_offset_s
        parameters["camera"] = asdict(job.capture.camera)
        parameters["exposure"] = asdict(job.capture.exposure)
        parameters["assumed"] = list(job.capture.notes)
    return {
        "tool": "gyrosharp",
        "version": __version__,
        "input": str(job.source),
        "output": str(job.target),
        "method": options.method,
        "parameters": parameters,
        "diagnostics": result.diagnostics.as_json(),
    }


def _say(options: DeblurOptions, text: str) -> None:
    if not options.json:
        typer.echo(text)


@contextmanager
def _progress(label: str) -> Iterator[Progress | None]:
    """Show a progress bar on a terminal; nothing is drawn into files and pipes."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
