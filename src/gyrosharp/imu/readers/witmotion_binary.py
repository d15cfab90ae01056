"""WitMotion's serial stream as it came over the wire (also what its SD-card loggers write): frames of 11 bytes.

A frame is 0x55, a kind, eight bytes of little-endian values and the low byte of the sum of these ten. Kinds read here:
0x50 date and time, 0x51 acceleration, 0x52 angular rate, 0x53 angles. Each round begins with the time.

Units: rates 2000 deg/s / 32768 per step, accelerations 16 g / 32768 per step; stamps are the chip's date and time, in
milliseconds. Axes: the sensor's own as printed on its case; `R_cam_imu` is None, since only the mount knows.

Bytes that belong to no whole frame are skipped, with a note. A log without time frames has no clock; if it has the
sensor's angles and moves enough, how far the angles turn from sample to sample tells the sampling interval.

Source: WitMotion, "Communication Protocol" (docs.wit-motion.com, HWT905-TTL and WT901 manuals).
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.imu.checks import WARNING, RawSamples, checked
from gyrosharp.imu.readers._binary import failure_at, require_increasing
from gyrosharp.imu.readers._table import failure, read_bytes
from gyrosharp.imu.recording import ImuRecording

NAME = "witmotion-binary"
DESCRIPTION = "WitMotion binary stream (frames 0x55 0x52 ...)"
DEVICES = "WitMotion sensors with a serial port or an SD card (WT901, WT901SDCL, HWT905, JY61, BWT61 ...)"
EXTENSIONS = (".txt", ".bin", ".dat")
GYRO_UNIT = "deg/s"

STANDARD_GRAVITY_M_S2 = 9.80665
RATE_STEP_RAD_S = np.radians(2000.0 / 32768.0)
ACCEL_STEP_M_S2 = 16.0 * STANDARD_GRAVITY_M_S2 / 32768.0
ANGLE_STEP_DEG = 180.0 / 32768.0

_MARK, _SIZE = 0x55, 11
_TIME, _ACCEL, _GYRO, _ANGLE = 0x50, 0x51, 0x52, 0x53
# Turns by the angles and by the rates correlate by 0.98 in the sample log; a sensor at rest has nothing to compare.
_AGREEMENT = 0.9

Indices = NDArray[np.intp]


def sniff_bytes(head: bytes, path: Path) -> bool:  # noqa: ARG001
    """Return whether most of the head is whole frames, angular rates among them."""
    frames = _Frames.find(head)
    return frames.count(_GYRO) > 0 and 2 * frames.offsets.size * _SIZE >= len(head)


def read(path: Path) -> ImuRecording:
    """Read a WitMotion stream; see the module docstring for units and axes.

    Raises
    ------
    ImuError
        If there are no frames of angular rates, a date is impossible (naming the byte), or there is neither a time
        nor anything to tell the sampling interval from.
    """
    data = read_bytes(path)
    frames = _Frames.find(data)
    gyro = frames.of(_GYRO)
    if gyro.size < 2:
        raise failure(
            path, f"expected frames 0x55 0x52 of angular rates, got {gyro.size}; check the format and the output rate"
        )
    notes = frames.notes(len(data))
    if frames.count(_TIME):
        kept, time_ns = _timed(path, frames, gyro)
        if kept.size < gyro.size:
            notes.append(f"{gyro.size - kept.size} samples have no time frame of their own: dropped")
    else:
        kept, interval_s = gyro, _interval_s(path, frames, gyro)
        time_ns = np.rint(np.arange(gyro.size) * interval_s * 1e9).astype(np.int64)
        notes.append(
            f"{WARNING}no time frames: samples taken as evenly spaced, {interval_s * 1e3:.1f} ms as the angles tell; "
            "switch time output on for exact stamps"
        )
    require_increasing(path, time_ns, frames.offsets[kept])
    raw = RawSamples(time_ns, frames.values[kept, :3] * RATE_STEP_RAD_S, _accel(frames, gyro, kept, time_ns))
    return checked(raw, source=str(path), clock="wall", notes=notes)


@dataclass(frozen=True, eq=False)
class _Frames:
    """The whole frames of a stream: byte offsets (N,), kinds (N,), and eight bytes each as (N, 4) int16 and (N, 8)."""

    offsets: NDArray[np.int64]
    kinds: NDArray[np.uint8]
    values: NDArray[np.int16]
    octets: NDArray[np.uint8]

    @classmethod
    def find(cls, data: bytes) -> "_Frames":
        stream = np.frombuffer(data, dtype=np.uint8)
        count = max(stream.size - _SIZE + 1, 0)
        # A running sum in uint8 wraps at 256, just as the check sum does.
        sums = np.append(np.uint8(0), np.cumsum(stream, dtype=np.uint8))
        starts = (stream[:count] == _MARK) & (stream[1 : count + 1] >> 4 == _TIME >> 4)
        starts &= sums[10 : count + 10] - sums[:count] == stream[10 : count + 10]
        offsets, end = [], 0
        for offset in np.flatnonzero(starts).tolist():
            if offset >= end:
                offsets.append(offset)
                end = offset + _SIZE
        at = np.array(offsets, dtype=np.int64)
        octets = stream[at[:, None] + np.arange(2, 10)]
        return cls(at, stream[at + 1] if at.size else stream[:0], octets.view("<i2").astype(np.int16), octets)

    def of(self, kind: int) -> Indices:
        return np.flatnonzero(self.kinds == kind)

    def count(self, kind: int) -> int:
        return int((self.kinds == kind).sum())

    def notes(self, size: int) -> list[str]:
        skipped = size - self.offsets.size * _SIZE
        if not skipped:
            return []
        expected = np.arange(self.offsets.size) * _SIZE
        first = int(np.append(self.offsets - expected, skipped).nonzero()[0][0]) * _SIZE
        return [f"{skipped} bytes belong to no whole frame (damaged or cut), the first at byte {first}: skipped"]


def _own(kind: Indices, gyro: Indices) -> tuple[Indices, NDArray[np.bool_]]:
    """Return for each gyro frame the last frame of a kind before it, and whether that came after the gyro before."""
    last = np.searchsorted(kind, gyro) - 1
    return last, (last >= 0) & (kind[last] > np.append(-1, gyro[:-1]))


def _timed(path: Path, frames: _Frames, gyro: Indices) -> tuple[Indices, NDArray[np.int64]]:
    """Return the gyro frames that follow a time frame, and their stamps in ns."""
    times = frames.of(_TIME)
    last, own = _own(times, gyro)
    stamps_ns = _stamps_ns(path, frames, times)
    return gyro[own], stamps_ns[last[own]]


def _stamps_ns(path: Path, frames: _Frames, times: Indices) -> NDArray[np.int64]:
    fields = frames.octets[times].astype(np.int64)
    days = np.empty(times.size, dtype=np.int64)
    dates, which = np.unique(fields[:, :3], axis=0, return_inverse=True)
    for k, (year, month, day) in enumerate(dates.tolist()):
        here = which.reshape(-1) == k
        try:
            # A clock that was never set counts from a day zero of a month zero.
            days[here] = (date(2000 + year, month or 1, day or 1) - date(1970, 1, 1)).days
        except ValueError:
            offset = int(frames.offsets[times[here]][0])
            raise failure_at(
                path, f"expected a date, got day {day} of month {month}; cut the log there", offset
            ) from None
    hours, minutes, seconds = fields[:, 3], fields[:, 4], fields[:, 5]
    milliseconds = fields[:, 6] + 256 * fields[:, 7]
    whole_s = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    return np.asarray((whole_s * 1000 + milliseconds) * 10**6, dtype=np.int64)


def _accel(frames: _Frames, gyro: Indices, kept: Indices, time_ns: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Return the accelerations (N, 3) of the kept samples, m/s^2; where a frame is lost, between its neighbours."""
    if not frames.count(_ACCEL):
        return None
    last, own = _own(frames.of(_ACCEL), gyro)
    selected = np.isin(gyro, kept)
    last, own = last[selected], own[selected]
    if not own.any():
        return None
    known = np.multiply(frames.values[frames.of(_ACCEL)[last[own]], :3], ACCEL_STEP_M_S2, dtype=np.float64)
    if own.all():
        return known
    since = (time_ns - time_ns[0]).astype(np.float64)
    return np.column_stack([np.interp(since, since[own], known[:, axis]) for axis in range(3)])


