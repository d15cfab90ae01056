"""Shots that are hard to deblur, each with its truth: what benchmarks/gallery.py shows.

Photos are scikit-image's. A simulated hand shakes the camera; every case then changes one thing: the light, the scene,
the motion, the sensor, or what the method is told of the motion.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

import numpy as np
from made_depth import made_depth
from skimage import data

from gyrosharp.blur.exact import ExactOperator
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.blur.operator import operator_of_motion
from gyrosharp.capture.capture import Capture
from gyrosharp.capture.lens_shift import LensShift
from gyrosharp.datasets.synthesis.bayer import PATTERNS
from gyrosharp.datasets.synthesis.gyro_errors import GyroErrors
from gyrosharp.datasets.synthesis.motion_sources import Motion, capture_of
from gyrosharp.datasets.synthesis.moving_layers import MovingObject, blur_with_objects
from gyrosharp.datasets.synthesis.object_shapes import rasterised
from gyrosharp.datasets.synthesis.sensor import Sensor
from gyrosharp.datasets.synthesis.shot import POSES, ShakeSettings
from gyrosharp.datasets.synthesis.shot_noise import iso_noise
from gyrosharp.datasets.synthesis.trail_length import scaled_to_trail
from gyrosharp.datasets.synthesis.tremor import hand_tremor
from gyrosharp.evaluation.shots import BenchmarkShot
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure
from gyrosharp.media.transfer import SRGB

TRAIL_PX = 20.0
# A second of the hand, with the exposure in its middle: gyro logs begin and end well outside it.
HAND_S, START_S = 1.0, 0.5
# Cut off after blurring: light from beyond the photo's border, which the photo does not know, reaches no farther.
MARGIN_PX = 24
# Good light: 1 % noise of the stored picture, 8 bit, as in the benchmarks.
CLEAN = Sensor(encoded_std=0.01)
# Street lamps in a night photo are tens of times as bright as white.
LAMP_LIGHT = 60.0
# Of the night photo, px: so long that the lamps' trails cover more than a hundredth of it.
LAMP_TRAIL_PX = 36.0
# Pitch, yaw and roll of a hand that twists the camera rather than tilting it, and of one that does not twist it at all:
# a stabiliser of the lens cannot hold a twist.
TWIST, TILT = (0.1, 0.1, 1.0), (1.0, 1.0, 0.0)
# Across the exposure, in the reference view: longer than the camera's trails, and across them.
OBJECT_PATH_PX = (12.0, 34.0)
OBJECT_DIAMETER_PX = 150
# A photographer who walks while taking a picture.
WALK_M_S = (0.5, 0.1, 0.0)
# Of the made depths of the astronaut this one has the helmet and the chest before everything else.
DEPTH_SEED = 2
# Photos of scikit-image are exposed for daylight; a night at ISO 6400 leaves this share of their light.
NIGHT_LIGHT = 0.25

Image = np.ndarray


@dataclass(frozen=True, eq=False)
class GalleryShot:
    """A shot, and how the camera really moved: `told.capture` is what the gyro and the calibration say of it."""

    told: BenchmarkShot
    true: Capture


@dataclass(frozen=True)
class Case:
    """A failure: its name for people, a photo, what is done to it, and the corner (x, y) of the part that is shown."""

    title: str
    photo: str
    make: Callable[[Image], GalleryShot]
    corner: tuple[int, int]
    shown: bool = True


def sharp_photo(name: str) -> Image:
    """One of scikit-image's photos (H, W, 3), linear light."""
    return SRGB.decode(getattr(data, name)() / 255.0).astype(np.float32)


