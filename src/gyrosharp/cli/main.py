"""The parser. It imports nothing heavy: each verb's work is in a module of its own, loaded when the verb runs."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from gyrosharp.cli.calibrate_options import CalibrateOptions
from gyrosharp.cli.evaluate_options import EvaluateOptions
from gyrosharp.cli.export_options import ExportOptions
from gyrosharp.cli.failures import INTERRUPTED, described, report_error, show_traceback
from gyrosharp.cli.options import (
    CaptureOptions,
    DeblurOptions,
    Debug,
    FieldOptions,
    Force,
    Json,
    ProbeOptions,
    SynthOptions,
    flags_from_options,
)
from gyrosharp.cli.sync_options import SyncOptions
from gyrosharp.cli.train_options import TrainOptions

app = typer.Typer(
    name="gyrosharp",
    help="Remove camera-shake blur from photos and video with the motion the camera's own gyroscope recorded.",
    epilog="Start with `gyrosharp demo`. Exit codes: 0 done, 1 part of a batch failed, 2 usage, 3 bad input, "
    "4 a component is missing, 130 interrupted.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

# The mark keeps the line breaks of what follows it.
DEBLUR_EXAMPLES = """\b
Examples:
  gyrosharp deblur shot.capture.json -o sharp.jpg
  gyrosharp deblur recording/ -o out/
  gyrosharp deblur GX010012.MP4 --camera lens-profile.json -o sharp.mp4
  gyrosharp deblur clip.recording.json --codec hevc --quality 18
  gyrosharp deblur IMG_1.jpg -g IMG_1.gcsv --fx 1500 --start-ns 123000000 \\
      --axes android-landscape
  gyrosharp deblur photo.png --psf kernel.png

`gyrosharp probe IMG_1.jpg -g LOG` says which of these flags a photo needs. The same command resumes a
movie that was stopped.
"""
FIELD_EXAMPLES = """\b
Examples:
  gyrosharp field shot.capture.json -o trails.png
  gyrosharp field shot.capture.json --points "100,200 959.5,539.5" --json
  gyrosharp field recording/ --frame 2 -o trails.png
"""
PROBE_EXAMPLES = """\b
Examples:
  gyrosharp probe recording/
  gyrosharp probe GX010012.MP4 --plot blur.png
  gyrosharp probe gyro_accel.csv
  gyrosharp probe IMG_1.jpg -g IMG_1.gcsv
  gyrosharp probe shot.capture.json --json
"""
SYNC_EXAMPLES = """\b
Examples:
  gyrosharp sync clip.mp4 -g log.gcsv -o clip.recording.json --plot fit.png
  gyrosharp sync recording/ --json
  gyrosharp sync frames/ -g log.csv --frame-times times.txt
  gyrosharp sync IMG_1.jpg -g log.csv --fx 1500 --start-ns 123000000 \\
      --axes android-landscape -o IMG_1.capture.json