def _interval_s(path: Path, frames: _Frames, gyro: Indices) -> float:
    """Return the time between samples that makes the rates turn as far as the angles do.

    With v_k the turn from sample k to k + 1 (a rotation vector in the sensor's frame, by the angles) and w_k the mean
    rate of the two, the interval dt minimises sum |v_k - w_k dt|^2: dt = sum v_k . w_k / sum w_k . w_k.
    """
    turn, rate = _turns(frames, gyro)
    power, shared = float((rate**2).sum()), float((turn * rate).sum())
    if shared <= _AGREEMENT * np.sqrt(power * float((turn**2).sum())) or shared == 0.0:
        raise failure(
            path,
            "expected time frames (0x55 0x50), got none, and no turns in the angles to tell the sampling interval "
            "from; switch time output on and record again",
        )
    return shared / power


def _turns(frames: _Frames, gyro: Indices) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return turns between neighbouring samples by the angles (M, 3), rad, and their mean rates (M, 3), rad/s."""
    from scipy.spatial.transform import Rotation

    angles = frames.of(_ANGLE)
    following = np.searchsorted(angles, gyro)
    own = following < angles.size
    own[own] &= angles[following[own]] < np.append(gyro[1:], frames.kinds.size)[own]
    pairs = np.flatnonzero(own[1:] & own[:-1])
    if not pairs.size:
        return np.zeros((0, 3)), np.zeros((0, 3))
    # Roll, pitch, yaw are turned about z, then the new y, then the new x.
    degrees = frames.values[angles[following[own]], :3][:, ::-1] * ANGLE_STEP_DEG
    places = np.cumsum(own) - 1
    attitude = Rotation.from_euler("ZYX", degrees, degrees=True)
    turn = (attitude[places[pairs]].inv() * attitude[places[pairs + 1]]).as_rotvec()
    rates = frames.values[gyro, :3] * RATE_STEP_RAD_S
    return turn, (rates[pairs] + rates[pairs + 1]) / 2
