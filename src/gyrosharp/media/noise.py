"""How much noise a picture holds, and which of its pixels are saturated.

The noise is measured in the difference between diagonal neighbours' means, which a smooth picture leaves at zero::

    r = k * I,   k = [[1, -2, 1], [-2, 4, -2], [1, -2, 1]] / 6        (unit gain for white noise)

on the flattest blocks of each brightness; how flat a block is, is judged after smoothing, where the noise that is to be
measured has no say. Blurred photos hold next to nothing that r could mistake for noise.

References
----------
Immerkaer, "Fast Noise Variance Estimation", CVIU 64(2), 1996, eq. 2 (the kernel).
Foi et al., "Practical Poissonian-Gaussian noise modeling", TIP 17(10), 2008, eq. 3 (variance linear in brightness).
"""

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from gyrosharp.media.transfer import SRGB

_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32) / 6
_BLOCK_PX = 16
_BINS = 8
_FLAT_SHARE = 0.3
"""Share of each brightness's blocks that counts as flat: textured scenes have some sky or wall, rarely more."""
_MAD_TO_STD = 1.4826
_MIN_BLOCKS = 4
_SMOOTHING_PX = 2.0
# Best for Richardson-Lucy with total variation: 0.6 to 1.5 % for JPEGs of quality 90 to 80, 2.5 % for a phone movie.
_LOSSY_ENCODED_STD = 0.015
# Encoded noise that a JPEG of good quality leaves, and the least that counts.
_LEFT_STD, _LEAST_LEFT_STD = 1e-3, 1e-4
# Values this close to the ends are clipped: their noise is cut off and would count as none.
_DARKEST, _BRIGHTEST = 0.002, 0.9


