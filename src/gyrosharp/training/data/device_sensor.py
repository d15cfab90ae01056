"""The sensor on the training device: noise, clipping, sRGB and rounding of whole batches.

Equal in distribution to `gyrosharp.datasets.synthesis.sensor.Sensor.photograph`, for sensors without mosaic, camera
colours, tone curves of their own, smoothing, sharpening and JPEG. Every picture has random numbers of its own.
"""

from collections.abc import Sequence

import torch

from gyrosharp.datasets.synthesis.sensor import Sensor
from gyrosharp.datasets.synthesis.sensor_settings import SensorSettings
from gyrosharp.errors import UsageError

# IEC 61966-2-1, linear light to encoded values: 12.92 y below the toe, 1.055 y^(1/2.4) - 0.055 above.
TOE, SLOPE, SCALE, OFFSET, EXPONENT = 0.04045 / 12.92, 12.92, 1.055, 0.055, 1 / 2.4


def require_simple(settings: SensorSettings) -> None:
    """Refuse settings whose stages are not done on the device.

    Raises
    ------
    UsageError
        Naming the first such stage.
    """
    stages = {
        "a Bayer mosaic": bool(settings.bayer),
        "camera colours": settings.colour_matrix,
        "white-balance gains": (settings.red_gain, settings.blue_gain) != ((1.0, 1.0), (1.0, 1.0)),
        f"the tone curve {settings.tone}": settings.tone != "srgb",
        "smoothing and sharpening": settings.finish_share > 0,
        "JPEG": settings.jpeg_share > 0,
    }
    for stage, wanted in stages.items():
        if wanted:
            raise UsageError(
                f"data.synth: expected a sensor of noise and rounding alone, got one with {stage}; "
                "set sensor.preset to none, gaussian or poisson, or train from shards of gyrosharp synth"
            )


def photographed(light: "torch.Tensor", sensors: Sequence[Sensor], seeds: Sequence[int]) -> "torch.Tensor":
    """Return what the sensors store of light (B, 3, H, W): sRGB-encoded, rounded to codes, [0, 1].

    With y the clipped light: shot noise s Poisson(y / s), read noise of variance r, clipping, sRGB, Gaussian noise of
    the encoded picture, clipping, rounding to 8 or 16 bit.
    """
    return torch.stack([_one(*each) for each in zip(light, sensors, seeds, strict=True)])


def stored(light: "torch.Tensor", bits: int) -> "torch.Tensor":
    """Return the codes of noiseless light as values in [0, 1]."""
    return _rounded(encode(light), bits)


def _one(light: "torch.Tensor", sensor: Sensor, seed: int) -> "torch.Tensor":
    chance = torch.Generator(light.device).manual_seed(seed)
    clipped = light.clamp(0.0, 1.0)
    seen = clipped
    if sensor.shot_variance > 0:
        seen = torch.poisson(seen / sensor.shot_variance, chance) * sensor.shot_variance
    if sensor.read_variance > 0:
        seen = seen + sensor.read_variance**0.5 * _normal(light, chance)
    if not sensor.noise_on_saturated:
        seen = torch.where(clipped >= 1.0, clipped, seen)
    encoded = encode(seen)
    if sensor.encoded_std > 0:
        encoded = encoded + sensor.encoded_std * _normal(light, chance)
    return _rounded(encoded, sensor.bits)


def _normal(like: "torch.Tensor", chance: "torch.Generator") -> "torch.Tensor":
    return torch.randn(like.shape, generator=chance, device=like.device, dtype=like.dtype)


def encode(linear: "torch.Tensor") -> "torch.Tensor":
    """Return light as sRGB-encoded values, clipped to [0, 1]."""
    light = linear.clamp(0.0, 1.0)
    return torch.where(light < TOE, SLOPE * light, SCALE * light.clamp_min(TOE) ** EXPONENT - OFFSET)


def decode(codes: "torch.Tensor") -> "torch.Tensor":
    """Return the linear light of sRGB-encoded values, clipped to [0, 1]."""
    values = codes.clamp(0.0, 1.0)
    return torch.where(values < SLOPE * TOE, values / SLOPE, ((values + OFFSET) / SCALE) ** (1 / EXPONENT))


def _rounded(encoded: "torch.Tensor", bits: int) -> "torch.Tensor":
    white = float(2**bits - 1)
    return (encoded.clamp(0.0, 1.0) * white).round() / white
