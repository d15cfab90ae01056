"""Shots with a known truth: a sharp photo, shaken."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.exact import ExactOperator
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import Capture
from gyrosharp.datasets.synthesis.trail_length import scaled_to_trail
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure
from gyrosharp.imu.recording import ImuRecording
from gyrosharp.media.transfer import SRGB

Image = NDArray[np.float32]

# Finer than any solver's pose count, so that a test never inverts the very operator it was made with.
POSES = 160


@dataclass(frozen=True)
class ShakeSettings:
    """How a shot is shaken.

    Attributes
    ----------
    trail_px : float
        Median trail length over the image that the motion is scaled to, px.
    exposure_s : float
        Exposure time, s.
    readout_s : float
        Rolling-shutter readout, s.
    focal_ratio : float
        Focal length over the image's longer side.
    noise_std : float
        Gaussian noise of the encoded (sRGB) image, full scale 1.
    bits : int
        Bit depth the result is rounded to; 0 leaves it unrounded.
    """

    trail_px: float = 20.0
    exposure_s: float = 0.05
    readout_s: float = 0.018
    focal_ratio: float = 0.8
    noise_std: float = 0.01
    bits: int = 8


@dataclass(frozen=True, eq=False)
class Shot:
    """A blurred picture, its capture, and the truth.

    Attributes
    ----------
    capture : Capture
        Exact motion, no image source.
    sharp_linear, blurred_linear : (H, W, C) float32 arrays
        Truth and observation, linear light.
    """

    capture: Capture
    sharp_linear: Image
    blurred_linear: Image


def shaken_shot(
    sharp_linear: Image, imu: ImuRecording, start_s: float, rng: np.random.Generator, settings: ShakeSettings
) -> Shot:
    """Blur a sharp photo by a stretch of a gyro recording, scaled to a wanted trail length, with sensor noise.

    Parameters
    ----------
    sharp_linear : (H, W, C) float32 array
        Sharp photo, linear light.
    imu : ImuRecording
        Motion; axes that the recording does not settle are taken as the camera's.
    start_s : float
        Start of the exposure after the first sample of the recording, s.
    rng : numpy.random.Generator
        For the noise.
    settings : ShakeSettings
        Exposure, trail length, noise.

    Raises
    ------
    ImuError
        If the recording does not cover the exposure, or does not move during it.
    CaptureError
        If it cannot make trails that long.
    """
    height, width = sharp_linear.shape[:2]
    focal = settings.focal_ratio * max(height, width)
    camera = CameraModel(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)
    start_ns = int(imu.time_ns[0]) + round(start_s * 1e9)
    exposure = Exposure(start_ns, settings.exposure_s, settings.readout_s)
    capture = scaled_to_trail(Capture(camera, exposure, imu=imu, R_cam_imu=imu.R_cam_imu), settings.trail_px)
    blurred = ExactOperator(CameraMotion.from_capture(capture), POSES).forward(sharp_linear)
    return Shot(capture, sharp_linear, observed(blurred, rng, settings.noise_std, settings.bits))


def observed(blurred_linear: Image, rng: np.random.Generator, noise_std: float, bits: int) -> Image:
    """Return what a camera would have stored: noise in the encoded image, clipped and rounded, back in linear light."""
    encoded = SRGB.encode(blurred_linear)
    noisy = np.clip(encoded + noise_std * rng.standard_normal(encoded.shape), 0.0, 1.0)
    if bits:
        levels = float(2**bits - 1)
        noisy = np.rint(noisy * levels) / levels
    return SRGB.decode(noisy).astype(np.float32)