def hand_motion(picture: Image, trail_px: float = TRAIL_PX, seed: int = 1, gains=(1.0, 1.0, 1.0)) -> Capture:
    """A phone in a hand that shakes it, with trails of a wanted median length; gains are of pitch, yaw, roll."""
    imu = hand_tremor(np.random.default_rng(seed), HAND_S)
    imu = replace(imu, gyro_rad_s=imu.gyro_rad_s * gains)
    height, width = picture.shape[:2]
    settings = ShakeSettings()
    focal = settings.focal_ratio * max(height, width)
    camera = CameraModel(width, height, focal, focal, (width - 1) / 2, (height - 1) / 2)
    motion = Motion(imu, round(START_S * 1e9))
    exposure = Exposure(motion.start_ns, settings.exposure_s, settings.readout_s)
    return scaled_to_trail(capture_of(motion, camera, exposure), trail_px)


def blurred(light: Image, true: Capture) -> Image:
    """Light on the chip; more poses than any method takes."""
    return operator_of_motion(CameraMotion.from_capture(true), POSES).forward(light)


def photographed(truth: Image, seen: Image, true: Capture, told: Capture, sensor: Sensor = CLEAN) -> GalleryShot:
    """What the camera stores, without the border."""
    codes = sensor.photograph(seen, np.random.default_rng(0))
    height, width = (side - 2 * MARGIN_PX for side in seen.shape[:2])
    part = slice(MARGIN_PX, MARGIN_PX + height), slice(MARGIN_PX, MARGIN_PX + width)
    stored, wanted = (sensor.curve.decode(c / 255.0).astype(np.float32)[part] for c in (codes, sensor.target(truth)))
    true, told = (capture.cropped(MARGIN_PX, MARGIN_PX, width, height) for capture in (true, told))
    return GalleryShot(BenchmarkShot(stored, wanted, told, lossy=sensor.jpeg_quality > 0), true)


def saturation(sharp: Image) -> GalleryShot:
    """Lamps that are far brighter than white draw their trails into the picture."""
    true = hand_motion(sharp, LAMP_TRAIL_PX)
    lit = replace(CLEAN, saturation_alpha=LAMP_LIGHT).saturate(sharp)
    return photographed(sharp, blurred(lit, true), true, true)


def moving_object(sharp: Image) -> GalleryShot:
    """A cat's head passes before the scene."""
    true = hand_motion(sharp)
    scene = blur_with_objects(ExactOperator(CameraMotion.from_capture(true), POSES), sharp, [_cat(sharp.shape[:2])])
    return photographed(scene.sharp_linear, scene.blurred_linear, true, true)


def _cat(shape: tuple[int, int]) -> MovingObject:
    """A round part of the cat, right of the middle of a picture."""
    angle = np.linspace(0.0, 2 * np.pi, 96, endpoint=False)
    mask = rasterised(OBJECT_DIAMETER_PX / 2 * np.stack([np.cos(angle), np.sin(angle)], axis=-1))
    side = mask.shape[0]
    face = sharp_photo("cat")[70 : 70 + side, 110 : 110 + side]
    top, left = (shape[0] - side) // 2, (shape[1] - side) * 2 // 3
    light, opacity = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
    light[top : top + side, left : left + side] = face * mask[..., None]
    opacity[top : top + side, left : left + side] = mask
    return MovingObject(light, opacity, OBJECT_PATH_PX)


def roll(sharp: Image) -> GalleryShot:
    """The camera turns about its optical axis: nothing moves in the middle, and much at the borders."""
    true = hand_motion(sharp, gains=TWIST)
    return photographed(sharp, blurred(sharp, true), true, true)


def wrong_focal(sharp: Image, ratio: float) -> GalleryShot:
    """The focal length that the method is told is `ratio` times the true one."""
    true = hand_motion(sharp)
    told = GyroErrors(focal_ratio=ratio).applied(true, np.random.default_rng(0))
    return photographed(sharp, blurred(sharp, true), true, told)


