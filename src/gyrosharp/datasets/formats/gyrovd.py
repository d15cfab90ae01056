"""GyroVD-Syn and GyroVD-Real (GyroDVD, CVPR 2026): video frames with a gyro log.

A frame's name is ``index_start_startLast_end_...``, in ns: start of the first averaged frame, start of the last one,
end of the last one. The blur of the picture spans start to end; for Real both starts are the same. Pictures are
stored as the landscape sensor delivers them. ``cam_metainfo.csv`` of Real has 22 columns per frame: frame, 0, ISO,
exposure_ns, four gains, a 3 x 3 colour matrix, fx, fy, cx, cy, skew, in pixels of the 4080 x 3072 sensor, of which
the picture is the central 16:9 part, resized. (The authors' code turns pictures upright and swaps cx and cy without
mirroring: about 12 px off.) Syn has one line without intrinsics, so its frames have no capture. Readout time is not
given and taken as 0.
"""

import re
from functools import lru_cache, partial
from pathlib import Path

from gyrosharp.capture.capture import Capture, ImageSource
from gyrosharp.datasets.formats._folders import folders_in, partner, pictures_in, require_found, source
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.datasets.formats._lists import number_rows, text_lines
from gyrosharp.errors import CaptureError, UsageError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure, Shutter
from gyrosharp.imu.axes import parse_axes
from gyrosharp.imu.readers import read_imu
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.media.header import read_header

NAME = "gyrovd"
DESCRIPTION = "GyroVD-Syn / GyroVD-Real video frames with gyro log (GyroDVD)"
LICENCE = "CC BY 4.0"
LAYOUT = """
DAY/VID_X/blur/000001_START_STARTLAST_END[_avgNN]_blur.{png,jpg}
DAY/VID_X/gt/000001_START_STARTLAST_END_avgNN_gt.png      Syn only
DAY/VID_X/sat_mask/000001_..._satmask.png                 Syn only
DAY/VID_X/meta_info/{gyro,accel,magnetic,cam_metainfo}.csv
"""
_NAME = re.compile(r"(\d+)_(\d+)_(\d+)_(\d+)_(?:avg\d+_)?blur$")
SENSOR = (4080, 3072)
COLUMNS = 22
INTRINSICS = slice(17, 21)


def sniff(folder: Path) -> bool:
    """Return whether a folder with blur and meta_info/gyro.csv is here, or one or two levels down."""
    return bool(_videos(folder))


def read(folder: Path, split: str | None = None) -> list[DatasetItem]:
    """Return the frames of all videos in order; `split` names one day folder or one video.

    Raises
    ------
    UsageError
        If there is no such day or video.
    ImageError
        If a frame of a video with a gt folder has no truth, or there are no frames.
    CaptureError
        If a frame's name does not say when it was exposed.
    """
    videos = [path for path in _videos(folder) if split is None or split in path.relative_to(folder.parent).parts]
    if split is not None and not videos:
        raise UsageError(f"{folder}: expected the name of a day or a video, got {split!r}")
    items = [
        _item(folder, video, path, row) for video in videos for row, path in enumerate(pictures_in(video / "blur"))
    ]
    return require_found(folder, items, "frames in blur folders")


def _videos(folder: Path) -> list[Path]:
    first = folders_in(folder)
    candidates = [folder, *first, *(path for child in first for path in folders_in(child))]
    return [path for path in candidates if (path / "blur").is_dir() and (path / "meta_info" / "gyro.csv").is_file()]


def _item(folder: Path, video: Path, path: Path, row: int) -> DatasetItem:
    match = _NAME.match(path.stem)
    if match is None:
        raise CaptureError(f"{path}: expected a name index_start_startLast_end_..., in ns, got {path.stem!r}")
    start_ns, end_ns = int(match[2]), int(match[4])
    base = path.stem.removesuffix("_blur")
    truths, mask = video / "gt", video / "sat_mask" / f"{base}_satmask.png"
    has_camera = _has_camera(video / "meta_info" / "cam_metainfo.csv")
    return DatasetItem(
        name=f"{video.relative_to(folder).as_posix()}/{match[1]}" if video != folder else match[1],
        split=video.parent.name if video != folder else None,
        sharp=ImageSource(partner(path, truths, "truth", stem=f"{base}_gt")) if truths.is_dir() else None,
        blurred=source(path),
        saturation=mask if mask.is_file() else None,
        capture_of=partial(_capture, video, path, row, (start_ns, end_ns)) if has_camera else None,
    )


@lru_cache(maxsize=64)
def _has_camera(path: Path) -> bool:
    """Whether the camera file is Real's, which has intrinsics; Syn's has one shorter line."""
    return path.is_file() and any(len(line.split(",")) >= COLUMNS for _, line in text_lines(path)[:1])


def _capture(video: Path, picture: Path, row: int, span_ns: tuple[int, int]) -> Capture:
    path = video / "meta_info" / "cam_metainfo.csv"
    rows = _rows(path)
    if row >= len(rows):
        raise CaptureError(
            f"{path}: expected a line for each frame, got {len(rows)} for frame {row + 1} of {video.name}"
        )
    fx, fy, cx, cy = rows[row][INTRINSICS]
    header = read_header(picture)
    exposure = Exposure(span_ns[0], (span_ns[1] - span_ns[0]) * 1e-9, shutter=Shutter.GLOBAL)
    return Capture(
        _camera(header.width, header.height, (fx, fy, cx, cy)),
        exposure,
        ImageSource(picture),
        _log(video / "meta_info" / "gyro.csv"),
        parse_axes("android-landscape"),
        notes=("no readout time is given: taken as a global shutter", "gyro axes: android-landscape"),
    )


def _camera(width: int, height: int, intrinsics: tuple[float, ...]) -> CameraModel:
    """Camera of the picture: the sensor's, cut to the picture's shape around its middle, and resized."""
    fx, fy, cx, cy = intrinsics
    sensor_width, sensor_height = SENSOR
    cut_height = round(sensor_width * height / width)
    middle = CameraModel(sensor_width, sensor_height, fx, fy, cx, cy - (sensor_height - cut_height) / 2)
    return middle.cropped(0, 0, sensor_width, cut_height).scaled(width, height)


@lru_cache(maxsize=8)
def _rows(path: Path) -> list[list[float]]:
    return number_rows(path, COLUMNS, f"{COLUMNS} numbers, frame ... fx fy cx cy skew")


@lru_cache(maxsize=8)
def _log(path: Path) -> ImuRecording:
    return read_imu(path, "opencamera")
