"""`gyrosharp train`: a network from data, as a system's paper did it, or after a config of one's own."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gyrosharp.cli.failures import INTERRUPTED
from gyrosharp.cli.notes import Notes
from gyrosharp.cli.progress import Told, progress
from gyrosharp.cli.train_options import TrainOptions
from gyrosharp.errors import MissingComponentError, UsageError

if TYPE_CHECKING:
    from gyrosharp.training.config import TrainConfig
    from gyrosharp.training.report import Progress, TrainReport


def run(name: str, options: TrainOptions) -> int:
    """Train a network, or go on with a stopped run, and return the exit code."""
    if not options.data or options.output is None:
        missing = "-o" if options.data else "--data"
        raise UsageError(f"train: expected --data FOLDER and -o FOLDER, got no {missing}; gyrosharp synth makes data")
    config = config_of_run(name, options)
    try:
        from gyrosharp.nets import build_net
        from gyrosharp.training.data import open_training_data
        from gyrosharp.training.run import notes_of, train
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise MissingComponentError('train: expected PyTorch, got none; pip install "gyrosharp[train]"') from None
    inputs = build_net(config.net.name, config.net.size, config.net.changes).descriptor.inputs
    data = open_training_data(config, inputs, options.data)
    quiet = options.json or os.environ.get("RANK", "0") != "0"
    Notes(quiet=quiet).say(notes_of(config, options.device))
    with progress(_told, quiet=quiet) as show:
        report = train(
            config,
            data,
            options.output,
            minutes=options.minutes,
            device=options.device,
            resume=not options.force,
            progress=show,
        )
    if os.environ.get("RANK", "0") == "0":
        _tell(report, as_json=options.json)
    return INTERRUPTED if report.interrupted else 0


def config_of_run(name: str, options: TrainOptions) -> "TrainConfig":
    """Return the config that a system's name, or a file, and the flags stand for.

    Raises
    ------
    UsageError
        If there is no such system or file, the file is no config, or a flag does not go with a file.
    """
    from gyrosharp.systems import find_system
    from gyrosharp.systems._recipe import training_config
    from gyrosharp.training.config import read_train_config

    changes = tuple(options.change or ())
    if options.seed is not None:
        changes += (f"seed={options.seed}",)
    if not name.endswith((".yaml", ".yml")):
        return training_config(find_system(name), options.size or "full", options.variant, changes)
    if options.variant is not None:
        raise UsageError(f"--variant: expected a system with it, got the config {name}")
    size = () if options.size is None else (f"net.size={options.size}",)
    return read_train_config(Path(name), (*size, *changes))


def _told(state: "Progress") -> Told:
    figures = _figures(state.figures)
    left_s = (state.steps - state.step) * state.seconds / max(state.step - state.first_step, 1)
    line = f"step {state.step} of {state.steps}{figures and ', ' + figures}, {left_s / 60:.1f} minutes left"
    return Told(state.step, state.steps, figures or "steps", line)


def _figures(figures: Mapping[str, float]) -> str:
    parts = []
    if "loss" in figures:
        parts.append(f"loss {figures['loss']:.4g}")
    if "psnr_db" in figures:
        parts.append(f"{figures['psnr_db']:.2f} dB (blurred {figures['blurred_db']:.2f})")
    return ", ".join(parts)


def _tell(report: "TrainReport", *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({**asdict(report), "folder": str(report.folder), "finished": report.finished}))
        return
    typer.echo(
        f"{report.folder}: step {report.step} of {report.steps}, {report.seconds / 60:.1f} minutes"
        + (
            f" ({report.crops_per_s:.1f} crops/s, {report.stall_share:.0%} of the time waiting for data)"
            if report.crops_per_s
            else " (nothing left to do)"
        )
    )
    if report.psnr_db is not None and report.blurred_db is not None:
        gain = report.psnr_db - report.blurred_db
        typer.echo(
            f"validation: {report.psnr_db:.2f} dB, blurred {report.blurred_db:.2f} dB, gain {gain:+.2f} dB, "
            f"best {report.best_db:.2f} dB"
        )
        if gain < 0:
            typer.echo("warning: results are worse than the blurred pictures; train longer", err=True)
    if report.skipped:
        typer.echo(f"warning: {report.skipped} steps were skipped: loss or gradient not finite", err=True)
    if report.finished:
        typer.echo(f"next: gyrosharp export {report.folder}")
    else:
        typer.echo(
            f"stopped before the schedule's end; the same command goes on from {report.folder / 'last.pt'}",
        )
