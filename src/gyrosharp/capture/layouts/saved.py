"""`*.recording.json`: a movie or folder with what `gyrosharp sync` or the user found out about it."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gyrosharp.capture.documents import read_document, relative_path
from gyrosharp.capture.overrides import Overrides
from gyrosharp.capture.recording import SYNCHRONISED_STD_S, Recording
from gyrosharp.errors import CaptureError, UsageError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import shutter_named
from gyrosharp.imu.axes import parse_axes
from gyrosharp.media.atomic import atomic_write

if TYPE_CHECKING:
    from gyrosharp.capture.schema import ClocksPart, RecordingDocument

NAME = "saved"
DEVICES = "what gyrosharp sync wrote"
FILES = "NAME.recording.json, which names the movie or folder"

SUFFIX = ".recording.json"


def claims(path: Path) -> bool:
    """Return whether the name is that of a recording file."""
    return path.name.endswith(SUFFIX) and path.is_file()


def read(path: Path, known: Overrides) -> Recording:
    """Read the recording that the file names, with what the file says in place of what it says itself.

    Raises
    ------
    CaptureError
        If the file is malformed, or what it names is no recording.
    ImuError, ImageError
        If a log or a movie in it cannot be read.
    """
    from gyrosharp.capture.layouts import layout_of
    from gyrosharp.capture.schema import RecordingDocument

    document = read_document(path, RecordingDocument)
    source = path.parent / document.source
    with_files = _with_files(known, document, path.parent)
    layout = layout_of(source, with_files)
    if layout is None or layout.NAME == NAME:
        found = "no such file or folder" if not source.exists() else "something else"
        raise CaptureError(f"{path}: expected a movie or recording folder as source, got {found}: {source}")
    recording = layout.read(source, with_files)
    try:
        return replace(_described(recording, document), read_with=with_files)
    except (CaptureError, UsageError) as error:
        raise CaptureError(f"{path}: {error}") from None


def save_recording(recording: Recording, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a recording file (``*.recording.json``); `deblur` then takes it like the recording itself.

    Raises
    ------
    OutputError
        If the file exists and `overwrite` is False, or cannot be written.
    """
    file = Path(path)
    text = json.dumps(_document(recording, file.absolute().parent), indent=1) + "\n"
    with atomic_write(file, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _with_files(known: Overrides, document: "RecordingDocument", folder: Path) -> Overrides:
    return replace(
        known,
        gyro=known.gyro or (None if document.gyro is None else folder / document.gyro),
        imu_format=known.imu_format or document.imu_format,
        gyro_unit=known.gyro_unit or document.gyro_unit,
        frame_times=known.frame_times or (None if document.frame_times is None else folder / document.frame_times),
        exposure_s=known.exposure_s or document.exposure_s,
    )


def _described(recording: Recording, document: "RecordingDocument") -> Recording:
    camera = recording.camera
    if document.camera is not None:
        camera = CameraModel(**{**document.camera.model_dump(), "distortion": tuple(document.camera.distortion)})
        if (camera.width, camera.height) != recording.size_px:
            camera = camera.scaled(*recording.size_px)
    count = len(recording)
    described = replace(
        recording,
        camera=camera,
        exposure_s=recording.exposure_s if document.exposure_s is None else np.full(count, document.exposure_s),
        readout_s=recording.readout_s if document.readout_s is None else document.readout_s,
        shutter=recording.shutter if document.shutter is None else shutter_named(document.shutter),
    )
    return _clocked(described, document.imu)


def _clocked(recording: Recording, clocks: "ClocksPart") -> Recording:
    axes, offset_s, std_s = clocks.R_cam_imu, clocks.time_offset_s, clocks.time_offset_std_s
    joined = recording.offset_std_s if offset_s is None else SYNCHRONISED_STD_S
    return replace(
        recording,
        R_cam_imu=recording.R_cam_imu if axes is None else parse_axes(axes),
        time_offset_s=recording.time_offset_s if offset_s is None else offset_s,
        offset_std_s=joined if std_s is None else std_s,
        clock_drift=clocks.clock_drift,
        gyro_bias_rad_s=recording.gyro_bias_rad_s if clocks.bias_rad_s is None else np.array(clocks.bias_rad_s),
    )


def _document(recording: Recording, folder: Path) -> dict[str, Any]:
    known = recording.read_with
    clocks: dict[str, Any] = {"clock_drift": recording.clock_drift}
    if recording.R_cam_imu is not None:
        clocks["R_cam_imu"] = recording.R_cam_imu.tolist()
    if recording.clocks_joined:
        clocks |= {"time_offset_s": recording.time_offset_s, "time_offset_std_s": recording.offset_std_s}
    if recording.gyro_bias_rad_s is not None:
        clocks["bias_rad_s"] = recording.gyro_bias_rad_s.tolist()
    return {
        "format": "gyrosharp.recording/1",
        "source": relative_path(recording.source.absolute(), folder),
        "gyro": None if known.gyro is None else relative_path(known.gyro.absolute(), folder),
        "imu_format": known.imu_format,
        "gyro_unit": known.gyro_unit,
        "frame_times": None if known.frame_times is None else relative_path(known.frame_times.absolute(), folder),
        "camera": None if recording.camera is None else asdict(recording.camera),
        "exposure_s": known.exposure_s,
        "readout_s": recording.readout_s,
        "shutter": recording.shutter.value,
        "imu": clocks,
    }
