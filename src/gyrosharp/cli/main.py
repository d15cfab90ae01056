"""The parser. It imports nothing heavy: each verb's work is in a module of its own, loaded when the verb runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from gyrosharp.cli.options import CaptureOptions, DeblurOptions
from gyrosharp.errors import GyrosharpError, UsageError

INTERRUPTED = 130
FAILED = 1

app = typer.Typer(
    name="gyrosharp",
    help="Remove camera-shake blur from photos with the motion the camera's own gyroscope recorded.",
    epilog="Start with `gyrosharp demo`. Exit codes: 0 done, 1 part of a batch failed, 2 usage, 3 bad input, "
    "4 a component is missing, 130 interrupted.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Inputs = Annotated[list[Path], typer.Argument(help="Photos, capture files, folders of these, recording folders.")]
Gyro = Annotated[Path | None, typer.Option("-g", "--gyro", help="Gyro log of the photo.")]
ImuFormat = Annotated[str | None, typer.Option(help="Reader of the gyro log; recognised by content if not given.")]
CaptureFile = Annotated[Path | None, typer.Option("--capture", help="Capture file that describes the photo.")]
Fx = Annotated[float | None, typer.Option(help="Focal length, px of the image as stored.")]
Axes = Annotated[str | None, typer.Option(help="How the gyro lies in the camera: a preset, or letters: x,-y,-z.")]
ExposureMs = Annotated[float | None, typer.Option(help="Exposure time, ms.")]
ReadoutMs = Annotated[float | None, typer.Option(help="Rolling-shutter readout, first to last row, ms.")]
ShutterName = Annotated[str | None, typer.Option("--shutter", help="global, rolling_top_to_bottom, ...")]
StartNs = Annotated[int | None, typer.Option(help="Start of exposure of the first row, ns, in the log's clock.")]
OffsetMs = Annotated[float, typer.Option(help="Added to the gyro's stamps to get camera time, ms.")]
GyroUnit = Annotated[str | None, typer.Option(help="rad/s or deg/s, where the log's format misleads.")]
LowPassHz = Annotated[float | None, typer.Option(help="Low-pass the gyro at this frequency.")]
Json = Annotated[bool, typer.Option("--json", help="Print a JSON report on standard output.")]
Force = Annotated[bool, typer.Option("-f", "--force", help="Overwrite existing output.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]


@app.callback(invoke_without_command=True)
def gyrosharp(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    debug: Debug = False,
) -> None:
    """Options of every verb."""
    del debug  # read from the command line by `main`, so that it works before and after the verb
    if version:
        from gyrosharp import __version__

        typer.echo(f"gyrosharp {__version__}")
        raise typer.Exit


@app.command()
def deblur(
    inputs: Inputs,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Output file, or folder for several.")] = None,
    gyro: Gyro = None,
    capture: CaptureFile = None,
    method: Annotated[str, typer.Option(help="auto, rl, rl-tv, rl-plain, wiener or map.")] = "auto",
    strength: Annotated[float, typer.Option(help="0 leaves the photo alone, 1 is the full effect.")] = 1.0,
    tile: Annotated[str, typer.Option(help="auto, off, or the side of a tile in px.")] = "auto",
    psf: Annotated[Path | None, typer.Option(help="Kernel picture: one blur for the whole photo, no gyro.")] = None,
    suffix: Annotated[str, typer.Option(help="Added to the names of outputs.")] = "_deblurred",
    fx: Fx = None,
    axes: Axes = None,
    exposure_ms: ExposureMs = None,
    readout_ms: ReadoutMs = None,
    shutter: ShutterName = None,
    start_ns: StartNs = None,
    offset_ms: OffsetMs = 0.0,
    imu_format: ImuFormat = None,
    gyro_unit: GyroUnit = None,
    low_pass_hz: LowPassHz = None,
    force: Force = False,
    skip_existing: Annotated[bool, typer.Option("--skip-existing", help="Leave finished outputs: resume.")] = False,
    recursive: Annotated[bool, typer.Option("--recursive", help="Descend into folders.")] = False,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write a JSON report per output.")] = True,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Deblur photos with their gyro logs."""
    del debug
    from gyrosharp.cli.deblur import run

    described = CaptureOptions(
        gyro,
        capture,
        fx,
        axes,
        exposure_ms,
        readout_ms,
        shutter,
        start_ns,
        offset_ms,
        imu_format,
        gyro_unit,
        low_pass_hz,
    )
    options = DeblurOptions(output, method, strength, tile, psf, suffix, force, skip_existing, recursive, report, json)
    raise typer.Exit(run(inputs, described, options))


