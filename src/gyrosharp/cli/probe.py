"""`gyrosharp probe`: what is in a file, what it would take to deblur it, and what is missing."""

import json
from pathlib import Path

import numpy as np
import typer

from gyrosharp.capture.layouts import is_recording, layouts
from gyrosharp.capture.recording import Recording
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


def run(source: Path, described: CaptureOptions, options: ProbeOptions) -> None:
    """Print what a file holds."""
    facts, recording = _probed(source, described)
    if options.plot is not None:
        if recording is None:
            raise UsageError(f"--plot: expected a movie or recording, got {source}; draw a shot's trails with field -o")
        save_png(options.plot, plot_of(recording, facts), overwrite=options.force)
    if options.json:
        typer.echo(json.dumps(facts, indent=1))
        return
    for label, value in rows_of(facts):
        typer.echo(wrapped(label, value))


def plot_of(recording: Recording, facts: Facts) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """Return a chart of each frame's predicted blur, and of the gyro's rates on the frames' clock."""
    times_s = (recording.start_ns - recording.start_ns[0]) * 1e-9
    trails = [frame.get("blur_px", {}).get("median", np.nan) for frame in facts["frames"]]
    blur = Curve(times_s, np.array(trails, dtype=np.float64), BLUE, "median trail", "bars")
    span = (-0.02 * times_s[-1], 1.02 * times_s[-1]) if len(recording) > 1 else None
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
        return facts | {"missing": str(error)}


def _with_layouts(source: Path, error: CaptureError) -> CaptureError:
    """Where a folder is no recording, say what each kind consists of."""
    if is_recording(source):
        return error
    kinds = "; ".join(f"{layout.NAME}: {layout.FILES}" for layout in layouts().values())
    return CaptureError(f"{source}: expected a recording, got none of these: {kinds}")
