"""Errors of gyro and calibration: what a real device would say of a shot whose motion is known."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import Capture
from gyrosharp.datasets.synthesis.trail_length import reintegrated
from gyrosharp.errors import CaptureError, UsageError

Array = NDArray[np.float64]
Triple = tuple[float, float, float]

MAX_LEVEL = 2.0
MAX_READOUT_S = 1.0
# A focal length or a readout that is off by more than this factor is no calibration at all.
LEAST_RATIO = 0.2


@dataclass(frozen=True)
class ErrorSettings:
    """Sizes of the errors at level 1, each drawn once per shot; the defaults are those of a calibrated phone.

    Attributes
    ----------
    noise_std_rad_s : (float, float, float)
        Standard deviation of the rates of a phone at rest, rounding included, IMU axes. The default is that of the
        phone of GyroBlur-Synth's test log; a Nexus 5 has 8e-4 and an iPhone 4S 3e-3 (gyro/tyrex_phones).
    noise_factor : (float, float)
        Range of a factor to it, drawn log-uniformly: from that phone to a bad one.
    noise_correlation : (float, float)
        Range of the noise's correlation from one sample to the next, that of an AR(1) process; 0.26 to 0.34 for that
        phone, 0.55 for the Nexus 5, 0 for the iPhone.
    quantum_rad_s : float
        Step that rates are rounded to.
    bias_std_rad_s : float
        Standard deviation of the constant bias of each axis.
    centre_std : float
        Standard deviation of the rotation centre's shift, in widths of the whole picture along x and heights along y.
    time_offset_std_s : float
        Standard deviation of the error of the time offset.
    readout_std, focal_std : float
        Standard deviations of the relative errors of readout and focal length.
    dropped : (float, float)
        Range of the share of samples that the log lost.

    Raises
    ------
    UsageError
        If a size is negative or not finite, a range runs backwards, or a correlation or share is not under 1.
    """

    noise_std_rad_s: Triple = (6.8e-4, 8.1e-4, 6.1e-4)
    noise_factor: tuple[float, float] = (1.0, 4.0)
    noise_correlation: tuple[float, float] = (0.26, 0.34)
    quantum_rad_s: float = 6.109e-4
    bias_std_rad_s: float = 2e-3
    centre_std: float = 0.01
    time_offset_std_s: float = 2e-3
    readout_std: float = 0.05
    focal_std: float = 0.02
    dropped: tuple[float, float] = (0.0, 0.02)

    def __post_init__(self) -> None:
        for entry in fields(self):
            _require_sizes(entry.name, getattr(self, entry.name))
        for name, limit in (("noise_factor", np.inf), ("noise_correlation", 1.0), ("dropped", 1.0)):
            low, high = getattr(self, name)
            if not low <= high < limit:
                raise UsageError(f"gyro errors, {name}: expected low <= high < {limit:g}, got {[low, high]}")
        if self.noise_factor[0] <= 0.0:
            raise UsageError(f"gyro errors, noise_factor: expected a range over 0, got {list(self.noise_factor)}")


# Fields that hold more than one number.
_LENGTHS = {"noise_std_rad_s": 3, "noise_factor": 2, "noise_correlation": 2, "dropped": 2}


def _require_sizes(name: str, value: object) -> None:
    length = _LENGTHS.get(name, 1)
    values = value if isinstance(value, tuple) else (value,)
    right_shape = isinstance(value, tuple) == (length > 1) and len(values) == length
    if not right_shape or not all(isinstance(x, int | float) and 0.0 <= x < np.inf for x in values):
        wanted = f"{length} numbers" if length > 1 else "one number"
        raise UsageError(f"gyro errors, {name}: expected {wanted} >= 0, got {value!r}")


PRESETS: dict[str, ErrorSettings] = {
    "phone": ErrorSettings(),
    # GyroDeblurNet, arXiv 2404.00916, section 4: random rotation centre, and the noise of a phone at rest.
    "gyrodeblurnet": ErrorSettings(
        noise_factor=(1.0, 1.0),
        bias_std_rad_s=0.0,
        centre_std=0.25,
        time_offset_std_s=0.0,
        readout_std=0.0,
        focal_std=0.0,
        dropped=(0.0, 0.0),
    ),
}


def error_settings(preset: str = "phone", changes: Mapping[str, Any] | None = None) -> ErrorSettings:
    """Return named settings with some of their fields replaced.

    Parameters
    ----------
    preset : str
        A name in `PRESETS`.
    changes : mapping, optional
        Fields of `ErrorSettings` by name; lists stand for tuples, as they do in YAML and JSON.

    Raises
    ------
    UsageError
        If there is no such preset or field, or a value is out of range.
    """
    if preset not in PRESETS:
        raise UsageError(f"gyro errors: expected one of {', '.join(PRESETS)}, got {preset!r}")
    known = [entry.name for entry in fields(ErrorSettings)]
    unknown = sorted(set(changes or {}) - set(known))
    if unknown:
        raise UsageError(f"gyro errors: expected settings out of {', '.join(known)}, got {unknown[0]!r}")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in (changes or {}).items()
    }
    return replace(PRESETS[preset], **values)


@dataclass(frozen=True)
class GyroErrors:
    """The errors of one shot.

    Attributes
    ----------
    noise_std_rad_s : (float, float, float)
        Noise of the rates, rounding included.
    noise_correlation : float
        From one sample to the next.
    quantum_rad_s : float
        Rounding step; 0 leaves rates unrounded.
    bias_rad_s : (float, float, float)
        Added to the rates.
    centre_shift : (float, float)
        Added to the principal point, in widths and in heights of the whole picture.
    time_offset_s : float
        Added to the time offset: the motion is then thought to happen so much later.
    readout_ratio, focal_ratio : float
        Factors to readout and focal length.
    dropped : float
        Share of the samples that are lost.
    level : float
        What they were drawn at: 0 none, 1 realistic, 2 twice that.
    """

    noise_std_rad_s: Triple = (0.0, 0.0, 0.0)
    noise_correlation: float = 0.0
    quantum_rad_s: float = 0.0
    bias_rad_s: Triple = (0.0, 0.0, 0.0)
    centre_shift: tuple[float, float] = (0.0, 0.0)
    time_offset_s: float = 0.0
    readout_ratio: float = 1.0
    focal_ratio: float = 1.0
    dropped: float = 0.0
    level: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the errors as numbers and lists."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def applied(
        self, capture: Capture, rng: np.random.Generator, whole_px: tuple[float, float] | None = None
    ) -> Capture:
        """Return the capture as gyro and calibration have it.

        The reference time stays: it names the view that the sharp picture shows.

        Parameters
        ----------
        capture : Capture
            The truth; known poses need the angular rates behind them, and keep their positions.
        rng : numpy.random.Generator
            For the noise, and for which samples are lost.
        whole_px : (float, float) or None
            Width and height of the picture that the capture is a part of, px of the capture: what the rotation
            centre's shift is counted in; None: the capture is the whole picture.

        Raises
        ------
        CaptureError
            If the poses have no rates.
        """
        camera, exposure = capture.camera, capture.exposure
        width, height = whole_px or (camera.width, camera.height)
        dx, dy = self.centre_shift
        seen = replace(camera.refocused(self.focal_ratio), cx=camera.cx + dx * width, cy=camera.cy + dy * height)
        timed = replace(exposure, readout_s=min(exposure.readout_s * self.readout_ratio, MAX_READOUT_S))
        capture = replace(capture, camera=seen, exposure=timed)
        if capture.imu is None:
            return self._with_erring_poses(capture, rng)
        imu = capture.imu
        kept = self._kept(len(imu), rng)
        rates = self.of_rates(imu.gyro_rad_s, rng)[kept]
        accel = None if imu.accel_m_s2 is None else imu.accel_m_s2[kept]
        erring = replace(imu, time_ns=imu.time_ns[kept], gyro_rad_s=rates, accel_m_s2=accel)
        return replace(capture, imu=erring, time_offset_s=capture.time_offset_s + self.time_offset_s)

    def of_rates(self, rates_rad_s: Array, rng: np.random.Generator) -> Array:
        """Return rates (N, 3) with bias and noise, rounded: what the gyro writes into its log."""
        # Rounding adds q^2 / 12, uncorrelated; the rest of the variance, and all of the covariance, is the noise's.
        variance = np.array(self.noise_std_rad_s) ** 2
        unrounded = np.maximum(variance - self.quantum_rad_s**2 / 12.0, 0.0)
        ratio = np.divide(variance, unrounded, out=np.ones(3), where=unrounded > 0.0)
        correlation = np.minimum(self.noise_correlation * ratio, 0.99)
        noise = np.sqrt(unrounded) * _correlated(rates_rad_s.shape, correlation, rng)
        erring = rates_rad_s + np.array(self.bias_rad_s) + noise
        if self.quantum_rad_s > 0.0:
            erring = np.rint(erring / self.quantum_rad_s) * self.quantum_rad_s
        return np.asarray(erring, dtype=np.float64)

    def _with_erring_poses(self, capture: Capture, rng: np.random.Generator) -> Capture:
        poses = capture.poses
        assert poses is not None and capture.reference_ns is not None
        if poses.rates_rad_s is None:
            raise CaptureError(
                "gyro errors: expected poses with angular rates, got rotations only; integrate them from a gyro"
            )
        kept = self._kept(poses.time_ns.size, rng)
        rates = self.of_rates(poses.rates_rad_s, rng)[kept]
        left = replace(
            poses,
            time_ns=poses.time_ns[kept],
            rotations=poses.rotations[kept],
            positions_m=None if poses.positions_m is None else poses.positions_m[kept],
            rates_rad_s=poses.rates_rad_s[kept],
        )
        erring = reintegrated(left, rates, capture.reference_ns)
        offset_ns = round(self.time_offset_s * 1e9)
        return replace(capture, poses=replace(erring, time_ns=erring.time_ns + offset_ns))

    def _kept(self, count: int, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Which samples are left; the ends always are, so that the log covers what it covered."""
        kept = np.asarray(rng.random(count) >= self.dropped)
        kept[[0, -1]] = True
        return kept


