"""`gyrosharp field`: trajectories as a picture, as JSON, or in a sentence."""

import json
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray

from gyrosharp.blur.field import blur_field, point_tracks
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import Capture
from gyrosharp.cli.drawing import as_picture, draw_tracks, sample_tracks, save_png
from gyrosharp.cli.notes import Notes
from gyrosharp.cli.options import CaptureOptions, FieldOptions, captures_of
from gyrosharp.errors import UsageError

# A trail shorter than this share of the image width is drawn larger, and the output says by how much.
SHORTEST_DRAWN = 0.02


def run(source: Path, described: CaptureOptions, options: FieldOptions) -> None:
    """Print or draw the trajectories of a capture."""
    if options.times < 2:
        raise UsageError(f"--times: expected at least 2, got {options.times}")
    points = None if options.points is None else parse_points(options.points)
    captures = captures_of(source, described)
    if not 0 <= options.frame < len(captures):
        raise UsageError(f"--frame: expected 0 to {len(captures) - 1} for {source}, got {options.frame}")
    capture = captures[options.frame]
    tracks = _as_json(capture, points, options.times)
    sentence = _sentence(capture)
    if options.output is not None:
        sentence = _draw(capture, options.output, overwrite=options.force)
    covered = capture.coverage()
    Notes(quiet=options.json).say([*capture.remarks, *(covered.notes if covered else ())])
    if not options.json and (options.output is not None or points is None):
        typer.echo(sentence)
    if options.json or points is not None:
        typer.echo(json.dumps(tracks))


def parse_points(text: str) -> NDArray[np.float64]:
    """Parse "x,y x,y" to pixels (P, 2).

    Raises
    ------
    UsageError
        If it is anything else.
    """
    try:
        points = np.array([[float(cell) for cell in pair.split(",")] for pair in text.split()])
    except ValueError:
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise UsageError(f'--points: expected pixels as "x,y x,y", got {text!r}')
    return points


def _as_json(capture: Capture, points: NDArray[np.float64] | None, times: int) -> dict[str, object]:
    """The contract's form; `times_ns` are the moments of the first point's line, as each line has its own exposure."""
    motion = CameraMotion.from_capture(capture)
    if points is None:
        camera = capture.camera
        points = np.array([[(camera.width - 1) / 2, (camera.height - 1) / 2]])
    tracks, stamps = point_tracks(motion, points, np.linspace(0.0, 1.0, times))
    return {"times_ns": stamps[0].tolist(), "points": tracks.tolist(), "point_times_ns": stamps.tolist()}


def _draw(capture: Capture, output: Path, *, overwrite: bool) -> str:
    camera = capture.camera
    if capture.image is None:
        picture = np.full((camera.height, camera.width, 3), 90, dtype=np.uint8)
    else:
        picture = as_picture(capture.read_image().pixels_linear)
    tracks = sample_tracks(CameraMotion.from_capture(capture))
    longest = float(np.linalg.norm(np.ptp(tracks, axis=1), axis=-1).max())
    wanted = SHORTEST_DRAWN * max(camera.width, camera.height)
    scale = float(np.ceil(np.clip(wanted / max(longest, 1e-6), 1.0, 50.0)))
    save_png(output, draw_tracks(picture, tracks, scale), overwrite=overwrite)
    enlarged = f", drawn {scale:.0f} times as long" if scale > 1 else ""
    return f"{output}: trajectories from orange (shutter opens) to blue (closes){enlarged}. {_sentence(capture)}"


def _sentence(capture: Capture) -> str:
    extent = blur_field(capture, stride=max(min(capture.camera.width, capture.camera.height) // 8, 1)).extent_px
    return (
        f"Blur trails: median {np.median(extent):.1f} px, longest {extent.max():.1f} px "
        f"over {capture.exposure.duration_s * 1e3:.1f} ms."
    )
