"""Sensor: from light on the chip to the codes in a file, in the order of RSBlur.

    saturation -> [blur] -> clip -> camera colours -> Bayer mosaic -> inverse white balance -> shot and read noise
    -> white balance -> demosaic -> sRGB colours -> tone curve -> smoothing -> sharpening -> 8 or 16 bit -> JPEG

RSBlur has no smoothing and no sharpening, phones have both; they come after the blur, so that its model no longer holds
around edges.

Saturation comes first: `Sensor.saturate` the sharp picture, blur that, and `photograph` the result (see saturation.py).

References
----------
Rim et al., "Realistic blur synthesis for learning image deblurring", ECCV 2022, section 4.
"""

from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gyrosharp.datasets.sample import Codes
from gyrosharp.datasets.synthesis.bayer import demosaic, mosaic, photosites
from gyrosharp.datasets.synthesis.colour import camera_from_srgb, tone_curve
from gyrosharp.datasets.synthesis.saturation import saturated
from gyrosharp.datasets.synthesis.sensor_settings import SensorSettings
from gyrosharp.datasets.synthesis.shot_noise import iso_noise, with_shot_and_read_noise
from gyrosharp.errors import ImageError, UsageError
from gyrosharp.media.transfer import TransferCurve, encode_codes

Image = NDArray[np.float32]
Choice = TypeVar("Choice")

# Reach of the bilateral filter: standard deviation and diameter, px.
_SMOOTHING_STD_PX, _SMOOTHING_DIAMETER_PX = 1.5, 7
# Tone values are drawn in these steps: the encoding tables of a curve cost some 5 ms and are kept from use to use.
_TONE_STEP = 0.1


