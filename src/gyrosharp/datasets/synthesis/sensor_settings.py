"""SensorSettings: what kinds of sensor and file a data set draws from, and the named ones."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from gyrosharp.datasets.synthesis.bayer import PATTERNS
from gyrosharp.datasets.synthesis.colour import tone_curve
from gyrosharp.errors import UsageError

Range = tuple[float, float]

_OFF: Range = (0.0, 0.0)
_BIT_DEPTHS = (8, 16)
# Lowest and highest value that makes sense; a range beyond them is a slip of the pen or a wrong unit.
_LIMITS: dict[str, Range] = {
    "saturation_alpha": (0.0, 100.0),
    "red_gain": (0.1, 10.0),
    "blue_gain": (0.1, 10.0),
    "iso": (1.0, 1e6),
    "photons": (1.0, 1e9),
    "shot_variance": (0.0, 1.0),
    "read_std": (0.0, 1.0),
    "encoded_std": (0.0, 1.0),
    "smoothing": (0.0, 1.0),
    "sharpening": (0.0, 5.0),
    "sharpening_px": (0.1, 20.0),
    "jpeg_quality": (1.0, 100.0),
}


@dataclass(frozen=True)
class SensorSettings:
    """Ranges (low, high) and probabilities that `draw_sensor` draws a `Sensor` from; every stage is off by default.

    Attributes
    ----------
    saturation_alpha : (float, float)
        Light added to clipped pixels before blurring, in units of white.
    colour_matrix : bool
        Whether noise arises in a camera's own colours, a random mix of four cameras', instead of in linear sRGB.
    bayer : tuple of str
        Mosaic phases to choose from; empty: no mosaic, three colours per pixel.
    red_gain, blue_gain : (float, float)
        White-balance gains; green's is 1. Red and blue photosites see 1 / gain of their colour.
    iso : (float, float) or None
        ISO, log-uniform; sets shot and read noise by `iso_noise`.
    photons : (float, float) or None
        Electrons at white, log-uniform; shot_variance = 1 / photons.
    shot_variance : (float, float)
        Variance per unit of raw light, uniform.
    read_std : (float, float)
        Standard deviation in the dark, raw units, uniform.
    noise_on_saturated : bool
        Whether clipped pixels get noise as others do; False keeps them at white (RSBlur).
    encoded_std : (float, float)
        Gaussian noise of the stored image, full scale 1.
    tone : {"srgb", "power", "s_curve"}
        Curve of the stored image, truth and observation alike; see `tone_curve`.
    tone_value : (float, float)
        Its exponent or contrast, drawn in steps of 0.1.
    finish_share : float
        Probability that the camera smooths and sharpens what it stores, as phones do.
    smoothing : (float, float)
        Differences of the stored image, full scale 1, that a bilateral filter takes for noise.
    sharpening : (float, float)
        Share of the detail that an unsharp mask adds to the stored image.
    sharpening_px : (float, float)
        Standard deviation of its Gaussian, px.
    bits : tuple of int
        Bit depths to choose from, 8 and 16.
    jpeg_share : float
        Probability of a JPEG, which is always of 8 bit.
    jpeg_quality : (float, float)
        libjpeg quality, whole numbers, uniform.

    Raises
    ------
    UsageError
        If a range is not ordered or beyond what makes sense, a choice is unknown, or two noise laws are asked for.
    """

    saturation_alpha: Range = _OFF
    colour_matrix: bool = False
    bayer: tuple[str, ...] = ()
    red_gain: Range = (1.0, 1.0)
    blue_gain: Range = (1.0, 1.0)
    iso: Range | None = None
    photons: Range | None = None
    shot_variance: Range = _OFF
    read_std: Range = _OFF
    noise_on_saturated: bool = True
    encoded_std: Range = _OFF
    tone: str = "srgb"
    tone_value: Range = _OFF
    finish_share: float = 0.0
    smoothing: Range = _OFF
    sharpening: Range = _OFF
    sharpening_px: Range = (1.0, 1.0)
    bits: tuple[int, ...] = (8,)
    jpeg_share: float = 0.0
    jpeg_quality: Range = (75.0, 98.0)

    def __post_init__(self) -> None:
        for name, limits in _LIMITS.items():
            _require_range(name, getattr(self, name), limits)
        for end in _pair("tone_value", self.tone_value):
            tone_curve(self.tone, end)
        _require_range("tone_value", self.tone_value, (0.0, 3.0))
        _require_choice("bayer", self.bayer, PATTERNS)
        _require_choice("bits", self.bits, _BIT_DEPTHS)
        if not self.bits:
            raise UsageError("sensor bits: expected 8, 16 or both, got none")
        for name in ("finish_share", "jpeg_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UsageError(f"sensor {name}: expected a probability from 0 to 1, got {getattr(self, name)!r}")
        laws = [self.iso is not None, self.photons is not None, max(self.shot_variance) > 0]
        if sum(laws) > 1 or (self.iso is not None and max(self.read_std) > 0):
            raise UsageError("sensor noise: expected iso, photons or shot_variance, got more than one; keep one law")


def _require_range(name: str, bounds: object, limits: Range) -> None:
    if bounds is None and name in ("iso", "photons"):
        return
    low, high = _pair(name, bounds)
    if not limits[0] <= low <= high <= limits[1]:
        raise UsageError(
            f"sensor {name}: expected (low, high) within {limits[0]:g} and {limits[1]:g}, got ({low:g}, {high:g})"
        )


def _pair(name: str, bounds: object) -> Range:
    values = bounds if isinstance(bounds, tuple) else ()
    numbers = [value for value in values if isinstance(value, int | float | np.number)]
    if len(values) != 2 or len(numbers) != 2:
        raise UsageError(f"sensor {name}: expected a range (low, high), got {bounds!r}")
    return float(numbers[0]), float(numbers[1])


def _require_choice(name: str, chosen: object, known: tuple[Any, ...]) -> None:
    entries = chosen if isinstance(chosen, tuple) else (chosen,)
    for entry in entries:
        if not isinstance(chosen, tuple) or entry not in known:
            raise UsageError(f"sensor {name}: expected a list of {', '.join(map(str, known))}, got {chosen!r}")


PRESETS: dict[str, SensorSettings] = {
    "none": SensorSettings(),
    # Additive noise of the stored image, as classical deblurring assumes.
    "gaussian": SensorSettings(encoded_std=(0.002, 0.02)),
    # The Oulu thesis states Poisson noise without a count; this is a phone's from good light to dusk.
    "poisson": SensorSettings(photons=(1e3, 2e4)),
    # Rim et al., ECCV 2022, as its code draws them. Our own: the random colour matrix and the S-curve stand in for the
    # A7R3's matrix and polynomial response, which exist in binary files only.
    "rsblur": SensorSettings(
        saturation_alpha=(0.25, 1.75),
        colour_matrix=True,
        bayer=PATTERNS,
        red_gain=(1.9, 2.4),
        blue_gain=(1.5, 1.9),
        shot_variance=(0.5 * 8.8915e-5, 1.5 * 8.8915e-5),
        read_std=(0.5 * 2.9430e-5, 1.5 * 2.9430e-5),
        noise_on_saturated=False,
        tone="s_curve",
        tone_value=(0.4, 0.4),
    ),
    # GyroDVD's phone (saturation, ISO range and noise law), RSBlur's gains; smoothing and sharpening are our own.
    "phone": SensorSettings(
        saturation_alpha=(0.25, 2.75),
        colour_matrix=True,
        bayer=PATTERNS,
        red_gain=(1.9, 2.4),
        blue_gain=(1.5, 1.9),
        iso=(50.0, 1600.0),
        noise_on_saturated=False,
        tone="s_curve",
        tone_value=(0.0, 0.5),
        finish_share=0.5,
        smoothing=(0.0, 0.06),
        sharpening=(0.0, 1.5),
        sharpening_px=(0.7, 3.0),
        bits=(8, 16),
        jpeg_share=0.5,
    ),
}
"""The named settings."""


def sensor_settings(preset: str, changes: Mapping[str, Any] | None = None) -> SensorSettings:
    """Return named settings with some of their fields replaced.

    Parameters
    ----------
    preset : str
        A name in `PRESETS`.
    changes : mapping, optional
        Fields of `SensorSettings` by name; lists stand for tuples, as they do in YAML and JSON.

    Raises
    ------
    UsageError
        If the preset or a field is unknown, or a value does not fit.
    """
    if preset not in PRESETS:
        raise UsageError(f"sensor preset: expected one of {', '.join(PRESETS)}, got {preset!r}")
    known = {field.name for field in fields(SensorSettings)}
    for name in changes or {}:
        if name not in known:
            raise UsageError(f"sensor settings: expected one of {', '.join(sorted(known))}, got {name!r}")
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in (changes or {}).items()
    }
    return replace(PRESETS[preset], **values)
