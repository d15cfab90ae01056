"""Raw GPMF: payloads of a GoPro's metadata track as a file, as `ffmpeg -map 0:3 -codec copy -f rawvideo` extracts them.

Units: rad/s and m/s^2 (the format's SIUN), divided by the stored scale.

Axes: turned to the order of the HERO5: up, left, back, seen from behind the camera (`gyrosharp.imu.gpmf_log`). That
settles `R_cam_imu` for pictures stored upright.

Times: the stamps of the payloads (STMP or TICK) with a straight line through them; without stamps, payloads of 1 s.
"""

from pathlib import Path

import numpy as np

from gyrosharp.imu.axes import parse_axes
from gyrosharp.imu.checks import RawSamples, checked
from gyrosharp.imu.gpmf import HEADER_BYTES, Payload, is_gpmf, parse_payload
from gyrosharp.imu.gpmf_log import acceleration, stored_axes, track_of
from gyrosharp.imu.readers._table import failure, read_bytes
from gyrosharp.imu.recording import ImuRecording

NAME = "gpmf"
DESCRIPTION = "GoPro GPMF payloads, raw"
DEVICES = "GoPro HERO5 and later, MAX, Fusion, Karma: the metadata track extracted from the movie"
EXTENSIONS = (".raw", ".gpmf", ".bin")
GYRO_UNIT = "rad/s"

PAYLOAD_S = 1.0
"""Assumed length of payloads without stamps; GoPro writes them at 1 Hz (1.001 s in NTSC modes)."""
MAX_NOTES = 5
_KEYS = ("GYRO", "ACCL")


def sniff_bytes(head: bytes, path: Path) -> bool:  # noqa: ARG001
    """Return whether the file begins with a GPMF device."""
    return is_gpmf(head)


def read(path: Path) -> ImuRecording:
    """Read raw GPMF payloads; see the module docstring for units, axes and times.

    Raises
    ------
    ImuError
        If the file is no GPMF, or holds no gyroscope samples.
    """
    payloads = _split(read_bytes(path), str(path))
    gyro = track_of(payloads, "GYRO")
    damage = [note for _, payload in payloads for note in payload.notes]
    if gyro is None or gyro.samples.shape[1] != 3:
        why = f" ({damage[0]})" if damage else ""
        raise failure(path, f"expected GYRO samples of three axes, got none{why}; was the gyro on?")
    times = gyro.in_camera_clock()
    turn, axes_notes = stored_axes(gyro.head)
    time_ns = np.rint(times.time_s * 1e9).astype(np.int64)
    raw = RawSamples(time_ns, gyro.samples @ turn.T, acceleration(payloads, times.time_s, gyro))
    notes = [*damage[:MAX_NOTES], *axes_notes, *times.notes]
    if gyro.clock == "payload" and gyro.counts.size > 1:
        notes.append("no stamps in the payloads: taken as 1 s each")
    return checked(raw, source=str(path), R_cam_imu=parse_axes("gopro"), notes=notes)


def _split(data: bytes, source: str) -> list[tuple[float, Payload]]:
    """Return the payloads of a file with assumed times: a device whose name came before begins the next payload."""
    payloads: list[tuple[float, Payload]] = []
    begin, seen = 0, set[bytes]()
    for offset, device in _devices(data):
        if device in seen:
            payloads.append((PAYLOAD_S * len(payloads), parse_payload(data[begin:offset], source, _KEYS)))
            begin, seen = offset, set()
        seen.add(device)
    payloads.append((PAYLOAD_S * len(payloads), parse_payload(data[begin:], source, _KEYS)))
    return payloads


def _devices(data: bytes) -> list[tuple[int, bytes]]:
    """Return where the devices of a file begin, each with its identity: its first entry, which is its number."""
    found = []
    offset = 0
    while is_gpmf(data[offset : offset + HEADER_BYTES]):
        size = data[offset + 5] * int.from_bytes(data[offset + 6 : offset + 8], "big")
        found.append((offset, data[offset + HEADER_BYTES : offset + HEADER_BYTES + 12]))
        offset += HEADER_BYTES + size + -size % 4
    return found
