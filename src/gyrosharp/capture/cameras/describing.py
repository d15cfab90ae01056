"""A camera profile in plain words, for `probe`."""

import math

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.cameras.profile import CameraProfile, GyroNoise
from gyrosharp.geometry.camera import CameraModel


def describe(profile: CameraProfile) -> list[tuple[str, str]]:
    """Return what a profile says, as (what, value) rows in plain words; what it does not know is left out."""
    camera = profile.camera
    rows = [
        ("camera", profile.name),
        ("picture", f"{camera.width} x {camera.height} px"),
        ("focal length", f"{camera.fx:.1f} x {camera.fy:.1f} px"),
        ("principal point", f"{camera.cx:.1f}, {camera.cy:.1f} px"),
        ("field of view", " x ".join(_degrees(angle) for angle in field_of_view_rad(camera))),
        ("distortion", _distortion(camera)),
        ("readout", "" if profile.readout_s is None else f"{profile.readout_s * 1e3:.4g} ms"),
        ("shutter", "" if profile.shutter is None else profile.shutter.value.replace("_", " ")),
        ("gyro to camera", "" if profile.R_cam_imu is None else _rows(profile.R_cam_imu)),
        ("time offset", "" if profile.time_offset_s is None else f"{profile.time_offset_s * 1e3:.4g} ms"),
        ("gyro noise", "" if profile.gyro_noise is None else _noise(profile.gyro_noise)),
        ("source", profile.source),
        ("uncertainty", profile.uncertainty),
        *(("note", note) for note in profile.notes),
    ]
    return [(what, value) for what, value in rows if value]


def field_of_view_rad(camera: CameraModel) -> tuple[float, float]:
    """Return the angles between the picture's left and right edge and its upper and lower edge, through its centre.

    NaN where the lens model cannot be inverted there, or sees more than 178 degrees.
    """
    cx, cy = (camera.width - 1) / 2, (camera.height - 1) / 2
    edges = [[-0.5, cy], [camera.width - 0.5, cy], [cx, -0.5], [cx, camera.height - 0.5]]
    rays, valid = camera.unproject(np.array(edges))
    unit = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    across, down = (
        float(np.arccos(np.clip(unit[k] @ unit[k + 1], -1, 1))) if valid[k : k + 2].all() else math.nan for k in (0, 2)
    )
    return across, down


def _degrees(angle_rad: float) -> str:
    return "unknown" if math.isnan(angle_rad) else f"{math.degrees(angle_rad):.1f} deg"


def _distortion(camera: CameraModel) -> str:
    if not any(camera.distortion):
        return {"opencv_fisheye": "equidistant fisheye"}.get(camera.distortion_model, "none")
    return f"{camera.distortion_model} {' '.join(f'{value:.4g}' for value in camera.distortion)}"


def _rows(rotation: NDArray[np.float64]) -> str:
    return "; ".join(" ".join(f"{value + 0.0:.4g}" for value in row) for row in rotation)


def _noise(noise: GyroNoise) -> str:
    units = (
        (noise.white_rad_s_rthz, "rad/s/sqrt(Hz) white"),
        (noise.bias_instability_rad_s, "rad/s bias instability"),
        (noise.random_walk_rad_s2_rthz, "rad/s^2/sqrt(Hz) random walk"),
    )
    return ", ".join(f"{value:.3g} {unit}" for value, unit in units if value is not None)
