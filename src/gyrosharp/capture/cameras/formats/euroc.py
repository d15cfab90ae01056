"""``sensor.yaml`` of a camera in the EuRoC (ASL) data format.

Lens: `radial-tangential` (OpenCV's k1 k2 p1 p2) or `equidistant` (OpenCV's fisheye). Pixels: whole numbers are centres.
Gyro: `T_BS` maps the camera's points to the body frame, which in this format is the IMU's, so R_cam_imu is the
transpose of its rotation. Cameras and IMU of the data set share a clock; the file does not say, so no offset is read.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.cameras.formats._text import CameraFile, Lens, Section, camera_of, opencv_lens, shown
from gyrosharp.capture.cameras.formats._yaml import yaml_section
from gyrosharp.capture.cameras.profile import CameraProfile

NAME = "euroc"
DESCRIPTION = "sensor.yaml of an EuRoC (ASL) camera"
EXTENSIONS = (".yaml",)

_MARKS = re.compile(r"^(sensor_type\s*:\s*camera|T_BS\s*:)", re.MULTILINE)


def sniff(text: str, path: Path) -> bool:  # noqa: ARG001
    """Return whether a text has a camera as its sensor type, or the format's name of the extrinsics."""
    return _MARKS.search(text) is not None


def read(file: CameraFile) -> Mapping[str, CameraProfile]:
    """Return the camera under the name of the folder that its file is in (``cam0``).

    Raises
    ------
    CaptureError
        If the file is malformed, of an IMU, or its lens model is not supported.
    """
    section = yaml_section(file)
    if section.text("sensor_type", "camera") != "camera":
        got = shown(section.text("sensor_type"))
        raise section.failure("sensor_type", f"expected camera, got {got}; give the sensor.yaml of a camera")
    resolution = section.numbers("resolution", 2)
    size = section.size("resolution", resolution[0]), section.size("resolution", resolution[1])
    camera = camera_of(file, "intrinsics", size, section.numbers("intrinsics", 4), _lens(section))
    name = file.path.absolute().parent.name or "camera"
    return {name: CameraProfile(name, camera, R_cam_imu=_axes(section), source="EuRoC sensor.yaml")}


def _lens(section: Section) -> Lens:
    model = section.text("distortion_model", "none")
    if model == "none":
        return "none", ()
    k = section.numbers("distortion_coefficients", 4)
    if model == "equidistant":
        return "opencv_fisheye", k
    lens = opencv_lens(k) if model in ("radial-tangential", "radtan") else None
    if lens is None:
        raise section.failure(
            "distortion_model", f"expected radial-tangential or equidistant, got {shown(model)}, which is not supported"
        )
    return lens


def _axes(section: Section) -> NDArray[np.float64] | None:
    return section.section("T_BS").rotation("data").T if section.has("T_BS") else None
