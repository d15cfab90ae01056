"""What the package telemetry-parser returns for a movie, in our units, axes and clock.

Units: it gives rates in deg/s, acceleration in m/s^2 or g, exposure and readout times in ms.

Axes: it turns every camera's samples to one frame, that of gyroflow (`AXES_PRESETS["gyroflow"]`), and its quaternions
turn vectors of a body with x right, y up, z back to the world. Both were checked against GoPro clips and, for the
rates, against a CAMM track of known rates.

Clock: its times begin with the first frame of the movie.

Source: the tag names and their units follow the documentation and source of AdrianEddy/telemetry-parser; how Sony's
stamps lie to each other, gyroflow's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.imu.axes import parse_axes
from gyrosharp.imu.checks import RawSamples, checked
from gyrosharp.imu.recording import ImuRecording

STANDARD_GRAVITY_M_S2 = 9.80665
FILM_DIAGONAL_MM = 43.27
"""Of a 36 mm x 24 mm frame, which equivalent focal lengths refer to."""
LONGEST_S = 60.0
LONGEST_READOUT_S = 0.1
# Rows of acceleration are matched to gyro rows by their number. With fewer of them they lie at the wrong times.
_SAME_RATE = 0.98
_DISTORTION_MODELS = {"": "opencv_fisheye", "opencv_fisheye": "opencv_fisheye", "opencv_standard": "opencv"}

Sample = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class ParsedTelemetry:
    """What the package found.

    Attributes
    ----------
    camera : str
        Maker and model.
    samples : sequence of mappings
        Groups of tags, one per metadata sample of the movie.
    rows : sequence of mappings
        ``timestamp_ms``, ``gyro`` and ``accl`` as the package normalises them.
    """

    camera: str
    samples: Sequence[Sample]
    rows: Sequence[Mapping[str, Any]]

    def values(self, group: str, tag: str) -> Iterator[Any]:
        """Yield the values of a tag over the samples that have it."""
        for sample in self.samples:
            if group in sample and tag in sample[group]:
                yield sample[group][tag]

    def numbers(self, group: str, tag: str) -> NDArray[np.float64]:
        """Return the values of a tag that are finite numbers."""
        found = [value for value in self.values(group, tag) if _is_number(value)]
        numbers = np.array(found, dtype=np.float64)
        return numbers[np.isfinite(numbers)]


def imu_of(parsed: ParsedTelemetry, source: str, start_s: float) -> ImuRecording | None:
    """Return the gyro in the movie's clock; rates from the orientations where there are only those; else None.

    Parameters
    ----------
    parsed : ParsedTelemetry
        What was found.
    source : str
        For messages.
    start_s : float
        Time of the movie's first frame, s.

    Raises
    ------
    ImuError
        If the samples cannot be used, e.g. are not finite.
    """
    rows = [row for row in parsed.rows if _is_triple(row.get("gyro"))]
    if len(rows) < 2:
        return _from_orientations(parsed, source, start_s)
    time_ms = np.array([row["timestamp_ms"] for row in rows], dtype=np.float64)
    order = np.argsort(time_ms, kind="stable")
    gyro = np.radians(np.array([row["gyro"] for row in rows], dtype=np.float64))[order]
    notes = () if (np.diff(time_ms) >= 0).all() else ("samples were not in order of time: sorted",)
    accel, accel_notes = _acceleration(rows)
    raw = RawSamples(_ns(time_ms[order], start_s), gyro, None if accel is None else accel[order])
    return _checked(raw, source, (*notes, *accel_notes))


def exposures_s(parsed: ParsedTelemetry, count: int, interval_s: float) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the exposure time (count,) of each frame, s, NaN where it was not recorded, and what was assumed."""
    values = _listed_exposures(parsed)
    if not values.size:
        values = parsed.numbers("Imager", "ExposureTime") * 1e-3
    if not values.size:
        pairs = [pair for pair in parsed.values("Exposure", "ShutterSpeed") if _is_pair(pair)]
        values = np.array([pair[0] / pair[1] for pair in pairs])
    if not values.size:
        values = parsed.numbers("Exposure", "ShutterAngle") / 360.0 * interval_s
    values = np.where((values > 0) & (values <= LONGEST_S), values, np.nan)
    if not np.isfinite(values).any():
        return np.full(count, np.nan), ()
    if abs(values.size - count) <= max(2, count // 50):
        aligned = np.full(count, np.nan)
        aligned[: min(count, values.size)] = values[:count]
        return aligned, ()
    note = f"{values.size} exposure times for {count} frames: their median is taken for all"
    return np.full(count, float(np.nanmedian(values))), (note,)


def readout_s(parsed: ParsedTelemetry) -> float | None:
    """Return the readout time, s: Sony's per frame, Insta360's and DJI's per recording."""
    metas = [meta for meta in parsed.values("Default", "Metadata") if isinstance(meta, Mapping)]
    others = [*(meta.get("rolling_shutter_time") for meta in metas), _lens_profile(parsed).get("frame_readout_time")]
    found_ms = [*parsed.numbers("Imager", "FrameReadoutTime"), *(value for value in others if _is_number(value))]
    value_s = float(np.median(np.array(found_ms, dtype=np.float64))) * 1e-3 if found_ms else 0.0
    return value_s if 0 < value_s <= LONGEST_READOUT_S else None


def time_offset_s(parsed: ParsedTelemetry) -> tuple[float, tuple[str, ...]]:
    """Return what to add to the gyro's stamps, s: for Sony from its stamps of frame and gyro, else 0; and a note.

    Of a frame's packet, the gyro samples begin `TimeOffset` before, and the first line is read `FirstFrameTimestamp`
    after the same zero; the line is exposed until then. So exposure begins

        first - exposure - offset

    after the packet's first gyro sample, which the package puts at the time of the frame.
    """
    first = parsed.numbers("Imager", "FirstFrameTimestamp")
    exposure = parsed.numbers("Imager", "ExposureTime")
    offset = parsed.numbers("Gyroscope", "TimeOffset")
    if not first.size or not (first.size == exposure.size == offset.size):
        return 0.0, ("the gyro is taken to begin with the first frame's exposure",)
    late_s = float(np.median(first - exposure - offset)) * 1e-3
    return -late_s, (f"gyro stamps moved by {-late_s * 1e3:.1f} ms, as the camera's own stamps say",)


def camera_of(parsed: ParsedTelemetry, width: int, height: int) -> tuple[CameraModel | None, str]:
    """Return intrinsics by a lens profile in the movie or the lens's equivalent focal length, or None; and a note."""
    profile = _lens_profile(parsed)
    if profile:
        try:
            return _profile_camera(profile, width, height), "lens profile of the movie's metadata"
        except (KeyError, TypeError, ValueError, IndexError, CaptureError):
            pass  # as good as none: the user is told that there is none
    lengths_mm = parsed.numbers("Lens", "LensZoom35mm")
    lengths_mm = lengths_mm[(lengths_mm > 1.0) & (lengths_mm < 5000.0)]
    if not lengths_mm.size:
        return None, "the metadata tells nothing of the lens: the focal length is not known"
    focal_px = float(np.median(lengths_mm)) * float(np.hypot(width, height)) / FILM_DIAGONAL_MM
    camera = CameraModel(width, height, focal_px, focal_px, (width - 1) / 2, (height - 1) / 2)
    return camera, (
        f"focal length assumed: {focal_px:.0f} px, +-10%, from the lens's equivalent focal length "
        f"({np.median(lengths_mm):.1f} mm); a lens profile (--camera) is better"
    )


def stabilisation_notes(parsed: ParsedTelemetry) -> tuple[str, ...]:
    """Return a warning if the camera recorded that it moved its sensor or lens, which is not used here."""
    moved = [name for name in ("IBIS", "LensOSS") if any(name in sample for sample in parsed.samples)]
    if not moved:
        return ()
    return (f"warning: moving sensor or lens ({', '.join(moved)}): its path is not used, the gyro may not fit",)


def _checked(raw: RawSamples, source: str, notes: Sequence[str]) -> ImuRecording:
    return checked(raw, source=source, clock="movie", R_cam_imu=parse_axes("gyroflow"), notes=notes)


def _ns(time_ms: NDArray[np.float64], start_s: float) -> NDArray[np.int64]:
    return np.rint(time_ms * 1e6 + start_s * 1e9).astype(np.int64)


def _acceleration(rows: Sequence[Mapping[str, Any]]) -> tuple[NDArray[np.float64] | None, tuple[str, ...]]:
    known = np.array([_is_triple(row.get("accl")) for row in rows])
    if not known.any():
        return None, ()
    if known.mean() < _SAME_RATE:
        return None, ("the accelerometer has another rate than the gyro and no times of its own: left out",)
    index = np.flatnonzero(known)
    found = np.array([row["accl"] for row in rows if _is_triple(row.get("accl"))], dtype=np.float64)
    every = np.arange(len(rows))
    accel = np.column_stack([np.interp(every, index, found[:, axis]) for axis in range(3)])
    # Gravity tells the unit: about 1 in g, about 10 in m/s^2.
    in_g = float(np.median(np.linalg.norm(accel, axis=1))) < 3.0
    return accel * (STANDARD_GRAVITY_M_S2 if in_g else 1.0), ()


def _from_orientations(parsed: ParsedTelemetry, source: str, start_s: float) -> ImuRecording | None:
    """Return rates between orientations: w = 2 log(q_k^-1 q_k+1) / dt, stamped in the middle between them."""
    found = [item for items in parsed.values("Quaternion", "Data") if isinstance(items, list) for item in items]
    found = [item for item in found if isinstance(item, Mapping) and _is_number(item.get("t"))]
    table = [(item["t"], *(item["v"][axis] for axis in "wxyz")) for item in found if isinstance(item.get("v"), Mapping)]
    if len(table) < 3:
        return None
    values = np.array(sorted(table), dtype=np.float64)
    values = values[np.append(True, np.diff(values[:, 0]) > 0)]
    step_s = np.diff(values[:, 0]) * 1e-3
    body_rad_s = _turns_between(values[:, 1:]) / step_s[:, None]
    # Body axes (right, up, back) to the camera's (right, down, forward), and those to the frame of the gyro samples.
    to_imu = parse_axes("gyroflow").T @ np.diag([1.0, -1.0, -1.0])
    middle_ms = (values[1:, 0] + values[:-1, 0]) / 2
    raw = RawSamples(_ns(middle_ms, start_s), body_rad_s @ to_imu.T)
    return _checked(raw, source, ("no gyro samples: rates from the recorded orientations",))


def _turns_between(quat_wxyz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return rotation vectors (N - 1, 3) of q_k^-1 q_k+1, rad."""
    w0, v0, w1, v1 = quat_wxyz[:-1, :1], quat_wxyz[:-1, 1:], quat_wxyz[1:, :1], quat_wxyz[1:, 1:]
    w = w0 * w1 + (v0 * v1).sum(axis=1, keepdims=True)
    v = w0 * v1 - w1 * v0 - np.cross(v0, v1)
    # q and -q are one orientation: the shorter way round.
    w, v = np.where(w < 0, -w, w), np.where(w < 0, -v, v)
    length = np.linalg.norm(v, axis=1, keepdims=True)
    # Towards no rotation, angle / length tends to 2 / w; 1e-12 is far below the noise of any stored quaternion.
    return np.where(length > 1e-12, v * 2 * np.arctan2(length, w) / np.maximum(length, 1e-12), 2 * v)


def _listed_exposures(parsed: ParsedTelemetry) -> NDArray[np.float64]:
    """Return exposure times that come as lists: plain, or with their times."""
    found: list[float] = []
    for items in parsed.values("Exposure", "Data"):
        for item in items if isinstance(items, list) else []:
            value = item.get("v") if isinstance(item, Mapping) else item
            if _is_number(value):
                found.append(float(value))
    return np.array(found, dtype=np.float64)


def _lens_profile(parsed: ParsedTelemetry) -> Mapping[str, Any]:
    profiles = (value for value in parsed.values("Lens", "Data") if isinstance(value, Mapping))
    return next((profile for profile in profiles if "fisheye_params" in profile), {})


def _profile_camera(profile: Mapping[str, Any], width: int, height: int) -> CameraModel:
    """Return the camera of a gyroflow profile, whose pixels are counted from the corner of the image."""
    matrix = np.array(profile["fisheye_params"]["camera_matrix"], dtype=np.float64)
    calibrated = profile["calib_dimension"]
    sx, sy = width / float(calibrated["w"]), height / float(calibrated["h"])
    model = _DISTORTION_MODELS[str(profile.get("distortion_model") or "")]
    coefficients = tuple(float(value) for value in profile["fisheye_params"]["distortion_coeffs"])[:8]
    # The principal point counts from the corner (width / 2 is the centre), ours from the first pixel's centre.
    return CameraModel(
        width,
        height,
        float(matrix[0, 0]) * sx,
        float(matrix[1, 1]) * sy,
        float(matrix[0, 2]) * sx - 0.5,
        float(matrix[1, 2]) * sy - 0.5,
        model if coefficients else "none",
        coefficients,
    )


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_triple(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) == 3 and all(map(_is_number, value))


def _is_pair(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value)) and value[1] != 0
