"""GyroBlur-Real (GyroDeblurNet): real photos of a phone, each with its gyro log and camera data; no truth.

``image_info.txt`` is one line: time stamp (ns, start of exposure), ISO, exposure (ns), fx, fy, cx, cy, s. The
intrinsics are Android's, of the whole landscape sensor in its own pixels, while the picture stands upright and is
smaller: the phone (Galaxy S22) is taken to have `sensor_px` = 4000 pixels along its longer side, and the picture to
be turned clockwise. Gyro axes are the upright phone's (x right, y up, z out of the screen). Readout time is not given
and taken as 0.
"""

from functools import partial
from pathlib import Path

from gyrosharp.capture.capture import Capture, ImageSource
from gyrosharp.capture.capture_file import capture_document, load_capture
from gyrosharp.datasets.formats._folders import folders_in, is_picture, require_found, subsets
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.datasets.formats._lists import number_row, text_lines
from gyrosharp.datasets.formats._shots import gyro_text, json_bytes, shot_files
from gyrosharp.datasets.sample import BlurSample
from gyrosharp.errors import CaptureError, UsageError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure, Shutter
from gyrosharp.imu.axes import parse_axes
from gyrosharp.imu.readers import read_imu
from gyrosharp.media.header import read_header
from gyrosharp.media.opencv import png_of

NAME = "gyroblur_real"
DESCRIPTION = "GyroBlur-Real: phone photos with gyro log and camera data"
LICENCE = "none stated"
LAYOUT = """
NNN/blurry.png
NNN/blurry.dng                              (not read, not written)
NNN/image_info.txt                          t_ns ISO exposure_ns fx fy cx cy s
NNN/gyro.txt                                t_ns wx wy wz
written besides, one level down: SPLIT/NNN/sharp.png, SPLIT/NNN/blurry.capture.json (what the phone's log says),
SPLIT/shots/NNN.* (the exact motion)
"""
NEEDS: tuple[str, ...] = ()
INFO, GYRO, PICTURE, TRUTH, TOLD = "image_info.txt", "gyro.txt", "blurry.png", "sharp.png", "blurry.capture.json"
SENSOR_PX = 4000
FIELDS = "t_ns ISO exposure_ns fx fy cx cy s"
# Written where the simulated sensor names no ISO.
NO_ISO = 100


def sniff(folder: Path) -> bool:
    """Return whether a folder one or two levels down holds image_info.txt and gyro.txt."""
    return _holds(folder) or any(_holds(path) for path in folders_in(folder))


def read(folder: Path, split: str | None = None, *, sensor_px: int = SENSOR_PX) -> list[DatasetItem]:
    """Return the photos.

    Parameters
    ----------
    folder : Path
        Root.
    split : str or None
        Name of one subset, if there are any.
    sensor_px : int
        Longer side of the sensor that the intrinsics refer to, px.

    Raises
    ------
    UsageError
        If there is no such subset.
    ImageError
        If a scene has no picture.
    """
    items = [
        _item(scene, name, sensor_px)
        for name, subset in subsets(folder, _holds, split)
        for scene in folders_in(subset)
        if (scene / INFO).is_file()
    ]
    return require_found(folder, items, f"folders with {INFO}")


def _holds(folder: Path) -> bool:
    return any((path / INFO).is_file() and (path / GYRO).is_file() for path in folders_in(folder))


def _item(scene: Path, split: str | None, sensor_px: int) -> DatasetItem:
    picture, truth, told = scene / PICTURE, scene / TRUTH, scene / TOLD
    if not is_picture(picture) or not picture.is_file():
        raise CaptureError(f"{scene}: expected {PICTURE} beside {INFO}, got none; complete the set")
    return DatasetItem(
        name=scene.name,
        split=split,
        sharp=ImageSource(truth) if truth.is_file() else None,
        blurred=ImageSource(picture),
        capture_of=partial(load_capture, told) if told.is_file() else partial(_capture, scene, sensor_px),
    )


