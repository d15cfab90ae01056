"""Recordings with a known truth for sync tests: a turning camera, its gyro, and the points it sees; no pictures."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gyrosharp.capture.capture import ImageSource
from gyrosharp.capture.recording import Recording
from gyrosharp.geometry import CameraModel, PoseTrajectory
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.sync.pairs import joined

WIDTH, HEIGHT = 1280, 720
START_NS = 1_000_000_000_000


@dataclass(frozen=True, eq=False)
class Truth:
    """What the recording was made with."""

    time_offset_s: float = 0.02
    fx: float = 1100.0
    readout_s: float = 0.018
    exposure_s: float = 0.004
    bias_rad_s: tuple = (0.01, -0.008, 0.005)
    R_cam_imu: np.ndarray = field(default_factory=lambda: np.diag([1.0, -1.0, -1.0]))
    drift: float = 0.0
    axes: tuple = (1.0, 1.0, 1.0)
    noise_px: float = 0.15
    outliers: float = 0.0
    drive_per_s: float = 0.0


def shake(rng, time_s, strength=0.3, axes=(1.0, 1.0, 1.0)):
    """Hand shake: a dozen sines between 0.3 and 8 Hz about each axis, rad/s."""
    rate = np.zeros((time_s.size, 3))
    for hz in rng.uniform(0.3, 8.0, 12):
        amplitude = rng.normal(0, strength / np.sqrt(6) / np.sqrt(1 + hz / 2), 3)
        rate += amplitude * np.sin(2 * np.pi * hz * time_s + rng.uniform(0, 2 * np.pi))[:, None]
    return rate * axes


def tracks(seed=0, truth=None, frames=90, rate_hz=30.0, points=60, strength=0.3, gyro_noise=0.002):
    """Return (recording, point pairs): gyro at 400 Hz, clocks joined, nothing known of the camera."""
    truth = truth or Truth()
    rng = np.random.default_rng(seed)
    time_s = np.arange(-1.0, frames / rate_hz + 1.0, 1 / 400)
    rate = shake(rng, time_s, strength, truth.axes)
    camera_ns = START_NS + np.rint(time_s * 1e9).astype(np.int64)
    poses = PoseTrajectory.from_gyro(camera_ns, rate)
    stamps = START_NS + np.rint(np.arange(frames) / rate_hz * 1e9).astype(np.int64)
    camera = CameraModel(WIDTH, HEIGHT, truth.fx, truth.fx, (WIDTH - 1) / 2, (HEIGHT - 1) / 2)
    found = [(k, k + 1, *_seen(rng, camera, poses, stamps[k : k + 2], truth, points)) for k in range(frames - 1)]
    logged = rate @ truth.R_cam_imu + truth.bias_rad_s + gyro_noise * rng.standard_normal(rate.shape)
    # t_cam = t_imu + offset + drift (t_imu - t_imu[0])
    first = time_s[0] - truth.time_offset_s
    log_s = first + (time_s - truth.time_offset_s - first) / (1.0 + truth.drift)
    imu = ImuRecording(START_NS + np.rint(log_s * 1e9).astype(np.int64), logged)
    sources = tuple(ImageSource(Path("tracks.mp4"), k) for k in range(frames))
    exposure_s = np.full(frames, truth.exposure_s)
    return Recording(Path("tracks.mp4"), "test", sources, (WIDTH, HEIGHT), stamps, exposure_s, imu=imu), joined(found)


def _seen(rng, camera, poses, stamps, truth, points):
    a_px = rng.uniform((0, 0), (WIDTH, HEIGHT), (points, 2))
    turned_a = poses.at(_line_ns(stamps[0], a_px, truth))[0]
    rays = np.einsum("nij,nj->ni", turned_a, camera.unproject(a_px)[0])
    gap_s = (stamps[1] - stamps[0]) * 1e-9
    # Driving forward towards a ground plane: nearer, lower points come faster.
    nearness = np.maximum(camera.unproject(a_px)[0][:, 1], 0.0)
    b_px = a_px.copy()
    for _ in range(8):
        turned_b = poses.at(_line_ns(stamps[1], b_px, truth))[0]
        ray_b = np.einsum("nji,nj->ni", turned_b, rays)
        ray_b[:, 2] -= truth.drive_per_s * gap_s * nearness
        b_px = camera.project(ray_b)[0]
    wild = rng.random(points) < truth.outliers
    b_px = b_px + wild[:, None] * rng.uniform(-12, 12, (points, 2))
    inside = ((b_px > 0) & (b_px < (WIDTH, HEIGHT))).all(axis=1)
    noise = truth.noise_px / np.sqrt(2) * rng.standard_normal((2, points, 2))
    return (a_px + noise[0])[inside], (b_px + noise[1])[inside]


def _line_ns(stamp_ns, points_px, truth):
    """Middle of the exposure of each point's line."""
    after_s = truth.readout_s * points_px[:, 1] / HEIGHT + 0.5 * truth.exposure_s
    return stamp_ns + np.rint(after_s * 1e9).astype(np.int64)
