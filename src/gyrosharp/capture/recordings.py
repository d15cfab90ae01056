"""Captures from the recording folders that phone loggers write: one capture per frame."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture, ImageSource
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure, Shutter
from gyrosharp.imu.axes import parse_axes
from gyrosharp.imu.filtering import low_passed
from gyrosharp.imu.readers import read_imu
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.media.header import read_header
from gyrosharp.media.image_file import IMAGE_SUFFIXES
from gyrosharp.media.movie import movie_size

# The MARS logger writes the focal length in pixels of either the stored video or the full sensor. No phone's main
# camera has a focal length above 1.1 image widths (40 mm equivalent), so a longer one is of the sensor, whose width the
# log does not name: 4000 px is the usual 12 MP one.
LONGEST_FOCAL_RATIO = 1.1
SENSOR_WIDTH_PX = 4000

# Calibration of the NVIDIA Shield tablet that DeepGyro's data was recorded with (published in its code, for
# 1920 x 1080 px). Its swap matrix is a mirror; the rotation it stands for is minus that matrix.
SHIELD = CameraModel(1920, 1080, 1558.6899, 1558.6899, 939.6533, 518.4131)
SHIELD_READOUT_S = 0.0244944
# Added to gyro time after both streams are counted from their own first row.
SHIELD_DELAY_S = 0.022


@dataclass(frozen=True)
class Overrides:
    """What the user knows better than the recording; None keeps what the recording says.

    Attributes
    ----------
    fx, fy : float or None
        Focal lengths, px of the image as stored; fy defaults to fx.
    axes : str or None
        Preset name or letters for R_cam_imu, see `gyrosharp.imu.axes`.
    exposure_s, readout_s : float or None
        Exposure time and readout time, s.
    shutter : str or None
        Readout direction.
    start_ns : int or None
        Start of exposure of the first line, camera clock.
    offset_s : float
        Added to the IMU stamps on top of what the recording says.
    imu_format : str or None
        Reader to use.
    gyro_unit : str or None
        "rad/s" or "deg/s", where the format's own unit is wrong.
    low_pass_hz : float or None
        Cutoff of a low-pass filter over the rates.
    """

    fx: float | None = None
    fy: float | None = None
    axes: str | None = None
    exposure_s: float | None = None
    readout_s: float | None = None
    shutter: str | None = None
    start_ns: int | None = None
    offset_s: float = 0.0
    imu_format: str | None = None
    gyro_unit: str | None = None
    low_pass_hz: float | None = None

    def read_imu(self, path: Path) -> ImuRecording:
        """Read a gyro log with the reader and the unit that were given."""
        return read_imu(path, self.imu_format, self.gyro_unit)


def is_recording(folder: Path) -> bool:
    """Whether a folder is a recording that `read_recording` understands."""
    return any(marker(folder) for marker, _ in _KINDS)


def read_recording(folder: Path, overrides: Overrides | None = None) -> list[Capture]:
    """Return the captures of a recording folder, in order of time.

    Understood: MARS logger (movie.mp4 or numbered frames, gyro_accel.csv, movie_metadata.csv) and DeepGyro
    (images/images.txt, imu/imu.txt).

    Raises
    ------
    CaptureError
        If the folder is no such recording, or a part of it is missing or malformed.
    """
    for marker, reader in _KINDS:
        if marker(folder):
            return reader(folder, overrides or Overrides())
    raise CaptureError(
        f"{folder}: expected a recording folder (MARS logger: gyro_accel.csv and movie_metadata.csv; DeepGyro: "
        "images/images.txt and imu/imu.txt), got none of these; name a capture file or an image with -g GYRO"
    )


def overridden(capture: Capture, changes: Overrides) -> Capture:
    """Return a capture with what the user gave in place of what the recording says."""
    camera, exposure = capture.camera, capture.exposure
    if changes.fx is not None:
        camera = replace(camera, fx=changes.fx, fy=changes.fx if changes.fy is None else changes.fy)
    exposure = Exposure(
        exposure.start_ns if changes.start_ns is None else changes.start_ns,
        exposure.duration_s if changes.exposure_s is None else changes.exposure_s,
        exposure.readout_s if changes.readout_s is None else changes.readout_s,
        exposure.shutter if changes.shutter is None else shutter_named(changes.shutter),
    )
    imu = capture.imu
    if imu is not None and changes.low_pass_hz is not None:
        imu = low_passed(imu, changes.low_pass_hz)
    axes = capture.R_cam_imu if changes.axes is None else parse_axes(changes.axes)
    offset_s = capture.time_offset_s + changes.offset_s
    own_ns = capture.exposure.reference_ns(capture.camera.width, capture.camera.height)
    # A reference time that was given is kept; the exposure's own one follows the exposure.
    reference_ns = None if capture.reference_ns == own_ns else capture.reference_ns
    return replace(
        capture,
        camera=camera,
        exposure=exposure,
        imu=imu,
        R_cam_imu=axes,
        time_offset_s=offset_s,
        reference_ns=reference_ns,
    )


def shutter_named(name: str) -> Shutter:
    """Return the shutter of a name.

    Raises
    ------
    CaptureError
        If there is none of that name.
    """
    try:
        return Shutter(name)
    except ValueError:
        raise CaptureError(f"shutter: expected one of {', '.join(Shutter)}, got {name!r}") from None


def _is_mars(folder: Path) -> bool:
    return (folder / "gyro_accel.csv").is_file() and (folder / "movie_metadata.csv").is_file()


def _read_mars(folder: Path, changes: Overrides) -> list[Capture]:
    imu = changes.read_imu(folder / "gyro_accel.csv")
    rows = _mars_rows(folder / "movie_metadata.csv")
    sources = _mars_sources(folder, rows)
    if not sources:
        raise CaptureError(f"{folder}: expected movie.mp4 or numbered frames beside movie_metadata.csv, got neither")
    captures = []
    width, height = _size(sources[0][1])
    camera, focal_note = _mars_camera(width, height, rows[0].fx_px)
    portrait = height > width
    # The sensor is read row by row in landscape. A portrait picture is that turned clockwise, so its readout runs from
    # the right to the left.
    shutter = Shutter.RIGHT_TO_LEFT if portrait else Shutter.TOP_TO_BOTTOM
    axes = "android-portrait" if portrait else "android-landscape"
    notes = _unless_given(
        (changes.fx, focal_note),
        (changes.axes, f"gyro axes assumed: {axes}"),
        (changes.shutter, f"readout direction assumed: {shutter.value}"),
    )
    for row, source in sources:
        exposure = Exposure(row.start_ns, row.exposure_s, row.readout_s, shutter)
        capture = Capture(camera, exposure, source, imu, parse_axes(axes), notes=notes)
        captures.append(overridden(capture, changes))
    return captures


@dataclass(frozen=True)
class _MarsRow:
    start_ns: int
    fx_px: float
    exposure_s: float
    readout_s: float


def _mars_rows(path: Path) -> list[_MarsRow]:
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    names = [cell.split("[")[0].strip().lower() for cell in lines[0].split(",")] if lines else []
    wanted = ("timestamp", "fx", "exposure time", "frame readout time")
    missing = [name for name in wanted if name not in names]
    if missing:
        raise CaptureError(f"{path}: expected the columns {', '.join(wanted)}, got none called {missing[0]!r}")
    columns = [names.index(name) for name in wanted]
    rows = []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        cells = line.split(",")
        try:
            stamp, fx, exposure, readout = (cells[column] for column in columns)
            rows.append(_MarsRow(int(stamp), float(fx), float(exposure) * 1e-9, max(float(readout), 0.0) * 1e-9))
        except (ValueError, IndexError):
            raise CaptureError(
                f"{path}, line {number}: expected numbers in {', '.join(wanted)}, got {line[:60]!r}"
            ) from None
    if not rows:
        raise CaptureError(f"{path}: expected one line per frame, got only a header")
    return rows


def _mars_sources(folder: Path, rows: list[_MarsRow]) -> list[tuple[_MarsRow, ImageSource]]:
    movie = folder / "movie.mp4"
    if movie.is_file():
        return [(row, ImageSource(movie, index)) for index, row in enumerate(rows)]
    found = []
    stamps = {row.start_ns: row for row in rows}
    for path in sorted(folder.iterdir(), key=lambda p: (len(p.stem), p.stem)):
        digits = re.search(r"(\d+)$", path.stem)
        if path.suffix.lower() not in IMAGE_SUFFIXES or digits is None:
            continue
        number = int(digits.group(1))
        row = stamps.get(number) or (rows[number] if number < len(rows) else None)
        if row is not None:
            found.append((row, ImageSource(path)))
    return found


def _mars_camera(width: int, height: int, fx_px: float) -> tuple[CameraModel, str]:
    long_side = max(width, height)
    focal, note = fx_px, f"focal length {fx_px:.1f} px as recorded"
    if fx_px > LONGEST_FOCAL_RATIO * long_side:
        focal = fx_px * long_side / SENSOR_WIDTH_PX
        note = (
            f"recorded focal length {fx_px:.1f} px is too long for a {long_side} px image; taken as that of a "
            f"{SENSOR_WIDTH_PX} px sensor, {focal:.1f} px here; give --fx if you know it"
        )
    return CameraModel(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2), note


def _is_deepgyro(folder: Path) -> bool:
    return (folder / "images" / "images.txt").is_file() and (folder / "imu" / "imu.txt").is_file()


def _read_deepgyro(folder: Path, changes: Overrides) -> list[Capture]:
    imu = changes.read_imu(folder / "imu" / "imu.txt")
    frames = _deepgyro_frames(folder / "images" / "images.txt")
    pictures = sorted(p for p in (folder / "images").iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
    if not pictures:
        raise CaptureError(f"{folder / 'images'}: expected pictures 0001.jpg ..., got none")
    header = read_header(pictures[0])
    width, height = header.width, header.height
    offset_s = SHIELD_DELAY_S - (int(imu.time_ns[0]) - frames[0][0]) * 1e-9
    axes: NDArray[np.float64] = -np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    tablet = "of the NVIDIA Shield tablet assumed"
    notes = _unless_given(
        (changes.fx, f"focal length {tablet}: {SHIELD.fx * width / SHIELD.width:.1f} px here"),
        (changes.axes, f"gyro axes {tablet}: -y,-x,-z"),
        (changes.readout_s, f"readout {tablet}: {SHIELD_READOUT_S * 1e3:.1f} ms, rolling_top_to_bottom"),
        (None, f"delay {tablet}: {SHIELD_DELAY_S * 1e3:.0f} ms, both streams counted from their first row"),
    )
    captures = []
    for (start_ns, exposure_s), picture in zip(frames, pictures, strict=False):
        exposure = Exposure(start_ns, exposure_s, SHIELD_READOUT_S)
        capture = Capture(
            SHIELD.scaled(width, height), exposure, ImageSource(picture), imu, axes, offset_s, notes=notes
        )
        captures.append(overridden(capture, changes))
    return captures


def _deepgyro_frames(path: Path) -> list[tuple[int, float]]:
    frames = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            stamp, exposure = line.split()
            frames.append((int(stamp), int(exposure) * 1e-9))
        except ValueError:
            raise CaptureError(f"{path}, line {number}: expected 't_ns exposure_ns', got {line[:60]!r}") from None
    if not frames:
        raise CaptureError(f"{path}: expected one line per picture, got none")
    return frames


def _unless_given(*assumed: tuple[object, str]) -> tuple[str, ...]:
    """Return the notes (given, note) of what was assumed because the user gave nothing."""
    return tuple(note for given, note in assumed if given is None)


def _size(source: ImageSource) -> tuple[int, int]:
    if source.frame is not None:
        return movie_size(source.path)
    header = read_header(source.path)
    return header.width, header.height


_KINDS: tuple[tuple[Callable[[Path], bool], Callable[[Path, Overrides], list[Capture]]], ...] = (
    (_is_mars, _read_mars),
    (_is_deepgyro, _read_deepgyro),
)
