"""Shutter and Exposure: when each line of the sensor collects light."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.errors import CaptureError

# Half of what 64 bits hold, so that an offset can be added; the year 2116 in nanoseconds since 1970.
LATEST_NS = 2**62


class Shutter(StrEnum):
    """Order in which the lines of the sensor are exposed, for the image as stored."""

    GLOBAL = "global"
    TOP_TO_BOTTOM = "rolling_top_to_bottom"
    BOTTOM_TO_TOP = "rolling_bottom_to_top"
    LEFT_TO_RIGHT = "rolling_left_to_right"
    RIGHT_TO_LEFT = "rolling_right_to_left"

    @property
    def is_vertical(self) -> bool:
        """Whether a line is an image column: the readout runs sideways."""
        return self in (Shutter.LEFT_TO_RIGHT, Shutter.RIGHT_TO_LEFT)


def shutter_named(name: str) -> Shutter:
    """Return the shutter of a name.

    Raises
    ------
    CaptureError
        If there is none of that name.
    """
    try:
        return Shutter(name)
    except ValueError:
        raise CaptureError(f"shutter: expected one of {', '.join(Shutter)}, got {name!r}") from None


@dataclass(frozen=True)
class Exposure:
    """Start, duration and readout of one frame.

    Line k of L (a row, or a column for a sideways readout, counted in readout order) collects light over

        [start + readout_s * k / L, start + readout_s * k / L + duration_s]

    Attributes
    ----------
    start_ns : int
        Start of exposure of the first line, camera clock.
    duration_s : float
        Exposure time of one line, seconds, in (0, 60].
    readout_s : float
        First line to one past the last, seconds, in [0, 1]; ignored by a global shutter.
    shutter : Shutter
        Readout direction.

    Raises
    ------
    CaptureError
        If a value is out of range or not finite.
    """

    start_ns: int
    duration_s: float
    readout_s: float = 0.0
    shutter: Shutter = Shutter.TOP_TO_BOTTOM

    def __post_init__(self) -> None:
        if not 0.0 < self.duration_s <= 60.0:
            raise CaptureError(
                f"exposure duration: expected seconds in (0, 60], got {self.duration_s:g}; give the exposure time"
            )
        if not 0.0 <= self.readout_s <= 1.0:
            raise CaptureError(
                f"readout: expected seconds in [0, 1], got {self.readout_s:g}; "
                "give the first-row-to-last-row time in seconds (a reversed readout is a shutter direction)"
            )
        if not abs(self.start_ns) < LATEST_NS:
            raise CaptureError(f"start of exposure: expected 64-bit nanoseconds, got {self.start_ns}; check its unit")
        if self.shutter not in set(Shutter):
            names = ", ".join(Shutter)
            raise CaptureError(f"shutter: expected one of {names}, got {self.shutter!r}")
        object.__setattr__(self, "shutter", Shutter(self.shutter))
        object.__setattr__(self, "start_ns", int(self.start_ns))

    def line_fraction(self, points_px: ArrayLike, width: int, height: int) -> NDArray[np.float64]:
        """Return k / L for points (..., 2) = (x, y): the part of the readout that passes before their line starts."""
        points = np.asarray(points_px, dtype=np.float64)
        x, y = points[..., 0], points[..., 1]
        match self.shutter:
            case Shutter.TOP_TO_BOTTOM:
                fraction = y / height
            case Shutter.BOTTOM_TO_TOP:
                fraction = (height - 1 - y) / height
            case Shutter.LEFT_TO_RIGHT:
                fraction = x / width
            case Shutter.RIGHT_TO_LEFT:
                fraction = (width - 1 - x) / width
            case _:
                fraction = np.zeros_like(x)
        return np.asarray(fraction, dtype=np.float64)

    def times_ns(self, points_px: ArrayLike, width: int, height: int, phases: ArrayLike) -> NDArray[np.int64]:
        """Return the stamps (..., T) at which the lines of points (..., 2) are `phases` (T,) through their exposure.

        A phase of 0 is the start of the line's exposure and 1 its end.
        """
        fraction = self.line_fraction(points_px, width, height)
        offset_s = self.readout_s * fraction[..., None] + self.duration_s * np.asarray(phases, dtype=np.float64)
        return self.start_ns + np.rint(offset_s * 1e9).astype(np.int64)

    def reference_ns(self, width: int, height: int) -> int:
        """Return the reference time: the middle of the exposure of the middle line."""
        centre = ((width - 1) / 2, (height - 1) / 2)
        return int(self.times_ns(centre, width, height, [0.5])[0])

    @property
    def span_ns(self) -> tuple[int, int]:
        """First and last moment at which any line collects light."""
        readout = 0.0 if self.shutter is Shutter.GLOBAL else self.readout_s
        return self.start_ns, self.start_ns + round((readout + self.duration_s) * 1e9)