@dataclass(frozen=True)
class NoiseModel:
    """Noise in linear light: variance = read_std^2 + shot_gain * brightness.

    Attributes
    ----------
    std : float
        Typical standard deviation over the picture, in units of white = 1.
    read_std : float
        Standard deviation in the dark.
    shot_gain : float
        Growth of the variance with brightness, >= 0.
    """

    std: float
    read_std: float
    shot_gain: float

    def std_at(self, brightness: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the standard deviation for linear brightnesses in [0, 1], of the same shape."""
        variance = self.read_std**2 + self.shot_gain * np.maximum(brightness, 0)
        return np.sqrt(variance).astype(np.float32)


@dataclass(frozen=True)
class PhotoNoise:
    """What counts as noise of a photo, and whether it has been smoothed.

    Attributes
    ----------
    std : float
        Typical standard deviation, in units of white = 1; of a lossy file with its encoder's errors.
    taken : float
        Share, 0 to 1, of the noise that a lossy file of good quality leaves, codes rounded to 8 bit among it, and this
        one lacks: a camera smoothed the photo, its encoder did, or both (0.75 to 0.85 in frames of a phone's movie; 0
        in JPEGs that keep a sensor's noise of 1 %, down to a quality of 85). 0 for other files.
    """

    std: float
    taken: float


def measure_noise(image_linear: NDArray[np.float32], *, lossy: bool = False) -> PhotoNoise:
    """Return the noise of a photograph, and how much of it was taken away.

    Parameters
    ----------
    image_linear : (H, W) or (H, W, C) float32 array
        Linear light.
    lossy : bool
        Whether it went through a lossy encoder. JPEG takes the finest noise away, of 1 % it leaves 0.1 to 0.3 %, and
        adds errors that are just as bad for a deconvolution; they count as 1.5 % of the encoded image. The less noise
        is left, the more was taken: a phone's movie encoder leaves 0.02 %, which counts as 2.2 %.
    """
    std = fit_noise(image_linear).std
    if not lossy:
        return PhotoNoise(std, 0.0)
    # With a square root for the transfer curve: du = 2 sqrt(u) de.
    slope = 2.0 * float(np.sqrt(max(image_linear.mean(dtype=np.float64), _DARKEST)))
    left = float(np.clip(std / slope, _LEAST_LEFT_STD, _LEFT_STD))
    counted = float(slope * _LOSSY_ENCODED_STD * (_LEFT_STD / left) ** 0.25)
    return PhotoNoise(max(std, counted), 1.0 - left / _LEFT_STD)


def estimate_noise(image_linear: NDArray[np.float32], *, lossy: bool = False) -> float:
    """Return the typical noise standard deviation of a photograph; see `measure_noise`."""
    return measure_noise(image_linear, lossy=lossy).std


def fit_noise(image_linear: NDArray[np.float32]) -> NoiseModel:
    """Estimate the noise of a photograph and how it grows with brightness.

    Parameters
    ----------
    image_linear : (H, W) or (H, W, C) float32 array
        Linear light; channels are measured one by one and averaged, so the result is per channel.

    Returns
    -------
    NoiseModel
        All zero for pictures too small or too clipped to tell. Noise that neighbours share (demosaicing, JPEG,
        denoising) is measured by its finest part only and comes out low.
    """
    planes = image_linear[..., None] if image_linear.ndim == 2 else image_linear
    channels = [_bins(np.ascontiguousarray(planes[..., c], dtype=np.float32)) for c in range(planes.shape[2])]
    brightness, variance = np.concatenate(channels).T
    if brightness.size == 0:
        return NoiseModel(0.0, 0.0, 0.0)
    read, shot = _fit(brightness, variance)
    return NoiseModel(float(np.sqrt(variance.mean())), float(np.sqrt(read)), float(shot))


def saturation_confidence(
    image_linear: NDArray[np.float32], knee: float = 0.94, white: float = 0.98, grow_px: int = 1
) -> NDArray[np.float32]:
    """Return how far each pixel's value can be trusted: 1 for normal ones, 0 for saturated ones.

    Parameters
    ----------
    image_linear : (H, W, C) float32 array
        Linear light; the brightest channel decides.
    knee, white : float
        sRGB-encoded values in [0, 1] where trust starts to fall, and where it reaches 0.
    grow_px : int
        Saturated areas grow by this many pixels: demosaicing and JPEG spread them.

    Returns
    -------
    (H, W) float32 array in [0, 1].
    """
    import cv2

    low, high = SRGB.decode([knee, white])
    brightest = reduce(np.maximum, (image_linear[..., c] for c in range(image_linear.shape[2])))
    trust = np.clip((np.float32(high) - brightest) / np.float32(high - low), 0, 1)
    side = 2 * grow_px + 1
    return np.asarray(cv2.erode(trust, np.ones((side, side), np.uint8)), dtype=np.float32)


def _bins(plane: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (n, 2) mean brightness and noise variance of the flat blocks of up to `_BINS` brightnesses."""
    import cv2

    if min(plane.shape) < 2 * _BLOCK_PX:
        return np.empty((0, 2))
    residual = _blocks(cv2.filter2D(plane, cv2.CV_32F, _KERNEL, borderType=cv2.BORDER_REFLECT_101))
    smooth = cv2.GaussianBlur(plane, (0, 0), _SMOOTHING_PX)
    structure = _blocks(cv2.Laplacian(smooth, cv2.CV_32F)).std(axis=1)
    values = _blocks(plane)
    usable = np.flatnonzero((values.max(axis=1) < _BRIGHTEST) & (values.min(axis=1) > _DARKEST))
    if usable.size < _MIN_BLOCKS:
        return np.empty((0, 2))
    usable = usable[np.argsort(values.mean(axis=1)[usable])]
    rows = []
    for part in np.array_split(usable, min(_BINS, usable.size // _MIN_BLOCKS)):
        flat = part[np.argsort(structure[part])[: max(_MIN_BLOCKS, round(_FLAT_SHARE * part.size))]]
        std = _MAD_TO_STD * np.median(np.abs(residual[flat]))
        rows.append((values[flat].mean(), std**2))
    return np.array(rows, dtype=np.float64)


def _blocks(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (blocks, pixels); what is left over at the right and lower edge is cut off."""
    rows, columns = (side // _BLOCK_PX for side in plane.shape)
    cut = plane[: rows * _BLOCK_PX, : columns * _BLOCK_PX]
    return cut.reshape(rows, _BLOCK_PX, columns, _BLOCK_PX).swapaxes(1, 2).reshape(rows * columns, -1)


def _fit(brightness: NDArray[np.float64], variance: NDArray[np.float64]) -> tuple[float, float]:
    """Return read variance and shot gain, both >= 0, that fit best in relative terms."""
    from scipy.optimize import nnls

    weight = 1 / np.maximum(variance, max(variance.max() * 1e-3, 1e-14))
    system = np.stack([np.ones_like(brightness), brightness], axis=1) * weight[:, None]
    solution, _ = nnls(system, variance * weight)
    return float(solution[0]), float(solution[1])
