"""What the verbs share: the options that describe a capture, and how inputs become captures."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gyrosharp.errors import CaptureError, ImageError, UsageError

if TYPE_CHECKING:
    from gyrosharp.capture.capture import Capture
    from gyrosharp.capture.recordings import Overrides

CAPTURE_SUFFIX = ".capture.json"
MOVIE_SUFFIXES = (".mp4", ".mov", ".mkv", ".avi", ".360", ".insv", ".mxf", ".braw", ".m4v")


@dataclass(frozen=True)
class CaptureOptions:
    """Flags that describe how a photo was taken; None where the user said nothing."""

    gyro: Path | None = None
    capture: Path | None = None
    fx: float | None = None
    axes: str | None = None
    exposure_ms: float | None = None
    readout_ms: float | None = None
    shutter: str | None = None
    start_ns: int | None = None
    offset_ms: float = 0.0
    imu_format: str | None = None
    gyro_unit: str | None = None
    low_pass_hz: float | None = None

    def overrides(self) -> "Overrides":
        """Return the flags in SI units."""
        from gyrosharp.capture.recordings import Overrides

        return Overrides(
            fx=self.fx,
            axes=self.axes,
            exposure_s=None if self.exposure_ms is None else self.exposure_ms * 1e-3,
            readout_s=None if self.readout_ms is None else self.readout_ms * 1e-3,
            shutter=self.shutter,
            start_ns=self.start_ns,
            offset_s=self.offset_ms * 1e-3,
            imu_format=self.imu_format,
            gyro_unit=self.gyro_unit,
            low_pass_hz=self.low_pass_hz,
        )


@dataclass(frozen=True)
class DeblurOptions:
    """Flags of `deblur` that do not describe the capture."""

    output: Path | None = None
    method: str = "auto"
    strength: float = 1.0
    tile: str = "auto"
    psf: Path | None = None
    suffix: str = "_deblurred"
    force: bool = False
    skip_existing: bool = False
    recursive: bool = False
    report: bool = True
    json: bool = False
    debug: bool = False


def captures_of(source: Path, described: CaptureOptions) -> "list[Capture]":
    """Return the captures that an input stands for: one for a photo or capture file, one per frame of a recording.

    Raises
    ------
    CaptureError, ImageError, ImuError
        If the input or what belongs to it cannot be read, or is not enough to deblur with.
    UsageError
        If a flag does not go with this kind of input, or has no meaning.
    """
    from gyrosharp.capture.recordings import read_recording

    if not source.exists():
        raise ImageError(f"{source}: expected a photo, capture file or recording folder, got no such file")
    is_capture_file = source.name.endswith(CAPTURE_SUFFIX)
    if not is_capture_file and not source.is_dir():
        return [_photo(source, described)]
    if described.gyro is not None or described.capture is not None:
        kind = "capture file" if is_capture_file else "recording"
        flag = "--capture" if described.gyro is None else "--gyro"
        raise UsageError(f"{flag}: expected a photo with it, got {source}; a {kind} has a log of its own")
    return [_loaded(source, described)] if is_capture_file else read_recording(source, described.overrides())


def _loaded(path: Path, described: CaptureOptions) -> "Capture":
    """Read a capture file, and put in what the user knows better."""
    from gyrosharp.capture.capture_file import load_capture
    from gyrosharp.capture.recordings import overridden

    capture = load_capture(path, described.imu_format, described.gyro_unit)
    of_a_log = (described.axes, described.imu_format, described.gyro_unit, described.low_pass_hz)
    if capture.poses is not None and (described.offset_ms or any(flag is not None for flag in of_a_log)):
        raise UsageError(
            f"{path}: expected a gyro log for --axes, --offset-ms, --imu-format, --gyro-unit or --low-pass-hz, "
            "got a trajectory; leave them out"
        )
    return overridden(capture, described.overrides())


def _photo(source: Path, described: CaptureOptions) -> "Capture":
    from dataclasses import replace

    from gyrosharp.capture.capture import ImageSource
    from gyrosharp.capture.photo import capture_from_photo

    if source.suffix.lower() in MOVIE_SUFFIXES:
        raise ImageError(f"{source}: expected a photo or a recording folder, got a movie file; give its folder instead")
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
