"""A tiny writer per camera format: what another tool would write for a camera."""

import json
from dataclasses import dataclass

from gyrosharp.geometry.camera import CameraModel

PINHOLE = CameraModel(640, 480, 501.5, 499.25, 322.75, 236.5)
RADTAN = CameraModel(640, 480, 501.5, 499.25, 322.75, 236.5, "opencv", (-0.28, 0.07, 2e-4, -1e-5))
FISHEYE = CameraModel(640, 480, 301.5, 299.25, 322.75, 236.5, "opencv_fisheye", (0.03, 0.06, -0.07, 0.02))


@dataclass(frozen=True)
class Sample:
    """A file of a format, the camera that it describes, and a key or line that a broken value is blamed on."""

    name: str
    text: str
    camera: CameraModel
    # (text to find, what to put there, what the message must name)
    breaks: tuple[tuple[str, str, str], ...]

    def write(self, folder, text=None):
        path = folder / self.name
        path.write_text(self.text if text is None else text, encoding="utf-8")
        return path


def gyroflow(camera=FISHEYE, **changes):
    profile = {
        "name": "Brand_Model_Lens",
        "camera_brand": "Brand",
        "camera_model": "Model",
        "lens_model": "Lens",
        "calibrated_by": "Someone",
        "calib_dimension": {"w": camera.width, "h": camera.height},
        "orig_dimension": {"w": camera.width, "h": camera.height},
        "frame_readout_time": 12.5,
        "input_horizontal_stretch": 1.0,
        "input_vertical_stretch": 1.0,
        "fisheye_params": {
            "RMS_error": 0.27,
            "camera_matrix": [[camera.fx, 0.0, camera.cx], [0.0, camera.fy, camera.cy], [0.0, 0.0, 1.0]],
            "distortion_coeffs": list(camera.distortion),
            "radial_distortion_limit": None,
        },
        "distortion_model": None,
        "digital_lens": None,
        "compatible_settings": [],
    }
    return json.dumps(profile | changes, indent=1)


def kalibr(camera=RADTAN, name="cam0", model="radtan", extra=""):
    return (
        f"{name}:\n  cam_overlaps: []\n  camera_model: pinhole\n"
        f"  distortion_coeffs: {list(camera.distortion)}\n  distortion_model: {model}\n"
        f"  intrinsics: [{camera.fx}, {camera.fy}, {camera.cx}, {camera.cy}]\n"
        f"  resolution: [{camera.width}, {camera.height}]\n  rostopic: /{name}/image_raw\n{extra}"
    )


def euroc(camera=RADTAN, model="radial-tangential"):
    return (
        "# General sensor definitions.\nsensor_type: camera\ncomment: VI-Sensor cam0\n\n"
        "T_BS:\n  cols: 4\n  rows: 4\n"
        "  data: [0.0, -1.0, 0.0, -0.02,\n         1.0, 0.0, 0.0, -0.06,\n         0.0, 0.0, 1.0, 0.01,\n"
        "         0.0, 0.0, 0.0, 1.0]\n\nrate_hz: 20\n"
        f"resolution: [{camera.width}, {camera.height}]\ncamera_model: pinhole\n"
        f"intrinsics: [{camera.fx}, {camera.fy}, {camera.cx}, {camera.cy}] #fu, fv, cu, cv\n"
        f"distortion_model: {model}\ndistortion_coefficients: {list(camera.distortion)}\n"
    )


def opencv(camera=RADTAN):
    return (
        "%YAML:1.0\n---\n"
        f"image_width: {camera.width}\nimage_height: {camera.height}\n"
        "camera_matrix: !!opencv-matrix\n   rows: 3\n   cols: 3\n   dt: d\n"
        f"   data: [ {camera.fx}, 0., {camera.cx}, 0., {camera.fy},\n       {camera.cy}, 0., 0., 1. ]\n"
        "distortion_coefficients: !!opencv-matrix\n   rows: 1\n   cols: 4\n   dt: d\n"
        f"   data: {list(camera.distortion)}\n"
    )


def colmap(camera=RADTAN, model="OPENCV", label=1):
    params = [camera.fx, camera.fy, camera.cx + 0.5, camera.cy + 0.5, *camera.distortion]
    return (
        "# Camera list with one line of data per camera:\n#   CAMERA_ID, MODEL, WIDTH, HEIGHT, PARAMS[]\n"
        f"{label} {model} {camera.width} {camera.height} {' '.join(map(str, params))}\n"
    )


