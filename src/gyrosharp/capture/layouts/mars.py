"""MARS logger: a movie or numbered frames, gyro_accel.csv, and one row of movie_metadata.csv per frame."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gyrosharp.capture.capture import ImageSource
from gyrosharp.capture.layouts._frames import number_of, pairing_note, pictures_in, size_of, unless_given
from gyrosharp.capture.overrides import Overrides
from gyrosharp.capture.recording import Recording
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Shutter
from gyrosharp.imu.axes import parse_axes
from gyrosharp.media.movie import frame_times

NAME = "mars"
DEVICES = "MARS logger (Android, iOS)"
FILES = "gyro_accel.csv, movie_metadata.csv, and movie.mp4 or numbered frames"

# The MARS logger writes the focal length in pixels of either the stored video or the full sensor. No phone's main
# camera has a focal length above 1.1 image widths (40 mm equivalent), so a longer one is of the sensor, whose width the
# log does not name: 4000 px is the usual 12 MP one.
LONGEST_FOCAL_RATIO = 1.1
SENSOR_WIDTH_PX = 4000
# Android's and iOS's names of a column; iOS has no column of readout times.
EXPOSURES = ("exposure time", "exposure duration")
READOUT = "frame readout time"


def claims(path: Path) -> bool:
    """Return whether a folder holds MARS's two tables."""
    return (path / "gyro_accel.csv").is_file() and (path / "movie_metadata.csv").is_file()


def read(path: Path, known: Overrides) -> Recording:
    """Read a MARS folder.

    Raises
    ------
    CaptureError
        If there are no frames, or the table of frames is malformed.
    """
    imu = known.read_imu(known.gyro or path / "gyro_accel.csv")
    rows = _rows(path / "movie_metadata.csv")
    sources, pairing = _sources(path, rows)
    if not sources:
        raise CaptureError(f"{path}: expected movie.mp4 or numbered frames beside movie_metadata.csv, got neither")
    width, height = size_of(sources[0][1])
    camera, focal_note = _camera(width, height, rows[0].fx_px)
    portrait = height > width
    # The sensor is read row by row in landscape. A portrait picture is that turned clockwise, so its readout runs from
    # the right to the left.
    shutter = Shutter.RIGHT_TO_LEFT if portrait else Shutter.TOP_TO_BOTTOM
    axes = "android-portrait" if portrait else "android-landscape"
    readout_s = float(np.median([row.readout_s for row, _ in sources]))
    return Recording(
        source=path,
        layout=NAME,
        frames=tuple(source for _, source in sources),
        size_px=(width, height),
        start_ns=np.array([row.start_ns for row, _ in sources]),
        exposure_s=np.array([row.exposure_s for row, _ in sources]),
        camera=camera,
        readout_s=None if math.isnan(readout_s) else readout_s,
        shutter=shutter,
        imu=imu,
        R_cam_imu=parse_axes(axes),
        notes=(
            *pairing,
            *unless_given(
                (known.fx or known.camera, focal_note),
                (known.axes, f"gyro axes assumed: {axes}"),
                (known.shutter, f"readout direction assumed: {shutter.value}"),
            ),
        ),
    )


@dataclass(frozen=True)
class _Row:
    start_ns: int
    fx_px: float
    exposure_s: float
    readout_s: float


@dataclass(frozen=True)
class _Columns:
    """Where the table has what, and how many nanoseconds its units are; iOS writes no readout time."""

    stamp: int
    fx: int
    exposure: int
    readout: int | None
    tick_ns: float
    exposure_tick_ns: float

    @classmethod
    def of(cls, path: Path, header: str) -> "_Columns":
        cells = [cell.strip().lower() for cell in header.split(",")]
        names = [cell.split("[")[0].strip() for cell in cells]
        exposure = next((name for name in EXPOSURES if name in names), EXPOSURES[0])
        wanted = ("timestamp", "fx", exposure)
        missing = [name for name in wanted if name not in names]
        if missing:
            raise CaptureError(f"{path}: expected the columns {', '.join(wanted)}, got none called {missing[0]!r}")
        stamp, fx, exposed = (names.index(name) for name in wanted)
        readout = names.index(READOUT) if READOUT in names else None
        return cls(stamp, fx, exposed, readout, *(1e9 if "[sec]" in cells[k] else 1.0 for k in (stamp, exposed)))

    def row(self, cells: list[str]) -> _Row:
        stamp = cells[self.stamp]
        return _Row(
            int(stamp) if self.tick_ns == 1.0 else round(float(stamp) * self.tick_ns),
            float(cells[self.fx]),
            float(cells[self.exposure]) * self.exposure_tick_ns * 1e-9,
            math.nan if self.readout is None else max(float(cells[self.readout]), 0.0) * 1e-9,
        )


def _rows(path: Path) -> list[_Row]:
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    columns = _Columns.of(path, lines[0] if lines else "")
    rows = []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        try:
            rows.append(columns.row(line.split(",")))
        except (ValueError, IndexError):
            wanted = ", ".join(name for name in ("timestamp", "fx", *EXPOSURES[:1], READOUT))
            raise CaptureError(f"{path}, line {number}: expected numbers in {wanted}, got {line[:60]!r}") from None
    if not rows:
        raise CaptureError(f"{path}: expected one line per frame, got only a header")
    return rows


def _sources(folder: Path, rows: list[_Row]) -> tuple[list[tuple[_Row, ImageSource]], tuple[str, ...]]:
    """Return the frames, each with its row of the table, and what does not fit."""
    movie = folder / "movie.mp4"
    if movie.is_file():
        count = frame_times(movie).size
        paired = [(row, ImageSource(movie, index)) for index, row in enumerate(rows[:count])]
        return paired, pairing_note(count, len(rows))
    found = []
    stamps = {row.start_ns: row for row in rows}
    for path in pictures_in(folder):
        number = number_of(path)
        if number is None:
            continue
        row = stamps.get(number) or (rows[number] if number < len(rows) else None)
        if row is not None:
            found.append((row, ImageSource(path)))
    return found, ()


def _camera(width: int, height: int, fx_px: float) -> tuple[CameraModel, str]:
    long_side = max(width, height)
    focal, note = fx_px, f"focal length {fx_px:.1f} px as recorded"
    if fx_px > LONGEST_FOCAL_RATIO * long_side:
        focal = fx_px * long_side / SENSOR_WIDTH_PX
        note = (
            f"recorded focal length {fx_px:.1f} px is too long for a {long_side} px image; taken as that of a "
            f"{SENSOR_WIDTH_PX} px sensor, {focal:.1f} px here; give --fx if you know it"
        )
    return CameraModel(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2), note
