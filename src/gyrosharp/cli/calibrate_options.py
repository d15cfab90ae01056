"""The flags of `calibrate`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer


@dataclass(frozen=True)
class CalibrateOptions:
    """Flags of `calibrate`; None where the user said nothing."""

    board: Annotated[
        str | None, typer.Option(help="Inner corners of the board, such as 8x6; recognised if not given.")
    ] = None
    square: Annotated[
        str | None, typer.Option(help="Side of a square with its unit, such as 25mm; sets the scale of --stereo.")
    ] = None
    charuco: Annotated[
        str | None, typer.Option(help="Marker dictionary of a charuco board, such as DICT_4X4_50; needs --board.")
    ] = None
    marker: Annotated[
        str | None, typer.Option(help="Side of a charuco marker with its unit; 3/4 of --square if not given.")
    ] = None
    model: Annotated[str, typer.Option(help="Lens model: auto, opencv or opencv_fisheye.")] = "auto"
    stereo: Annotated[
        bool, typer.Option("--stereo", help="Two folders (or movies) of pictures taken in pairs: left, right.")
    ] = False
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Camera file, or noise file of a log, to write; a folder for --stereo."),
    ] = None
    plot: Annotated[Path | None, typer.Option(help="Picture (PNG) that shows the result.")] = None
    between: Annotated[
        str | None, typer.Option(help="Part of a log to use: FROM,TO in seconds after its first sample.")
    ] = None
    imu_format: Annotated[
        str | None, typer.Option(help="Reader of a gyro log; recognised by content if not given.")
    ] = None
    gyro_unit: Annotated[str | None, typer.Option(help="rad/s or deg/s, where the log's format misleads.")] = None
    force: Annotated[bool, typer.Option("-f", "--force", help="Overwrite existing output.")] = False
    json: Annotated[bool, typer.Option("--json", help="Print a JSON report on standard output.")] = False
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False
