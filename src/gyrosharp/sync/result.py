"""SyncResult: what synchronising found, how sure it is, and what it could not tell."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.geometry.shutter import Shutter

Array = NDArray[np.float64]

# Names of what is estimated, as in the JSON report.
TIME_OFFSET, DRIFT, AXES, FOCAL, READOUT, BIAS = (
    "time_offset_s",
    "clock_drift",
    "R_cam_imu",
    "fx",
    "readout_s",
    "gyro_bias_rad_s",
)


@dataclass(frozen=True, eq=False)
class SyncResult:
    """Estimates from image motion and gyro, with one standard deviation each.

    A quantity that the motion does not determine keeps the value it was given (None if none was), is left out of
    `determined`, and `advice` says which motion would determine it.

    Attributes
    ----------
    time_offset_s : float or None
        t_cam = t_imu + time_offset_s, with frame stamps as start of exposure of the first line.
    R_cam_imu : (3, 3) array or None
        Maps IMU vectors to camera vectors.
    fx : float or None
        Focal length, px of the frames as stored.
    readout_s : float or None
        First line to one past the last, s.
    shutter : Shutter or None
        Direction of that readout: the given one, unless the frames clearly show another. None for a single shot.
    gyro_bias_rad_s : (3,) array or None
        IMU frame.
    clock_drift : float or None
        See `gyrosharp.capture.recording.Recording`.
    mid_frame_delay_s : float or None
        Gyro time at the middle of the exposure of the middle line, less the frame's stamp: what is left of the offset
        where exposure and readout are not known. It is (readout_s + exposure) / 2 - time_offset_s.
    std : dict
        Standard deviations by the names above, in the same units (R_cam_imu: rad).
    determined : tuple of str
        Names of what the motion determines.
    residual_px, residual_before_px : float or None
        Root mean square of image motion less gyro motion, inliers, px: with the estimates, and with the values given.
    pairs, inliers : int, float
        Pairs of frames (windows, for a single shot) used, and the share of matched points that agree, 0 to 1.
    reasons : tuple of str
        Why a quantity is not determined, or why nothing is, in plain words.
    advice : tuple of str
        Which motion would determine what is missing.
    notes : tuple of str
        What else was seen: stabilisation, a rolling shutter read the other way, a log that ends early.
    """

    time_offset_s: float | None = None
    R_cam_imu: Array | None = None
    fx: float | None = None
    readout_s: float | None = None
    shutter: Shutter | None = None
    gyro_bias_rad_s: Array | None = None
    clock_drift: float | None = None
    mid_frame_delay_s: float | None = None
    std: dict[str, float | list[float]] = field(default_factory=dict)
    determined: tuple[str, ...] = ()
    residual_px: float | None = None
    residual_before_px: float | None = None
    pairs: int = 0
    inliers: float = 0.0
    reasons: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether at least the time offset is determined."""
        return TIME_OFFSET in self.determined

    def as_json(self) -> dict[str, Any]:
        """Return the report of `gyrosharp sync --json`."""
        return {
            "time_offset_s": self.time_offset_s,
            "R_cam_imu": None if self.R_cam_imu is None else self.R_cam_imu.tolist(),
            "fx": self.fx,
            "readout_s": self.readout_s,
            "shutter": self.shutter,
            "gyro_bias_rad_s": None if self.gyro_bias_rad_s is None else self.gyro_bias_rad_s.tolist(),
            "clock_drift": self.clock_drift,
            "mid_frame_delay_s": self.mid_frame_delay_s,
            "std": self.std,
            "residual_px": self.residual_px,
            "residual_before_px": self.residual_before_px,
            "determined": list(self.determined),
            "pairs": self.pairs,
            "inliers": self.inliers,
            "reasons": list(self.reasons),
            "advice": list(self.advice),
            "notes": list(self.notes),
        }
