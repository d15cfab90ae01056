"""What the verbs share: the options that describe a capture, and how inputs become captures."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gyrosharp.errors import CaptureError, ImageError, UsageError

if TYPE_CHECKING:
    from gyrosharp.capture.capture import Capture
    from gyrosharp.capture.overrides import Overrides
    from gyrosharp.capture.recording import Recording

CAPTURE_SUFFIX = ".capture.json"

Json = Annotated[bool, typer.Option("--json", help="Print a JSON report on standard output.")]
Force = Annotated[bool, typer.Option("-f", "--force", help="Overwrite existing output.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]


@dataclass(frozen=True)
class CaptureOptions:
    """Flags that describe how a photo was taken; None where the user said nothing."""

    gyro: Annotated[Path | None, typer.Option("-g", "--gyro", help="Gyro log of the photo, movie or frames.")] = None
    capture: Annotated[Path | None, typer.Option(help="Capture file that describes the photo.")] = None
    camera: Annotated[
        str | None,
        typer.Option(help="Camera: a file (gyroflow, Kalibr, OpenCV, COLMAP ...; see the docs) or a profile's name."),
    ] = None
    frame_times: Annotated[
        Path | None, typer.Option(help="Stamps of a folder of frames, one per line, in the log's clock.")
    ] = None
    fx: Annotated[float | None, typer.Option(help="Focal length, px of the image as stored.")] = None
    axes: Annotated[
        str | None,
        typer.Option(
            help="How the gyro lies in the camera: a preset such as android-landscape, or letters such as x,-y,-z."
        ),
    ] = None
    exposure_ms: Annotated[float | None, typer.Option(help="Exposure time, ms.")] = None
    readout_ms: Annotated[float | None, typer.Option(help="Rolling-shutter readout, first to last row, ms.")] = None
    shutter: Annotated[str | None, typer.Option(help="global, or rolling_ with top_to_bottom, right_to_left, ...")] = (
        None
    )
    start_ns: Annotated[
        int | None, typer.Option(help="Start of exposure of the first row, ns, in the log's clock.")
    ] = None
    offset_ms: Annotated[float | None, typer.Option(help="Added to the gyro's stamps to get camera time, ms.")] = None
    imu_format: Annotated[
        str | None, typer.Option(help="Reader of the gyro log; recognised by content if not given.")
    ] = None
    gyro_unit: Annotated[str | None, typer.Option(help="rad/s or deg/s, where the log's format misleads.")] = None
    low_pass_hz: Annotated[float | None, typer.Option(help="Low-pass the gyro at this frequency.")] = None

    def overrides(self) -> "Overrides":
        """Return the flags in SI units."""
        from gyrosharp.capture.overrides import Overrides

        return Overrides(
            gyro=self.gyro,
            frame_times=self.frame_times,
            camera=self.camera,
            fx=self.fx,
            axes=self.axes,
            exposure_s=None if self.exposure_ms is None else self.exposure_ms * 1e-3,
            readout_s=None if self.readout_ms is None else self.readout_ms * 1e-3,
            shutter=self.shutter,
            start_ns=self.start_ns,
            offset_s=None if self.offset_ms is None else self.offset_ms * 1e-3,
            imu_format=self.imu_format,
            gyro_unit=self.gyro_unit,
            low_pass_hz=self.low_pass_hz,
        )


@dataclass(frozen=True)
class DeblurOptions:
    """Flags of `deblur` that do not describe the capture."""

    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Output file, or folder; default: beside the photo.")
    ] = None
    method: Annotated[
        str,
        typer.Option(
            help="auto; rl, rl-tv, rl-plain, wiener or map; a trained network by its name, or by its .onnx "
            "file (`gyrosharp systems` lists the bundled ones)."
        ),
    ] = "auto"
    strength: Annotated[float, typer.Option(help="0 leaves the photo alone, 1 is the full effect.")] = 1.0
    confidence: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|auto",
            help="Also write a map (PNG) of where the result can be trusted, white, and where not; auto: beside it.",
        ),
    ] = None
    tile: Annotated[str, typer.Option(help="auto, off, or the side of a tile in px.")] = "auto"
    psf: Annotated[Path | None, typer.Option(help="Kernel picture: one blur for the whole photo, no gyro.")] = None
    min_blur: Annotated[float, typer.Option(help="Frames of a film with shorter trails, px, are left alone.")] = 1.5
    codec: Annotated[str | None, typer.Option(help="Video encoder; default: as the source.")] = None
    quality: Annotated[int | None, typer.Option(help="Video quality (CRF): lower is better and larger.")] = None
    preset: Annotated[str | None, typer.Option(help="Video encoder's preset, such as fast or slow.")] = None
    suffix: Annotated[str, typer.Option(help="Added to the names of outputs.")] = "_deblurred"
    force: Force = False
    skip_existing: Annotated[bool, typer.Option("--skip-existing", help="Leave finished outputs: resume.")] = False
    recursive: Annotated[bool, typer.Option("--recursive", help="Descend into folders.")] = False
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write a JSON report per output.")] = True
    json: Json = False
    debug: Debug = False


@dataclass(frozen=True)
class FieldOptions:
    """Flags of `field` that do not describe the capture."""

    points: Annotated[str | None, typer.Option(help='Pixels to follow: "x,y x,y".')] = None
    times: Annotated[int, typer.Option(help="Moments over the exposure, ends included.")] = 17
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Picture with the trajectories drawn.")] = None
    frame: Annotated[int, typer.Option(help="Which frame of a recording.")] = 0
    force: Force = False
    json: Json = False
    debug: Debug = False


@dataclass(frozen=True)
class ProbeOptions:
    """Flags of `probe` that do not describe the capture."""

    plot: Annotated[Path | None, typer.Option(help="Chart (PNG) of each frame's blur and the gyro's rates.")] = None
    force: Force = False
    json: Json = False
    debug: Debug = False


@dataclass(frozen=True)
class SynthOptions:
    """Flags of `synth`."""

    images: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of sharp photos, or of a data set with some; may be repeated."),
    ] = None
    gyro: Annotated[
        list[Path] | None, typer.Option("-g", "--gyro", help="Gyro log to take motion from; may be repeated.")
    ] = None
    output: Annotated[Path | None, typer.Option("-o", "--output", help="Folder of the new data set.")] = None
    count: Annotated[int, typer.Option("-n", "--count", help="Number of samples.")] = 1000
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same samples.")] = 0
    workers: Annotated[int | None, typer.Option(help="Processes; default: one per core.")] = None
    engine: Annotated[str, typer.Option(help="processes, or ray: the cluster that RAY_ADDRESS names.")] = "processes"
    layout: Annotated[str | None, typer.Option(help="webdataset, or a folder layout; default: the config's.")] = None
    images_format: Annotated[str | None, typer.Option(help="Format of --images, where it is not recognised.")] = None
    change: Annotated[
        list[str] | None,
        typer.Option("--set", help='Change the config: "part.key=value", e.g. "motion.trail_px=[5, 20]".'),
    ] = None
    preview: Annotated[Path | None, typer.Option(help="Contact sheet (PNG) of the first samples.")] = None
    force: Annotated[bool, typer.Option("-f", "--force", help="Begin anew where another data set lies.")] = False
    json: Json = False
    debug: Debug = False


def flags_from_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb one flag per field of the option dataclasses among its parameters; it gets them filled."""
    own = inspect.signature(verb).parameters
    groups: dict[str, type] = {name: own[name].annotation for name in own if is_dataclass(own[name].annotation)}
    flags: list[inspect.Parameter] = []
    for name, parameter in own.items():
        flags += inspect.signature(groups[name]).parameters.values() if name in groups else [parameter]
    flags = [flag.replace(kind=inspect.Parameter.KEYWORD_ONLY) for flag in flags]

    @wraps(verb)
    def filled(**given: object) -> None:
        made = {name: kind(**{f.name: given.pop(f.name) for f in fields(kind)}) for name, kind in groups.items()}
        verb(**given, **made)

    filled.__signature__ = inspect.Signature(flags)  # type: ignore[attr-defined]
    filled.__annotations__ = {flag.name: flag.annotation for flag in flags}
    return filled


