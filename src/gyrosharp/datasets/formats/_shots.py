"""What gyrosharp adds beside a paper's layout: capture files with the exact camera and motion of every sample.

A layout keeps pictures and network inputs; what made them is lost. So each writable format also gets

    <split>/shots/<name>.capture.json   camera, exposure, reference time and files; `gyrosharp deblur` takes it as it is
    <split>/shots/<name>.gyro.txt       t_ns wx wy wz of the exposure and its surroundings
    <split>/shots/<name>.poses.txt      or poses, where the camera also moves
    <split>/shots/<name>.meta.json      every parameter of the sample
"""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import MARGIN_SAMPLES, Capture
from gyrosharp.capture.capture_file import SUFFIX, capture_document, load_capture
from gyrosharp.datasets.sample import BlurSample
from gyrosharp.errors import UsageError
from gyrosharp.geometry.trajectory import PoseTrajectory
from gyrosharp.imu.recording import ImuRecording

FOLDER = "shots"


def shot_files(sample: BlurSample, split: str, picture: str, depth: str | None = None) -> dict[str, bytes]:
    """Return the capture file of a sample and what it needs, by path within the data set.

    Parameters
    ----------
    sample : BlurSample
        The sample.
    split : str
        Name of the subset.
    picture, depth : str
        Paths of the blurred picture and of the depth map within the subset's folder.
    """
    stem = f"{split}/{FOLDER}/{sample.name}"
    files, motion = motion_files(sample.capture, stem)
    document = capture_document(sample.capture, f"../{picture}", motion, depth and f"../{depth}")
    facts = {"name": sample.name, "meta": sample.meta}
    return {**files, f"{stem}{SUFFIX}": json_bytes(document), f"{stem}.meta.json": json_bytes(facts)}


def shot_reader(folder: Path, name: str) -> Callable[[], Capture] | None:
    """Return what builds the capture of a sample that gyrosharp wrote into a subset's folder; None without one."""
    path = folder / FOLDER / f"{name}{SUFFIX}"
    return partial(load_capture, path) if path.is_file() else None


def motion_files(capture: Capture, stem: str) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the motion of a capture as a text file, and the part of a capture file that names it."""
    name = Path(stem).name
    if capture.imu is None:
        assert capture.poses is not None
        content = poses_text(capture.poses)
        return {f"{stem}.poses.txt": content}, {"trajectory": {"file": f"{name}.poses.txt"}}
    assert capture.R_cam_imu is not None
    part = {
        "file": f"{name}.gyro.txt",
        "format": "gyroblur",
        "R_cam_imu": capture.R_cam_imu.tolist(),
        "time_offset_s": capture.time_offset_s,
    }
    log = _around(capture, capture.imu)
    return {f"{stem}.gyro.txt": gyro_text(log.time_ns, log.gyro_rad_s)}, {"imu": part}


def _around(capture: Capture, imu: ImuRecording) -> ImuRecording:
    start_ns, end_ns = capture.exposure.span_ns
    offset_ns = round(capture.time_offset_s * 1e9)
    return imu.window(start_ns - offset_ns, end_ns - offset_ns, MARGIN_SAMPLES)


def gyro_text(time_ns: NDArray[np.int64], rates_rad_s: NDArray[np.float64]) -> bytes:
    """Return a gyro log as GyroDeblurNet writes it: ``t_ns wx wy wz`` with tabs; no digit is lost."""
    rows = zip(time_ns.tolist(), rates_rad_s.tolist(), strict=True)
    return "".join(f"{stamp}\t{x!r}\t{y!r}\t{z!r}\n" for stamp, (x, y, z) in rows).encode()


def poses_text(poses: PoseTrajectory) -> bytes:
    """Return poses in TUM format, ``t_s tx ty tz qx qy qz qw``; no digit is lost."""
    from scipy.spatial.transform import Rotation

    quaternions = Rotation.from_matrix(poses.rotations).as_quat()
    positions = np.zeros((poses.time_ns.size, 3)) if poses.positions_m is None else poses.positions_m
    rows = zip(poses.time_ns.tolist(), np.hstack([positions, quaternions]).tolist(), strict=True)
    return "".join(f"{_seconds(stamp)} {' '.join(map(repr, row))}\n" for stamp, row in rows).encode()


def _seconds(stamp_ns: int) -> str:
    sign = "-" if stamp_ns < 0 else ""
    whole, rest = divmod(abs(stamp_ns), 1_000_000_000)
    return f"{sign}{whole}.{rest:09d}"


def json_bytes(document: dict[str, Any]) -> bytes:
    """Return JSON with sorted keys, the same for the same content."""
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()


def encoding_of(sample: BlurSample, format_name: str, name: str, full_size: bool = False) -> NDArray[np.float32]:
    """Return an encoding of a sample.

    Raises
    ------
    UsageError
        If the sample lacks it, or it is not on the picture's own grid where the layout needs that.
    """
    if name not in sample.encodings:
        raise UsageError(
            f"{format_name}: expected the encoding {name} in sample {sample.name}, got "
            f"{', '.join(sample.encodings) or 'none'}; add it to the config's encodings"
        )
    planes = sample.encodings[name]
    height, width = sample.sharp.shape[:2]
    if full_size and planes.shape[1:] != (height, width):
        raise UsageError(
            f"{format_name}: expected {name} for every pixel ({width} x {height}), got a grid of "
            f"{planes.shape[2]} x {planes.shape[1]}; set the encoding's stride to 1"
        )
    return planes
