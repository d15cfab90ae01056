"""CameraProfile: what is known of a camera before it records anything."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.rotation import require_rotation
from gyrosharp.geometry.shutter import Shutter

LONGEST_READOUT_S = 1.0


@dataclass(frozen=True)
class GyroNoise:
    """Noise of a gyro at rest, as an Allan deviation tells it; None where it is not known.

    Attributes
    ----------
    white_rad_s_rthz : float or None
        Density of the white noise, rad/s per square root of hertz.
    bias_instability_rad_s : float or None
        Lowest point of the Allan deviation, rad/s.
    random_walk_rad_s2_rthz : float or None
        Density of the noise that drives the bias, rad/s^2 per square root of hertz.

    Raises
    ------
    CaptureError
        If a value is negative or not finite.
    """

    white_rad_s_rthz: float | None = None
    bias_instability_rad_s: float | None = None
    random_walk_rad_s2_rthz: float | None = None

    def __post_init__(self) -> None:
        for name in ("white_rad_s_rthz", "bias_instability_rad_s", "random_walk_rad_s2_rthz"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < np.inf:
                raise CaptureError(f"gyro noise {name}: expected a finite number, >= 0, got {value:g}")


@dataclass(frozen=True, eq=False)
class CameraProfile:
    """A camera with what was found out about it; None where the profile does not say.

    Attributes
    ----------
    name : str
        What to call it in messages.
    camera : CameraModel
        Intrinsics, for the picture size they were asked for.
    readout_s : float or None
        First line to one past the last, s, in [0, 1].
    shutter : Shutter or None
        Readout direction of the picture as stored.
    notes : tuple of str
        What was assumed, in plain words.
    R_cam_imu : (3, 3) array or None
        Maps IMU vectors to camera vectors.
    time_offset_s : float or None
        t_cam = t_imu + time_offset_s.
    gyro_noise : GyroNoise or None
        Of the gyro in the same device.
    source, uncertainty : str
        Where the numbers come from, and how good they are; may be empty.

    Raises
    ------
    CaptureError
        If readout, rotation or time offset are out of range.
    """

    name: str
    camera: CameraModel
    readout_s: float | None = None
    shutter: Shutter | None = None
    notes: tuple[str, ...] = ()
    R_cam_imu: NDArray[np.float64] | None = None
    time_offset_s: float | None = None
    gyro_noise: GyroNoise | None = None
    source: str = ""
    uncertainty: str = ""

    def __post_init__(self) -> None:
        if self.readout_s is not None and not 0.0 <= self.readout_s <= LONGEST_READOUT_S:
            raise CaptureError(f"readout: expected seconds in [0, 1], got {self.readout_s:g}; check its unit")
        if self.time_offset_s is not None and not np.isfinite(self.time_offset_s):
            raise CaptureError(f"time offset: expected finite seconds, got {self.time_offset_s}")
        if self.R_cam_imu is not None:
            with np.errstate(over="ignore", invalid="ignore"):  # huge numbers are refused too, without a warning
                rotation = np.array(require_rotation(self.R_cam_imu, "R_cam_imu"))
            rotation.setflags(write=False)
            object.__setattr__(self, "R_cam_imu", rotation)

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the picture that the intrinsics are for, px."""
        return self.camera.width, self.camera.height

    def noted(self, *notes: str) -> "CameraProfile":
        """Return the profile with more notes."""
        return replace(self, notes=(*self.notes, *notes))
