"""Camera colours and tone curves: linear sRGB <-> the sensor's own red, green and blue, and how they are stored.

References
----------
Brooks et al., "Unprocessing images for learned raw denoising", CVPR 2019, sections 3.2 (tone) and 3.3 (random mixes of
colour matrices, rows normalised so that white stays white).
IEC 61966-2-1 (sRGB primaries, D65 white).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import UsageError
from gyrosharp.media.transfer import SRGB, TransferCurve, power_curve

Matrix = NDArray[np.float64]

XYZ_FROM_SRGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
"""Linear sRGB to CIE XYZ, white (1, 1, 1) to D65."""

CAMERA_FROM_XYZ = np.array(
    [
        [[1.0234, -0.2969, -0.2266], [-0.5625, 1.6328, -0.0469], [-0.0703, 0.2188, 0.6406]],  # Nexus 6P
        [[0.4913, -0.0541, -0.0202], [-0.6130, 1.3513, 0.2906], [-0.1564, 0.2151, 0.7183]],  # Sony A7R
        [[0.8380, -0.2630, -0.0639], [-0.2887, 1.0725, 0.2496], [-0.0627, 0.1427, 0.5438]],  # Olympus E-M10
        [[0.6596, -0.2079, -0.0562], [-0.4782, 1.3016, 0.1933], [-0.0970, 0.1581, 0.5181]],  # Sony RX100 IV
    ]
)
"""D65 colour matrices of the four cameras of the Darmstadt Noise Dataset, as their DNG profiles publish them."""

TONES = ("srgb", "power", "s_curve")
STEEPEST_CONTRAST = 0.8
"""Above it shadows are squeezed to under a fifth of sRGB's slope, which no camera's standard look does."""
_SAMPLES = 2049


def camera_from_srgb(weights: NDArray[np.floating]) -> Matrix:
    """Return a camera's colour matrix: a convex mix of four cameras, times sRGB to XYZ, rows scaled to sum 1.

    Rows that sum to 1 map white (1, 1, 1) to (1, 1, 1): what the illuminant does to white is left to the white
    balance.

    Parameters
    ----------
    weights : (4,) array
        Shares of the cameras of `CAMERA_FROM_XYZ`, >= 0, not all 0; they are normalised.

    Returns
    -------
    (3, 3) float64 array
        camera = M @ linear sRGB.
    """
    shares = np.asarray(weights, dtype=np.float64)
    mixed = np.tensordot(shares / shares.sum(), CAMERA_FROM_XYZ, 1) @ XYZ_FROM_SRGB
    return np.asarray(mixed / mixed.sum(axis=1, keepdims=True), dtype=np.float64)


@lru_cache(maxsize=64)
def tone_curve(tone: str, value: float = 0.0) -> TransferCurve:
    """Return the curve that stores linear light.

    Parameters
    ----------
    tone : str
        ``"srgb"``; ``"power"``: code = light^(1 / value); ``"s_curve"``: sRGB, then contrast `value` about middle
        grey::

            e = (1 - value) x + value (3 x^2 - 2 x^3),    x the sRGB-encoded light

        value 1 would be the smoothstep that Brooks et al. take for a camera's global tone mapping.
    value : float
        The exponent, 1 to 3, or the contrast, 0 to 0.8; not used by ``"srgb"``.

    Raises
    ------
    UsageError
        If the tone is unknown or the value out of range.
    """
    if tone == "srgb":
        return SRGB
    if tone == "power":
        if not 1.0 <= value <= 3.0:
            raise UsageError(f"tone power: expected an exponent from 1 to 3, got {value:g}; 2.2 is common")
        return power_curve(value)
    if tone != "s_curve":
        raise UsageError(f"tone: expected one of {', '.join(TONES)}, got {tone!r}")
    if not 0.0 <= value <= STEEPEST_CONTRAST:
        raise UsageError(f"tone s_curve: expected a contrast from 0 to {STEEPEST_CONTRAST}, got {value:g}")
    if value == 0.0:
        return SRGB
    samples = SRGB.decode(_without_contrast(np.linspace(0.0, 1.0, _SAMPLES), value))
    return TransferCurve(f"s-curve {value:g}", samples=tuple(float(light) for light in samples))


def _without_contrast(encoded: Matrix, contrast: float) -> Matrix:
    """Invert e = (1 - c) x + c (3 x^2 - 2 x^3) on [0, 1], where it rises with a slope of at least 1 - c."""
    x = np.linspace(0.0, 1.0, 16 * _SAMPLES)
    guess = np.interp(encoded, (1 - contrast) * x + contrast * x * x * (3 - 2 * x), x)
    # One Newton step takes the table's 1e-8 to rounding.
    value = (1 - contrast) * guess + contrast * guess * guess * (3 - 2 * guess)
    slope = 1 - contrast + 6 * contrast * guess * (1 - guess)
    return np.asarray(guess - (value - encoded) / slope, dtype=np.float64)
