"""Wiener deconvolution with a kernel per window: one pass, a fraction of a second per megapixel.

It rings and softens more than the iterative solvers; it serves as a fast preview and as a start for them.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.depth_operator import DepthOperator
from gyrosharp.blur.exact import ExactOperator, thread_count
from gyrosharp.blur.operator import BlurOperator
from gyrosharp.blur.patches import Patch, Psf, PsfSource, hats, node_positions
from gyrosharp.blur.psf_grid import NodePsfs, PsfGridOperator
from gyrosharp.errors import UsageError
from gyrosharp.restore.problem import Problem, Progress

NAME = "wiener"
DESCRIPTION = "Wiener deconvolution per window: fastest, rings at strong edges"

Array = NDArray[np.float64]
Image = NDArray[np.float32]


@dataclass(frozen=True)
class Settings:
    """Settings of the Wiener filter.

    Attributes
    ----------
    gradient_std : float
        Standard deviation g of the sharp image's differences between neighbours, linear, full scale 1.
    grid : (int, int) or None
        Rows and columns of window centres; None follows the change of the kernels over the image.
    """

    gradient_std: float = 0.07
    grid: tuple[int, int] | None = None


DEFAULTS = Settings()
# Keeps a noise-free problem from dividing by zero.
MIN_POWER = 1e-6


def solve(problem: Problem, progress: Progress | None = None, settings: Settings = DEFAULTS) -> Image:
    r"""Deconvolve each window with the kernel of its centre, and blend the windows.

    With K the transfer function of the kernel, D_x and D_y those of the differences between neighbours, and b the
    observed window,

        u^ = K* b^ / (|K|^2 + (s / g)^2 (|D_x|^2 + |D_y|^2))

    which is the posterior mean for white noise of standard deviation s and a Gaussian image whose power falls as
    1 / |f|^2, as that of natural images does. Windows overlap by half and are blended by sin^2 weights of
    sum 1.

    Saturated pixels are used like any other: the filter has no place for a per-pixel confidence.

    Parameters
    ----------
    problem : Problem
        Observed image (H, W, C), operator and noise.
    progress : callable or None
        Told (windows done, all windows).
    settings : Settings
        Prior and windows.

    Returns
    -------
    (H, W, C) float32 array
        Linear light, >= 0.

    Raises
    ------
    UsageError
        If the operator has no kernels to show, or its blur depends on depth.

    References
    ----------
    Wiener, "Extrapolation, Interpolation, and Smoothing of Stationary Time Series", 1949; windows as in Hirsch et al.,
    "Efficient filter flow for space-variant multiframe blind deconvolution", CVPR 2010.
    """
    from scipy import fft

    planes = np.ascontiguousarray(np.moveaxis(problem.observed, -1, 0), dtype=np.float32)
    windows = _windows(problem.operator, settings.grid)
    noise_to_gradient = problem.noise_std / settings.gradient_std

    # Threads over the windows, or within the FFT if there is only one.
    fft_workers = thread_count() if len(windows) == 1 else 1

    def restore(window: Patch) -> Image:
        with fft.set_workers(fft_workers):
            return _deconvolved(planes, window, noise_to_gradient)

    result = np.zeros_like(planes)
    with ThreadPoolExecutor(thread_count()) as pool:
        for done, (window, part) in enumerate(zip(windows, pool.map(restore, windows), strict=True), 1):
            result[:, window.rows.start : window.rows.stop, window.columns.start : window.columns.stop] += part
            if progress is not None:
                progress(done, len(windows))
    return np.ascontiguousarray(np.moveaxis(np.maximum(result, 0.0), 0, -1))


def _psf_source(operator: BlurOperator) -> PsfSource:
    if isinstance(operator, PsfSource):
        return operator
    if isinstance(operator, DepthOperator):
        # Tried with the kernel at the depth of each window's centre: stripes across every box before a wall.
        raise UsageError(
            "wiener: expected a blur that changes smoothly over the photo, got one that depends on depth, at whose "
            "edges the filter rings; take method rl, rl-tv, rl-plain or map"
        )
    if not isinstance(operator, ExactOperator):
        raise UsageError(f"wiener: expected an operator that knows its kernels, got {type(operator).__name__}")
    if operator.nodes is not None:
        return NodePsfs(operator.nodes, operator.shape)
    return PsfGridOperator(operator.motion, operator.poses)


def _windows(operator: BlurOperator, grid: tuple[int, int] | None) -> list[Patch]:
    """Return the windows of the *sharp* image with the kernels that blurred them."""
    height, width = operator.shape
    source = _psf_source(operator)
    rows, columns = grid or source.grid
    return [
        Patch(_psf_of_sharp(source, x, y, operator.shape), row, column)
        for y, row in zip(node_positions(height, rows), hats(height, rows), strict=True)
        for x, column in zip(node_positions(width, columns), hats(width, columns), strict=True)
    ]


def _psf_of_sharp(source: PsfSource, x: float, y: float, shape: tuple[int, int]) -> Psf:
    """Return the kernel that spreads the sharp pixel (x, y): that of the blurred pixel where its light arrives."""
    shift_x, shift_y = source.psf_at(x, y).centroid_px
    arrival = np.clip((x + shift_x, y + shift_y), 0.0, (shape[1] - 1.0, shape[0] - 1.0))
    return source.psf_at(float(arrival[0]), float(arrival[1]))


def _deconvolved(planes: Image, window: Patch, noise_to_gradient: float) -> Image:
    """Return the window (C, rows, columns) of the restored image, weighted."""
    from scipy import fft

    # The mean offset is taken off the kernel and put into the place that the window is read from.
    psf, rows, columns = window.psf, window.rows, window.columns
    shift_x, shift_y = (int(value) for value in np.rint(psf.centroid_px))
    margin = max(psf.weights.shape)
    size = tuple(fft.next_fast_len(hat.weights.size + 2 * margin, real=True) for hat in (rows, columns))
    transfer = _transfer(psf, shift_x, shift_y, size)
    patch = _read(planes, rows.start + shift_y - margin, columns.start + shift_x - margin, size)
    spectrum = fft.rfft2(_tapered(patch, transfer, margin))
    power = (transfer * transfer.conj()).real + noise_to_gradient**2 * _difference_power(size)
    spectrum *= transfer.conj() / np.maximum(power, MIN_POWER)
    restored = fft.irfft2(spectrum, size)[
        :, margin : margin + rows.weights.size, margin : margin + columns.weights.size
    ]
    weights = np.outer(_smooth(rows.weights), _smooth(columns.weights))
    return np.asarray(restored * weights, dtype=np.float32)


def _read(planes: Image, y: int, x: int, size: tuple[int, ...]) -> Image:
    """Cut out a patch that may overlap the border, which is continued by its edge pixels."""
    rows = np.clip(np.arange(y, y + size[0]), 0, planes.shape[1] - 1)
    columns = np.clip(np.arange(x, x + size[1]), 0, planes.shape[2] - 1)
    return planes[:, rows[:, None], columns]


def _transfer(psf: Psf, shift_x: int, shift_y: int, size: tuple[int, ...]) -> NDArray[np.complex64]:
    from scipy import fft

    height, width = psf.weights.shape
    picture = np.zeros(size, np.float32)
    picture[:height, :width] = psf.weights / psf.weights.sum()
    placed = np.roll(picture, (psf.y0 - shift_y, psf.x0 - shift_x), axis=(0, 1))
    return np.asarray(fft.rfft2(placed), dtype=np.complex64)


def _tapered(patch: Image, transfer: NDArray[np.complex64], margin: int) -> Image:
    """Blend the margin with the circular blur of the patch, so that opposite edges meet the way the filter assumes."""
    from scipy import fft

    blurred = fft.irfft2(fft.rfft2(patch) * transfer, patch.shape[1:])
    inner = np.outer(_ramp(patch.shape[1], margin), _ramp(patch.shape[2], margin)).astype(np.float32)
    return np.asarray(inner * patch + (1 - inner) * blurred, dtype=np.float32)


def _ramp(size: int, margin: int) -> Array:
    """0 at both ends, 1 from `margin` inwards."""
    nearest = np.minimum(np.arange(size), np.arange(size)[::-1])
    return _smooth(np.clip(nearest / max(margin, 1), 0.0, 1.0))


def _smooth(weights: Array) -> Array:
    """sin^2: smooth at both ends, and still w(t) + w(1 - t) = 1."""
    return np.asarray(np.sin(0.5 * np.pi * weights) ** 2, dtype=np.float64)


def _difference_power(size: tuple[int, ...]) -> Array:
    """|D_x|^2 + |D_y|^2 on the half-plane of rfft2: 4 sin^2(pi f) each."""
    fy, fx = np.fft.fftfreq(size[0]), np.fft.rfftfreq(size[1])
    return np.asarray(4 * np.sin(np.pi * fy)[:, None] ** 2 + 4 * np.sin(np.pi * fx) ** 2, dtype=np.float64)
