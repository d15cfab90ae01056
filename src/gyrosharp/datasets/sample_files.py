"""A BlurSample as the files of a WebDataset record, and back."""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.field import BlurField
from gyrosharp.capture.capture import Capture
from gyrosharp.datasets.sample import BlurSample
from gyrosharp.errors import ImageError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure, Shutter
from gyrosharp.geometry.trajectory import PoseTrajectory
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.media.opencv import png_from, png_of

NOISY = "noisy_"
PHYSICS_SUFFIX = ".physics.png"


def files_of(sample: BlurSample) -> dict[str, bytes]:
    """Return the content of a record by suffix.

    - ``sharp.png``, ``blurred.png``: RGB codes; ``mask.png``, ``saturation.png``: 255 is 1;
    - ``depth.npy``: float32 metres, where there is depth;
    - ``field.npy``, ``noisy_field.npy``: (T, h, w, 2) float32 px;
    - ``motion.npy``, ``noisy_motion.npy``: (N, 4 or 7) float64 rows of time (s after the first), rate (rad/s, camera
      frame), and position (m, frame of the first pose) where the camera also moves;
    - ``<name>.physics.png``: what physics makes of it, by name; 255 is 1;
    - ``<encoding>.npy``, ``noisy_<encoding>.npy``: (C, h, w) float16;
    - ``meta.json``: all parameters.
    """
    files = {
        "sharp.png": png_of(sample.sharp),
        "blurred.png": png_of(sample.blurred),
        "mask.png": png_of(share_codes(sample.mask)),
        "field.npy": npy_of(sample.field.displacement_px),
        "noisy_field.npy": npy_of(sample.noisy_field.displacement_px),
        "motion.npy": npy_of(_motion_rows(sample.capture)),
        "noisy_motion.npy": npy_of(_motion_rows(sample.noisy_capture)),
    }
    if sample.saturation.any():
        files["saturation.png"] = png_of(share_codes(sample.saturation))
    if sample.depth_m is not None:
        files["depth.npy"] = npy_of(sample.depth_m)
    for prefix, encodings in (("", sample.encodings), (NOISY, sample.noisy_encodings)):
        for name, planes in encodings.items():
            files[f"{prefix}{name}.npy"] = npy_of(planes.astype(np.float16))
    for name, codes in sample.physics.items():
        files[f"{name}{PHYSICS_SUFFIX}"] = png_of(codes)
    facts = {
        "name": sample.name,
        "capture": _capture_facts(sample.capture),
        "noisy_capture": _capture_facts(sample.noisy_capture),
        "field": _field_facts(sample.field),
        "noisy_field": _field_facts(sample.noisy_field),
        "meta": sample.meta,
    }
    files["meta.json"] = json.dumps(facts, sort_keys=True).encode()
    return files


def sample_from(files: Mapping[str, bytes]) -> BlurSample:
    """Return the sample that a record holds, the inverse of `files_of` up to the rounding of mask and encodings.

    Raises
    ------
    ImageError
        If a file is missing or cannot be decoded.
    """
    try:
        facts = json.loads(files["meta.json"])
        encodings = {name.removesuffix(".npy"): npy_from(files[name]) for name in files if name.endswith(".npy")}
        fields = {name: encodings.pop(name) for name in ("field", "noisy_field")}
        motions = {name: encodings.pop(name) for name in ("motion", "noisy_motion")}
        depth_m = encodings.pop("depth", None)
        sharp, blurred, mask = (png_from(files[f"{name}.png"]) for name in ("sharp", "blurred", "mask"))
        saturation = png_from(files["saturation.png"]) if "saturation.png" in files else np.zeros_like(mask)
    except (KeyError, ValueError) as error:
        raise ImageError(f"sample: expected the files that gyrosharp writes, got a record without {error}") from None
    planes = {name: values.astype(np.float32) for name, values in encodings.items()}
    return BlurSample(
        name=facts["name"],
        sharp=sharp,
        blurred=blurred,
        capture=_capture_from(facts["capture"], motions["motion"], depth_m),
        noisy_capture=_capture_from(facts["noisy_capture"], motions["noisy_motion"], depth_m),
        field=_field_from(facts["field"], fields["field"]),
        noisy_field=_field_from(facts["noisy_field"], fields["noisy_field"]),
        mask=np.asarray(mask / 255.0, dtype=np.float32),
        saturation=np.asarray(saturation / 255.0, dtype=np.float32),
        encodings={name: values for name, values in planes.items() if not name.startswith(NOISY)},
        noisy_encodings={name.removeprefix(NOISY): values for name, values in planes.items() if name.startswith(NOISY)},
        physics={
            name.removesuffix(PHYSICS_SUFFIX): np.atleast_3d(png_from(content))
            for name, content in files.items()
            if name.endswith(PHYSICS_SUFFIX)
        },
        meta=facts["meta"],
    )


