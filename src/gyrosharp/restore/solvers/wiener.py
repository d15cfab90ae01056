"""Wiener deconvolution with a kernel per window: one pass, a fraction of a second per megapixel.

It rings and softens more than the iterative solvers; it serves as a fast preview and as a start for them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.exact import thread_count
from gyrosharp.blur.operator import BlurOperator
from gyrosharp.blur.patches import Hat, Psf, PsfSource, hats, node_positions, trimmed
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
        Rows and columns of window centres; None takes the operator's own grid, or a window each 128 px.
    taper_passes : int
        How often each window's margin is blended with its own blur (see `_tapered`).
    """

    gradient_std: float = 0.05
    grid: tuple[int, int] | None = None
    taper_passes: int = 2


DEFAULTS = Settings()

# Windows 128 px apart keep a typical roll's change of the kernel within a window to 2 to 3 px.
WINDOW_SPACING_PX = 128


def solve(problem: Problem, progress: Progress | None = None, settings: Settings = DEFAULTS) -> Image:
    r"""Deconvolve each window with the kernel of its centre, and blend the windows.

    With K the transfer function of the kernel, D_x and D_y those of the differences between neighbours, and b the
    observed window,

        u^ = K* b^ / (|K|^2 + (s / g)^2 (|D_x|^2 + |D_y|^2))

    which is the posterior mean for white noise of standard deviation s and a Gaussian image whose power falls as
    1 / |f|^2, as that of natural images does. Windows overlap by half and are blended by sin^2 weights that add up to 1.

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

    References
    ----------
    Wiener, "Extrapolation, Interpolation, and Smoothing of Stationary Time Series", 1949; windows as in Hirsch et al.,
    "Efficient filter flow for space-variant multiframe blind deconvolution", CVPR 2010.
    """
    planes = np.ascontiguousarray(np.moveaxis(problem.observed, -1, 0), dtype=np.float32)
    rows, columns = settings.grid or _window_grid(problem.operator)
    psfs = _window_psfs(problem.operator, rows, columns)
    row_hats, column_hats = hats(planes.shape[1], rows), hats(planes.shape[2], columns)
    noise_to_gradient = problem.noise_std / settings.gradient_std
    result = np.zeros_like(planes)
    for done, psf in enumerate(psfs):
        row, column = row_hats[done // columns], column_hats[done % columns]
        window = _deconvolved(planes, row, column, psf, noise_to_gradient, settings.taper_passes)
        weights = np.outer(_smooth(row.weights), _smooth(column.weights)).astype(np.float32)
        result[:, row.start : row.stop, column.start : column.stop] += window * weights
        if progress is not None:
            progress(done + 1, rows * columns)
    return np.ascontiguousarray(np.moveaxis(np.maximum(result, 0.0), 0, -1))


def _window_grid(operator: BlurOperator) -> tuple[int, int]:
    if isinstance(operator, PsfSource):
        return operator.grid
    height, width = operator.shape
    return round(height / WINDOW_SPACING_PX) + 1, round(width / WINDOW_SPACING_PX) + 1


def _window_psfs(operator: BlurOperator, rows: int, columns: int) -> Iterator[Psf]:
    """Yield the kernels that belong to window centres of the *sharp* image, row by row."""
    height, width = operator.shape
    for y in node_positions(height, rows):
        for x in node_positions(width, columns):
            psf = _psf_at(operator, x, y)
            # The light of sharp pixel q arrives at q + s, so the window sees the kernel of the blurred pixel there.
            shift = psf.centroid_px
            yield _psf_at(operator, float(np.clip(x + shift[0], 0, width - 1)), float(np.clip(y + shift[1], 0, height - 1)))


def _psf_at(operator: BlurOperator, x: float, y: float) -> Psf:
    """Return the kernel of an operator at a blurred pixel: its own account, or the matching row of the matrix.

    A^T applied to a lit pixel x gives the weights with which x collects light, k(x - source).
    """
    if isinstance(operator, PsfSource):
        return operator.psf_at(x, y)
    height, width = operator.shape
    # Nearer to the border than the reach, replication would pile up light on the edge pixels.
    reach_y, reach_x = (min(int(operator.reach_px) + 1, (size - 1) // 2) for size in (height, width))
    column = int(np.clip(round(x), reach_x, width - 1 - reach_x))
    row = int(np.clip(round(y), reach_y, height - 1 - reach_y))
    light = np.zeros((height, width, 1), np.float32)
    light[row, column] = 1.0
    sources = np.asarray(operator.adjoint(light)[..., 0], dtype=np.float64)
    return trimmed(Psf(sources[::-1, ::-1], column - (width - 1), row - (height - 1)))


def _deconvolved(
    planes: Image, row: Hat, column: Hat, psf: Psf, noise_to_gradient: float, taper_passes: int
) -> Image:
    """Return the restored window (C, rows, columns) from the observed image around it."""
    from scipy import fft

    # The mean offset is taken off the kernel and put into the place that the window is read from.
    shift_x, shift_y = (int(value) for value in np.rint(psf.centroid_px))
    margin = max(psf.weights.shape)
    size = tuple(fft.next_fast_len(hat.weights.size + 2 * margin, real=True) for hat in (row, column))
    patch = _read(planes, row.start + shift_y - margin, column.start + shift_x - margin, size)
    transfer = _transfer(psf, shift_x, shift_y, size)
    for _ in range(taper_passes):
        patch = _tapered(patch, transfer, margin)
    spectrum = fft.rfft2(patch, workers=thread_count())
    power = (transfer * transfer.conj()).real + noise_to_gradient**2 * _difference_power(size)
    # The floor keeps a noise-free problem from dividing by zero.
    spectrum *= transfer.conj() / np.maximum(power, 1e-6)
    restored = fft.irfft2(spectrum, size, workers=thread_count())
    return np.asarray(restored[:, margin : margin + row.weights.size, margin : margin + column.weights.size])


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
    return np.asarray(fft.rfft2(placed, workers=thread_count()), dtype=np.complex64)


def _tapered(patch: Image, transfer: NDArray[np.complex64], margin: int) -> Image:
    """Blend the margin with the circular blur of the patch, so that opposite edges meet the way the filter assumes."""
    from scipy import fft

    blurred = fft.irfft2(fft.rfft2(patch, workers=thread_count()) * transfer, patch.shape[1:], workers=thread_count())
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
