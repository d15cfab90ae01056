"""`gyrosharp synth`: training data from photos, motion and depth."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import cast

import typer

from gyrosharp.cli.contact_sheet import contact_sheet
from gyrosharp.cli.drawing import save_png
from gyrosharp.cli.failures import FAILED
from gyrosharp.cli.notes import Notes
from gyrosharp.cli.options import SynthOptions
from gyrosharp.cli.progress import Told, progress
from gyrosharp.datasets.job import JobPlan, JobProgress, JobReport, run_job
from gyrosharp.datasets.job.runner import Engine
from gyrosharp.datasets.sample import BlurSample
from gyrosharp.datasets.synthesis.config import load_config
from gyrosharp.datasets.synthesis.synth_maker import SynthMaker, writer_of
from gyrosharp.errors import ImageError, InputError, UsageError
from gyrosharp.media.atomic import check_target

# Samples on a contact sheet, at most.
SHOWN = 12
# Bad samples that are named one by one; the manifest names them all.
NAMED = 5


def run(name: str, options: SynthOptions) -> int:
    """Make a data set, a contact sheet, or both, and return the exit code."""
    if options.output is None and options.preview is None:
        raise UsageError("synth: expected -o FOLDER for a data set, or --preview FILE for a look at it, got neither")
    changes = list(options.change or ())
    if options.layout is not None:
        changes.append(f"output.layout={options.layout}")
    config = load_config(name, tuple(changes))
    maker = SynthMaker(
        config,
        tuple(str(path) for path in options.images or ()),
        tuple(str(path) for path in options.gyro or ()),
        options.seed,
        options.images_format,
    )
    writer = writer_of(config)
    facts: dict[str, object] = {}
    if options.preview is not None:
        check_target(options.preview, options.force)
    Notes(quiet=options.json).say(maker.messages)
    if options.preview is not None:
        shown = _first_samples(maker, min(options.count, SHOWN))
        save_png(options.preview, contact_sheet(shown), overwrite=options.force)
        facts["preview"] = str(options.preview)
        if not options.json:
            typer.echo(f"{options.preview}: {len(shown)} samples")
    if options.output is None:
        if options.json:
            typer.echo(json.dumps(facts))
        return 0
    engine = cast(Engine, options.engine)
    part = config.output
    plan = JobPlan(options.output, options.count, part.shard_size, options.workers, engine, part.on_error, writer)
    with progress(_told, quiet=options.json) as show:
        report = run_job(maker, plan, show, options.force)
    _tell(options.output, report, facts, as_json=options.json)
    return FAILED if report.skipped else 0


def _first_samples(maker: SynthMaker, wanted: int) -> list[BlurSample]:
    """The first samples that can be made; photos that cannot be read are passed over."""
    samples: list[BlurSample] = []
    failure: InputError | None = None
    crops = maker.config.picture.crops_per_photo
    for index in range(max(len(maker.samples.library) * crops, wanted)):
        try:
            samples.append(maker.samples.sample(index))
        except InputError as error:
            failure = failure or error
        if len(samples) == wanted:
            break
    if not samples:
        raise failure or ImageError("preview: expected samples to show, got none")
    return samples


def _told(state: JobProgress) -> Told:
    skipped = f", {state.skipped} skipped" if state.skipped else ""
    rate = (state.done - state.resumed) / max(state.seconds, 1e-9)
    left_s = (state.total - state.done) / rate if rate > 0 else float("inf")
    line = f"{state.done} of {state.total} samples, {rate:.1f} per second, {left_s:.0f} s left"
    return Told(state.done, state.total, f"samples{skipped}", line)


def _tell(output: Path, report: JobReport, facts: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        facts |= {name: getattr(report, name) for name in ("made", "shards", "resumed", "seconds", "lost")}
        facts |= {"folder": str(output), "skipped": [asdict(bad) for bad in report.skipped]}
        typer.echo(json.dumps(facts))
        return
    fresh = report.made + len(report.skipped) - report.resumed
    rate = f", {fresh / report.seconds:.1f} per second" if fresh else ""
    earlier = f", {report.resumed} of them from an earlier run" if report.resumed else ""
    typer.echo(f"{output}: {report.made} samples in {report.shards} shards{earlier} ({report.seconds:.0f} s{rate})")
    for line in report.lost:
        typer.echo(f"warning: {line}", err=True)
    for bad in report.skipped[:NAMED]:
        typer.echo(f"skipped: sample {bad.index}: {bad.reason}", err=True)
    if len(report.skipped) > NAMED:
        typer.echo(f"skipped: {len(report.skipped) - NAMED} more, named in {output / 'manifest.jsonl'}", err=True)
