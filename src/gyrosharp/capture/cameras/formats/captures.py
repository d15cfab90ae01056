"""The camera in a capture file or a recording file (``*.capture.json``, ``*.recording.json``).

Taken from it are intrinsics, readout, shutter, and how the gyro is mounted where it says so.
Conventions are those of docs/conventions.md: nothing is converted.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.cameras.camera_file import axes_of_part, camera_of_part
from gyrosharp.capture.cameras.formats._text import CameraFile
from gyrosharp.capture.cameras.profile import CameraProfile
from gyrosharp.capture.documents import read_document
from gyrosharp.errors import GyrosharpError
from gyrosharp.geometry.shutter import Shutter, shutter_named

if TYPE_CHECKING:
    from gyrosharp.capture.schema import ClocksPart, ImuPart

NAME = "capture"
DESCRIPTION = "camera part of a capture file or recording file"
EXTENSIONS = (".capture.json", ".recording.json")

_MARK = re.compile(r'"format"\s*:\s*"gyrosharp\.(capture|recording)/')


def sniff(text: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether a text has one of the two format tags."""
    return _MARK.search(text) is not None


def read(file: CameraFile) -> Mapping[str, CameraProfile]:
    """Return the camera under the name of the file.

    Raises
    ------
    CaptureError
        If the file is malformed, or a recording file without a camera.
    """
    mark = _MARK.search(file.text)
    profile = _of_recording(file) if mark is not None and mark[1] == "recording" else _of_capture(file)
    return {profile.name: profile}


def _of_capture(file: CameraFile) -> CameraProfile:
    from gyrosharp.capture.schema import CaptureDocument

    document = read_document(file.path, CaptureDocument)
    exposure = document.exposure
    try:
        return CameraProfile(
            _stem(file),
            camera_of_part(document.camera),
            exposure.readout_s,
            Shutter(exposure.shutter),
            R_cam_imu=_axes(document.imu),
            source=f"capture file {file.path.name}",
        )
    except GyrosharpError as error:
        raise file.failure(str(error)) from None


def _of_recording(file: CameraFile) -> CameraProfile:
    from gyrosharp.capture.schema import RecordingDocument

    document = read_document(file.path, RecordingDocument)
    if document.camera is None:
        raise file.failure(
            "expected a camera in the recording file, got none; run gyrosharp sync, or give another file"
        )
    try:
        return CameraProfile(
            _stem(file),
            camera_of_part(document.camera),
            document.readout_s,
            None if document.shutter is None else shutter_named(document.shutter),
            R_cam_imu=_axes(document.imu),
            source=f"recording file {file.path.name}",
        )
    except GyrosharpError as error:
        raise file.failure(str(error)) from None


def _axes(part: "ImuPart | ClocksPart | None") -> NDArray[np.float64] | None:
    """How the gyro is mounted; the clocks of one recording say nothing about the next one's, so no offset is taken."""
    return None if part is None else axes_of_part(part.R_cam_imu)


def _stem(file: CameraFile) -> str:
    return file.path.name.removesuffix(".json").removesuffix(".capture").removesuffix(".recording")