def npy_of(values: NDArray[Any]) -> bytes:
    """Return an array in NumPy's file format."""
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()


def npy_from(data: bytes) -> NDArray[Any]:
    """Return the array of a NumPy file; pickled objects are refused."""
    return np.asarray(np.load(io.BytesIO(data), allow_pickle=False))


def share_codes(share: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return values in [0, 1] as 8-bit codes."""
    return np.asarray(np.rint(np.clip(share, 0.0, 1.0) * 255.0), dtype=np.uint8)


def _motion_rows(capture: Capture) -> NDArray[np.float64]:
    if capture.imu is not None:
        assert capture.R_cam_imu is not None
        seconds = (capture.imu.time_ns - capture.imu.time_ns[0]) * 1e-9
        return np.column_stack([seconds, capture.imu.gyro_rad_s @ capture.R_cam_imu.T])
    poses = capture.poses
    assert poses is not None and poses.rates_rad_s is not None and poses.positions_m is not None
    seconds = (poses.time_ns - poses.time_ns[0]) * 1e-9
    # In the frame of the first pose: integrating the rates gives orientations in it.
    positions = (poses.positions_m - poses.positions_m[0]) @ poses.rotations[0]
    return np.column_stack([seconds, poses.rates_rad_s, positions])


def _capture_facts(capture: Capture) -> dict[str, Any]:
    moving = capture.imu or capture.poses
    assert moving is not None
    return {
        "camera": asdict(capture.camera),
        "exposure": {**asdict(capture.exposure), "shutter": str(capture.exposure.shutter)},
        "reference_ns": capture.reference_ns,
        "time_offset_s": capture.time_offset_s,
        "motion_start_ns": int(moving.time_ns[0]),
    }


def _capture_from(facts: dict[str, Any], rows: NDArray[np.float64], depth_m: NDArray[np.float32] | None) -> Capture:
    camera = CameraModel(**{**facts["camera"], "distortion": tuple(facts["camera"]["distortion"])})
    exposure = Exposure(**{**facts["exposure"], "shutter": Shutter(facts["exposure"]["shutter"])})
    time_ns = facts["motion_start_ns"] + np.rint(rows[:, 0] * 1e9).astype(np.int64)
    shared = {"reference_ns": facts["reference_ns"], "time_offset_s": facts["time_offset_s"], "depth_m": depth_m}
    if rows.shape[1] == 4:
        imu = ImuRecording(time_ns, rows[:, 1:4], clock="sample", R_cam_imu=np.eye(3), source="sample")
        return Capture(camera, exposure, imu=imu, R_cam_imu=np.eye(3), **shared)
    turned = PoseTrajectory.from_gyro(time_ns, rows[:, 1:4])
    poses = PoseTrajectory(time_ns, turned.rotations, rows[:, 4:7], turned.rates_rad_s)
    return Capture(camera, exposure, poses=poses, **shared)


def _field_facts(field: BlurField) -> dict[str, Any]:
    return {
        "weights": field.weights.tolist(),
        "phases": field.phases.tolist(),
        "stride": field.stride,
        "reference_ns": field.reference_ns,
    }


def _field_from(facts: dict[str, Any], displacement_px: NDArray[np.float32]) -> BlurField:
    return BlurField(
        displacement_px, np.array(facts["weights"]), np.array(facts["phases"]), facts["stride"], facts["reference_ns"]
    )