def _capture(scene: Path, sensor_px: int) -> Capture:
    path = scene / INFO
    lines = text_lines(path)
    if not lines:
        raise CaptureError(f"{path}: expected a line {FIELDS}, got an empty file")
    number, line = lines[0]
    _, _, exposure_ns, fx, fy, cx, cy, _ = number_row(path, number, line, 8, FIELDS)
    header = read_header(scene / PICTURE)
    # A float holds 15 digits, a stamp has up to 19: it is read again as an integer.
    exposure = Exposure(_stamp(path, number, line), exposure_ns * 1e-9, shutter=Shutter.GLOBAL)
    notes = ("gyro axes assumed: android-portrait", f"intrinsics taken as those of a {sensor_px} px sensor")
    return Capture(
        _camera(header.width, header.height, (fx, fy, cx, cy), sensor_px),
        exposure,
        ImageSource(scene / PICTURE),
        read_imu(scene / GYRO, "gyroblur"),
        parse_axes("android-portrait" if header.height > header.width else "android-landscape"),
        notes=notes,
    )


def _stamp(path: Path, number: int, line: str) -> int:
    cell = line.replace(",", " ").split()[0]
    try:
        return int(cell)
    except ValueError:
        raise CaptureError(f"{path}, line {number}: expected a stamp in whole nanoseconds, got {cell!r}") from None


def _camera(width: int, height: int, intrinsics: tuple[float, ...], sensor_px: int) -> CameraModel:
    """Camera of the picture as stored: of the landscape sensor, turned clockwise if it stands upright, and scaled."""
    fx, fy, cx, cy = intrinsics
    long_px, short_px = max(width, height), min(width, height)
    sensor_short_px = round(sensor_px * short_px / long_px)
    if height <= width:
        return CameraModel(sensor_px, sensor_short_px, fx, fy, cx, cy).scaled(width, height)
    # Turned clockwise, sensor pixel (x, y) lands at (height - 1 - y, x).
    upright = CameraModel(sensor_short_px, sensor_px, fy, fx, sensor_short_px - 1 - cy, cx)
    return upright.scaled(width, height)


def files_of(sample: BlurSample, split: str) -> dict[str, bytes]:
    """Return the files of one sample: the log and the intrinsics are those with errors, as a phone would have them.

    Raises
    ------
    UsageError
        If the sample's motion is not a gyro log.
    """
    told = sample.noisy_capture
    if told.imu is None or told.R_cam_imu is None:
        raise UsageError(f"{NAME}: expected a gyro log in sample {sample.name}, got poses; use another layout")
    scene = f"{split}/{sample.name}"
    motion = {
        "imu": {
            "file": GYRO,
            "format": "gyroblur",
            "R_cam_imu": told.R_cam_imu.tolist(),
            "time_offset_s": told.time_offset_s,
        }
    }
    return {
        f"{scene}/{PICTURE}": png_of(sample.blurred),
        f"{scene}/{TRUTH}": png_of(sample.sharp),
        f"{scene}/{INFO}": _info(told, sample.meta.get("sensor", {})),
        f"{scene}/{GYRO}": gyro_text(told.imu.time_ns, told.imu.gyro_rad_s),
        f"{scene}/{TOLD}": json_bytes(capture_document(told, PICTURE, motion)),
        **shot_files(sample, split, f"{sample.name}/{PICTURE}"),
    }


def _info(capture: Capture, sensor: object) -> bytes:
    """One line of camera data; intrinsics as they are in the picture's own pixels."""
    camera, exposure = capture.camera, capture.exposure
    iso = sensor.get("iso", NO_ISO) if isinstance(sensor, dict) else NO_ISO
    cells = [exposure.start_ns, iso, round(exposure.duration_s * 1e9), camera.fx, camera.fy, camera.cx, camera.cy, 0.0]
    return (" ".join(repr(cell) for cell in cells) + "\n").encode()