def subject_of(source: Path, described: CaptureOptions) -> "Capture | Recording":
    """Return what an input stands for: a shot (photo, capture file) or a recording (movie, folder, recording file).

    Raises
    ------
    CaptureError, ImageError, ImuError
        If the input or what belongs to it cannot be read, or is not enough to deblur with.
    UsageError
        If a flag does not go with this kind of input, or has no meaning.
    """
    from gyrosharp.capture.layouts import is_recording, read_recording

    if not source.exists():
        raise ImageError(
            f"{source}: expected a photo, movie, capture file or recording folder, got no such file; check the path"
        )
    if source.is_dir() or is_recording(source):
        if described.capture is not None:
            raise UsageError(f"--capture: expected a photo with it, got the recording {source}")
        recording = read_recording(source, described.overrides())
        if described.frame_times is not None and recording.movie is not None:
            raise UsageError(f"--frame-times: expected a folder of frames with it, got {source}; a movie has its own")
        return recording
    if described.frame_times is not None:
        raise UsageError(f"--frame-times: expected a folder of frames with it, got {source}")
    if not source.name.endswith(CAPTURE_SUFFIX):
        return _photo(source, described)
    if described.gyro is not None or described.capture is not None:
        flag = "--capture" if described.gyro is None else "--gyro"
        raise UsageError(f"{flag}: expected a photo with it, got {source}; a capture file has a log of its own")
    return _loaded(source, described)


def captures_of(source: Path, described: CaptureOptions) -> "Sequence[Capture]":
    """Return the shots of an input: one for a photo or capture file, one per frame of a recording; see `subject_of`."""
    from gyrosharp.capture.recording import Recording

    subject = subject_of(source, described)
    return subject if isinstance(subject, Recording) else [subject]


def _loaded(path: Path, described: CaptureOptions) -> "Capture":
    """Read a capture file, and put in what the user knows better."""
    from gyrosharp.capture.capture_file import load_capture
    from gyrosharp.capture.overrides import overridden

    capture = load_capture(path, described.imu_format, described.gyro_unit)
    of_a_log = (described.offset_ms, described.axes, described.imu_format, described.gyro_unit, described.low_pass_hz)
    if capture.poses is not None and any(flag is not None for flag in of_a_log):
        raise UsageError(
            f"{path}: expected a gyro log for --axes, --offset-ms, --imu-format, --gyro-unit or --low-pass-hz, "
            "got a trajectory; leave them out"
        )
    return overridden(capture, described.overrides())


def _photo(source: Path, described: CaptureOptions) -> "Capture":
    from dataclasses import replace

    from gyrosharp.capture.capture import ImageSource
    from gyrosharp.capture.photo import capture_from_photo

    sidecar = described.capture or source.with_name(source.stem + CAPTURE_SUFFIX)
    if described.capture is not None and described.gyro is not None:
        raise UsageError("expected --capture or --gyro, got both; a capture file names its own log")
    if described.gyro is not None:
        return capture_from_photo(source, described.gyro, described.overrides())
    if described.capture is None and not sidecar.is_file():
        raise CaptureError(
            f"{source}: expected a gyro log for the photo, got none; give -g GYRO, --capture FILE, or put "
            f"{sidecar.name} beside it"
        )
    return replace(_loaded(sidecar, described), image=ImageSource(source))
