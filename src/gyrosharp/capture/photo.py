"""A capture from a photo, a gyro log, and what the user knows about the camera."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture, ImageSource
from gyrosharp.capture.recordings import Overrides, shutter_named
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure, Shutter
from gyrosharp.imu.axes import parse_axes
from gyrosharp.imu.filtering import low_passed
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.media.exif import PhotoTags
from gyrosharp.media.header import read_header

# EXIF's 35 mm equivalent compares image diagonals with that of a 36 x 24 mm frame.
FULL_FRAME_DIAGONAL_MM = 43.267
# Stamps of the exposure's start hide in names such as 1015312315089152.jpg.
STAMP_DIGITS = re.compile(r"(\d{13,19})")


def capture_from_photo(image: Path, gyro: Path, known: Overrides | None = None) -> Capture:
    """Build a capture from a photo and a gyro log.

    What is not given is taken from the photo's EXIF data (exposure time, 35 mm focal length), from the log (readout,
    axes where the format settles them), or from a stamp in the file name (start of exposure).

    Raises
    ------
    CaptureError
        If focal length, exposure time, its start or the gyro's axes stay unknown; the message names the flag to give.
    ImageError, ImuError
        If a file cannot be read.
    """
    known = known or Overrides()
    header = read_header(image)
    tags = header.tags
    imu = known.read_imu(gyro)
    if known.low_pass_hz is not None:
        imu = low_passed(imu, known.low_pass_hz)
    camera, camera_note = _camera(header.width, header.height, tags, known)
    exposure, exposure_note = _exposure(image, tags, imu, known)
    notes = tuple(note for note in (camera_note, exposure_note) if note)
    return Capture(camera, exposure, ImageSource(image), imu, _axes(imu, known), known.offset_s, notes=notes)


def _camera(width: int, height: int, tags: PhotoTags, known: Overrides) -> tuple[CameraModel, str]:
    note = ""
    fx = known.fx
    if fx is None and tags.focal_35mm:
        fx = tags.focal_35mm / FULL_FRAME_DIAGONAL_MM * float((width**2 + height**2) ** 0.5)
        note = f"focal length {fx:.0f} px from the EXIF 35 mm equivalent ({tags.focal_35mm:g} mm), good to about 5 %"
    if fx is None:
        raise CaptureError("focal length: expected one in pixels, got none from the photo's EXIF data; give --fx")
    return CameraModel(width, height, fx, known.fy or fx, (width - 1) / 2, (height - 1) / 2), note


def _exposure(image: Path, tags: PhotoTags, imu: ImuRecording, known: Overrides) -> tuple[Exposure, str]:
    duration_s = known.exposure_s if known.exposure_s is not None else tags.exposure_time_s
    if duration_s is None:
        raise CaptureError("exposure time: expected one, got none from the photo's EXIF data; give --exposure-ms")
    start_ns, note = known.start_ns, ""
    stamp = STAMP_DIGITS.search(image.stem)
    if start_ns is None and stamp is not None:
        start_ns, note = int(stamp.group(1)), "start of exposure taken from the stamp in the file name"
    if start_ns is None:
        raise CaptureError(
            "start of exposure: expected a stamp in the gyro log's clock, got none; give --start-ns "
            f"(the log runs from {imu.time_ns[0]} to {imu.time_ns[-1]} ns)"
        )
    hints = imu.frame_hints
    readout_s = known.readout_s if known.readout_s is not None else hints.readout_s
    shutter = known.shutter or hints.shutter or Shutter.TOP_TO_BOTTOM
    if readout_s is None:
        note = f"{note}; " if note else ""
        note += "readout time unknown, taken as a global shutter; give --readout-ms if you know it"
        return Exposure(start_ns, duration_s, 0.0, Shutter.GLOBAL), note
    return Exposure(start_ns, duration_s, readout_s, shutter_named(shutter)), note


def _axes(imu: ImuRecording, known: Overrides) -> NDArray[np.float64]:
    if known.axes is not None:
        return parse_axes(known.axes)
    if imu.R_cam_imu is None:
        raise CaptureError(
            f"{imu.source}: expected to know how the gyro's axes lie in the camera, got nothing from the log; "
            "give --axes (a preset such as android-portrait, or letters such as x,-y,-z)"
        )
    return imu.R_cam_imu