def stabilised(sharp: Image, share: float) -> GalleryShot:
    """An optical stabiliser took a share of the shake off the picture's middle; the log has all of it."""
    told = hand_motion(sharp, gains=TILT)
    camera, (start_ns, end_ns) = told.camera, told.exposure.span_ns
    times_ns = np.linspace(start_ns, end_ns, POSES).astype(np.int64)
    shake_px = CameraMotion.from_capture(told).positions([[camera.cx, camera.cy]], times_ns)[0] - (camera.cx, camera.cy)
    true = replace(told, lens_shift=LensShift(times_ns, -share * shake_px))
    return photographed(sharp, blurred(sharp, true), true, told)


def other_log(sharp: Image) -> GalleryShot:
    """The log of another shot, with trails as long."""
    true = hand_motion(sharp)
    return photographed(sharp, blurred(sharp, true), true, hand_motion(sharp, seed=4))


def long_trails(sharp: Image, trail_px: float) -> GalleryShot:
    """Trails of a fifth of the picture's side."""
    true = hand_motion(sharp, trail_px)
    return photographed(sharp, blurred(sharp, true), true, true)


def walking(sharp: Image) -> GalleryShot:
    """The camera also moves sideways, which no gyro sees: near things are smeared more than far ones."""
    told = hand_motion(sharp, trail_px=TRAIL_PX / 2)
    imu = told.imu
    positions_m = (imu.time_ns * 1e-9)[:, None] * WALK_M_S
    walked = capture_of(Motion(imu, told.exposure.start_ns, positions_m), told.camera, told.exposure)
    depth_m = made_depth(np.rint(SRGB.encode(sharp) * 255).astype(np.uint8), np.random.default_rng(DEPTH_SEED))
    true = replace(walked, depth_m=depth_m)
    return photographed(sharp, blurred(sharp, true), true, told)


def night(sharp: Image, iso: float) -> GalleryShot:
    """Little light and high sensitivity: shot and read noise behind a Bayer mosaic."""
    true, dark = hand_motion(sharp), NIGHT_LIGHT * sharp
    shot, read = iso_noise(iso)
    sensor = Sensor(iso=iso, shot_variance=shot, read_variance=read, bayer=PATTERNS[0], red_gain=2.0, blue_gain=1.7)
    return photographed(dark, blurred(dark, true), true, true, sensor)


def strong_jpeg(sharp: Image, quality: int) -> GalleryShot:
    """The blurred picture was stored as a small JPEG."""
    true = hand_motion(sharp)
    return photographed(sharp, blurred(sharp, true), true, true, replace(CLEAN, jpeg_quality=quality))


def _focal(percent: int, shown: bool) -> Case:
    make = partial(wrong_focal, ratio=1 + percent / 100)
    return Case(f"focal length told {percent} % too long", "astronaut", make, (80, 10), shown)


CASES: Mapping[str, Case] = MappingProxyType(
    {
        "saturation": Case("lamps far brighter than white", "rocket", saturation, (110, 151)),
        "object": Case("an object that moves on its own", "astronaut", moving_object, (160, 110)),
        "roll": Case("a turn about the optical axis", "coffee", roll, (250, 120)),
        "focal-5": _focal(5, shown=False),
        "focal-10": _focal(10, shown=False),
        "focal-20": _focal(20, shown=True),
        "focal-40": _focal(40, shown=True),
        "ois-70": Case("a stabiliser took away 70 %", "coffee", partial(stabilised, share=0.7), (80, 0), shown=False),
        "ois-90": Case("a stabiliser took away 90 %", "coffee", partial(stabilised, share=0.9), (80, 0)),
        "other-log": Case("the log of another shot", "chelsea", other_log, (90, 20)),
        "long": Case("trails of 100 px", "astronaut", partial(long_trails, trail_px=100.0), (80, 10)),
        "depth": Case("a walking photographer, near and far things", "astronaut", walking, (160, 210)),
        "noise": Case("night at ISO 6400", "chelsea", partial(night, iso=6400.0), (90, 20)),
        "jpeg": Case("stored as a JPEG of quality 40", "rocket", partial(strong_jpeg, quality=40), (0, 120)),
    }
)
"""The cases, in the order of the page."""
