"""BlurSample: what synthesis makes, and what training and the folder layouts read."""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.field import BlurField
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import Capture

Codes = NDArray[np.uint8] | NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class BlurSample:
    """One pixel-aligned training sample.

    Attributes
    ----------
    name : str
        Unique within its data set; safe as a file name.
    sharp, blurred : (H, W, 3) uint8 or uint16 arrays
        Truth and observation as a camera stores them: sRGB-encoded codes, RGB order.
    capture : Capture
        The true camera, exposure, motion and depth of this crop; no image source.
    noisy_capture : Capture
        What a gyro and a calibration with errors say of the same shot.
    field, noisy_field : BlurField
        Trajectories under `capture` and under `noisy_capture`.
    mask : (H, W) float32 array
        1 where the blurred pixel's light all comes from inside the sharp picture and from the static scene, less where
        it does not.
    saturation : (H, W) float32 array
        Share of its exposure during which a pixel saw clipped light.
    encodings, noisy_encodings : dict of (C, h, w) float32 arrays
        Network inputs by encoding name, from `field` and `noisy_field`.
    physics : dict of (H, W, C) uint8 arrays
        What physics makes of `blurred` under `noisy_capture`, by name (`gyrosharp.restore.physics`); 255 is 1.
    meta : dict
        Every parameter that made the sample, as JSON: seed, photo and its hash, camera, exposure, motion,
        sensor, errors.
    """

    name: str
    sharp: Codes
    blurred: Codes
    capture: Capture
    noisy_capture: Capture
    field: BlurField
    noisy_field: BlurField
    mask: NDArray[np.float32]
    saturation: NDArray[np.float32]
    encodings: dict[str, NDArray[np.float32]] = dataclasses.field(default_factory=dict)
    noisy_encodings: dict[str, NDArray[np.float32]] = dataclasses.field(default_factory=dict)
    physics: dict[str, NDArray[np.uint8]] = dataclasses.field(default_factory=dict)
    meta: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def depth_m(self) -> NDArray[np.float32] | None:
        """Depth (H, W) at the reference time, metres, NaN unknown; None where the picture has none."""
        return self.capture.depth()

    @property
    def motion(self) -> CameraMotion:
        """The true motion."""
        return CameraMotion.from_capture(self.capture)

    @property
    def noisy_motion(self) -> CameraMotion:
        """The motion as gyro and calibration have it."""
        return CameraMotion.from_capture(self.noisy_capture)
