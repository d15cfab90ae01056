"""A folder of pictures whose times are known: from a file with one stamp per frame, or from their names."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.cameras import profile_from_35mm
from gyrosharp.capture.capture import ImageSource
from gyrosharp.capture.layouts._frames import number_of, pictures_in
from gyrosharp.capture.overrides import Overrides
from gyrosharp.capture.recording import Recording
from gyrosharp.errors import CaptureError, ImageError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Shutter
from gyrosharp.media.header import Header, read_header

NAME = "frames"
DEVICES = "any camera, with a gyro log given by -g"
FILES = "pictures named by their stamps in ns, or numbered with --frame-times FILE or frame_times.txt beside them"
FALLBACK = True

TIMES_FILE = "frame_times.txt"
# Names with so many digits are stamps, not numbers.
STAMP_DIGITS = 13


def claims(path: Path) -> bool:
    """Return whether a folder holds pictures with a frame_times.txt, or named by stamps."""
    if not path.is_dir():
        return False
    if (path / TIMES_FILE).is_file():
        return True
    pictures = pictures_in(path)
    return len(pictures) > 1 and all(_stamp(picture) is not None for picture in pictures)


def read(path: Path, known: Overrides) -> Recording:
    """Read a folder of frames.

    Raises
    ------
    CaptureError
        If a picture has no stamp, or the file of stamps is malformed.
    ImuError
        If the gyro log cannot be read.
    """
    pictures = pictures_in(path)
    if not pictures:
        raise CaptureError(f"{path}: expected pictures, got none")
    times = known.frame_times or (path / TIMES_FILE if (path / TIMES_FILE).is_file() else None)
    stamps_ns = _named(pictures) if times is None else _listed(pictures, times)
    order = np.argsort(stamps_ns, kind="stable")
    imu = None if known.gyro is None else known.read_imu(known.gyro)
    hints = None if imu is None else imu.frame_hints
    frames = tuple(ImageSource(pictures[k]) for k in order)
    headers = _headers(path, [frame.path for frame in frames])
    first = next(header for header in headers if header is not None)
    camera, exposure_s, exif_notes = _from_exif(headers, first)
    return Recording(
        source=path,
        layout=NAME,
        frames=frames,
        size_px=(first.width, first.height),
        start_ns=stamps_ns[order],
        exposure_s=exposure_s,
        camera=camera,
        readout_s=None if hints is None else hints.readout_s,
        shutter=Shutter(hints.shutter) if hints is not None and hints.shutter else Shutter.TOP_TO_BOTTOM,
        imu=imu,
        R_cam_imu=None if imu is None else imu.R_cam_imu,
        notes=(*exif_notes, "frame stamps taken as those of the gyro's clock"),
    )


def read_frame_times(path: Path) -> NDArray[np.int64]:
    """Return the stamps of a text file with one per line (the first number of each line), ns.

    Whole numbers of 13 digits or more are nanoseconds, others seconds (microseconds from 1e11 on: no clock counts
    three thousand years). A first line without a number is a header; lines that start with # are comments.

    Raises
    ------
    CaptureError
        If the file cannot be read, or a line has no number.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise CaptureError(f"{path}: expected frame stamps, got '{error.strerror}'; check the path") from None
    stamps = []
    for number, line in enumerate(lines, 1):
        cells = line.replace(",", " ").split()
        if not cells or cells[0].startswith("#"):
            continue
        try:
            stamps.append(_in_ns(cells[0]))
        except (ValueError, OverflowError):
            if not stamps:
                continue
            raise CaptureError(
                f"{path}, line {number}: expected a stamp, got {line[:60]!r}; repair that line"
            ) from None
    if not stamps:
        raise CaptureError(f"{path}: expected one stamp per line, got none")
    return np.array(stamps, dtype=np.int64)


def _headers(path: Path, pictures: list[Path]) -> list[Header | None]:
    """Return each picture's header; None for one that cannot be read, which must not keep the others from it."""
    headers: list[Header | None] = []
    for picture in pictures:
        try:
            headers.append(read_header(picture))
        except ImageError:
            headers.append(None)
    if not any(headers):
        raise CaptureError(f"{path}: expected pictures, got {len(pictures)} files none of which can be read")
    return headers


def _from_exif(
    headers: list[Header | None], first: Header
) -> tuple[CameraModel | None, NDArray[np.float64], tuple[str, ...]]:
    """Return the camera and each picture's exposure time as far as the pictures' EXIF data tell."""
    times = [None if header is None else header.tags.exposure_time_s for header in headers]
    exposure_s = np.array([time_s or np.nan for time_s in times])
    equivalent_mm = first.tags.focal_35mm
    if not equivalent_mm:
        return None, exposure_s, ()
    profile = profile_from_35mm(equivalent_mm, first.width, first.height)
    return profile.camera, exposure_s, profile.notes


def _in_ns(cell: str) -> int:
    if cell.lstrip("+-").isdigit() and len(cell.lstrip("+-")) >= STAMP_DIGITS:
        return int(cell)
    value = float(cell)
    return round(value * (1e3 if abs(value) >= 1e11 else 1e9))


def _stamp(picture: Path) -> int | None:
    number = number_of(picture)
    return number if number is not None and len(str(number)) >= STAMP_DIGITS else None


def _named(pictures: list[Path]) -> NDArray[np.int64]:
    stamps = [_stamp(picture) for picture in pictures]
    for picture, stamp in zip(pictures, stamps, strict=True):
        if stamp is None:
            raise CaptureError(
                f"{picture}: expected a stamp in ns as its name, got none; give --frame-times FILE, one stamp per line"
            )
    return np.array(stamps, dtype=np.int64)


def _listed(pictures: list[Path], times: Path) -> NDArray[np.int64]:
    """Stamps by position where there is one per picture, else by the pictures' numbers, counted from 1 or 0."""
    stamps = read_frame_times(times)
    if stamps.size == len(pictures):
        return stamps
    numbers = [number_of(picture) for picture in pictures]
    if any(number is None or number > stamps.size for number in numbers):
        raise CaptureError(
            f"{times}: expected one stamp for each of {len(pictures)} pictures, or numbered pictures, got {stamps.size}"
        )
    known = [number for number in numbers if number is not None]
    first = 0 if min(known) == 0 else 1
    return np.array([stamps[number - first] for number in known], dtype=np.int64)
