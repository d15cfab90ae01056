"""`gyrosharp probe`: what is in a file, what it would take to deblur it, and what is missing."""

import json
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import typer

from gyrosharp.blur.field import blur_field
from gyrosharp.capture.capture import Capture
from gyrosharp.capture.layouts import read_recording
from gyrosharp.cli.options import CAPTURE_SUFFIX, MOVIE_SUFFIXES, CaptureOptions, captures_of
from gyrosharp.errors import GyrosharpError, ImageError, UsageError
from gyrosharp.imu.bias import bias_from_still
from gyrosharp.imu.readers import claims, read_imu
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.media.header import read_header
from gyrosharp.media.image_file import IMAGE_SUFFIXES

WIDTH = 80
LABEL_WIDTH = 18
_UNIT_ENDING = re.compile(r" (rad s|s|px|ns|hz)$")

Facts = dict[str, Any]


def run(source: Path, described: CaptureOptions, *, as_json: bool) -> None:
    """Print what a file holds."""
    found = _probed(source, described)
    if as_json:
        typer.echo(json.dumps(found, indent=1))
        return
    for label, value in _rows(found):
        typer.echo(_wrapped(label, value))


def _probed(source: Path, described: CaptureOptions) -> Facts:
    if not source.exists():
        raise ImageError(f"{source}: expected a photo, gyro log, capture file or recording folder, got no such file")
    if source.is_dir():
        return _recording_facts(list(read_recording(source, described.overrides())))
    if source.name.endswith(CAPTURE_SUFFIX):
        return {"kind": "capture", **_shot_facts(captures_of(source, described)[0])}
    if source.suffix.lower() in IMAGE_SUFFIXES:
        return _photo_facts(source, described)
    if source.suffix.lower() in MOVIE_SUFFIXES:
        raise ImageError(
            f"{source}: expected a photo, gyro log or recording, got a movie file; give its folder instead"
        )
    log = read_imu(source, described.imu_format, described.gyro_unit)
    log_format = described.imu_format or ", ".join(claims(source))
    return {"kind": "gyro log", "format": log_format, **_log_facts(log), "notes": list(log.notes)}


def _recording_facts(captures: list[Capture]) -> Facts:
    """Facts of the first frame that hold for all, then each frame's own."""
    frames = [_capture_facts(capture) for capture in captures]
    shared = ("size_px", "focal_px", "distortion_model", "readout_s", "shutter", "time_offset_s", "log")
    own = ("image", "exposure_start_ns", "exposure_s", "covered", "blur_px", "missing")
    return {
        "kind": "recording",
        **{key: frames[0][key] for key in shared if key in frames[0]},
        "notes": list(dict.fromkeys(note for capture in captures for note in capture.remarks)),
        "frames": [
            {
                **{key: frame[key] for key in own if key in frame},
                "notes": [note for note in frame["notes"] if note not in capture.remarks],
            }
            for frame, capture in zip(frames, captures, strict=True)
        ],
    }


def _photo_facts(source: Path, described: CaptureOptions) -> Facts:
    header = read_header(source)
    tags = header.tags
    facts: Facts = {
        "kind": "photo",
        "size_px": [header.width, header.height],
        "exposure_s": tags.exposure_time_s,
        "focal_35mm": tags.focal_35mm,
        "iso": tags.iso,
        "camera": " ".join(part for part in (tags.make, tags.model) if part) or None,
    }
    try:
        capture = captures_of(source, described)[0]
    except UsageError:
        raise
    except GyrosharpError as error:
        return facts | {"missing": str(error)}
    return facts | _shot_facts(capture)


def _shot_facts(capture: Capture) -> Facts:
    """Facts of a single shot; its picture is decoded, to see that it is whole and of the camera's size."""
    facts = _capture_facts(capture)
    if capture.image is not None:
        facts["notes"] += capture.read_image().notes
    return facts


