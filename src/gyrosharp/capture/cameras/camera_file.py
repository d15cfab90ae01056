"""gyrosharp's own camera files, ``gyrosharp.camera/1``: load and save."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.cameras.profile import CameraProfile, GyroNoise
from gyrosharp.capture.documents import read_document
from gyrosharp.errors import CaptureError, GyrosharpError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Shutter
from gyrosharp.imu.axes import parse_axes
from gyrosharp.media.atomic import atomic_write

if TYPE_CHECKING:
    from gyrosharp.capture.schema import CameraPart


def load_profile(path: str | Path) -> CameraProfile:
    """Return the camera of a ``gyrosharp.camera/1`` file, for the size it was saved with.

    Raises
    ------
    CaptureError
        If the file is not valid JSON, has another format tag, an unknown or missing key, or a value out of range.
    """
    from gyrosharp.capture.cameras.schema import CameraDocument

    file = Path(path)
    document = read_document(file, CameraDocument)
    axes, noise = document.R_cam_imu, document.gyro_noise
    try:
        return CameraProfile(
            name=document.name or file.stem,
            camera=camera_of_part(document.camera),
            readout_s=document.readout_s,
            shutter=None if document.shutter is None else Shutter(document.shutter),
            notes=tuple(document.notes),
            R_cam_imu=axes_of_part(axes),
            time_offset_s=document.time_offset_s,
            gyro_noise=None if noise is None else GyroNoise(**noise.model_dump()),
            source=document.source,
            uncertainty=document.uncertainty,
        )
    except GyrosharpError as error:
        raise CaptureError(f"{file}: {error}") from None


def save_profile(profile: CameraProfile, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a camera file, which ``--camera`` takes; what the profile does not know is left out.

    Parameters
    ----------
    profile : CameraProfile
        Its numbers are written in full.
    path : str or Path
        Customarily ``NAME.camera.json``.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    OutputError
        If the file exists and `overwrite` is False, or cannot be written.
    """
    text = json.dumps(_document(profile), indent=1, default=float) + "\n"
    with atomic_write(Path(path), overwrite=overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")


def camera_of_part(part: "CameraPart") -> CameraModel:
    """Return the camera that the ``camera`` part of a gyrosharp file describes.

    Raises
    ------
    CaptureError
        If a value is out of range.
    """
    return CameraModel(**{**part.model_dump(), "distortion": tuple(part.distortion)})


def axes_of_part(axes: str | Sequence[Sequence[float]] | None) -> NDArray[np.float64] | None:
    """Return the ``R_cam_imu`` of a gyrosharp file: a preset's name, or a matrix that is yet to be checked.

    Raises
    ------
    UsageError
        If there is no preset of that name.
    """
    return parse_axes(axes) if isinstance(axes, str) else None if axes is None else np.array(axes, dtype=np.float64)


def _document(profile: CameraProfile) -> dict[str, Any]:
    # Estimates often come as NumPy scalars, which JSON does not know: `default=float` and these lists turn them.
    known = {
        "format": "gyrosharp.camera/1",
        "name": profile.name,
        "camera": asdict(profile.camera),
        "readout_s": profile.readout_s,
        "shutter": None if profile.shutter is None else profile.shutter.value,
        "R_cam_imu": None if profile.R_cam_imu is None else np.asarray(profile.R_cam_imu).tolist(),
        "time_offset_s": profile.time_offset_s,
        "gyro_noise": None if profile.gyro_noise is None else asdict(profile.gyro_noise),
        "source": profile.source or None,
        "uncertainty": profile.uncertainty or None,
        "notes": list(profile.notes) or None,
    }
    return {key: value for key, value in known.items() if value is not None}
