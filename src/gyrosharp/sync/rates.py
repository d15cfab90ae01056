"""ImageRates: how fast the picture turned, and what the gyro said about it at the same moments."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ImageRates:
    """Mean angular rates between pairs of frames, from the pictures and from the gyro, in the camera frame.

    Attributes
    ----------
    time_ns : (M,) int64 array
        Middle of each interval, camera clock, increasing.
    interval_s : (M,) array
        Length of each interval, s.
    rate_rad_s : (M, 3) array
        Rotation seen by the camera over the interval, divided by its length, rad/s. A turn of the scene about the
        camera counts as a turn of the camera: what follows from x(t) = K R(t)^T R(t_ref) K^-1 x_ref.
    std_rad_s : (M, 3) array
        Standard deviation of `rate_rad_s` from the scatter of the points about it.
    gyro_rad_s : (M, 3) array
        Rotation that the gyro recorded over the same interval, divided by its length, rad/s, camera frame, bias off.
    """

    time_ns: NDArray[np.int64]
    interval_s: Array
    rate_rad_s: Array
    std_rad_s: Array
    gyro_rad_s: Array

    def __len__(self) -> int:
        return int(self.time_ns.size)