def _capture_facts(capture: Capture) -> Facts:
    camera, exposure = capture.camera, capture.exposure
    facts: Facts = {
        "image": None if capture.image is None else str(capture.image),
        "size_px": [camera.width, camera.height],
        "focal_px": [camera.fx, camera.fy],
        "distortion_model": camera.distortion_model,
        "exposure_start_ns": exposure.start_ns,
        "exposure_s": exposure.duration_s,
        "readout_s": exposure.readout_s,
        "shutter": exposure.shutter.value,
        "time_offset_s": capture.time_offset_s,
    }
    notes = list(capture.remarks)
    covered = capture.coverage()
    if capture.imu is not None and covered is not None:
        facts["log"] = _log_facts(capture.imu)
        facts["covered"] = round(covered.covered, 3)
    try:
        extent = blur_field(capture, stride=max(min(camera.width, camera.height) // 8, 1)).extent_px
        facts["blur_px"] = {"median": round(float(np.median(extent)), 2), "longest": round(float(extent.max()), 2)}
        notes += covered.notes if covered is not None else ()
    except GyrosharpError as error:
        facts["missing"] = str(error)
    return facts | {"notes": notes}


def _log_facts(imu: ImuRecording) -> Facts:
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
    }


def _rows(facts: Facts) -> Iterator[tuple[str, str]]:
    """Yield (label, text) for people; what is not known, or goes without saying, is left out."""
    for key, value in facts.items():
        label = key.replace("_", " ")
        match key:
            case "frames":
                yield from _frame_rows(value)
            case "log":
                yield from (("log" if label == "source" else f"log {label}", text) for label, text in _rows(value))
            case "notes":
                yield from ((label if k == 0 else "", f"- {note}") for k, note in enumerate(value))
            case "image" | "source":
                yield label, Path(value).name if value else "none"
            case _ if value in (None, [], "", "none"):
                continue
            case _:
                yield _UNIT_ENDING.sub("", label).removeprefix("has "), _text(key, value)


def _text(key: str, value: object) -> str:
    """Return a value with its unit, which the key's ending tells."""
    if key == "covered":
        return f"{value:.0%} by the gyro log"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{name} {number:g}" for name, number in value.items()) + _unit(key)
    if isinstance(value, list):
        return (" x " if key.endswith("px") else ", ").join(f"{number:g}" for number in value) + _unit(key)
    if key in ("exposure_s", "readout_s", "time_offset_s", "largest_gap_s") and isinstance(value, float):
        return f"{value * 1e3:.4g} ms"
    return f"{value}{_unit(key)}"


def _unit(key: str) -> str:
    units = {"_rad_s": " rad/s", "_px": " px", "_ns": " ns", "_hz": " Hz", "_s": " s", "_35mm": " mm"}
    return next((unit for ending, unit in units.items() if key.endswith(ending)), "")


def _frame_rows(frames: list[Facts]) -> Iterator[tuple[str, str]]:
    """Yield one short row per frame, and the full text of the first failure."""
    yield "frames", str(len(frames))
    for frame in frames:
        state = f"blur {_text('blur', frame['blur_px'])} px" if "blur_px" in frame else _short(frame)
        mark = " *" if frame["notes"] else ""
        yield "", f"{Path(str(frame['image'])).name}: {frame['exposure_s'] * 1e3:.4g} ms, {state}{mark}"
    for frame in frames:
        yield from (("", f"* {note}") for note in frame["notes"])
    failed = [frame for frame in frames if "missing" in frame]
    if failed:
        yield "missing", f"{len(failed)} of {len(frames)} frames cannot be deblurred; the first: {failed[0]['missing']}"


def _short(frame: Facts) -> str:
    covered = frame.get("covered")
    return "not usable" if covered is None or covered > 0.999 else f"only {covered:.0%} covered by the gyro log"


def _wrapped(label: str, text: str) -> str:
    """Return a row of the table, folded so that it fits a terminal of 80 columns."""
    later = " " * LABEL_WIDTH
    first = f"{label:<{LABEL_WIDTH - 1}} "
    if len(first) > LABEL_WIDTH:
        return f"{label}\n" + _wrapped("", text)
    return textwrap.fill(
        text, WIDTH, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
    )