@app.command()
def field(
    source: Annotated[Path, typer.Argument(help="Capture file, photo, or recording folder.")],
    points: Annotated[str | None, typer.Option(help='Pixels to follow: "x,y x,y".')] = None,
    times: Annotated[int, typer.Option(help="Moments over the exposure, ends included.")] = 17,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Picture with the trajectories drawn.")] = None,
    frame: Annotated[int, typer.Option(help="Which frame of a recording.")] = 0,
    gyro: Gyro = None,
    capture: CaptureFile = None,
    fx: Fx = None,
    axes: Axes = None,
    exposure_ms: ExposureMs = None,
    readout_ms: ReadoutMs = None,
    shutter: ShutterName = None,
    start_ns: StartNs = None,
    offset_ms: OffsetMs = 0.0,
    imu_format: ImuFormat = None,
    gyro_unit: GyroUnit = None,
    low_pass_hz: LowPassHz = None,
    force: Force = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Show where each point moves while the shutter is open."""
    del debug
    from gyrosharp.cli.field import FieldOptions, run

    described = CaptureOptions(
        gyro,
        capture,
        fx,
        axes,
        exposure_ms,
        readout_ms,
        shutter,
        start_ns,
        offset_ms,
        imu_format,
        gyro_unit,
        low_pass_hz,
    )
    run(source, described, FieldOptions(points, times, output, frame, force, json))


@app.command()
def probe(
    source: Annotated[Path, typer.Argument(help="Photo, gyro log, capture file, or recording folder.")],
    gyro: Gyro = None,
    capture: CaptureFile = None,
    imu_format: ImuFormat = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Say what is in a file, and what is missing to deblur it."""
    del debug
    from gyrosharp.cli.probe import run

    run(source, CaptureOptions(gyro=gyro, capture=capture, imu_format=imu_format), as_json=json)


@app.command()
def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the pictures and the report.")] = Path(
        "demo"
    ),
    seed: Annotated[int, typer.Option(help="Seed of the hand shake and the noise.")] = 1,
    trail_px: Annotated[float, typer.Option(help="Length of the blur, px.")] = 20.0,
    force: Force = False,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Shake a sharp photo, deblur it from the gyro log alone, and show how well that went."""
    del debug
    from gyrosharp.cli.demo import run

    run(output, seed=seed, trail_px=trail_px, overwrite=force, as_json=json)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code; errors are one line on standard error."""
    arguments = sys.argv[1:] if arguments is None else arguments
    code = 0
    try:
        result = typer.main.get_command(app).main(arguments, prog_name="gyrosharp", standalone_mode=False)
        code = result if isinstance(result, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        code = report_error("interrupted", INTERRUPTED)
    except Exception as error:
        if "--debug" in arguments:
            raise
        code = report_error(*described(error))
    sys.exit(code)


def described(error: Exception) -> tuple[str, int]:
    """Return the one-line message and the exit code of an error."""
    if isinstance(error, GyrosharpError):
        return str(error), error.exit_code
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):
        return f"{error.format_message()} (see gyrosharp --help)", UsageError.exit_code
    if isinstance(error, MemoryError):
        return "out of memory; try --tile 1024", FAILED
    return f"{type(error).__name__}: {error}; this is a bug: run again with --debug and report it", FAILED


def report_error(message: str, code: int) -> int:
    """Print an error as one line and return its exit code."""
    typer.echo(f"error: {' '.join(message.split())}", err=True)
    return code
