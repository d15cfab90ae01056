"""Flags of `gyrosharp export`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from gyrosharp.cli.options import Debug, Force, Json


@dataclass(frozen=True)
class ExportOptions:
    """Flags of `export`."""

    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder of the model; default: beside the checkpoint.")
    ] = None
    name: Annotated[str | None, typer.Option(help="Name of the model; default: the system's, or the network's.")] = None
    system: Annotated[str | None, typer.Option(help="Published system it was trained as (`gyrosharp systems`).")] = None
    half: Annotated[bool, typer.Option("--half", help="Store weights in float16: half the file.")] = False
    int8: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of samples (gyrosharp synth): run in 8-bit integers; may be repeated."),
    ] = None
    figures: Annotated[Path | None, typer.Option(help="JSON file of what it measured, for its card.")] = None
    limit: Annotated[list[str] | None, typer.Option(help="What it is not good for, for its card; may be repeated.")] = (
        None
    )
    trained_on: Annotated[str, typer.Option(help="Device it was trained on, for its card.")] = "an unnamed device"
    force: Force = False
    json: Json = False
    debug: Debug = False
