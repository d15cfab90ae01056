"""Shots with a known truth for tests: photos that scikit-image carries, shaken by a simulated hand."""

from functools import cache

import numpy as np
from skimage import data

from gyrosharp.datasets.synthesis.shot import ShakeSettings, shaken_shot
from gyrosharp.datasets.synthesis.tremor import hand_tremor
from gyrosharp.evaluation.metrics import psnr_srgb
from gyrosharp.media.transfer import SRGB


@cache
def photo(name="astronaut", width=440, height=400):
    """The middle of one of scikit-image's photos, linear light, read-only; grey ones have one channel."""
    codes = np.atleast_3d(getattr(data, name)())
    y, x = (max(have - want, 0) // 2 for have, want in zip(codes.shape, (height, width), strict=False))
    linear = SRGB.decode(codes[y : y + height, x : x + width] / 255.0).astype(np.float32)
    linear.setflags(write=False)
    return linear


def shake_photo(sharp_linear, seed=0, **settings):
    """The photo as a shaking hand took it: by default 20 px trails, 18 ms readout, 1 % noise, 8 bit."""
    rng = np.random.default_rng(seed)
    return shaken_shot(sharp_linear, hand_tremor(rng, 0.8), 0.3, rng, ShakeSettings(**settings))


def gain_db(restored, shot, inner=(slice(None), slice(None))):
    """PSNR of the encoded image above that of the blurred one."""
    truth = shot.sharp_linear[inner]
    return psnr_srgb(np.clip(restored, 0, 1)[inner], truth) - psnr_srgb(shot.blurred_linear[inner], truth)
