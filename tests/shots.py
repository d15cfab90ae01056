"""Shots with a known truth for tests: photos that scikit-image carries, shaken by a simulated hand."""

from dataclasses import replace
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


def with_gyro_errors(capture, seed=0, noise=0.01, bias=0.02, offset_s=0.004, focal=0.04):
    """The capture with sensor noise, a bias of random direction, and offset and focal length off by random signs."""
    rng = np.random.default_rng(1000 + seed)
    axis = rng.standard_normal(3)
    error = bias * axis / np.linalg.norm(axis) + noise * rng.standard_normal(capture.imu.gyro_rad_s.shape)
    return replace(
        capture,
        imu=replace(capture.imu, gyro_rad_s=capture.imu.gyro_rad_s + error),
        time_offset_s=capture.time_offset_s + offset_s * rng.choice([-1, 1]),
        camera=capture.camera.refocused(1 + focal * rng.choice([-1, 1])),
    )


def with_other_gyro(capture, seed=0):
    """The capture with the log of another shot, of a hand as unsteady."""
    start_s = (capture.exposure.start_ns - int(capture.imu.time_ns[0])) * 1e-9
    other = hand_tremor(np.random.default_rng(2000 + seed), start_s + 0.5)
    rms = np.sqrt(np.mean(capture.imu.gyro_rad_s**2) / np.mean(other.gyro_rad_s**2))
    moved_ns = other.time_ns + int(capture.imu.time_ns[0])
    return replace(capture, imu=replace(other, time_ns=moved_ns, gyro_rad_s=other.gyro_rad_s * rms))
