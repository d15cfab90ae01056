r"""Spectral evidence: how likely a photo's power spectrum is under a camera motion.

The camera's trail at a window of the photo multiplies the spectrum of the sharp scene, so the periodogram P of the
window has the expectation

    M(f) = |K(f)|^2 S(f) + N,     K(f) = 1/T sum_j exp(2 pi i f . d_j)

with d_j the displacements along the trail, N the floor of the noise and S the spectrum of a natural scene: a power law
times a profile over the directions,

    log S(f) = a + b log|f| + sum_m c_m cos 2 m phi + d_m sin 2 m phi,     m = 1 ... 6.

a is free; b, c and d have Gaussian priors. They let every window have its own contrast, smoothness and preferred
directions (man-made edges have few), so that only what a trail alone explains (the dark bands across it) counts as
evidence for a motion. P / M is exponentially distributed (Whittle 1953), and the evidence is the mean over the
frequencies of

    -log M - rho(P / M),     rho(q) = q for q < 5, else 5 (1 + log(q / 5))

the tail being drawn in because the edges of real scenes stand out far above any smooth spectrum.

Unlike the residual of a deconvolution this does not reward shortcuts: a shorter trail always leaves a smaller residual,
but it does not explain the dark bands (Levin et al. 2009 show why the marginal likelihood finds the blur, and the joint
one does not). It is blind to the phase, that is to a shift and a point reflection of the trail.

References
----------
Whittle, "Estimation and information in stationary time series", Ark. Mat. 2, 1953.
Levin et al., "Understanding and evaluating blind deconvolution algorithms", CVPR 2009.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Points = NDArray[np.float64]

# Side of a window: wide enough for the dark bands of a 24 px trail (5 bins apart), narrow enough that the trail is
# much the same all over it.
WINDOW_PX = 128
MIN_WINDOW_PX = 48
# Longer trails are looked at in a reduced copy of the photo.
LONGEST_TRAIL_PX = 24.0
# Enough for the evidence to settle; more only cost time.
MAX_WINDOWS, MAX_CANDIDATES, MAX_EVERYWHERE = 40, 240, 600
# The photo is divided into this many cells, and each gives its best windows: roll and focal length show at the sides.
CELLS_X, CELLS_Y = 4, 3
# Blur is not linear where the sensor clips.
CLIPPED, MAX_CLIPPED_SHARE = 0.97, 0.02
# A window must stand this far above the noise, on average over the frequencies used.
MIN_SIGNAL_TO_NOISE = 3.0
# Mean log(1 + P / N) of a window worth looking at. Pure noise has 0.60; the traces that an encoder leaves of a plain
# wall have up to 0.75, and neither looks like a blurred scene.
MIN_TEXTURE = 0.8
# The corner frequencies of a photo, cycles per px, hold noise and next to no scene.
NOISE_FROM = 0.45
# Lowest frequency used, in bins: below it the taper's own lobe mixes with the window's mean.
LOWEST_BIN = 2.5
# Floors for photos whose noise was taken away, encoded as a square root: half a code of 8 bits where windows are chosen
# and the file is free of losses. An encoder takes most of the finest noise and leaves or adds more where the dark bands
# lie, up to two codes; a floor too low takes that for a scene that no motion smeared.
ENCODED_STD, LOSSY_ENCODED_STD = 0.5 / 255.0, 2.0 / 255.0
LEAST_BRIGHTNESS = 3e-3
# Priors of b and of the directions: mean and standard deviation (over the root of m), and how many independent
# frequencies they weigh as much as.
SLOPE, SLOPE_STD, DIRECTION_STD = -2.3, 0.4, 0.5
HARMONICS = 6
PRIOR_WEIGHT = 0.005
OUTLIER = 5.0
# K^2 never gets to zero: the trail varies over the window, and tone curves and encoders fill the dark bands.
LEAST_TRANSFER = 3e-2
COLD_STEPS, WARM_STEPS = 8, 3


@dataclass(frozen=True, eq=False)
class Spectra:
    """Periodograms of the textured windows of a photo.

    Attributes
    ----------
    centres_px : (W, 2) array
        Centres (x, y) of the windows in the photo, px.
    power : (W, L, L) float32 array
        Periodograms in FFT order, of the reduced photo.
    noise : (W,) float32 array
        Their noise floors, with an encoder's errors.
    scale : float
        Size of the reduced photo over the photo's.
    candidates : int
        Windows looked at, textured or not.
    lossy : bool
        Whether a lossy encoder has left its traces in the photo.
    """

    centres_px: Points
    power: Array
    noise: Array
    scale: float
    candidates: int
    lossy: bool = False

    def __len__(self) -> int:
        return len(self.noise)


def textured_spectra(grey_linear: Array, trail_px: float, *, lossy: bool = False, everywhere: bool = False) -> Spectra:
    """Choose textured, unclipped windows all over a photo and take their periodograms.

    Parameters
    ----------
    grey_linear : (H, W) float32 array
        Photo, linear light.
    trail_px : float
        Longest trail to be expected; the photo is reduced until it measures at most `LONGEST_TRAIL_PX`.
    lossy : bool
        Whether a lossy encoder has left its traces in the photo.
    everywhere : bool
        Take all windows that have texture, from more candidates, instead of the best.
    """
    scale = min(1.0, LONGEST_TRAIL_PX / max(trail_px, 1e-6))
    grey = _reduced(grey_linear, scale)
    side = min(WINDOW_PX, min(grey.shape) // 2 * 2)
    if side < MIN_WINDOW_PX:
        return Spectra(
            np.empty((0, 2)), np.empty((0, side, side), np.float32), np.empty(0, np.float32), scale, 0, lossy
        )
    corners = _corners(grey.shape, side, MAX_EVERYWHERE if everywhere else MAX_CANDIDATES)
    coded_std = max(ENCODED_STD, LOSSY_ENCODED_STD * scale) if lossy else ENCODED_STD
    kept, power, noise, texture = [], [], [], []
    taper = _taper(side)
    for x, y in corners:
        window = grey[y : y + side, x : x + side]
        if (window >= CLIPPED).mean() > MAX_CLIPPED_SHARE:
            continue
        periodogram, floor, slope = _periodogram(window, taper)
        seen = _texture(periodogram, floor)
        if periodogram.mean() > MIN_SIGNAL_TO_NOISE * floor and seen > MIN_TEXTURE:
            kept.append((x, y))
            power.append(periodogram)
            noise.append(max(floor, (slope * coded_std) ** 2))
            texture.append(seen)
    best = range(len(kept)) if everywhere else _spread(np.array(kept).reshape(-1, 2), np.array(texture))
    centres = (np.array([kept[k] for k in best], dtype=float).reshape(-1, 2) + side / 2) / scale - 0.5
    chosen = np.array([power[k] for k in best], dtype=np.float32).reshape(-1, side, side)
    floors = np.array([noise[k] for k in best], dtype=np.float32)
    return Spectra(centres, chosen, floors, scale, len(corners), lossy)


def _reduced(grey: Array, scale: float) -> Array:
    if scale > 0.99:
        return grey
    import cv2

    height, width = grey.shape
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.float32)


def _corners(shape: tuple[int, ...], side: int, most: int) -> list[tuple[int, int]]:
    """Corners of windows that overlap by half, or lie further apart where that would be too many."""
    height, width = shape
    step = max(side // 2, int(np.sqrt((height - side) * (width - side) / most)))
    xs = np.linspace(0, width - side, int(np.ceil((width - side) / step)) + 1).astype(int)
    ys = np.linspace(0, height - side, int(np.ceil((height - side) / step)) + 1).astype(int)
    return [(int(x), int(y)) for y in ys for x in xs]


def _taper(side: int) -> Array:
    """Hann window of unit power."""
    line = np.hanning(side + 2)[1:-1]
    taper = np.outer(line, line)
    return np.asarray(taper / np.sqrt((taper**2).sum()), dtype=np.float32)


def _periodogram(window: Array, taper: Array) -> tuple[Array, float, float]:
    """Return the power, its floor, and how much linear light a change of the encoded picture is, with a square root."""
    from scipy.fft import fft2

    mean = float((window * taper).sum() / taper.sum())
    centred = window - mean
    power = np.abs(fft2(centred * taper)) ** 2
    frequency = np.fft.fftfreq(len(taper))
    corner = np.hypot(frequency[:, None], frequency) > NOISE_FROM
    # The median of an exponential distribution is log 2 of its mean; stray edges do not move it.
    slope = 2.0 * float(np.sqrt(max(mean, LEAST_BRIGHTNESS)))
    return power, max(float(np.median(power[corner])) / np.log(2.0), (slope * ENCODED_STD) ** 2), slope


def _texture(power: Array, noise: float) -> float:
    """Mean log signal-to-noise ratio: a window is as good as the number of frequencies that it shows."""
    return float(np.log1p(power / noise).mean())


def _spread(corners: NDArray[np.int64], texture: NDArray[np.float64]) -> list[int]:
    """Take the best windows of every cell in turn until there are enough."""
    if len(corners) == 0:
        return []
    extent = np.maximum(corners.max(axis=0), 1)
    cell = (corners * (CELLS_X, CELLS_Y) // (extent + 1)) @ np.array([1, CELLS_X])
    order = np.argsort(-texture, kind="stable")
    rank = np.zeros(len(corners), dtype=int)
    for name in np.unique(cell):
        members = order[cell[order] == name]
        rank[members] = np.arange(len(members))
    return sorted(np.lexsort((-texture, rank))[:MAX_WINDOWS].tolist())


@dataclass(frozen=True, eq=False)
class Fit:
    """The scene spectra that fit best under one motion.

    Attributes
    ----------
    log_model : (W, F) float32 array
        log M.
    scene : (W, 2 + 12) float32 array
        a, b, c_1, d_1, c_2 ... of every window.
    """

    log_model: Array
    scene: Array


class SpectralEvidence:
    """The evidence of a photo's windows for displacements, over frequencies up to a bound.

    Parameters
    ----------
    spectra : Spectra
        The windows, at least one.
    highest : float
        Highest frequency used, cycles per px of the reduced photo. A low one gives a smooth function of the motion,
        which is easy to search; a high one an exact answer.
    """

    def __init__(self, spectra: Spectra, highest: float) -> None:
        side = spectra.power.shape[-1]
        frequency = np.fft.fftfreq(side)
        # One bin more than used on each side: the taper's leakage reads its neighbours.
        self._fy = np.sort(frequency[np.abs(frequency) <= highest + 1.5 / side])
        self._fx = self._fy[self._fy >= -1.5 / side]
        radius = np.hypot(self._fy[:, None], self._fx)
        # The spectrum of a real image repeats itself point-reflected: half of the plane holds everything.
        half = (self._fx > 0) | ((self._fx == 0) & (self._fy[:, None] > 0))
        self._used = half & (radius >= LOWEST_BIN / side) & (radius <= highest)
        rows = np.rint(self._fy * side).astype(int)
        columns = np.rint(self._fx * side).astype(int)
        self.scale = spectra.scale
        self.power: Array = spectra.power[:, rows[:, None], columns][:, self._used]
        self.noise = spectra.noise[:, None]
        self._basis, self._precision = self._scene_basis(radius)
        self._typical = np.zeros(len(self._basis), dtype=np.float32)
        self._typical[1] = SLOPE
        curvature = self._basis @ self._basis.T / self._basis.shape[1] + self._precision
        self._step = np.linalg.inv(curvature).astype(np.float32)

    def _scene_basis(self, radius: Points) -> tuple[Array, Array]:
        angle = np.arctan2(self._fy[:, None], self._fx)[self._used]
        slope = np.log(radius[self._used] / 0.1)
        orders = np.arange(1, HARMONICS + 1)
        waves = [wave(2 * order * angle) for order in orders for wave in (np.cos, np.sin)]
        spread = np.concatenate([[np.inf, SLOPE_STD], np.repeat(DIRECTION_STD / np.sqrt(orders), 2)])
        basis = np.stack([np.ones_like(slope), slope, *waves])
        return basis.astype(np.float32), np.diag(PRIOR_WEIGHT / spread**2).astype(np.float32)

    def transfer(self, displacement_px: Points) -> Array:
        """Return |K|^2 (W, F) of displacements (W, T, 2) in px of the photo, blurred like a tapered periodogram."""
        turns = 2j * np.pi * self.scale * displacement_px
        along_x = np.exp(turns[..., 0, None] * self._fx).astype(np.complex64)
        along_y = np.exp(turns[..., 1, None] * self._fy).astype(np.complex64)
        K = np.matmul(along_y.swapaxes(1, 2), along_x) / np.float32(displacement_px.shape[1])
        power = K.real**2 + K.imag**2
        return np.asarray(_leaked(_leaked(power, 1), 2)[:, self._used], dtype=np.float32)

    def fit(self, displacement_px: Points, start: Fit | None = None) -> Fit:
        """Fit the scene spectra under a motion by Fisher scoring.

        Parameters
        ----------
        displacement_px : (W, T, 2) array
            Displacements of the windows' centres at equally spaced times of the exposure, px of the photo.
        start : Fit or None
            A fit of a motion nearby.
        """
        log_transfer = np.log(self.transfer(displacement_px) + np.float32(LEAST_TRANSFER))
        scene = self._first_scene(log_transfer) if start is None else start.scene
        for _ in range(COLD_STEPS if start is None else WARM_STEPS):
            signal = np.exp(np.minimum(log_transfer + scene @ self._basis, 30.0))
            model = signal + self.noise
            score = signal / model * (np.minimum(self.power / model, OUTLIER) - 1.0)
            gradient = score @ self._basis.T / score.shape[1] - (scene - self._typical) @ self._precision
            scene = scene + np.clip(gradient @ self._step, -1.0, 1.0)
        log_signal = np.minimum(log_transfer + scene @ self._basis, 30.0)
        return Fit(np.log(np.exp(log_signal) + self.noise), scene)

    def _first_scene(self, log_transfer: Array) -> Array:
        scene = np.tile(self._typical, (len(self.power), 1))
        typical = np.exp(log_transfer + scene @ self._basis).mean(axis=1)
        scene[:, 0] = np.log(self.power.mean(axis=1) / typical)
        return scene

    def per_window(self, fit: Fit) -> Points:
        """Return the evidence (W,) of every window, in nats per frequency."""
        ratio = self.power * np.exp(-fit.log_model)
        tail = OUTLIER * (1.0 + np.log(np.maximum(ratio, OUTLIER) / OUTLIER))
        likelihood = -(fit.log_model + np.where(ratio < OUTLIER, ratio, tail)).mean(axis=1)
        offset = fit.scene - self._typical
        return np.asarray(likelihood - 0.5 * ((offset @ self._precision) * offset).sum(axis=1), dtype=np.float64)


def _leaked(power: Array, axis: int) -> Array:
    """Spread a power spectrum as the Hann taper does: 1/6, 2/3, 1/6; the outermost bins are left alone."""
    moved = np.moveaxis(power, axis, 0)
    inner = (moved[:-2] + moved[2:]) / np.float32(6.0) + moved[1:-1] * np.float32(2.0 / 3.0)
    return np.moveaxis(np.concatenate([moved[:1], inner, moved[-1:]]), 0, axis)
