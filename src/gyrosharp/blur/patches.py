"""Convolution with a kernel that varies over the image: the engine of the PSF grid and of the uniform operator.

    B(x) = sum_g m_g(x) (k_g * I)(x),   sum_g m_g(x) = 1

One FFT per patch; each patch reads only the part of the image that its own kernel reaches.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.exact import written
from gyrosharp.errors import ImageError, UsageError

Array = NDArray[np.float64]
Real = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Psf:
    """Picture of a point light: B(x) = sum_s k(s) I(x - s).

    Attributes
    ----------
    weights : (h, w) float64 array
        k, row y and column x of it standing for the offset s = (x0 + x, y0 + y) px.
    x0, y0 : int
        Offset of the first column and row from the place of the light in the reference view, px.
    """

    weights: Array
    x0: int
    y0: int

    @property
    def reach_px(self) -> float:
        """Longest offset that carries light, px."""
        y, x = np.nonzero(self.weights)
        return float(np.hypot(x + self.x0, y + self.y0).max(initial=0.0))

    @property
    def centroid_px(self) -> Array:
        """Mean offset (x, y), px."""
        height, width = self.weights.shape
        x = self.weights.sum(axis=0) @ (np.arange(width) + self.x0)
        y = self.weights.sum(axis=1) @ (np.arange(height) + self.y0)
        return np.array([x, y], dtype=np.float64) / float(self.weights.sum())

    def centred(self, size: int) -> Array:
        """Return the kernel in a (size, size) picture whose middle is the light's place; what lies outside is cut."""
        picture = np.zeros((size, size))
        y, x = np.nonzero(self.weights)
        row, column = y + self.y0 + size // 2, x + self.x0 + size // 2
        seen = (row >= 0) & (row < size) & (column >= 0) & (column < size)
        picture[row[seen], column[seen]] = self.weights[y[seen], x[seen]]
        return picture


def splat_psf(offsets_px: Array) -> Psf:
    """Return the PSF of equal lights at offsets (N, 2) = (x, y) px, each shared bilinearly by its four pixels."""
    base = np.floor(offsets_px).astype(int)
    fraction = offsets_px - base
    x0, y0 = base.min(axis=0)
    width, height = base.max(axis=0) - (x0, y0) + 2
    weights = np.zeros((height, width))
    for dx in (0, 1):
        for dy in (0, 1):
            share = np.abs(1 - dx - fraction[:, 0]) * np.abs(1 - dy - fraction[:, 1])
            np.add.at(weights, (base[:, 1] - y0 + dy, base[:, 0] - x0 + dx), share / len(offsets_px))
    return trimmed(Psf(weights, int(x0), int(y0)))


def trimmed(psf: Psf) -> Psf:
    """Return the same PSF without empty margins: its size sets the cost."""
    y, x = np.nonzero(psf.weights)
    part = psf.weights[y.min() : y.max() + 1, x.min() : x.max() + 1]
    return Psf(np.ascontiguousarray(part), psf.x0 + int(x.min()), psf.y0 + int(y.min()))


@runtime_checkable
class PsfSource(Protocol):
    """A blur operator that can show its kernels.

    Attributes
    ----------
    grid : (int, int)
        Rows and columns of the grid on which the kernels are known.
    """

    @property
    def grid(self) -> tuple[int, int]: ...  # noqa: D102

    def psf_at(self, x: float, y: float) -> Psf:
        """Return the PSF that makes the blurred pixel (x, y)."""
        ...


@dataclass(frozen=True, eq=False)
class Hat:
    """One weight function along one axis: `weights` on the pixels from `start`."""

    start: int
    weights: Array

    @property
    def stop(self) -> int:
        """One past the last pixel."""
        return self.start + self.weights.size


def node_positions(size: int, count: int) -> Array:
    """Return `count` equally spaced positions over the pixels 0 to size - 1, ends included; one lies in the middle."""
    if count == 1:
        return np.array([(size - 1) / 2])
    return np.linspace(0.0, size - 1.0, count)


