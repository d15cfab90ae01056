"""A writer of VideoIMUCapture's video_meta.pb3: protocol buffers by hand, for tests."""

import struct


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def integer(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value) if value else b""  # proto3 leaves zeros out


def real(number: int, value: float) -> bytes:
    return varint(number << 3 | 5) + struct.pack("<f", value)


def block(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def reals(number: int, values) -> bytes:
    return block(number, struct.pack(f"<{len(values)}f", *values)) if len(values) else b""


def size(number: int, width: int, height: int) -> bytes:
    return block(number, integer(1, width) + integer(2, height))


def head(seconds: int = 1_600_000_000) -> bytes:
    return block(1, integer(1, seconds) + integer(2, 250_000_000))


def imu(time_ns, gyro, accel, drift=(), bias=()) -> bytes:
    content = integer(1, int(time_ns)) + reals(2, gyro) + reals(3, drift) + reals(4, accel) + reals(5, bias)
    return block(4, content + integer(6, 3) + integer(7, 3))


def camera(
    intrinsics=(), distortion=(), size_px=(90, 160), orientation_deg=90, joined=True, ois=False, eis=False, fixed=False
) -> bytes:
    return block(
        2,
        reals(1, intrinsics)
        + reals(2, distortion)
        + integer(3, ois)
        + integer(4, eis)
        + integer(6, joined)
        + integer(10, fixed)
        + size(11, *size_px)
        + size(12, 4032, 3024)
        + integer(14, orientation_deg),
    )


def frame(number, start_ns, exposure_ns=0, readout_ns=0, focal_px=0.0, shifts=()) -> bytes:
    content = integer(1, start_ns) + integer(2, number) + integer(3, exposure_ns) + integer(4, 33_000_000)
    content += integer(5, readout_ns) + integer(6, 100) + real(7, 4.4)
    content += real(8, focal_px) if focal_px else b""
    for time_ns, x, y in shifts:
        content += block(10, integer(1, time_ns) + real(2, x) + real(3, y))
    return block(5, content)
