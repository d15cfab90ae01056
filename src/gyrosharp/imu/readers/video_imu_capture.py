"""video_meta.pb3 of the VideoIMUCapture app (Android): one protocol-buffer message of IMU samples and frame data.

Units: rad/s, m/s^2, stamps in whole nanoseconds of the phone's boot-time clock. The app logs uncalibrated sensors with
the system's estimate of their drift; it is taken off here, as Android does for its calibrated sensors.
Axes: the device's (x right, y up, z out of the screen, device upright). The app turns its picture upright in the same
device before storing it, so ``R_cam_imu = diag(1, -1, -1)`` (preset android-portrait) whatever way it was held.

Source: github.com/DavidGillsjo/VideoIMUCapture-Android, protobuf/recording.proto (field numbers), Camera2Proxy.java
(what is written into them).
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gyrosharp.imu.axes import parse_axes
from gyrosharp.imu.checks import RawSamples, checked
from gyrosharp.imu.readers._binary import failure_at, require_increasing
from gyrosharp.imu.readers._protobuf import BYTES, CutError, Field, Message, WireError, fields
from gyrosharp.imu.readers._table import INT64_MAX, failure, read_bytes
from gyrosharp.imu.recording import ImuRecording

NAME = "video-imu-capture"
DESCRIPTION = "VideoIMUCapture app video_meta.pb3 (protocol buffer)"
DEVICES = "Android phones with VideoIMUCapture"
EXTENSIONS = (".pb3",)
GYRO_UNIT = "rad/s"

_TIME, _CAMERA, _IMU_INFO, _IMU, _FRAME = 1, 2, 3, 4, 5
# A whole google.protobuf.Timestamp: two numbers.
_LONGEST_TIME = 22
_LATEST_NS = INT64_MAX // 2


@dataclass(frozen=True)
class CameraInfo:
    """What the app wrote about the camera, once per recording.

    Attributes
    ----------
    intrinsics : tuple of float
        fx, fy, cx, cy, skew in px of the stored picture; empty if the phone does not tell.
    distortion : tuple of float
        k1, k2, k3 radial, k4, k5 tangential, in the sensor's orientation (Android's LENS_DISTORTION); may be empty.
    size_px : (width, height)
        Of the stored picture, px; (0, 0) if not written.
    orientation_deg : int
        Clockwise turn that brings the sensor's picture upright in the device: 0, 90, 180 or 270.
    joined_clocks : bool
        Whether frame stamps are in the IMU's clock (SENSOR_INFO_TIMESTAMP_SOURCE is REALTIME).
    stabilised_optically, stabilised_digitally, corrected : bool
        Whether optical stabilisation, digital stabilisation, and the phone's own lens correction were on.
    """

    intrinsics: tuple[float, ...] = ()
    distortion: tuple[float, ...] = ()
    size_px: tuple[int, int] = (0, 0)
    orientation_deg: int = 0
    joined_clocks: bool = False
    stabilised_optically: bool = False
    stabilised_digitally: bool = False
    corrected: bool = False


@dataclass(frozen=True)
class FrameInfo:
    """What the app wrote about one frame.

    Attributes
    ----------
    number : int
        Of the frame in the movie, from 0.
    start_ns : int
        Start of exposure of the first sensor line.
    exposure_ns, readout_ns : int
        Exposure time; first line to one past the last. 0 if not written.
    focal_px : float
        The app's own estimate of the focal length, px of the stored picture; 0 if not written.
    shifts : tuple of (int, float, float)
        Stabiliser samples: stamp in ns, shift of the optical centre along x and y in px of the stored picture.
    offset : int
        Byte at which it begins, for messages.
    """

    number: int
    start_ns: int
    exposure_ns: int
    readout_ns: int
    focal_px: float
    shifts: tuple[tuple[int, float, float], ...]
    offset: int


@dataclass(frozen=True, eq=False)
class VideoMeta:
    """A video_meta.pb3: IMU samples with the byte of each, the camera if it was written, frames by number, notes."""

    imu: RawSamples
    offsets: tuple[int, ...]
    camera: CameraInfo | None
    frames: tuple[FrameInfo, ...]
    notes: tuple[str, ...]


def sniff_bytes(head: bytes, path: Path) -> bool:  # noqa: ARG001
    """Return whether the head is a time and then messages of a recording."""
    try:
        found, _ = _top_fields(head)
        kinds = [field.number for field in found]
        return (
            len(kinds) > 1
            and kinds[0] == _TIME
            and found[0].end - found[0].start <= _LONGEST_TIME
            and all(field.wire_type == BYTES and field.number <= _FRAME for field in found)
            and all(Message(head, field.start, field.end) is not None for field in found)
        )
    except WireError:
        return False


def read(path: Path) -> ImuRecording:
    """Read the IMU samples of a video_meta.pb3; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If the message is damaged or a sample is broken, naming the byte, or there are no samples.
    """
    meta = read_meta(path)
    if not meta.offsets:
        raise failure(path, "expected IMU samples, got none; record again with the IMU switched on")
    require_increasing(path, meta.imu.time_ns, np.array(meta.offsets, dtype=np.int64))
    axes = parse_axes("android-portrait")
    return checked(meta.imu, source=str(path), clock="boottime", R_cam_imu=axes, notes=meta.notes)


def read_meta(path: Path) -> VideoMeta:
    """Read everything in a video_meta.pb3.

    Raises
    ------
    ImuError
        If the file cannot be read, or the message is damaged, naming the byte.
    """
    data = read_bytes(path)
    try:
        found, cut = _top_fields(data)
        notes = () if cut is None else (f"the message at byte {cut} is not finished (the recording was cut): dropped",)
        parts = {kind: [Message(data, f.start, f.end) for f in found if f.number == kind] for kind in range(1, 6)}
        camera = _camera_info(parts[_CAMERA][-1]) if parts[_CAMERA] else None
        frames = tuple(sorted((_frame_info(part) for part in parts[_FRAME]), key=lambda frame: frame.number))
        return VideoMeta(_samples(parts[_IMU]), tuple(part.offset for part in parts[_IMU]), camera, frames, notes)
    except WireError as error:
        raise failure_at(path, f"{error}; the file is damaged there, record again", error.offset) from None


def _top_fields(data: bytes) -> tuple[list[Field], int | None]:
    """Return the whole fields of the file, and the byte of the last one if it is cut."""
    found: list[Field] = []
    try:
        for field in fields(data, 0, len(data)):
            if field.wire_type != BYTES:
                raise WireError(f"expected a message, got field {field.number} of another type", field.start)
            found.append(field)
    except CutError as error:
        return found, error.offset
    return found, None


def _samples(parts: list[Message]) -> RawSamples:
    rows = [[*_triple(part, 2, 3), *_triple(part, 4, 5)] for part in parts]
    values = np.array(rows, dtype=np.float64).reshape(-1, 6)
    time_ns = np.array([_stamp(part) for part in parts], dtype=np.int64)
    return RawSamples(time_ns, values[:, :3], values[:, 3:])


def _triple(part: Message, number: int, bias_number: int) -> tuple[float, ...]:
    """Return three sensor values with the system's estimate of their bias taken off, if it was written."""
    values, bias = part.reals(number), part.reals(bias_number) or (0.0, 0.0, 0.0)
    if len(values) != 3 or len(bias) != 3 or not np.isfinite([*values, *bias]).all():
        raise WireError(f"expected three finite numbers, got {values} and {bias}", part.offset)
    return tuple(value - offset for value, offset in zip(values, bias, strict=True))


def _stamp(part: Message) -> int:
    stamp = part.integer(1)
    if abs(stamp) > _LATEST_NS:
        raise WireError(f"expected a stamp in ns, got {stamp}", part.offset)
    return stamp


def _camera_info(part: Message) -> CameraInfo:
    sizes = [(size.integer(1), size.integer(2)) for size in part.messages(11)]
    return CameraInfo(
        intrinsics=part.reals(1),
        distortion=part.reals(2),
        size_px=sizes[-1] if sizes else (0, 0),
        orientation_deg=part.integer(14),
        joined_clocks=part.integer(6) == 1,
        stabilised_optically=bool(part.integer(3)),
        stabilised_digitally=bool(part.integer(4)),
        corrected=bool(part.integer(10)),
    )


def _frame_info(part: Message) -> FrameInfo:
    shifts = tuple((_stamp(shift), shift.real(2), shift.real(3)) for shift in part.messages(10))
    return FrameInfo(
        number=part.integer(2),
        start_ns=_stamp(part),
        exposure_ns=part.integer(3),
        readout_ns=part.integer(5),
        focal_px=part.real(8),
        shifts=shifts,
        offset=part.offset,
    )
