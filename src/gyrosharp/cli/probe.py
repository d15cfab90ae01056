"""`gyrosharp probe`: what is in a file, what it would take to deblur it, and what is missing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import typer

from gyrosharp.blur.field import blur_field
from gyrosharp.capture.capture import Capture
from gyrosharp.capture.recordings import read_recording
from gyrosharp.cli.options import CAPTURE_SUFFIX, CaptureOptions, captures_of
from gyrosharp.errors import GyrosharpError, ImageError
from gyrosharp.imu.bias import bias_from_still
from gyrosharp.imu.readers import read_imu
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.media.header import read_header
from gyrosharp.media.image_file import IMAGE_SUFFIXES


def run(source: Path, described: CaptureOptions, *, as_json: bool) -> None:
    """Print what a file holds."""
    found = _probed(source, described)
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    for key, value in _lines(found):
        typer.echo(f"{key:<22} {value}" if key else f"{'':<22} {value}")


def _probed(source: Path, described: CaptureOptions) -> dict[str, Any]:
    if not source.exists():
        raise ImageError(f"{source}: expected a photo, gyro log, capture file or recording folder, got no such file")
    if source.is_dir():
        captures = read_recording(source)
        return {"kind": "recording", "frames": [_capture_facts(capture) for capture in captures]}
    if source.name.endswith(CAPTURE_SUFFIX):
        return {"kind": "capture", **_capture_facts(captures_of(source, described)[0])}
    if source.suffix.lower() in IMAGE_SUFFIXES:
        return _photo_facts(source, described)
    return {"kind": "gyro log", **_log_facts(read_imu(source, format=described.imu_format))}


def _photo_facts(source: Path, described: CaptureOptions) -> dict[str, Any]:
    header = read_header(source)
    tags = header.tags
    facts: dict[str, Any] = {
        "kind": "photo",
        "size_px": [header.width, header.height],
        "exposure_s": tags.exposure_time_s,
        "focal_35mm": tags.focal_35mm,
        "iso": tags.iso,
        "camera": " ".join(part for part in (tags.make, tags.model) if part) or None,
    }
    try:
        facts.update(_capture_facts(captures_of(source, described)[0]))
    except GyrosharpError as error:
        facts["missing"] = str(error)
    return facts


def _capture_facts(capture: Capture) -> dict[str, Any]:
    camera, exposure = capture.camera, capture.exposure
    facts: dict[str, Any] = {
        "image": None if capture.image is None else str(capture.image),
        "size_px": [camera.width, camera.height],
        "focal_px": [camera.fx, camera.fy],
        "distortion_model": camera.distortion_model,
        "exposure_start_ns": exposure.start_ns,
        "exposure_s": exposure.duration_s,
        "readout_s": exposure.readout_s,
        "shutter": exposure.shutter.value,
        "time_offset_s": capture.time_offset_s,
        "assumed": list(capture.notes),
    }
    if capture.imu is not None:
        facts["log"] = _log_facts(capture.imu)
    try:
        extent = blur_field(capture, stride=max(min(camera.width, camera.height) // 8, 1)).extent_px
        facts["blur_px"] = {"median": round(float(np.median(extent)), 2), "longest": round(float(extent.max()), 2)}
    except GyrosharpError as error:
        facts["missing"] = str(error)
    return facts


def _log_facts(imu: ImuRecording) -> dict[str, Any]:
    speed = np.linalg.norm(imu.gyro_rad_s, axis=1)
    bias = bias_from_still(imu)
    gaps = np.diff(imu.time_ns) * 1e-9
    return {
        "source": imu.source,
        "clock": imu.clock,
        "samples": len(imu),
        "rate_hz": round(imu.rate_hz, 2),
        "start_ns": int(imu.time_ns[0]),
        "end_ns": int(imu.time_ns[-1]),
        "duration_s": round(imu.duration_s, 4),
        "largest_gap_s": round(float(gaps.max()), 5),
        "gyro_rad_s": {"median": round(float(np.median(speed)), 4), "max": round(float(speed.max()), 4)},
        "has_accelerometer": imu.accel_m_s2 is not None,
        "axes_known": imu.R_cam_imu is not None,
        "still_bias_rad_s": None if bias is None else [round(float(b), 6) for b in bias.bias_rad_s],
        "notes": list(imu.notes),
    }


def _lines(facts: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Flatten the facts to rows of a two-column table; frames of a recording become one row each."""
    rows: list[tuple[str, str]] = []
    for key, value in facts.items():
        label = f"{prefix}{key.replace('_', ' ')}"
        if key == "frames":
            rows += _frame_lines(value)
        elif isinstance(value, dict):
            rows += _lines(value, f"{label} ")
        elif isinstance(value, list) and value and isinstance(value[0], str):
            rows += [(label if k == 0 else "", text) for k, text in enumerate(value)]
        elif value not in (None, [], ""):
            rows.append((label, " x ".join(f"{v:g}" for v in value) if isinstance(value, list) else str(value)))
    return rows


def _frame_lines(frames: list[dict[str, Any]]) -> list[tuple[str, str]]:
    shared = ("size_px", "focal_px", "shutter", "readout_s", "assumed", "log")
    rows = [("frames", str(len(frames))), *_lines({key: frames[0][key] for key in shared if key in frames[0]})]
    for frame in frames:
        blur = frame.get("blur_px")
        state = f"blur {blur['median']:g} px, longest {blur['longest']:g} px" if blur else frame.get("missing", "")
        rows.append(("", f"{frame['image']}: exposure {frame['exposure_s'] * 1e3:g} ms, {state}"))
    return rows
