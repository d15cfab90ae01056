"""Gyro logs: reading, checking, cleaning, bias, axes.

`read_imu` turns a log of any known format into an `ImuRecording` (rad/s, m/s^2, int64 nanoseconds in a named clock).
Conventions: docs/conventions.md; formats: docs/readers.md.
"""

from gyrosharp.imu.axes import AXES_PRESETS, parse_axes, require_rotation
from gyrosharp.imu.bias import BiasEstimate, bias_from_still
from gyrosharp.imu.checks import CoverageReport, RawSamples, checked, coverage, require_coverage, units_warning
from gyrosharp.imu.filtering import low_passed, rejected_spikes
from gyrosharp.imu.readers import Reader, claims, read_imu, readers
from gyrosharp.imu.recording import FrameHints, ImuRecording

__all__ = [
    "AXES_PRESETS",
    "BiasEstimate",
    "CoverageReport",
    "FrameHints",
    "ImuRecording",
    "RawSamples",
    "Reader",
    "bias_from_still",
    "checked",
    "claims",
    "coverage",
    "low_passed",
    "parse_axes",
    "read_imu",
    "readers",
    "rejected_spikes",
    "require_coverage",
    "require_rotation",
    "units_warning",
]
