"""Kalibr camera chains (YAML): ``camchain.yaml``, ``camchain-imucam.yaml``, and OpenVINS's copies of them.

Lens: `pinhole` cameras with `radtan` (OpenCV's k1 k2 p1 p2), `equidistant` or `equi` (OpenCV's fisheye k1..k4) or no
distortion. `omni`, `ds`, `eucm` and the `fov` lens are refused.

Pixels: whole numbers are pixel centres, as here.

Gyro: `T_cam_imu` maps points of the IMU frame to the camera frame; its rotation is R_cam_imu (OpenVINS's `T_imu_cam` is
the inverse). `timeshift_cam_imu` s means t_imu = t_cam + s, so time_offset_s = -s.

Cameras are called ``cam0``, ``cam1`` ...
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.cameras.formats._text import CameraFile, Lens, Section, camera_of, opencv_lens, shown
from gyrosharp.capture.cameras.formats._yaml import yaml_section
from gyrosharp.capture.cameras.profile import CameraProfile

NAME = "kalibr"
DESCRIPTION = "Kalibr or OpenVINS camera chain (camchain, camchain-imucam)"
EXTENSIONS = (".yaml", ".yml")

_CAMERA = re.compile(r"cam\d+")
_MARKS = re.compile(r"^cam\d+\s*:\s*(#.*)?$", re.MULTILINE)


def sniff(text: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether a text has a ``camN:`` at the start of a line."""
    return _MARKS.search(text) is not None


def read(file: CameraFile) -> Mapping[str, CameraProfile]:
    """Return the cameras of the chain by name; with a choice only that one, so that others may be unsupported.

    Raises
    ------
    CaptureError
        If the file is malformed, or a camera or lens model is not supported.
    """
    chain = yaml_section(file)
    names = [name for name in chain.values if _CAMERA.fullmatch(name)]
    if file.choice in names:
        names = [file.choice]
    return {name: _profile(chain.section(name), name) for name in names}


def _profile(section: Section, name: str) -> CameraProfile:
    if section.text("camera_model", "pinhole") != "pinhole":
        model = shown(section.text("camera_model"))
        raise section.failure(
            "camera_model", f"expected pinhole, got {model}, which is not supported; calibrate as pinhole"
        )
    resolution = section.numbers("resolution", 2)
    size = section.size("resolution", resolution[0]), section.size("resolution", resolution[1])
    where = section.key("intrinsics")
    camera = camera_of(section.file, where, size, section.numbers("intrinsics", 4), _lens(section))
    shift_s = section.number_or_none("timeshift_cam_imu")
    return CameraProfile(
        name,
        camera,
        R_cam_imu=_axes(section),
        time_offset_s=None if shift_s is None else -shift_s,
        notes=() if shift_s is None else (f"time offset {-shift_s * 1e3:.3g} ms from Kalibr's time shift",),
        source="Kalibr camera chain",
    )


def _lens(section: Section) -> Lens:
    model = section.text("distortion_model", "none").lower()
    k = section.numbers("distortion_coeffs") if section.has("distortion_coeffs") else ()
    if model == "none":
        return "none", ()
    if model not in ("radtan", "equi", "equidistant"):
        raise section.failure(
            "distortion_model", f"expected radtan, equidistant or none, got {shown(model)}, which is not supported"
        )
    if len(k) != 4:
        raise section.failure("distortion_coeffs", f"expected 4 coefficients of {model}, got {len(k)}")
    lens = opencv_lens(k) if model == "radtan" else None
    return lens or ("opencv_fisheye", k)


def _axes(section: Section) -> NDArray[np.float64] | None:
    if section.has("T_cam_imu"):
        return section.rotation("T_cam_imu")
    return section.rotation("T_imu_cam").T if section.has("T_imu_cam") else None
