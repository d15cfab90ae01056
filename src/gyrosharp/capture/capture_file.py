"""Load and save `*.capture.json`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gyrosharp.capture.capture import AXES_FROM_LOG, Capture, ImageSource
from gyrosharp.capture.documents import read_document, relative_path
from gyrosharp.capture.poses import read_poses
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure, Shutter
from gyrosharp.imu.axes import parse_axes
from gyrosharp.imu.readers import read_imu
from gyrosharp.media.atomic import atomic_write

if TYPE_CHECKING:
    from gyrosharp.capture.schema import ImuPart

SUFFIX = ".capture.json"


def load_capture(path: str | Path, imu_format: str | None = None, gyro_unit: str | None = None) -> Capture:
    """Read a capture file; paths in it are relative to its folder.

    Parameters
    ----------
    path : str or Path
        The `*.capture.json`.
    imu_format : str or None
        Reader of the gyro log; None takes what the file says.
    gyro_unit : "rad/s", "deg/s" or None
        Unit of the rates; None takes what the file says.

    Raises
    ------
    CaptureError
        If the file is not valid JSON, has the wrong format tag, an unknown or missing key or a value out of range.
    ImuError
        If its gyro log cannot be read.
    """
    file = Path(path)
    from gyrosharp.capture.schema import CaptureDocument

    document = read_document(file, CaptureDocument)
    folder = file.parent
    image = None if document.image is None else ImageSource(folder / document.image, document.frame)
    motion: dict[str, Any] = {}
    if document.imu is not None:
        motion = _imu_fields(folder, document.imu, imu_format, gyro_unit)
    elif document.trajectory is not None:
        motion = {"poses": read_poses(folder / document.trajectory.file)}
    try:
        camera = CameraModel(**{**document.camera.model_dump(), "distortion": tuple(document.camera.distortion)})
        exposure = Exposure(**{**document.exposure.model_dump(), "shutter": Shutter(document.exposure.shutter)})
        depth_file = None if document.depth is None else folder / document.depth
        return Capture(camera, exposure, image, depth_file=depth_file, reference_ns=document.reference_ns, **motion)
    except CaptureError as error:
        raise CaptureError(f"{file}: {error}") from None


def save_capture(capture: Capture, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a capture file; image and log are named relative to its folder.

    Raises
    ------
    CaptureError
        If the motion is no gyro log from a file, or the depth map is in memory only.
    OutputError
        If the file exists and `overwrite` is False, or cannot be written.
    """
    file = Path(path)
    text = json.dumps(_as_json(capture, file.parent), indent=1) + "\n"
    with atomic_write(file, overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def capture_document(
    capture: Capture, image: str | None, motion: dict[str, Any], depth: str | None = None
) -> dict[str, Any]:
    """Return the content of a capture file.

    Parameters
    ----------
    capture : Capture
        Camera, exposure, frame and reference time.
    image, depth : str or None
        Where the file says the picture and the depth map are.
    motion : dict
        Its ``imu`` or ``trajectory`` part, by name.
    """
    document: dict[str, Any] = {
        "format": "gyrosharp.capture/1",
        "image": image,
        "camera": asdict(capture.camera),
        "exposure": asdict(capture.exposure),
        **motion,
        "depth": depth,
    }
    # The exposure's own reference time is left out: it then follows the exposure, should someone correct that.
    if capture.reference_ns != capture.exposure.reference_ns(capture.camera.width, capture.camera.height):
        document["reference_ns"] = capture.reference_ns
    if capture.image is not None and capture.image.frame is not None:
        document["frame"] = capture.image.frame
    return document


def _imu_fields(folder: Path, part: "ImuPart", imu_format: str | None, gyro_unit: str | None) -> dict[str, Any]:
    imu = read_imu(folder / part.file, imu_format or part.format, gyro_unit or part.gyro_unit)
    axes = part.R_cam_imu
    notes: tuple[str, ...] = ()
    if axes is None:
        if imu.R_cam_imu is None:
            raise CaptureError(
                f"{folder / part.file}: expected imu.R_cam_imu in the capture file, got none, and this kind of log "
                "does not say how the gyro is mounted; give a 3x3 matrix or a preset name"
            )
        matrix, notes = imu.R_cam_imu, (AXES_FROM_LOG,)
    else:
        matrix = parse_axes(axes) if isinstance(axes, str) else np.array(axes, dtype=np.float64)
    bias = None if part.bias_rad_s is None else np.array(part.bias_rad_s)
    return {
        "imu": imu,
        "R_cam_imu": matrix,
        "time_offset_s": part.time_offset_s,
        "gyro_bias_rad_s": bias,
        "notes": notes,
    }


def _as_json(capture: Capture, folder: Path) -> dict[str, Any]:
    imu = capture.imu
    if imu is None or capture.R_cam_imu is None or not Path(imu.source).is_file():
        raise CaptureError("capture: expected a gyro log that is a file, got one in memory; write the log first")
    if capture.depth_m is not None and capture.depth_file is None:
        raise CaptureError("capture: expected a depth map that is a file, got one in memory; write the map first")
    motion = {
        "file": relative_path(Path(imu.source), folder),
        "R_cam_imu": capture.R_cam_imu.tolist(),
        "time_offset_s": capture.time_offset_s,
    }
    if capture.gyro_bias_rad_s is not None:
        motion["bias_rad_s"] = capture.gyro_bias_rad_s.tolist()
    image = None if capture.image is None else relative_path(capture.image.path, folder)
    depth = None if capture.depth_file is None else relative_path(capture.depth_file, folder)
    return capture_document(capture, image, {"imu": motion}, depth)
