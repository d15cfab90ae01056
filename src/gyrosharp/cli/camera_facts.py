"""What a camera file holds, for `probe`."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from gyrosharp.capture.cameras import CameraProfile, describe, formats, read_cameras
from gyrosharp.capture.cameras.formats import claims
from gyrosharp.capture.cameras.formats._text import read_text
from gyrosharp.capture.layouts.saved import SUFFIX as RECORDING_SUFFIX
from gyrosharp.cli.fact_rows import Facts
from gyrosharp.cli.options import CAPTURE_SUFFIX
from gyrosharp.errors import CaptureError

# Some files leave the size open and take that of the picture. Here is none: a 16:9 one that no camera records, so
# that of several settings the one that was calibrated is shown.
PICTURE_PX = (1600, 900)


def is_camera_file(path: Path) -> bool:
    """Whether a file has the ending and the marks of a camera file, and describes no shot or recording beside."""
    endings = {ending.rpartition(".")[2] for form in formats().values() for ending in form.EXTENSIONS}
    if path.suffix.lower().lstrip(".") not in endings or path.name.endswith((CAPTURE_SUFFIX, RECORDING_SUFFIX)):
        return False
    try:
        return bool(claims(read_text(path), path))
    except CaptureError:
        return False


def camera_facts(path: Path) -> Facts:
    """Return the cameras of a file as plain values.

    Raises
    ------
    CaptureError
        If the file is malformed.
    """
    cameras = read_cameras(path, *PICTURE_PX)
    return {"kind": "camera file", "source": str(path), "cameras": [_facts(profile) for profile in cameras.values()]}


def camera_rows(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (label, text) for people.

    Raises
    ------
    CaptureError
        If the file is malformed.
    """
    cameras = read_cameras(path, *PICTURE_PX)
    yield "kind", "camera file; use it with --camera"
    for profile in cameras.values():
        yield from describe(profile)


def _facts(profile: CameraProfile) -> Facts:
    axes = profile.R_cam_imu
    return {
        "name": profile.name,
        "camera": asdict(profile.camera),
        "readout_s": profile.readout_s,
        "shutter": None if profile.shutter is None else profile.shutter.value,
        "R_cam_imu": None if axes is None else axes.tolist(),
        "time_offset_s": profile.time_offset_s,
        "gyro_noise": None if profile.gyro_noise is None else asdict(profile.gyro_noise),
        "source": profile.source,
        "uncertainty": profile.uncertainty,
        "notes": list(profile.notes),
    }