def hats(size: int, count: int) -> list[Hat]:
    """Return the linear-interpolation weights of `node_positions`: they add up to 1 at every pixel.

    Raises
    ------
    UsageError
        If there are fewer than 1 or more positions than pixels.
    """
    if not 1 <= count <= size:
        raise UsageError(f"grid: expected 1 to {size} points over {size} px, got {count}")
    if count == 1:
        return [Hat(0, np.ones(size))]
    spacing = (size - 1.0) / (count - 1)
    pixels = np.arange(size)
    result = []
    for node in node_positions(size, count):
        weights = np.clip(1.0 - np.abs(pixels - node) / spacing, 0.0, None)
        used = np.flatnonzero(weights)
        result.append(Hat(int(used[0]), weights[used[0] : used[-1] + 1]))
    return result


@dataclass(frozen=True, eq=False)
class Patch:
    """A kernel and the separable weight m(x) = m_y(y) m_x(x) with which it acts."""

    psf: Psf
    rows: Hat
    columns: Hat


class PatchBlur:
    """B(x) = sum_g m_g(x) (k_g * I)(x) and its exact transpose; I is continued by its edge pixels.

    The FFTs run in the precision of the image: float32, or float64 for tests.

    Parameters
    ----------
    shape : (int, int)
        Height and width of input and output.
    patches : sequence of Patch
        Kernels with weights that add up to 1 at every pixel.
    threads : int
        Worker threads: over the patches, or within the FFT if there is only one.
    """

    def __init__(self, shape: tuple[int, int], patches: Sequence[Patch], threads: int) -> None:
        self.shape = shape
        self._patches = tuple(patches)
        self._threads = threads
        # Rows above, below, columns left, right that some kernel reads beyond its own patch.
        psfs = [patch.psf for patch in self._patches]
        self._margin = (
            max(0, *(psf.y0 + psf.weights.shape[0] - 1 for psf in psfs)),
            max(0, *(-psf.y0 for psf in psfs)),
            max(0, *(psf.x0 + psf.weights.shape[1] - 1 for psf in psfs)),
            max(0, *(-psf.x0 for psf in psfs)),
        )

    @cached_property
    def reach_px(self) -> float:
        """Longest offset of any kernel, px."""
        return max(patch.psf.reach_px for patch in self._patches)

    @cached_property
    def coverage(self) -> NDArray[np.float32]:
        """Share (H, W) of each pixel's light that comes from inside the image."""
        top, bottom, left, right = self._margin
        inside = np.pad(np.ones((1, *self.shape), np.float32), ((0, 0), (top, bottom), (left, right)))
        return np.asarray(np.clip(self._convolved(inside)[0], 0.0, 1.0), dtype=np.float32)

    def forward(self, image: Real, out: Real | None = None) -> Real:
        """Blur an image (H, W, C); `out`, if given, takes the result.

        Raises
        ------
        ImageError
            If the size is not the operator's.
        """
        top, bottom, left, right = self._margin
        padded = np.pad(self._planes(image), ((0, 0), (top, bottom), (left, right)), mode="edge")
        return written(np.ascontiguousarray(np.moveaxis(self._convolved(padded), 0, -1)), out)

    def adjoint(self, image: Real, out: Real | None = None) -> Real:
        """Apply the transpose of `forward` to an image (H, W, C); `out` as there.

        Raises
        ------
        ImageError
            If the size is not the operator's.
        """
        planes = self._planes(image)
        top, bottom, left, right = self._margin
        total = np.zeros((len(planes), self.shape[0] + top + bottom, self.shape[1] + left + right), planes.dtype)
        for patch, part in self._each(lambda patch: self._scattered(patch, planes)):
            total[self._source(patch)] += part
        folded = _fold(_fold(total, top, self.shape[0], axis=1), left, self.shape[1], axis=2)
        return written(np.ascontiguousarray(np.moveaxis(folded, 0, -1)), out)

    def _planes(self, image: Real) -> Real:
        if image.ndim != 3 or image.shape[:2] != self.shape:
            raise ImageError(f"blur operator: expected an image {(*self.shape, 'C')}, got {image.shape}")
        kind = np.float64 if image.dtype == np.float64 else np.float32
        return np.ascontiguousarray(np.moveaxis(image, -1, 0), dtype=kind)

    def _source(self, patch: Patch) -> tuple[slice, slice, slice]:
        """The part of the padded image that a patch reads."""
        height, width = patch.psf.weights.shape
        y = self._margin[0] + patch.rows.start - (patch.psf.y0 + height - 1)
        x = self._margin[2] + patch.columns.start - (patch.psf.x0 + width - 1)
        rows = slice(y, y + patch.rows.weights.size + height - 1)
        return slice(None), rows, slice(x, x + patch.columns.weights.size + width - 1)

    def _each(self, work: Callable[[Patch], Real]) -> Iterator[tuple[Patch, Real]]:
        """Run `work` on the patches in threads; one thread adds up, so that results do not depend on their number."""
        with ThreadPoolExecutor(min(self._threads, len(self._patches))) as pool:
            yield from zip(self._patches, pool.map(work, self._patches), strict=True)

    def _convolved(self, padded: Real) -> Real:
        result = np.zeros((len(padded), *self.shape), padded.dtype)
        for patch, part in self._each(lambda patch: self._gathered(patch, padded)):
            result[:, patch.rows.start : patch.rows.stop, patch.columns.start : patch.columns.stop] += part
        return result

    def _gathered(self, patch: Patch, padded: Real) -> Real:
        """One patch's part of the blurred image."""
        source = padded[self._source(patch)]
        blurred = self._filtered(source, patch, source.shape[1:], conjugate=False)
        height, width = patch.psf.weights.shape
        # What the circular convolution wraps round lands in the first rows and columns, outside the valid part.
        valid = blurred[:, height - 1 : source.shape[1], width - 1 : source.shape[2]]
        return np.asarray(valid * _weights(patch, padded.dtype))

    def _scattered(self, patch: Patch, planes: Real) -> Real:
        """The transpose of `_gathered`: embed, correlate, crop."""
        rows, columns = patch.rows, patch.columns
        height, width = patch.psf.weights.shape
        extent = (rows.weights.size + height - 1, columns.weights.size + width - 1)
        embedded = np.zeros((len(planes), *extent), planes.dtype)
        part = planes[:, rows.start : rows.stop, columns.start : columns.stop]
        embedded[:, height - 1 :, width - 1 :] = part * _weights(patch, planes.dtype)
        return self._filtered(embedded, patch, extent, conjugate=True)[:, : extent[0], : extent[1]]

    def _filtered(self, planes: Real, patch: Patch, extent: tuple[int, ...], conjugate: bool) -> Real:
        from scipy import fft

        workers = self._threads if len(self._patches) == 1 else 1
        size = tuple(fft.next_fast_len(length, real=True) for length in extent)
        transfer = fft.rfft2(patch.psf.weights.astype(planes.dtype), size, workers=workers)
        spectrum = fft.rfft2(planes, size, workers=workers)
        spectrum *= transfer.conj() if conjugate else transfer
        return np.asarray(fft.irfft2(spectrum, size, workers=workers))


def _weights(patch: Patch, dtype: np.dtype[np.floating]) -> Real:
    return np.outer(patch.rows.weights, patch.columns.weights).astype(dtype)


def _fold(total: Real, before: int, size: int, axis: int) -> Real:
    """Transpose of edge replication along an axis: what reached the margins is added to the edge they copy."""
    lines = np.moveaxis(total, axis, 0)
    inner = lines[before : before + size].copy()
    inner[0] += lines[:before].sum(axis=0)
    inner[-1] += lines[before + size :].sum(axis=0)
    return np.moveaxis(inner, 0, axis)
