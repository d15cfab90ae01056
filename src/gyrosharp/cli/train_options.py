"""The flags of `train`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from gyrosharp.cli.options import Debug, Json


@dataclass(frozen=True)
class TrainOptions:
    """Flags of `train`."""

    data: Annotated[
        list[Path] | None, typer.Option(help="Folder of a data set from gyrosharp synth; may be repeated.")
    ] = None
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder of the run: checkpoints, log, pictures.")
    ] = None
    size: Annotated[
        str | None,
        typer.Option(help="Size of the network: full, tiny for a CPU, ..."),
    ] = None
    variant: Annotated[str | None, typer.Option(help="Variant that the system's paper compares.")] = None
    minutes: Annotated[
        float | None, typer.Option(help="Train for this time: as many steps as fit, measured at the start.")
    ] = None
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, or cuda:1 and so on.")] = "auto"
    seed: Annotated[int | None, typer.Option(min=0, help="Of weights, order and augmentation.")] = None
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help='Change the config: "part.key=value", e.g. "optimiser.rate=2e-4".'),
    ] = None
    force: Annotated[bool, typer.Option("-f", "--force", help="Begin anew where another run lies.")] = False
    json: Json = False
    debug: Debug = False
