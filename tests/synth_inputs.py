"""Photos, logs and RGB-D frames to make samples from."""

import cv2
import numpy as np
from skimage import data

from gyrosharp.capture.gcsv_writer import write_gcsv
from gyrosharp.datasets.synthesis.config import SynthConfig, load_config
from gyrosharp.datasets.synthesis.synth_maker import SynthMaker
from gyrosharp.datasets.synthesis.tremor import hand_tremor

PHOTOS = ("astronaut", "coffee", "chelsea")


def write_photos(folder, width=300, height=260):
    """Three photos as PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PHOTOS:
        codes = getattr(data, name)()[20 : 20 + height, 40 : 40 + width]
        cv2.imwrite(str(folder / f"{name}.png"), codes[..., ::-1])
    return folder


def write_log(path, seconds=3.0):
    """A gyro log of a trembling hand."""
    write_gcsv(hand_tremor(np.random.default_rng(7), seconds, 0.5), path)
    return path


def write_rgbd(folder, width=300, height=260):
    """A photo with a depth map in metres: a near box before a far wall."""
    write_photos(folder, width, height)
    depth_m = np.full((height, width), 3.0, np.float32)
    depth_m[80:180, 100:220] = 0.8
    for name in PHOTOS:
        np.save(folder / f"{name}_depth.npy", depth_m)
    return folder


def clean_config(**parts):
    """No noise, no errors: what is left is geometry."""
    base = {
        "picture": {"size": (96, 80), "scale": (0.7, 1.0), "crops_per_photo": 2},
        "exposure": {"duration_s": (0.04, 0.06), "readout_s": (0.01, 0.02)},
        "motion": {"sources": [{"kind": "tremor"}], "trail_px": (6.0, 12.0)},
        "sensor": {"preset": "none"},
        "errors": {"level": (0.0, 0.0)},
    }
    return SynthConfig.model_validate({**base, **parts})


def maker_of(folder, config=None, logs=(), seed=3, name=None):
    """A maker over a folder of photos; `name` takes a bundled config in a small size."""
    if name is not None:
        config = load_config(name, ("picture.size=[96, 80]", "motion.trail_px=[4, 12]"))
    return SynthMaker(config or clean_config(), (str(folder),), tuple(str(log) for log in logs), seed)
