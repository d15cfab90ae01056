"""`gyrosharp probe`: what is in a file, what it would take to deblur it, and what is missing."""

import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
import typer

from gyrosharp.capture.layouts import is_recording, layouts
from gyrosharp.capture.recording import Recording
from gyrosharp.cli.camera_facts import camera_facts, camera_rows, is_camera_file
from gyrosharp.cli.drawing import save_png
from gyrosharp.cli.fact_rows import Facts, rows_of, wrapped
from gyrosharp.cli.facts import log_facts, photo_facts, recording_facts, shot_facts
from gyrosharp.cli.options import CAPTURE_SUFFIX, CaptureOptions, ProbeOptions, subject_of
from gyrosharp.errors import CaptureError, GyrosharpError, ImageError, UsageError
from gyrosharp.imu.readers import claims, read_imu
from gyrosharp.media.chart import BLUE, XYZ, Curve, Panel, chart
from gyrosharp.media.header import read_header
from gyrosharp.media.image_file import IMAGE_SUFFIXES

# More gyro samples than these are thinned out for the picture.
DRAWN_SAMPLES = 4000
# Names of files that a refused folder is told to hold.
NAMED_FILES = 4


def run(source: Path, described: CaptureOptions, options: ProbeOptions) -> None:
    """Print what a file holds."""
    if source.is_file() and is_camera_file(source):
        _print_camera(source, options)
        return
    facts, recording = _probed(source, described)
    if options.plot is not None:
        if recording is None:
            raise _no_plot(source)
        save_png(options.plot, plot_of(recording, facts), overwrite=options.force)
    if options.json:
        typer.echo(json.dumps(facts, indent=1))
        return
    _print_rows(rows_of(facts))


def _print_rows(rows: Iterable[tuple[str, str]]) -> None:
    for label, value in rows:
        typer.echo(wrapped(label, value))


def _print_camera(source: Path, options: ProbeOptions) -> None:
    if options.plot is not None:
        raise _no_plot(source)
    if options.json:
        typer.echo(json.dumps(camera_facts(source), indent=1))
    else:
        _print_rows(camera_rows(source))


def _no_plot(source: Path) -> UsageError:
    return UsageError(f"--plot: expected a movie or recording, got {source}; draw a shot's trails with field -o")


def plot_of(recording: Recording, facts: Facts) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """Return a chart of each frame's predicted blur, and of the gyro's rates on the frames' clock."""
    times_s = (recording.start_ns - recording.start_ns[0]) * 1e-9
    trails = [frame.get("blur_px", {}).get("median", np.nan) for frame in facts["frames"]]
    blur = Curve(times_s, np.array(trails, dtype=np.float64), BLUE, "median trail", "bars")
    margin_s = max(0.02 * times_s[-1], 0.5 / recording.frame_rate_hz)  # half a frame: a bar is as wide at most
    span = (-margin_s, times_s[-1] + margin_s) if len(recording) > 1 else None
    label = "time since the first frame, s"
    panels = [Panel([blur], "predicted blur", label, "px", level=1.0, x_range=span)]
    imu = recording.imu
    if imu is not None:
        step = -(-len(imu) // DRAWN_SAMPLES)
        since_s = (imu.time_ns[::step] - recording.start_ns[0]) * 1e-9 + recording.time_offset_s
        curves = [
            Curve(since_s, imu.gyro_rad_s[::step, axis], XYZ[axis], f"gyro {name}") for axis, name in enumerate("xyz")
        ]
        panels.append(Panel(curves, "angular rate", label, "rad/s", x_range=span))
    return chart(panels)


def _probed(source: Path, described: CaptureOptions) -> tuple[Facts, Recording | None]:
    if not source.exists():
        raise ImageError(f"{source}: expected a photo, movie, gyro log, capture file or recording, got no such file")
    if source.is_dir() or is_recording(source):
        try:
            subject = subject_of(source, described)
        except CaptureError as error:
            raise _with_layouts(source, error) from None
        assert isinstance(subject, Recording)
        return recording_facts(subject), subject
    if source.name.endswith(CAPTURE_SUFFIX):
        return {"kind": "capture", **shot_facts(subject_of(source, described))}, None
    if source.suffix.lower() in IMAGE_SUFFIXES:
        return _photo(source, described), None
    log = read_imu(source, described.imu_format, described.gyro_unit)
    log_format = described.imu_format or ", ".join(claims(source))
    return {"kind": "gyro log", "format": log_format, **log_facts(log), "notes": list(log.notes)}, None


def _photo(source: Path, described: CaptureOptions) -> Facts:
    facts = photo_facts(read_header(source))
    try:
        return facts | shot_facts(subject_of(source, described))
    except UsageError:
        raise
    except GyrosharpError as error:
        return facts | {"missing": str(error).removeprefix(f"{source}: ")}


def _with_layouts(source: Path, error: CaptureError) -> CaptureError:
    """Where a folder cannot be used, name what is in it; with nothing in it, say what each kind consists of."""
    about_the_folder = source.is_dir() and str(error).startswith(f"{source}: ")
    inside = ", ".join(_readable_in(source)) if about_the_folder else ""
    if is_recording(source):
        return CaptureError(f"{error}; it holds {inside}, which can be probed alone") if inside else error
    if inside:
        return CaptureError(f"{source}: expected a recording, got a folder that holds {inside}; give one of them")
    kinds = "; ".join(f"{layout.NAME}: {layout.FILES}" for layout in layouts().values())
    return CaptureError(f"{source}: expected a recording, got none of these: {kinds}")


def _readable_in(folder: Path) -> list[str]:
    """Return the names of the first movies and gyro logs of a folder."""
    files = (path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix.lower() not in IMAGE_SUFFIXES)
    return [path.name for path in islice((path for path in files if is_recording(path) or _is_log(path)), NAMED_FILES)]


def _is_log(path: Path) -> bool:
    try:
        return bool(claims(path))
    except GyrosharpError:
        return False
