"""What is known of photos, shots, recordings and logs, as plain values for `probe`."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.field import blur_field
from gyrosharp.capture.capture import Capture
from gyrosharp.capture.recording import Recording
from gyrosharp.cli.fact_rows import LISTED_FRAMES, Facts
from gyrosharp.errors import CaptureError, GyrosharpError
from gyrosharp.imu.bias import bias_from_still
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.media.header import Header
from gyrosharp.media.movie_info import movie_info
from gyrosharp.media.movie_telemetry import movie_tracks
from gyrosharp.restore.video.extents import frame_extents

# Intervals between frames that differ by more than this share make a variable frame rate.
STEADY_RATE = 0.02
# Where people find what a recording lacks.
WHERE_FROM = {
    "gyro log": "; docs/devices.md lists the apps and loggers that record one",
    "focal length": "; `gyrosharp calibrate` measures it, gyroflow's lens profiles hold many",
    "exposure time": "; one over the shutter speed that the camera was set to",
}


def photo_facts(header: Header) -> Facts:
    """Return what a photo's header says."""
    tags = header.tags
    return {
        "kind": "photo",
        "size_px": [header.width, header.height],
        "exposure_s": tags.exposure_time_s,
        "focal_35mm": tags.focal_35mm,
        "iso": tags.iso,
        "camera": " ".join(part for part in (tags.make, tags.model) if part) or None,
    }


def shot_facts(capture: "Capture | Recording") -> Facts:
    """Return the facts of a single shot; its picture is decoded, to see that it is whole and of the camera's size."""
    assert isinstance(capture, Capture)
    facts = capture_facts(capture)
    if capture.image is not None:
        facts["notes"] += capture.read_image().notes
    return facts


def capture_facts(capture: Capture) -> Facts:
    """Return camera, exposure, log and predicted blur of a shot, or what is missing to predict it."""
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
        facts["log"] = log_facts(capture.imu)
        facts["covered"] = round(covered.covered, 3)
    try:
        facts["blur_px"] = _blur(capture)
        notes += covered.notes if covered is not None else ()
    except GyrosharpError as error:
        facts["missing"] = str(error)
    return facts | {"notes": notes}


def recording_facts(recording: Recording) -> Facts:
    """Return the facts that hold for all frames, then each frame's own."""
    camera, imu = recording.camera, recording.imu
    frames = _few_frames(recording) if len(recording) <= LISTED_FRAMES else _many_frames(recording)
    facts: Facts = {
        "kind": "recording",
        "layout": recording.layout,
        "size_px": list(recording.size_px),
        "streams": _streams(recording),
        **_timing(recording),
        "focal_px": None if camera is None else [camera.fx, camera.fy],
        "distortion_model": None if camera is None else camera.distortion_model,
        "exposure_range_s": _range(recording.exposure_s),
        "iso_range": None if recording.iso is None else _range(recording.iso),
        "readout_s": recording.readout_s,
        "shutter": recording.shutter.value,
        "time_offset_s": recording.time_offset_s if recording.clocks_joined else None,
        "time_offset_std_s": recording.offset_std_s,
        "electronic_stabilisation": recording.image_R_cam is not None,
        "optical_stabilisation": recording.lens_shift is not None,
    }
    if imu is not None:
        facts["log"] = log_facts(imu)
    remarks = recording.notes if imu is None else (*recording.notes, *imu.notes)
    lacks = _lacks(recording)
    blur = [frame["blur_px"]["median"] for frame in frames if "blur_px" in frame]
    return facts | {
        "frames_over_1_px": sum(trail > 1.0 for trail in blur) if blur else None,
        "blur_range_px": _range(blur),
        "lacks": [f"{what}: give {remedy}{WHERE_FROM.get(what, '')}" for what, remedy in lacks],
        "notes": list(dict.fromkeys(remarks)),
        "frames": frames,
    }