@dataclass(frozen=True)
class Sensor:
    """One sensor and file format; every number is settled, only the noise itself is left to chance.

    Attributes
    ----------
    saturation_alpha : float
        Light that `saturate` adds to clipped pixels, in units of white.
    camera_mix : tuple of float
        Weights of `camera_from_srgb`; empty: the camera's colours are linear sRGB.
    bayer : str
        Mosaic phase; empty: none.
    red_gain, blue_gain : float
        White-balance gains, green 1.
    iso : float or None
        What shot and read noise were taken from, if from an ISO.
    shot_variance, read_variance : float
        var(raw) = shot_variance x + read_variance.
    noise_on_saturated : bool
        Whether clipped pixels get noise.
    encoded_std : float
        Gaussian noise of the stored image, full scale 1.
    tone : str
        Kind of tone curve.
    tone_value : float
        Its exponent or contrast.
    smoothing : float
        Bilateral filter of the stored image: standard deviation of the differences that it evens out, full scale 1.
    sharpening, sharpening_px : float
        Unsharp mask of the stored image: e + a (e - G e), a share a and a Gaussian G of this standard deviation in px.
    bits : int
        8 or 16.
    jpeg_quality : int
        0: no JPEG.

    Raises
    ------
    UsageError
        If a choice is unknown, or a JPEG is to have 16 bit.
    """

    saturation_alpha: float = 0.0
    camera_mix: tuple[float, ...] = ()
    bayer: str = ""
    red_gain: float = 1.0
    blue_gain: float = 1.0
    iso: float | None = None
    shot_variance: float = 0.0
    read_variance: float = 0.0
    noise_on_saturated: bool = True
    encoded_std: float = 0.0
    tone: str = "srgb"
    tone_value: float = 0.0
    smoothing: float = 0.0
    sharpening: float = 0.0
    sharpening_px: float = 1.0
    bits: int = 8
    jpeg_quality: int = 0

    def __post_init__(self) -> None:
        if self.bits not in (8, 16):
            raise UsageError(f"sensor bits: expected 8 or 16, got {self.bits}")
        if self.jpeg_quality and self.bits != 8:
            raise UsageError(f"sensor: expected 8 bit for a JPEG, got {self.bits}; set jpeg_quality to 0")

    @property
    def curve(self) -> TransferCurve:
        """The tone curve: decodes the codes of `target` and `photograph` to linear light."""
        return tone_curve(self.tone, self.tone_value)

    def as_json(self) -> dict[str, Any]:
        """Return every number, ready for json.dump."""
        return asdict(self) | {"camera_mix": list(self.camera_mix)}

    def saturate(self, sharp_linear: Image) -> Image:
        """Return the light to be blurred: `saturated` by this sensor's alpha."""
        return saturated(sharp_linear, self.saturation_alpha)

    def target(self, sharp_linear: Image) -> Codes:
        """Return the codes of the truth: clipped, tone curve, sharpening, rounding; no noise, no mosaic, no JPEG.

        Colours go to the camera's and back without loss, so they are left alone. What the camera would have made of the
        sharp picture is sharpened as well: deblurring a photo cannot and need not undo that.

        Parameters
        ----------
        sharp_linear : (H, W, 3) float32 array
            Linear sRGB; may exceed 1.

        Returns
        -------
        (H, W, 3) uint8 or uint16 array

        Raises
        ------
        ImageError
            If it is not (H, W, 3), or not finite.
        """
        light = _light(sharp_linear)
        if self.sharpening == 0.0:
            return self._stored(light)
        return self._rounded(_sharpened(self._encoded(light), self.sharpening, self.sharpening_px))

    def photograph(self, blurred_linear: Image, rng: np.random.Generator) -> Codes:
        """Return the codes that the camera writes.

        Parameters
        ----------
        blurred_linear : (H, W, 3) float32 array
            Light on the chip, linear sRGB; may exceed 1 where saturation was synthesised.
        rng : numpy.random.Generator
            For the noise; the same state gives the same codes.

        Returns
        -------
        (H, W, 3) uint8 or uint16 array

        Raises
        ------
        ImageError
            If it is not (H, W, 3), or not finite.
        """
        light = _light(blurred_linear)
        seen = self._developed(light, rng)
        if not self.noise_on_saturated:
            np.copyto(seen, 1.0, where=light >= 1.0)
        finished = self.smoothing > 0.0 or self.sharpening > 0.0
        codes = self._finished(seen, rng) if finished or self.encoded_std > 0.0 else self._stored(seen)
        return through_jpeg(codes, self.jpeg_quality) if self.jpeg_quality else codes

    def _developed(self, light: Image, rng: np.random.Generator) -> Image:
        """Expose the chip and turn its raw picture back into linear sRGB."""
        noiseless = self.shot_variance == 0.0 and self.read_variance == 0.0
        if noiseless and not self.bayer:
            return light.copy()
        matrix = self._camera_from_srgb()
        camera = _recoloured(light, matrix)
        expected = self._balanced(mosaic(camera, self.bayer) if self.bayer else camera, inverse=True)
        raw = with_shot_and_read_noise(expected, self.shot_variance, self.read_variance, rng)
        balanced = self._balanced(raw)
        return _recoloured(demosaic(balanced, self.bayer) if self.bayer else balanced, np.linalg.inv(matrix))

    def _camera_from_srgb(self) -> NDArray[np.float64]:
        return camera_from_srgb(np.array(self.camera_mix)) if self.camera_mix else np.eye(3)

    def _balanced(self, raw: Image, inverse: bool = False) -> Image:
        gains = np.array([self.red_gain, 1.0, self.blue_gain], dtype=np.float32)
        gains = np.reciprocal(gains) if inverse else gains
        if not self.bayer:
            return raw * gains
        balanced = np.empty_like(raw)
        for sites, channel in photosites(self.bayer):
            np.multiply(raw[sites], gains[channel], out=balanced[sites])
        return balanced

    @property
    def _dtype(self) -> type[np.uint8] | type[np.uint16]:
        return np.uint8 if self.bits == 8 else np.uint16

    def _stored(self, linear: Image) -> Codes:
        codes: Codes = encode_codes(linear, self.curve, self._dtype)
        return codes

    def _finished(self, linear: Image, rng: np.random.Generator) -> Codes:
        """Store it smoothed, sharpened and with noise."""
        encoded = _smoothed(self._encoded(linear), self.smoothing)
        encoded = _sharpened(encoded, self.sharpening, self.sharpening_px)
        if self.encoded_std > 0.0:
            encoded += np.float32(self.encoded_std) * rng.standard_normal(linear.shape, dtype=np.float32)
        return self._rounded(encoded)

    def _encoded(self, linear: Image) -> Image:
        # 16-bit codes are the encoded image to within 1e-5 of full scale, far below any noise that is worth adding.
        return encode_codes(linear, self.curve, np.uint16) * np.float32(1 / 65535)

    def _rounded(self, encoded: Image) -> Codes:
        largest = 2**self.bits - 1
        codes: Codes = np.rint(np.clip(encoded, 0.0, 1.0) * np.float32(largest)).astype(self._dtype)
        return codes