def draw_errors(rng: np.random.Generator, level: float = 1.0, settings: ErrorSettings = PRESETS["phone"]) -> GyroErrors:
    """Draw the errors of a shot.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness; every level takes the same draws from it.
    level : float
        Factor to all sizes, 0 to 2: 0 no errors, 1 what `settings` say.
    settings : ErrorSettings
        Sizes at level 1.

    Raises
    ------
    UsageError
        If the level is out of range.
    """
    if not 0.0 <= level <= MAX_LEVEL:
        raise UsageError(f"gyro error level: expected 0 to {MAX_LEVEL:g}, got {level!r}")
    factor = level * float(np.exp(rng.uniform(*np.log(settings.noise_factor))))
    correlation = float(rng.uniform(*settings.noise_correlation))
    bias = level * settings.bias_std_rad_s * rng.standard_normal(3)
    centre = level * settings.centre_std * rng.standard_normal(2)
    offset, readout, focal = rng.standard_normal(3) * level
    return GyroErrors(
        noise_std_rad_s=_triple(factor * np.array(settings.noise_std_rad_s)),
        noise_correlation=correlation,
        quantum_rad_s=level * settings.quantum_rad_s,
        bias_rad_s=_triple(bias),
        centre_shift=(float(centre[0]), float(centre[1])),
        time_offset_s=float(offset * settings.time_offset_std_s),
        readout_ratio=max(float(1.0 + readout * settings.readout_std), LEAST_RATIO),
        focal_ratio=max(float(1.0 + focal * settings.focal_std), LEAST_RATIO),
        dropped=min(level * float(rng.uniform(*settings.dropped)), 0.9),
        level=level,
    )


def _triple(values: Array) -> Triple:
    x, y, z = values.tolist()
    return x, y, z


def _correlated(shape: tuple[int, ...], correlation: Array, rng: np.random.Generator) -> Array:
    """AR(1) noise (N, 3) of unit variance: n_k = c n_{k-1} + sqrt(1 - c^2) e_k."""
    from scipy.signal import lfilter

    white = rng.standard_normal(shape)
    noise = np.empty(shape)
    for axis, c in enumerate(correlation):
        # The first sample stands for all before it, so that the variance is 1 from the start.
        gain = np.sqrt(1.0 - c**2)
        start = np.array([c * white[0, axis]])
        noise[0, axis] = white[0, axis]
        noise[1:, axis] = lfilter([gain], [1.0, -c], white[1:, axis], zi=start)[0]
    return noise
