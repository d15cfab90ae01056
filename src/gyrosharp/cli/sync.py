"""`gyrosharp sync`: find time offset, axes, focal length, readout and bias, and say how sure that is."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gyrosharp.capture.capture import Capture
from gyrosharp.capture.layouts.saved import SUFFIX as RECORDING_SUFFIX
from gyrosharp.capture.layouts.saved import save_recording
from gyrosharp.capture.recording import Recording
from gyrosharp.cli.notes import Notes
from gyrosharp.cli.options import CAPTURE_SUFFIX, CaptureOptions, subject_of
from gyrosharp.cli.sync_options import SyncOptions
from gyrosharp.cli.sync_text import advice_lines, table
from gyrosharp.errors import InputError, UsageError
from gyrosharp.sync.recording import Synchronisation, SynchroniseOptions, apply, synchronised
from gyrosharp.sync.result import AXES, BIAS, FOCAL, TIME_OFFSET, SyncResult

if TYPE_CHECKING:
    from gyrosharp.sync.recording import Progress


def run(source: Path, described: CaptureOptions, options: SyncOptions) -> int:
    """Synchronise, print the report, write the files asked for; return the exit code.

    Raises
    ------
    UsageError
        If a flag has no meaning for this input.
    OutputError
        If an output exists and -f is not given, or it cannot be written.
    CaptureError, ImageError, ImuError
        If the input cannot be read.
    """
    subject = subject_of(source, described)
    _require_flags(options, subject)
    Notes(quiet=options.json).say(subject.notes)
    if isinstance(subject, Recording):
        outcome = synchronised(subject, _how(options), _progress(quiet=options.json))
    else:
        outcome = Synchronisation(_of_shot(subject, options))
    _print(outcome.result, subject, as_json=options.json)
    if options.plot is not None:
        _save_plot(options, outcome)
    if options.output is not None and outcome.result.succeeded:
        _save(options, subject, outcome.result)
    return 0 if outcome.result.succeeded else InputError.exit_code


def _require_flags(options: SyncOptions, subject: Capture | Recording) -> None:
    """Check the flags before the work, not after it."""
    if options.max_offset_s is not None and not 0.0 < options.max_offset_s < 1e7:
        raise UsageError(f"--max-offset-s: expected seconds above 0, got {options.max_offset_s:g}")
    suffix = RECORDING_SUFFIX if isinstance(subject, Recording) else CAPTURE_SUFFIX
    if options.output is not None and not options.output.name.endswith(suffix):
        raise UsageError(f"--output: expected a name that ends with {suffix}, got {options.output.name}")
    if options.plot is not None and not isinstance(subject, Recording):
        raise UsageError("--plot: expected a recording with it, got a single photo; leave it out")
    for path in (options.output, options.plot):
        if path is not None and path.exists() and not options.force:
            raise UsageError(f"{path}: expected a new file, got one that exists; give -f to overwrite it")


def _how(options: SyncOptions) -> SynchroniseOptions:
    return SynchroniseOptions(max_offset_s=options.max_offset_s, most_frames=options.frames)


def _of_shot(capture: Capture, options: SyncOptions) -> SyncResult:
    from gyrosharp.sync.shot import MAX_OFFSET_S, synchronise_shot

    if capture.image is None:
        raise UsageError("sync: expected a photo, got a capture file without one; give the photo and --capture FILE")
    image = capture.image.read()
    reach_s = MAX_OFFSET_S if options.max_offset_s is None else options.max_offset_s
    return synchronise_shot(
        capture, image.pixels_linear, max_offset_s=reach_s, find_axes=options.find_axes, lossy=image.lossy
    )


def _progress(*, quiet: bool) -> "Progress | None":
    """Return what shows how many frames are read; nothing where nobody watches."""
    if quiet or not sys.stderr.isatty():
        return None

    def show(done: int, total: int) -> None:
        end = "\n" if done == total else ""
        typer.echo(f"\rreading frames: {done} of {total}{end}", err=True, nl=False)

    return show


def _print(result: SyncResult, subject: Capture | Recording, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(result.as_json(), indent=1))
        return
    for line in (*table(result, subject), *advice_lines(result)):
        typer.echo(line)


def _save_plot(options: SyncOptions, outcome: Synchronisation) -> None:
    from gyrosharp.cli.drawing import save_png
    from gyrosharp.cli.sync_plot import rates_plot

    assert options.plot is not None
    if outcome.rates is None:
        typer.echo("note: no plot: there is nothing to draw", err=True)
        return
    save_png(options.plot, rates_plot(outcome.rates_before, outcome.rates), overwrite=options.force)


def _save(options: SyncOptions, subject: Capture | Recording, result: SyncResult) -> None:
    assert options.output is not None
    if isinstance(subject, Recording):
        save_recording(apply(subject, result), options.output, overwrite=options.force)
    else:
        from gyrosharp.capture.capture_file import save_capture

        save_capture(_applied(subject, result), options.output, overwrite=options.force)
    if not options.json:
        typer.echo(f"wrote {options.output}: `gyrosharp deblur` takes it")


def _applied(capture: Capture, result: SyncResult) -> Capture:
    changes: dict[str, object] = {}
    if TIME_OFFSET in result.determined:
        changes["time_offset_s"] = result.time_offset_s
    if AXES in result.determined:
        changes["R_cam_imu"] = result.R_cam_imu
    if BIAS in result.determined:
        changes["gyro_bias_rad_s"] = result.gyro_bias_rad_s
    if FOCAL in result.determined and result.fx is not None:
        changes["camera"] = capture.camera.refocused(result.fx / capture.camera.fx)
    return replace(capture, **changes)  # type: ignore[arg-type]
