"""The flags of `sync`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from gyrosharp.cli.options import Debug, Force, Json


@dataclass(frozen=True)
class SyncOptions:
    """Flags of `sync` that do not describe the capture."""

    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="NAME.recording.json (NAME.capture.json for a photo), which deblur takes."),
    ] = None
    plot: Annotated[Path | None, typer.Option(help="Picture (PNG) of image rate and gyro rate, before and after.")] = (
        None
    )
    max_offset_s: Annotated[
        float | None, typer.Option(help="How far the time offset may be off, s; by default what the clocks allow.")
    ] = None
    find_axes: Annotated[
        bool, typer.Option("--find-axes", help="Of a single photo: try all 24 ways the gyro may sit in the camera.")
    ] = False
    frames: Annotated[int, typer.Option(min=2, help="Frames to look at, at most.")] = 300
    force: Force = False
    json: Json = False
    debug: Debug = False
