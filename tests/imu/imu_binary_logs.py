"""One writer per binary log format: what the contract tests feed to the readers."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from imu_logs import DEG, G, shake

import pb3_files


@dataclass
class BinaryLog:
    """A log as bytes: `head`, then `rounds` of `samples_each`; values are right to half a step.

    Where `payload_clock`, only the first sample of each round has a stamp, counted from the first round.
    """

    file_name: str
    rounds: list[bytes]
    head: bytes = b""
    step_rad_s: float = 0.0
    step_m_s2: float = 0.0
    samples_each: int = 1
    payload_clock: bool = False

    def data(self) -> bytes:
        return self.head + b"".join(self.rounds)

    def write(self, folder: Path, data: bytes | None = None) -> Path:
        path = folder / self.file_name
        path.write_bytes(self.data() if data is None else data)
        return path


def witmotion_frame(kind: int, content: bytes) -> bytes:
    frame = bytes([0x55, kind]) + content
    return frame + bytes([sum(frame) & 0xFF])


def witmotion_time(ns: int) -> bytes:
    at = datetime(2022, 7, 13) + timedelta(microseconds=ns // 1000)
    clock = at.year - 2000, at.month, at.day, at.hour, at.minute, at.second
    return witmotion_frame(0x50, bytes(clock) + struct.pack("<H", at.microsecond // 1000))


def witmotion_values(kind: int, values, step: float) -> bytes:
    steps = np.rint(np.asarray(values) / step).astype(int)
    return witmotion_frame(kind, struct.pack("<4h", *steps, 2526))


WITMOTION_ZERO_NS = 1_657_670_400 * 10**9  # 2022-07-13
RATE_STEP, ACCEL_STEP = 2000 * DEG / 32768, 16 * G / 32768


def witmotion_binary(time, gyro, accel):
    rounds = [
        witmotion_time(int(t))
        + witmotion_values(0x51, a, ACCEL_STEP)
        + witmotion_values(0x52, w, RATE_STEP)
        + witmotion_frame(0x53, bytes(8))
        for t, w, a in zip(time, gyro, accel, strict=True)
    ]
    return BinaryLog("DATA0001.TXT", rounds, b"", RATE_STEP, ACCEL_STEP)


def video_imu_capture(time, gyro, accel):
    rounds = [pb3_files.imu(*row) for row in zip(time, gyro, accel, strict=True)]
    # Single precision keeps seven digits.
    return BinaryLog("video_meta.pb3", rounds, pb3_files.head() + pb3_files.camera(), 1e-6, 1e-5)


def gpmf_entry(key: str, kind: str, size: int, content: bytes) -> bytes:
    """Key, type, size of one value, number of values, values; filled up to four bytes."""
    head = key.encode() + (kind.encode() or b"\0") + struct.pack(">BH", size, len(content) // size)
    return head + content + bytes(-len(content) % 4)


def gpmf_stream(key: str, values, scale: int, unit: str, stamp_us: int, total: int) -> bytes:
    steps = np.rint(np.asarray(values) * scale).astype(">i2")
    content = gpmf_entry("STMP", "J", 8, struct.pack(">Q", stamp_us)) + gpmf_entry(
        "TSMP", "L", 4, struct.pack(">L", total)
    )
    content += gpmf_entry("SIUN", "c", len(unit), unit.encode()) + gpmf_entry("SCAL", "s", 2, struct.pack(">h", scale))
    return gpmf_entry("STRM", "", 1, content + gpmf_entry(key, "s", 6, steps.tobytes()))


def gpmf(time, gyro, accel):
    each = 2
    rounds = []
    for k in range(0, len(time), each):
        part, stamp_us = slice(k, k + each), int(time[k] - time[0]) // 1000
        device = gpmf_entry("DVID", "L", 4, struct.pack(">L", 1)) + gpmf_entry("DVNM", "c", 1, b"Camera")
        device += gpmf_stream("ACCL", accel[part], 418, "m/s2", stamp_us, k + each)
        device += gpmf_stream("GYRO", gyro[part], 3755, "rad/s", stamp_us, k + each)
        rounds.append(gpmf_entry("DEVC", "", 1, device))
    return BinaryLog("hero5.raw", rounds, b"", 1 / 3755, 1 / 418, each, payload_clock=True)


BINARY_WRITERS: dict[str, Callable[..., BinaryLog]] = {
    "gpmf": gpmf,
    "video-imu-capture": video_imu_capture,
    "witmotion-binary": witmotion_binary,
}
CLOCK_ZERO_NS = {"witmotion-binary": WITMOTION_ZERO_NS}


def sample_binary_log(name: str, count: int = 60) -> BinaryLog:
    return BINARY_WRITERS[name](*shake(count))