"""
CALIBRATE_EXAMPLES = """\b
Examples:
  gyrosharp calibrate board/*.jpg -o camera.json --plot fit.png
  gyrosharp calibrate board.mp4 --board 8x6 --model opencv_fisheye
  gyrosharp calibrate --stereo left/ right/ --square 25mm -o rig/
  gyrosharp calibrate still.csv --plot allan.png
"""
SYNTH_EXAMPLES = """\b
Examples:
  gyrosharp synth refine --images photos/ --preview sheet.png
  gyrosharp synth gyrodeblurnet --images photos/ -g shake.gcsv -o data -n 10000
  gyrosharp synth gamd --images photos/ -o data --layout imu_blur \\
      --set "picture.size=[640, 480]"
  gyrosharp synth depth_imu --images rgbd/ -g log.csv -o data

The same command resumes a job that was stopped.
"""
TRAIN_EXAMPLES = """\b
Examples:
  gyrosharp train gyrodeblurnet --data shards/ -o run --size tiny
  gyrosharp train gyrodeblurnet --data shards/ -o run-f --size tiny --variant no-curriculum
  gyrosharp train mine.yaml --data shards/ -o run --minutes 30 --set optimiser.rate=3e-4
  torchrun --nproc_per_node 4 -m gyrosharp train gamd --data shards/ -o run

The same command resumes a run that was stopped. `gyrosharp synth` makes the shards.
"""
EXPORT_EXAMPLES = """\b
Examples:
  gyrosharp export run/ -o models/ --name mine
  gyrosharp deblur shot.capture.json --method models/mine.onnx
"""
EVALUATE_EXAMPLES = """\b
Examples:
  gyrosharp evaluate gyroblur-mini --methods blurred,rl,auto,gyrodeblurnet -o results
  gyrosharp evaluate gyroblur-mini -m models/mine.onnx --limit 4 -o quick
  gyrosharp evaluate my-shots/ --methods rl,auto -o results

The same command goes on with what was stopped.
"""
SYSTEMS_EXAMPLES = """\b
Examples:
  gyrosharp systems
  gyrosharp systems gyrodeblurnet
"""
DEMO_EXAMPLES = """\b
Examples:
  gyrosharp demo
  gyrosharp demo -o stronger --trail-px 40 --seed 7
"""

Inputs = Annotated[
    list[Path],
    typer.Argument(
        help="Photos, movies, capture files (*.capture.json), recordings (folders, *.recording.json), folders of these."
    ),
]


@app.callback(invoke_without_command=True)
def gyrosharp(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
    debug: Debug = False,
) -> None:
    """Options of every verb."""
    del debug  # read from the command line by `main`, so that it works before and after the verb
    if version:
        from gyrosharp.version import __version__

        typer.echo(f"gyrosharp {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(epilog=DEBLUR_EXAMPLES)
@flags_from_options
def deblur(inputs: Inputs, options: DeblurOptions, described: CaptureOptions) -> None:
    """Deblur photos and movies with their gyro logs.

    A photo needs its log, its capture file (IMG_1.capture.json beside IMG_1.jpg is found), or a recording folder. A
    movie may have its log inside. The result keeps container, size, bit depth, stamps, sound and metadata; a JSON
    report lies beside it.
    """
    from gyrosharp.cli.deblur import run

    raise typer.Exit(run(inputs, described, options))


@app.command(epilog=FIELD_EXAMPLES)
@flags_from_options
def field(
    source: Annotated[Path, typer.Argument(help="Capture file, photo, or recording folder.")],
    options: FieldOptions,
    described: CaptureOptions,
) -> None:
    """Show where each point moves while the shutter is open."""
    from gyrosharp.cli.field import run

    run(source, described, options)


@app.command(epilog=PROBE_EXAMPLES)
@flags_from_options
def probe(
    source: Annotated[Path, typer.Argument(help="Photo, movie, gyro log, recording folder, capture or camera file.")],
    options: ProbeOptions,
    described: CaptureOptions,
) -> None:
    """Say what is in a file, and what is missing to deblur it."""
    from gyrosharp.cli.probe import run

    run(source, described, options)


@app.command(epilog=SYNC_EXAMPLES)
@flags_from_options
def sync(
    source: Annotated[Path, typer.Argument(help="Movie, recording folder, folder of frames, or one blurred photo.")],
    options: SyncOptions,
    described: CaptureOptions,
) -> None:
    """Find time offset, axes, focal length, readout and bias of the gyro from what the camera saw."""
    from gyrosharp.cli.sync import run

    raise typer.Exit(run(source, described, options))


@app.command(epilog=CALIBRATE_EXAMPLES)
@flags_from_options
def calibrate(
    inputs: Annotated[
        list[Path], typer.Argument(help="Pictures of a board (files, folders, a movie), or a log of a still gyro.")
    ],
    options: CalibrateOptions,
) -> None:
    """Calibrate a lens from pictures of a board, a pair of cameras, or the noise of a gyro."""
    from gyrosharp.cli.calibrate import run

    run(inputs, options)


@app.command(epilog=SYNTH_EXAMPLES)
@flags_from_options
def synth(
    config: Annotated[
        str, typer.Argument(help="gamd, gyrodeblurnet, depth_imu, imu_unet, table, refine, or a YAML file.")
    ],
    options: SynthOptions,
) -> None:
    """Make training data: sharp and blurred pictures, blur fields, and all that made them."""
    from gyrosharp.cli.synth import run

    raise typer.Exit(run(config, options))


@app.command(epilog=TRAIN_EXAMPLES)
@flags_from_options
def train(
    system: Annotated[str, typer.Argument(help="A system of `gyrosharp systems`, or a YAML file.")],
    options: TrainOptions,
) -> None:
    """Train a network, or go on with a run that was stopped. Needs the extra `train`."""
    from gyrosharp.cli.train import run

    raise typer.Exit(run(system, options))


@app.command(epilog=EXPORT_EXAMPLES)
@flags_from_options
def export(
    source: Annotated[Path, typer.Argument(help="Folder of a training run, or a checkpoint.")],
    options: ExportOptions,
) -> None:
    """Turn a trained network into a model that `deblur` runs without torch. Needs the extra `train`."""
    from gyrosharp.cli.export import run

    run(source, options)


@app.command(epilog=EVALUATE_EXAMPLES)
@flags_from_options
def evaluate(
    benchmark: Annotated[
        str, typer.Argument(help="gyroblur-mini, levin, gopro, harm; a folder of shots; or a YAML file.")
    ],
    options: EvaluateOptions,
) -> None:
    """Measure methods on the same shots, and write tables and a report."""
    from gyrosharp.cli.evaluate import run

    raise typer.Exit(run(benchmark, options))


@app.command(epilog=SYSTEMS_EXAMPLES)
def systems(
    name: Annotated[str | None, typer.Argument(help="One system, in full.")] = None,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """List the published systems, and what our own weights of them measure."""
    del debug
    from gyrosharp.cli.systems import run

    run(name, as_json=json)


@app.command(epilog=DEMO_EXAMPLES)
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
    """Shake a sharp photo, deblur it, and show the gain."""
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
        if code == INTERRUPTED:  # how typer returns from a KeyboardInterrupt within a verb
            report_error("interrupted", code)
    except (KeyboardInterrupt, typer.Abort):
        code = report_error("interrupted", INTERRUPTED)
    except Exception as error:
        show_traceback("--debug" in arguments)
        code = report_error(*described(error))
    sys.exit(code)
