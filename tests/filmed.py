"""Frames of a textured far wall, filmed by a turning camera with a rolling shutter: files for sync tests."""

import cv2
import numpy as np
from skimage import data

from camera_tracks import START_NS, shake
from gyrosharp.capture.gcsv_writer import write_gcsv
from gyrosharp.geometry import CameraModel, PoseTrajectory
from gyrosharp.imu.recording import ImuRecording

OFFSET_S, READOUT_S, FX = 0.012, 0.02, 560.0
AXES = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])


def film(folder, frames=60, width=640, height=360, fx=FX, strength=0.35, seed=0):
    """Write frames/STAMP.png and log.gcsv; return their paths. Exposures are short, frames 1/30 s apart."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(-0.6, frames / 30 + 0.6, 1 / 400)
    rate = shake(rng, time_s, strength)
    poses = PoseTrajectory.from_gyro(START_NS + np.rint(time_s * 1e9).astype(np.int64), rate)
    camera = CameraModel(width, height, fx, fx, (width - 1) / 2, (height - 1) / 2)
    wall = _wall(2 * height, 2 * width)
    pictures = folder / "frames"
    pictures.mkdir()
    towards = poses.at(START_NS + round(frames / 60 * 1e9))[0]
    for stamp in START_NS + np.rint(np.arange(frames) / 30 * 1e9).astype(np.int64):
        picture = _seen(wall, camera, poses, int(stamp), towards) + rng.normal(0, 2.0, (height, width))
        cv2.imwrite(str(pictures / f"{stamp}.png"), np.uint8(np.clip(np.rint(picture), 0, 255)))
    logged = rate @ AXES + rng.normal(0, 0.002, rate.shape)
    log_ns = START_NS + np.rint((time_s - OFFSET_S) * 1e9).astype(np.int64)
    write_gcsv(ImuRecording(log_ns, logged), folder / "log.gcsv")
    return pictures, folder / "log.gcsv"


def _wall(height, width):
    """A large picture made of scikit-image's photos."""
    parts = [cv2.resize(data.camera(), (width // 2, height // 2)), cv2.resize(data.coins(), (width // 2, height // 2))]
    return np.float32(np.vstack([np.hstack(parts), np.hstack([parts[1][:, ::-1], parts[0][::-1]])]))


def _seen(wall, camera, poses, stamp_ns, towards):
    """Every row looks along its own direction: x_wall = K R_wall^T R(t_row) K^-1 x."""
    rows = np.arange(camera.height)
    turned = poses.at(stamp_ns + np.rint(READOUT_S * rows / camera.height * 1e9).astype(np.int64))[0]
    x, y = np.meshgrid(np.arange(camera.width), rows)
    rays = camera.unproject(np.stack([x, y], axis=-1).astype(float))[0]
    seen = np.einsum("ji,rjk,rck->rci", towards, turned, rays)
    place = np.float32(camera.project(seen)[0]) + np.float32([wall.shape[1] / 4, wall.shape[0] / 4])
    return cv2.remap(wall, place[..., 0], place[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
