"""`gyrosharp deblur`: photos in, sharper photos and reports out."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import typer

from gyrosharp.capture.capture import Capture, ImageSource
from gyrosharp.capture.recording import Recording
from gyrosharp.cli.deblur_confidence import (
    AUTO,
    map_of,
    map_written,
    require_flags_fit,
    require_map_writable,
    require_no_map,
)
from gyrosharp.cli.deblur_film import FramesJob, MovieJob, film_job, is_film
from gyrosharp.cli.deblur_inputs import expanded, is_bare
from gyrosharp.cli.failures import described as described_error
from gyrosharp.cli.failures import report_error, show_traceback
from gyrosharp.cli.notes import Notes
from gyrosharp.cli.options import CaptureOptions, DeblurOptions, subject_of
from gyrosharp.cli.progress import counter
from gyrosharp.errors import ImageError, OutputError, UsageError
from gyrosharp.media.atomic import atomic_write, check_target, made_folder
from gyrosharp.media.image_file import IMAGE_SUFFIXES, ImageFile, require_writable, write_image
from gyrosharp.media.movie_encoder import CONTAINERS
from gyrosharp.restore.deblur import Deblurrer, deblur, deblur_uniform, deblur_unknown, deblurrer
from gyrosharp.restore.memory import keep_freed_pages
from gyrosharp.restore.problem import Progress
from gyrosharp.restore.restoration import Restoration
from gyrosharp.restore.video.settings import LARGEST_MIN_BLUR_PX
from gyrosharp.version import __version__

SOME_FAILED = 1
MOVIE_OUTPUT_SUFFIX = ".png"
NAMES_A_FILE = (*IMAGE_SUFFIXES, *CONTAINERS)


@dataclass(frozen=True, eq=False)
class Job:
    """One picture to deblur, where the result goes, and where its confidence map does, if one is asked for."""

    source: ImageSource
    capture: Capture | None
    target: Path
    confidence: Path | None = None

    @property
    def report(self) -> Path:
        """Where the JSON report goes."""
        return self.target.with_name(self.target.name + ".json")

    @property
    def outputs(self) -> tuple[Path, ...]:
        """The pictures that are written."""
        return (self.target,) if self.confidence is None else (self.target, self.confidence)

    def check(self, options: DeblurOptions) -> None:
        """Check, before any work is done, that the result can be written."""
        require_writable(self.target, options.force)
        if self.confidence is not None:
            require_map_writable(self.confidence, (self.target, self.source.path), options.force)


AnyJob: TypeAlias = "Job | MovieJob | FramesJob"


@dataclass
class Batch:
    """All inputs of one call.

    Attributes
    ----------
    options : DeblurOptions
        Flags.
    several : bool
        Whether failures are named and the rest goes on; a single input raises its own error.
    notes : Notes
        Says what was assumed.
    worker : Deblurrer
        What deblurs the photos, unless a kernel is given.
    items : list of dict
        What came of each picture, for the report.
    targets : dict
        The picture that each output is of.
    """

    options: DeblurOptions
    several: bool
    notes: Notes
    worker: Deblurrer
    items: list[dict[str, Any]] = field(default_factory=list)
    targets: dict[Path, str] = field(default_factory=dict)

    @contextmanager
    def naming(self, item: dict[str, Any]) -> Iterator[None]:
        """Name the failure of one of several inputs, and go on; a wrong command line is wrong for all of them."""
        try:
            yield
        except UsageError:
            raise
        except Exception as error:
            if not self.several:
                raise
            show_traceback(self.options.debug)
            text = " ".join(described_error(error)[0].split())
            report_error(text if item["input"] in text else f"{item['input']}: {text}", SOME_FAILED)
            self.items.append({**item, "status": "failed", "error": text})

    def claim(self, job: AnyJob) -> None:
        """Check, before any work is done, that the result can be written, and that it overwrites no other result.

        Raises
        ------
        OutputError
            If it cannot, or would.
        """
        for output in job.outputs:
            other = self.targets.setdefault(output.absolute(), str(job.source))
            if other != str(job.source):
                raise OutputError(
                    f"{output}: expected one input per output, got {other} and {job.source}; use two folders"
                )
        job.check(self.options)
        if self.options.report:
            check_target(job.report, self.options.force)


def run(inputs: list[Path], described: CaptureOptions, options: DeblurOptions) -> int:
    """Deblur every input; return the exit code.

    A single input raises its own error; in a batch each failure is named and the rest goes on.
    """
    worker = _checked_worker(described, options)
    # Large pictures come and go by the dozen: a tenth of the time of a photo of 12 MP, for a twelfth more memory.
    keep_freed_pages()
    bare = described.gyro is not None or options.psf is not None or not worker.needs_motion
    sources = list(expanded(inputs, described, options, bare=bare))
    several = len(sources) > 1 or any(path.is_dir() for path in inputs)
    _check_several(several, described, options)
    batch = Batch(options, several, Notes(quiet=options.json), worker)
    for source in sources:
        with batch.naming({"input": str(source)}):
            for job in _jobs(source, described, batch, alone=len(sources) == 1):
                with batch.naming({"input": str(job.source), "output": str(job.target)}):
                    batch.items.append(_attempt(job, batch))
    if options.json:
        typer.echo(json.dumps({"tool": "gyrosharp", "version": __version__, "items": batch.items}, indent=1))
    states = Counter(item["status"] for item in batch.items)
    if len(batch.items) > 1:
        _say(options, f"{len(batch.items)} inputs: " + ", ".join(f"{count} {state}" for state, count in states.items()))
    return SOME_FAILED if states["failed"] else 0


def _checked_worker(described: CaptureOptions, options: DeblurOptions) -> Deblurrer:
    """Check the flags, and return what deblurs."""
    if not 0.0 <= options.strength <= 1.0:
        raise UsageError(f"--strength: expected 0 to 1, got {options.strength:g}")
    if not 0.0 <= options.min_blur <= LARGEST_MIN_BLUR_PX:
        raise UsageError(f"--min-blur: expected 0 to {LARGEST_MIN_BLUR_PX:.0f} px, got {options.min_blur:g}")
    if options.psf is not None and (described.gyro or described.capture):
        raise UsageError("expected --psf or a gyro log, got both; a kernel replaces the log")
    require_flags_fit(options)
    if Path(options.suffix).name != options.suffix:
        raise UsageError(f"--suffix: expected a part of a file name, got {options.suffix!r}")
    return deblurrer(options.method, options.tile)


def _check_several(several: bool, described: CaptureOptions, options: DeblurOptions) -> None:
    if not several:
        return
    output = options.output
    if output is not None and not output.is_dir() and (output.exists() or output.suffix.lower() in NAMES_A_FILE):
        raise UsageError(f"-o {output}: expected a folder for several inputs, got a file name")
    if options.confidence not in (None, AUTO):
        raise UsageError(
            "--confidence: expected auto for several inputs, got one file name; each needs a map of its own"
        )
    if described.capture is not None:
        raise UsageError("--capture: expected one photo, got several inputs; each needs a capture file of its own")
    if described.start_ns is not None:
        raise UsageError("--start-ns: expected one photo, got several inputs; each starts at a time of its own")


def _jobs(source: Path, described: CaptureOptions, batch: Batch, *, alone: bool) -> list[AnyJob]:
    options, several = batch.options, batch.several
    if options.psf is not None or (not batch.worker.needs_motion and is_bare(source, described)):
        require_no_map(source, "a photo without", options)
        return [Job(ImageSource(source), None, _target(ImageSource(source), source.stem, options, several))]
    subject = subject_of(source, described)
    if isinstance(subject, Recording) and is_film(subject):
        require_no_map(source, "the movie or sequence", options)
        return [film_job(subject, options, alone=alone)]
    jobs: list[AnyJob] = []
    for capture in subject if isinstance(subject, Recording) else [subject]:
        if capture.image is None:
            raise ImageError(f"{source}: expected a capture with an image, got none; add the key 'image'")
        target = _target(capture.image, capture.name, options, several)
        jobs.append(Job(capture.image, capture, target, map_of(target, options)))
    return jobs


def _target(image: ImageSource, stem: str, options: DeblurOptions, several: bool) -> Path:
    ending = MOVIE_OUTPUT_SUFFIX if image.frame is not None else image.path.suffix
    name = f"{stem}{options.suffix}{ending}"
    output = options.output
    if output is None:
        return image.path.with_name(name)
    is_folder = several or output.is_dir() or not (output.suffix or output.exists())
    return output / name if is_folder else output


def _attempt(job: AnyJob, batch: Batch) -> dict[str, Any]:
    options = batch.options
    if options.skip_existing and all(output.exists() for output in job.outputs):
        _say(options, f"{job.target}: exists, skipped")
        return {"input": str(job.source), "output": str(job.target), "status": "skipped"}
    # A folder in which the user names a file is the user's to make.
    with made_folder(job.outputs[0].parent) if job.outputs[0] != options.output else nullcontext():
        batch.claim(job)
        return {"status": "done", **_process(job, batch)}


def _process(job: AnyJob, batch: Batch) -> dict[str, Any]:
    return _process_photo(job, batch) if isinstance(job, Job) else _process_film(job, batch)


def _process_film(job: MovieJob | FramesJob, batch: Batch) -> dict[str, Any]:
    options, recording = batch.options, job.recording
    shared = recording.notes if recording.imu is None else (*recording.notes, *recording.imu.notes)
    batch.notes.say(shared)
    with counter(job.target.name) as progress:
        result = job.run(options, progress)
    late = [note for note in result.notes if note not in shared]
    report = {
        **_report_head(job, options),
        "parameters": {"strength": options.strength, "tile": options.tile, "min_blur_px": options.min_blur},
        "diagnostics": result.as_json(),
        "notes": [*shared, *late],
    }
    if options.report:
        with atomic_write(job.report, options.force) as file:
            _write_report(file, report)
    batch.notes.say(late, job.source.name if batch.several else "")
    _say(options, f"{job.target}: {result.summary()}")
    return report


def _process_photo(job: Job, batch: Batch) -> dict[str, Any]:
    options = batch.options
    name = Path(str(job.source)).name if batch.several else ""
    shared = (*batch.worker.remarks, *(() if job.capture is None else job.capture.remarks))
    picture = job.source.read() if job.capture is None else job.capture.read_image()
    covered = None if job.capture is None else job.capture.coverage()
    own = [*(covered.notes if covered else ()), *picture.notes]
    with counter(job.target.name) as progress:
        result = _restored(job, picture, options, progress)
    late = [note for note in result.diagnostics.notes if note not in {*shared, *own}]
    report = {**_report(job, options, result), "notes": [*shared, *own, *late]}
    with (
        atomic_write(job.report, options.force) if options.report else nullcontext() as file,
        map_written(job.confidence, result, picture, options) as of_map,
    ):
        report |= of_map
        # On the disk before the picture, so that a full disk leaves neither.
        _write_report(file, report)
        late += _write(job, picture, result, options)
        report["notes"] = [*shared, *own, *late]
        _write_report(file, report)
    batch.notes.say(shared)
    batch.notes.say([*own, *late], name)
    _say(options, f"{job.target}: {result.diagnostics.summary()}")
    return report


def _write_report(file: Path | None, report: dict[str, Any]) -> None:
    if file is not None:
        file.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def _restored(job: Job, picture: ImageFile, options: DeblurOptions, progress: Progress | None) -> Restoration:
    if job.capture is None and options.psf is None:
        return deblur_unknown(picture, options.method, strength=options.strength, tile=options.tile, progress=progress)
    if job.capture is None:
        from gyrosharp.blur.uniform import read_kernel

        assert options.psf is not None
        method = "rl" if options.method == "auto" else options.method
        return deblur_uniform(picture, read_kernel(options.psf), method, options.strength, progress)
    return deblur(
        job.capture,
        options.method,
        image=picture,
        strength=options.strength,
        tile=options.tile,
        progress=progress,
    )


def _write(job: Job, picture: ImageFile, result: Restoration, options: DeblurOptions) -> Sequence[str]:
    """Write the picture and return what was converted or dropped."""
    changed = result.diagnostics.decision == "deblurred" and options.strength > 0
    same_container = job.target.suffix.lower() == job.source.path.suffix.lower()
    if not changed and same_container and job.source.frame is None:
        # An untouched photo is copied byte for byte.
        with atomic_write(job.target, options.force) as temporary:
            shutil.copyfile(job.source.path, temporary)
        return ()
    return write_image(job.target, result.image, picture, options.force)


def _report(job: Job, options: DeblurOptions, result: Restoration) -> dict[str, Any]:
    return {
        **_report_head(job, options),
        "parameters": _parameters(job.capture, options),
        "diagnostics": result.diagnostics.as_json(),
    }


def _report_head(job: AnyJob, options: DeblurOptions) -> dict[str, Any]:
    return {
        "tool": "gyrosharp",
        "version": __version__,
        "input": str(job.source),
        "output": str(job.target),
        "method": options.method,
    }


def _parameters(capture: Capture | None, options: DeblurOptions) -> dict[str, Any]:
    parameters: dict[str, Any] = {"strength": options.strength, "tile": options.tile}
    if options.psf is not None:
        parameters["psf"] = str(options.psf)
    if capture is not None:
        parameters["camera"] = asdict(capture.camera)
        parameters["exposure"] = asdict(capture.exposure)
        parameters["gyro"] = None if capture.imu is None else capture.imu.source
        parameters["R_cam_imu"] = None if capture.R_cam_imu is None else capture.R_cam_imu.tolist()
        parameters["time_offset_s"] = capture.time_offset_s
    return parameters


def _say(options: DeblurOptions, text: str) -> None:
    if not options.json:
        typer.echo(text)
