"""A capture from a photo, a gyro log, and what the user knows about the camera."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.cameras import CameraProfile, find_camera, profile_from_35mm
from gyrosharp.capture.capture import AXES_FROM_LOG, Capture, ImageSource
from gyrosharp.capture.overrides import Overrides
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure, Shutter, shutter_named
from gyrosharp.imu.axes import parse_axes
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.media.header import Header, read_header

# Stamps of the exposure's start hide in names such as 1015312315089152.jpg.
STAMP_DIGITS = re.compile(r"(\d{13,19})")


def capture_from_photo(image: Path, gyro: Path, known: Overrides | None = None) -> Capture:
    """Build a capture from a photo and a gyro log.

    What is not given is taken from the photo's EXIF data (exposure time, 35 mm focal length), from the log (readout,
    axes where the format settles them), or from a stamp in the file name (start of exposure).

    Raises
    ------
    CaptureError
        If focal length, exposure time, its start or the gyro's axes stay unknown; the message names all that is
        missing and the flags to give.
    ImageError, ImuError
        If a file cannot be read.
    """
    known = known or Overrides()
    header = read_header(image)
    imu = known.read_imu(gyro)
    facts = _Facts()
    profile = _camera(header, known, facts)
    duration_s = _duration_s(header, known, facts)
    start_ns = _start_ns(image, imu, known, facts)
    axes = _axes(imu, known, profile, facts)
    readout_s, shutter = _readout(imu, known, profile, facts)
    if profile is None or duration_s is None or start_ns is None or axes is None:
        names, flags = zip(*facts.missing, strict=True)
        raise CaptureError(
            f"{image}: expected {_listed(names)}, got none from the photo or {gyro.name}; give {_listed(flags)}"
        )
    exposure = Exposure(start_ns, duration_s, readout_s, shutter)
    offset_s = (known.offset_s or 0.0) + (profile.time_offset_s or 0.0)
    return Capture(profile.camera, exposure, ImageSource(image), imu, axes, offset_s, notes=tuple(facts.notes))


@dataclass
class _Facts:
    """What was found out on the way: notes, and what stays unknown with the flag that gives it."""

    notes: list[str] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)


def _camera(header: Header, known: Overrides, facts: _Facts) -> CameraProfile | None:
    """Return the camera that was given, or else what the EXIF data tell of it."""
    width, height = header.width, header.height
    if known.camera is not None:
        profile = find_camera(known.camera, width, height)
    elif known.fx is not None:
        plain = CameraModel(width, height, known.fx, known.fx, (width - 1) / 2, (height - 1) / 2)
        profile = CameraProfile("--fx", plain)
    elif header.tags.focal_35mm:
        profile = profile_from_35mm(header.tags.focal_35mm, width, height)
    else:
        facts.missing.append(("focal length", "--camera or --fx"))
        return None
    facts.notes.extend(profile.notes)
    return replace(profile, camera=known.focused(profile.camera))


def _duration_s(header: Header, known: Overrides, facts: _Facts) -> float | None:
    if known.exposure_s is not None:
        return known.exposure_s
    duration_s = header.tags.exposure_time_s
    if duration_s is None:
        facts.missing.append(("exposure time", "--exposure-ms"))
    else:
        facts.notes.append(f"exposure time {duration_s * 1e3:.4g} ms from the EXIF data")
    return duration_s


def _start_ns(image: Path, imu: ImuRecording, known: Overrides, facts: _Facts) -> int | None:
    if known.start_ns is not None:
        return known.start_ns
    stamp = STAMP_DIGITS.search(image.stem)
    if stamp is None:
        span = f"the log runs from {imu.time_ns[0]} to {imu.time_ns[-1]}"
        facts.missing.append(("start of exposure", f"--start-ns ({span})"))
        return None
    facts.notes.append(f"start of exposure {stamp.group(1)} ns from the file name")
    return int(stamp.group(1))


def _axes(
    imu: ImuRecording, known: Overrides, profile: CameraProfile | None, facts: _Facts
) -> NDArray[np.float64] | None:
    if known.axes is not None:
        return parse_axes(known.axes)
    if profile is not None and profile.R_cam_imu is not None:
        return profile.R_cam_imu
    if imu.R_cam_imu is None:
        facts.missing.append(
            ("gyro axes", "--axes (a preset such as android-landscape, or the camera's axes in the gyro's: x,-y,-z)")
        )
    else:
        facts.notes.append(AXES_FROM_LOG)
    return imu.R_cam_imu


def _readout(
    imu: ImuRecording, known: Overrides, profile: CameraProfile | None, facts: _Facts
) -> tuple[float, Shutter]:
    hints = imu.frame_hints
    own = None if profile is None else profile.shutter
    shutter = shutter_named(known.shutter or own or hints.shutter or Shutter.TOP_TO_BOTTOM)
    readout_s = known.readout_s
    if readout_s is None and profile is not None:
        readout_s = profile.readout_s
    if readout_s is None and hints.readout_s is not None:
        readout_s = hints.readout_s
        facts.notes.append(f"readout {readout_s * 1e3:.4g} ms, {shutter.value}, from the log")
    if readout_s is None:
        if shutter is not Shutter.GLOBAL:
            facts.notes.append("readout time unknown, taken as a global shutter; give --readout-ms if you know it")
        return 0.0, Shutter.GLOBAL
    return readout_s, shutter


def _listed(words: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))
