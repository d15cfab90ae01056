"""Flags of `gyrosharp evaluate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from gyrosharp.cli.options import Debug, Json


@dataclass(frozen=True)
class EvaluateOptions:
    """Flags of `evaluate`."""

    methods: Annotated[
        str,
        typer.Option(
            "--methods",
            "-m",
            help="auto, a solver, a bundled model or a model's path, with commas between; LABEL=METHOD renames.",
        ),
    ] = "auto"
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of results and report.")] = Path("evaluation")
    data: Annotated[
        Path | None, typer.Option(help="Folder that the benchmark's paths begin at; default: ../shared/data.")
    ] = None
    metrics: Annotated[str | None, typer.Option(help="Metrics instead of the benchmark's, e.g. psnr,ssim.")] = None
    cases: Annotated[str | None, typer.Option(help="Some of the benchmark's cases, e.g. exact,errors.")] = None
    limit: Annotated[int | None, typer.Option(min=1, help="Take the first N photos.")] = None
    force: Annotated[bool, typer.Option("-f", "--force", help="Forget earlier results in the folder.")] = False
    json: Json = False
    debug: Debug = False