def draw_sensor(rng: np.random.Generator, settings: SensorSettings) -> Sensor:
    """Draw a sensor; the same state of the generator and the same settings give the same one.

    Every quantity takes its share of the random stream whether its stage is on or not, so switching one stage off
    leaves the others as they were.
    """
    uniform = rng.random(8)
    mix, phase, depth = rng.random(4), rng.random(), rng.random()
    iso = None if settings.iso is None else _log_between(settings.iso, uniform[3])
    shot, read = _noise_law(settings, iso, uniform[3], uniform[4])
    jpeg = rng.random() < settings.jpeg_share
    low, high = (round(quality) for quality in settings.jpeg_quality)
    quality = int(rng.integers(low, high + 1))
    finish = rng.random(4)
    finished = finish[0] < settings.finish_share
    return Sensor(
        saturation_alpha=_between(settings.saturation_alpha, uniform[0]),
        camera_mix=tuple(float(weight) for weight in mix) if settings.colour_matrix else (),
        bayer=_chosen(settings.bayer, phase) if settings.bayer else "",
        red_gain=_between(settings.red_gain, uniform[1]),
        blue_gain=_between(settings.blue_gain, uniform[2]),
        iso=iso,
        shot_variance=shot,
        read_variance=read,
        noise_on_saturated=settings.noise_on_saturated,
        encoded_std=_between(settings.encoded_std, uniform[5]),
        tone=settings.tone,
        tone_value=_stepped(settings.tone_value, uniform[6]),
        smoothing=_between(settings.smoothing, finish[1]) if finished else 0.0,
        sharpening=_between(settings.sharpening, finish[2]) if finished else 0.0,
        sharpening_px=_between(settings.sharpening_px, finish[3]),
        bits=8 if jpeg else _chosen(settings.bits, depth),
        jpeg_quality=quality if jpeg else 0,
    )


def _noise_law(settings: SensorSettings, iso: float | None, first: float, second: float) -> tuple[float, float]:
    if iso is not None:
        return iso_noise(iso)
    read = _between(settings.read_std, second) ** 2
    if settings.photons is not None:
        return 1.0 / _log_between(settings.photons, first), read
    return _between(settings.shot_variance, first), read


def _between(bounds: tuple[float, float], share: float) -> float:
    return float(bounds[0] + (bounds[1] - bounds[0]) * share)


def _log_between(bounds: tuple[float, float], share: float) -> float:
    return float(bounds[0] * (bounds[1] / bounds[0]) ** share)


def _stepped(bounds: tuple[float, float], share: float) -> float:
    """A value of the range, a whole number of steps above its lower end."""
    steps = int((bounds[1] - bounds[0]) / _TONE_STEP + 1e-9)
    return round(bounds[0] + _TONE_STEP * min(int(share * (steps + 1)), steps), 6)


def _chosen(choices: tuple[Choice, ...], share: float) -> Choice:
    return choices[min(int(share * len(choices)), len(choices) - 1)]


def _light(linear: Image) -> Image:
    if linear.ndim != 3 or linear.shape[2] != 3 or not linear.size:
        raise ImageError(f"sensor: expected a picture (H, W, 3), got {linear.shape}; convert it to RGB")
    if not np.isfinite(linear).all():
        raise ImageError("sensor: expected finite light, got NaN or infinity; look at what made the picture")
    return np.asarray(np.clip(linear, 0.0, 1.0), dtype=np.float32)


def _recoloured(image: Image, matrix: NDArray[np.floating]) -> Image:
    import cv2

    return np.asarray(cv2.transform(image, np.asarray(matrix, dtype=np.float32)), dtype=np.float32)


def _smoothed(encoded: Image, difference: float) -> Image:
    """Even out differences of about this size (bilateral filter)."""
    if difference == 0.0:
        return encoded
    import cv2

    smooth = cv2.bilateralFilter(encoded, _SMOOTHING_DIAMETER_PX, difference, _SMOOTHING_STD_PX)
    return np.asarray(smooth, dtype=np.float32)


def _sharpened(encoded: Image, share: float, std_px: float) -> Image:
    """Add a share of what a Gaussian takes away (unsharp mask)."""
    if share == 0.0:
        return encoded
    import cv2

    smooth = cv2.GaussianBlur(encoded, (0, 0), std_px)
    return np.asarray(encoded + np.float32(share) * (encoded - smooth), dtype=np.float32)


def through_jpeg(codes: Codes, quality: int) -> Codes:
    """Return 8-bit codes (H, W, 3), RGB, as a JPEG of this quality (4:2:0, libjpeg's tables) gives them back.

    Grey codes (H, W, 1) become a grey JPEG.
    """
    import cv2

    _, data = cv2.imencode(".jpg", codes[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    grey = codes.shape[2] == 1
    decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.ascontiguousarray(decoded.reshape(codes.shape)[..., ::-1])