def android(camera=RADTAN, **changes):
    k1, k2, p1, p2 = camera.distortion or (0.0,) * 4
    keys = {
        "android.sensor.orientation": 90,
        "android.sensor.info.preCorrectionActiveArraySize": {
            "left": 0,
            "top": 0,
            "right": camera.width,
            "bottom": camera.height,
        },
        "android.lens.intrinsicCalibration": [camera.fx, camera.fy, camera.cx + 0.5, camera.cy + 0.5, 0.0],
        "android.lens.distortion": [k1, k2, 0.0, p1, p2],
        "android.sensor.rollingShutterSkew": 12_500_000,
    }
    return json.dumps(keys | changes, indent=1)


def own(camera=RADTAN, **changes):
    document = {
        "format": "gyrosharp.camera/1",
        "name": "mine",
        "camera": {
            "width": camera.width,
            "height": camera.height,
            "fx": camera.fx,
            "fy": camera.fy,
            "cx": camera.cx,
            "cy": camera.cy,
            "distortion_model": camera.distortion_model,
            "distortion": list(camera.distortion),
        },
        "readout_s": 0.0125,
    }
    return json.dumps(document | changes, indent=1)


def capture(camera=RADTAN):
    parts = json.loads(own(camera))
    exposure = {"start_ns": 5, "duration_s": 0.01, "readout_s": 0.0125, "shutter": "rolling_bottom_to_top"}
    imu = {"file": "log.gcsv", "R_cam_imu": "android-portrait"}
    document = {"format": "gyrosharp.capture/1", "image": "a.png", "camera": parts["camera"], "exposure": exposure}
    return json.dumps(document | {"imu": imu, "depth": None}, indent=1)


SAMPLES = {
    "gyroflow": Sample(
        "lens.json",
        gyroflow(),
        FISHEYE,
        (
            ("301.5", '"oops"', "fisheye_params.camera_matrix"),
            ('"w": 640', '"w": 0', "calib_dimension.w"),
            ('"frame_readout_time": 12.5', '"frame_readout_time": 12500', "frame_readout_time"),
            ('"compatible_settings": []', '"compatible_settings": 3', "compatible_settings"),
        ),
    ),
    "kalibr": Sample(
        "camchain.yaml",
        kalibr(),
        RADTAN,
        (
            ("501.5", "oops", "cam0.intrinsics"),
            ("640", "640.5", "cam0.resolution"),
            ("[-0.28, ", "[", "cam0.distortion_coeffs"),
            ("intrinsics", "intrinsic", "cam0.intrinsics"),
        ),
    ),
    "euroc": Sample(
        "sensor.yaml",
        euroc(),
        RADTAN,
        (("501.5", ".nan", "intrinsics"), ("[0.0, -1.0", "[0.0, -2.0", "T_BS"), ("480", "-480", "resolution")),
    ),
    "opencv": Sample(
        "calibration.yml",
        opencv(),
        RADTAN,
        (
            ("501.5", "oops", "camera_matrix"),
            ("0., 0., 1.", "0., 0., 2.", "camera_matrix"),
            ("-0.28", ".Inf", "distortion_coefficients"),
            ("640", "0", "image_width"),
        ),
    ),
    "colmap": Sample(
        "cameras.txt",
        colmap(),
        RADTAN,
        (("501.5", "oops", "line 3"), (" 237.0", "", "line 3"), ("501.5", "-501.5", "line 3")),
    ),
    "android": Sample(
        "characteristics.json",
        android(),
        RADTAN,
        (
            ("501.5", '"oops"', "lensintrinsiccalibration"),
            ('"right": 640', '"right": 0', "sensorinfoprecorrectionactivearraysize"),
            ("-0.28,", "", "LENS_DISTORTION"),
        ),
    ),
    "gyrosharp": Sample(
        "mine.json",
        own(),
        RADTAN,
        (("501.5", '"oops"', "camera.fx"), ('"readout_s"', '"readout"', "readout"), ("0.0125", "12.5", "readout_s")),
    ),
    "capture": Sample(
        "a.capture.json",
        capture(),
        RADTAN,
        (("501.5", '"oops"', "camera.fx"), ('"camera"', '"kamera"', "camera"), ("-0.28,", "", "distortion")),
    ),
}
