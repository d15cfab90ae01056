"""A shot of two photos hung at two depths, rendered ray by ray: an oracle that shares no code with the operators."""

import json
from dataclasses import dataclass

import cv2
import numpy as np
from skimage import data

from exr_files import exr
from gyrosharp.media.transfer import SRGB

WIDTH, HEIGHT, FOCAL_PX = 400, 288, 380.0
WALL_M, BOX_M = 4.0, 0.8
# The box in the reference view, px: left, top, right, bottom.
BOX_PX = (150.5, 70.5, 330.5, 230.5)
START_S, EXPOSURE_S, READOUT_S = 0.2, 0.04, 0.012
REFERENCE_S = START_S + EXPOSURE_S / 2 + READOUT_S * (HEIGHT - 1) / 2 / HEIGHT
# Beyond the image the wall goes on, so that nothing is guessed at its borders, px.
MARGIN_PX = 40


@dataclass(frozen=True)
class Scene:
    """Linear pictures (H, W, 3) and the depth map of the reference view."""

    sharp: np.ndarray
    blurred: np.ndarray
    depth_m: np.ndarray


def position_m(t_s):
    """Camera centre (..., 3) at t: a curved sway of a few millimetres to the side, 0 at the reference time."""
    t = np.asarray(t_s)[..., None] - REFERENCE_S
    return np.concatenate([0.5 * t + 0.002 * np.sin(160 * t), 0.006 * (1 - np.cos(110 * t)), 0.2 * t], axis=-1)


def turn_rad(t_s):
    """Rotation vector (..., 3) at t, 0 at the reference time."""
    t = np.asarray(t_s)[..., None] - REFERENCE_S
    return np.concatenate([0.15 * t + 0.002 * np.sin(120 * t), -0.2 * t, 0.3 * t], axis=-1)


def rotations(t_s):
    """R_world_cam (N, 3, 3) by Rodrigues' formula."""
    return np.stack([cv2.Rodrigues(vector)[0] for vector in turn_rad(t_s)])


def linear(photo, width, height):
    return SRGB.decode(cv2.resize(np.float32(photo) / 255, (width, height), interpolation=cv2.INTER_AREA))


def view(t_s):
    """What a camera sees whose row y is at the moment t_s[y], and the box's share of each pixel.

    Rays are cut with the box, then with the wall; a pixel on the box's edge sees both.
    """
    wall = linear(data.astronaut()[:370], WIDTH + 2 * MARGIN_PX, HEIGHT + 2 * MARGIN_PX)
    box = linear(data.coffee(), WIDTH, HEIGHT)
    x, y = np.meshgrid(np.arange(WIDTH) - (WIDTH - 1) / 2, np.arange(HEIGHT) - (HEIGHT - 1) / 2)
    rays = np.stack([x / FOCAL_PX, y / FOCAL_PX, np.ones_like(x)], axis=-1)
    rays = np.einsum("hij,hwj->hwi", rotations(t_s), rays)
    centre = position_m(t_s)[:, None]

    def hit(depth_m):
        reach = (depth_m - centre[..., 2]) / rays[..., 2]
        u = FOCAL_PX * (centre[..., 0] + reach * rays[..., 0]) / depth_m + (WIDTH - 1) / 2
        v = FOCAL_PX * (centre[..., 1] + reach * rays[..., 1]) / depth_m + (HEIGHT - 1) / 2
        return np.float32(u), np.float32(v)

    u, v = hit(WALL_M)
    far = cv2.remap(wall, u + MARGIN_PX, v + MARGIN_PX, cv2.INTER_LINEAR)
    u, v = hit(BOX_M)
    near = cv2.remap(box, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    left, top, right, bottom = BOX_PX
    share = np.clip(np.minimum(u - left, right - u) + 0.5, 0, 1) * np.clip(np.minimum(v - top, bottom - v) + 0.5, 0, 1)
    return far + share[..., None] * (near - far), share


def blurred(poses=64):
    """The exposure's mean (H, W, 3), each row at its own time."""
    row_start = START_S + READOUT_S * np.arange(HEIGHT) / HEIGHT
    return np.float32(sum(view(row_start + EXPOSURE_S * (k + 0.5) / poses)[0] for k in range(poses)) / poses)


def scene(reference_s=REFERENCE_S):
    """The view at a moment and its depth map, and the blur."""
    sharp, share = view(np.full(HEIGHT, reference_s))
    return Scene(sharp, blurred(), np.where(share > 0.5, BOX_M, WALL_M).astype(np.float32))


def codes(picture, noise_std=0.004, seed=0):
    """8-bit codes of a linear picture with noise."""
    noisy = SRGB.encode(np.clip(picture, 0, 1)) + np.random.default_rng(seed).normal(0, noise_std, picture.shape)
    return np.uint8(np.rint(255 * np.clip(noisy, 0, 1)))


def write_shot(folder, shot):
    """Write photo.png, truth.png, depth.{png,npy,exr}, poses.txt and photo.capture.json."""
    cv2.imwrite(str(folder / "photo.png"), codes(shot.blurred)[..., ::-1])
    cv2.imwrite(str(folder / "truth.png"), codes(shot.sharp, 0.0)[..., ::-1])
    cv2.imwrite(str(folder / "depth.png"), np.uint16(np.rint(shot.depth_m * 1000)))
    np.save(folder / "depth.npy", shot.depth_m)
    (folder / "depth.exr").write_bytes(exr({"Z": shot.depth_m}))
    (folder / "poses.txt").write_text("# t tx ty tz qx qy qz qw\n" + "".join(pose_rows()))
    (folder / "photo.capture.json").write_text(json.dumps(document()))


def pose_rows():
    for t in np.arange(START_S - 0.01, START_S + EXPOSURE_S + READOUT_S + 0.01, 0.001):
        vector = turn_rad(t)
        angle = np.linalg.norm(vector)
        xyz = vector / max(angle, 1e-12) * np.sin(angle / 2)
        yield " ".join(f"{value:.9f}" for value in (t, *position_m(t), *xyz, np.cos(angle / 2))) + "\n"


def document(depth="depth.png", **changes):
    return {
        "format": "gyrosharp.capture/1",
        "image": "photo.png",
        "camera": {
            "width": WIDTH,
            "height": HEIGHT,
            "fx": FOCAL_PX,
            "fy": FOCAL_PX,
            "cx": (WIDTH - 1) / 2,
            "cy": (HEIGHT - 1) / 2,
        },
        "exposure": {"start_ns": round(START_S * 1e9), "duration_s": EXPOSURE_S, "readout_s": READOUT_S},
        "trajectory": {"file": "poses.txt"},
        "depth": depth,
        **changes,
    }
