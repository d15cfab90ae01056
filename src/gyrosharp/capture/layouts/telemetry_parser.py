"""Movies of other cameras that record their gyro, read with the optional package telemetry-parser."""

from importlib import import_module
from pathlib import Path

import numpy as np

from gyrosharp.capture.layouts import gopro
from gyrosharp.capture.layouts._frames import is_movie, movie_frames, unknown, unless_given
from gyrosharp.capture.layouts._parsed_telemetry import (
    ParsedTelemetry,
    camera_of,
    exposures_s,
    imu_of,
    readout_s,
    stabilisation_notes,
    time_offset_s,
)
from gyrosharp.capture.overrides import Overrides
from gyrosharp.capture.recording import Recording
from gyrosharp.errors import ImageError, MissingComponentError
from gyrosharp.media.movie import frame_times, movie_size
from gyrosharp.media.movie_telemetry import movie_tracks

NAME = "telemetry-parser"
DEVICES = "Sony, Insta360, DJI, Blackmagic and others, with the extra `telemetry`"
FILES = "NAME.MP4, NAME.insv, NAME.MXF or NAME.braw with the camera's own metadata"

# Data tracks by the type of their sample description. Phones write others (mebx, mett), which hold no gyro.
_MAKERS = {"rtmd": "Sony", "djmd": "DJI", "dbgi": "DJI", "camm": "a camera with a motion track (CAMM)"}
_MIME_MAKERS = {"application/gyrolog": "a camera with a gyro log"}
# Insta360 appends its records to the movie; the last 32 bytes tell so.
_INSTA360_END = b"8db42d694ccc418790edff439fe026bf"
_SONY_MARK = b'manufacturer="Sony"'
_MARK_BYTES = 4 * 2**20
"""Sony's XML lies in the first or the last 4 MiB of an MXF file; that is as far as the package looks, too."""
# The offset of the package's clock to the frames was measured for no camera here: a frame at 30 Hz.
_OFFSET_STD_S = 0.03


def claims(path: Path) -> bool:
    """Return whether this is a movie whose metadata the package can read; not whether the package is installed."""
    return is_movie(path) and bool(_maker(path)) and not gopro.claims(path)


def read(path: Path, known: Overrides) -> Recording:
    """Read a movie with the package; a gyro log that the user gives takes the place of the camera's.

    Raises
    ------
    MissingComponentError
        If the package is not installed and the user gives no gyro log.
    ImageError
        If the movie cannot be read or has no frames.
    ImuError
        If the log that was given, or the camera's, cannot be read.
    """
    parsed, notes = _parsed(path, required=known.gyro is None)
    frame_s = frame_times(path)
    if not frame_s.size:
        raise ImageError(f"{path}: expected a movie with frames, got none; is the file cut?")
    interval_s = float(np.median(np.diff(frame_s))) if frame_s.size > 1 else 0.0
    size_px = movie_size(path)
    exposure_s, exposure_notes = exposures_s(parsed, frame_s.size, interval_s)
    camera, camera_note = camera_of(parsed, *size_px)
    offset_s, offset_notes = time_offset_s(parsed)
    imu = imu_of(parsed, f"{path} (telemetry-parser)", float(frame_s[0])) if known.gyro is None else None
    std_s: float | None = _OFFSET_STD_S
    if known.gyro is not None:
        imu, offset_s, std_s, offset_notes = known.read_imu(known.gyro), 0.0, None, ()
    elif imu is None:
        std_s, offset_notes = None, ("the metadata has no gyro samples",)
    else:
        imu = known.filtered(imu)
    return Recording(
        source=path,
        layout=NAME,
        frames=movie_frames(path, frame_s.size),
        size_px=size_px,
        start_ns=np.rint(frame_s * 1e9).astype(np.int64),
        exposure_s=exposure_s if parsed.samples else unknown(frame_s.size),
        camera=camera,
        readout_s=readout_s(parsed),
        imu=imu,
        R_cam_imu=None if imu is None else imu.R_cam_imu,
        time_offset_s=offset_s,
        offset_std_s=std_s,
        notes=(
            *notes,
            *offset_notes,
            *unless_given(*((known.exposure_s, note) for note in exposure_notes)),
            *unless_given((known.fx or known.camera, camera_note)),
            *stabilisation_notes(parsed),
        ),
    )


def _parsed(path: Path, *, required: bool) -> tuple[ParsedTelemetry, tuple[str, ...]]:
    """Return what the package finds, and notes; nothing if it fails, or is missing and not required."""
    nothing = ParsedTelemetry(_maker(path), (), ())
    try:
        package = import_module("telemetry_parser")
    except ImportError:
        if required:
            raise MissingComponentError(
                f"{path}: expected the package telemetry-parser to read the gyro of {_maker(path)}, got none; "
                'install it with `pip install "gyrosharp[telemetry]"`, or give a gyro log with -g GYRO'
            ) from None
        return nothing, ()
    try:
        parser = package.Parser(str(path))
        name = " ".join(word for word in (parser.camera, parser.model) if word)
        parsed = ParsedTelemetry(name, parser.telemetry(), parser.normalized_imu())
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic of the package's Rust code derives from BaseException
        lines = str(error).splitlines() or [type(error).__name__]
        return nothing, (f"warning: telemetry-parser cannot read the metadata ({lines[0][:120]})",)
    return parsed, (f"metadata of {parsed.camera}, read with telemetry-parser",)


def _maker(path: Path) -> str:
    """Return who made a movie, by what its file looks like; empty for those that the package is not needed for."""
    if path.suffix.lower() == ".braw":
        return "Blackmagic"
    for track in movie_tracks(path):
        maker = _MAKERS.get(track.kind) or _MIME_MAKERS.get(track.mime)
        if maker:
            return maker
    return _maker_by_marks(path)


def _maker_by_marks(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - len(_INSTA360_END), 0))
            if file.read() == _INSTA360_END:
                return "Insta360"
            if path.suffix.lower() != ".mxf":
                return ""
            file.seek(0)
            head = file.read(_MARK_BYTES)
            file.seek(max(size - _MARK_BYTES, 0))
            return "Sony" if _SONY_MARK in head or _SONY_MARK in file.read() else ""
    except OSError:
        return ""