def log_facts(imu: ImuRecording) -> Facts:
    """Return clock, rate, gaps and rates of a gyro log."""
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


def _streams(recording: Recording) -> list[str]:
    """One line per stream of a movie."""
    if recording.movie is None:
        return []
    info = movie_info(recording.movie)
    turned = f", shown turned by {info.rotation_deg} degrees" if info.rotation_deg else ""
    others = _with_kinds(recording.movie, info.other_streams)
    return [f"video {info.codec}, {info.pix_fmt} ({info.bit_depth} bit){turned}", *others, *info.notes]


def _with_kinds(movie: Path, others: tuple[str, ...]) -> tuple[str, ...]:
    """The streams beside the pictures, each with the kind that an MP4 or MOV file gives it: "data gpmd"."""
    tracks = list(movie_tracks(movie))
    pictures = next((k for k, track in enumerate(tracks) if track.handler == "vide"), None)
    if pictures is None or len(tracks) != len(others) + 1:
        return others
    del tracks[pictures]
    return tuple(f"{stream} {track.kind}".strip() for stream, track in zip(others, tracks, strict=True))


def _timing(recording: Recording) -> Facts:
    intervals = np.diff(recording.start_ns)
    if not intervals.size:
        return {"frame_count": 1}
    variable = float(np.ptp(intervals)) > STEADY_RATE * float(np.median(intervals))
    return {
        "frame_count": len(recording),
        "frame_rate_hz": round(recording.frame_rate_hz, 3),
        "variable_frame_rate": variable,
        "first_frame_ns": int(recording.start_ns[0]),
        "last_frame_ns": int(recording.start_ns[-1]),
    }


def _lacks(recording: Recording) -> list[tuple[str, str]]:
    """What any frame lacks, each thing once."""
    return list(dict.fromkeys(pair for index in (0, len(recording) - 1) for pair in recording.missing(index)))


def _few_frames(recording: Recording) -> list[Facts]:
    """Facts of each frame, its blur over the whole picture."""
    return [_measured(recording, index) for index in range(len(recording))]


def _many_frames(recording: Recording) -> list[Facts]:
    """Facts of each frame, its blur predicted for all frames at once."""
    frames = [_frame_facts(recording, index) for index in range(len(recording))]
    try:
        extents = frame_extents(recording)
    except CaptureError:  # something is missing for all of them, which `lacks` names
        return frames
    for frame, extent_px, reason in zip(frames, extents.extent_px, extents.unknown, strict=True):
        frame |= {"missing": reason} if reason else {"blur_px": {"median": round(float(extent_px), 2)}}
    return frames


def _frame_facts(recording: Recording, index: int) -> Facts:
    exposure_s = float(recording.exposure_s[index])
    return {
        "image": str(recording.frames[index]),
        "exposure_start_ns": int(recording.start_ns[index]),
        "exposure_s": None if np.isnan(exposure_s) else exposure_s,
        "notes": [],
    }


def _measured(recording: Recording, index: int) -> Facts:
    facts = _frame_facts(recording, index)
    if recording.missing(index):
        return facts
    capture = recording[index]
    covered = capture.coverage()
    assert covered is not None
    facts["covered"] = round(covered.covered, 3)
    try:
        facts["blur_px"] = _blur(capture)
        facts["notes"] = [note for note in covered.notes if note not in capture.remarks]
    except GyrosharpError as error:
        facts["missing"] = str(error)
    return facts


def _blur(capture: Capture) -> dict[str, float]:
    camera = capture.camera
    extent = blur_field(capture, stride=max(min(camera.width, camera.height) // 8, 1)).extent_px
    return {"median": round(float(np.median(extent)), 2), "longest": round(float(extent.max()), 2)}


def _range(values: "NDArray[np.float64] | Sequence[float]") -> dict[str, float] | None:
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not known.size:
        return None
    spread = {"least": known.min(), "median": np.median(known), "most": known.max()}
    return {name: round(float(value), 6) for name, value in spread.items()}
