"""Levin et al. (CVPR 2009): 4 pictures x 8 uniform kernels of real shake, as PNG.

The codes are proportional to light: convolving a truth's codes with its kernel leaves 4 to 5 % of the blurred picture's
contrast, convolving after an sRGB decoding 14 to 24 %. So they are decoded as linear. In the PNG copies that go around,
kernels 4 and 8 convolve as they are and the others turned by 180 degrees; `read` tells by the pictures and turns them.
"""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gyrosharp.capture.capture import ImageSource
from gyrosharp.datasets.formats._folders import pictures_in, require_found, source
from gyrosharp.datasets.formats._item import DatasetItem
from gyrosharp.datasets.formats._planes import Planes, PlaneSource, share_of
from gyrosharp.errors import ImageError
from gyrosharp.media.transfer import LINEAR

NAME = "levin"
DESCRIPTION = "Levin: uniform kernels, with kernel and truth; codes are linear light"
LICENCE = "research"
LAYOUT = """
im<i>_kernel<k>_img.png                     blurred picture
gt/im<i>.png                                truth
gt/kernel<k>.png                            kernel, any scale
"""
# Of the mean power of the truth's spectrum: below it, a frequency does not count.
NOISE_SHARE = 1e-3
Plane = NDArray[np.float32]
_NAME = re.compile(r"im(\d+)_kernel(\d+)_img$")


def sniff(folder: Path) -> bool:
    """Return whether a picture is called im<i>_kernel<k>_img."""
    return any(_NAME.match(path.stem) for path in pictures_in(folder, "im*_kernel*_img.*"))


def read(folder: Path, split: str | None = None) -> list[DatasetItem]:  # noqa: ARG001 (one set)
    """Return the pairs; field ``kernel`` (1, h, w) has sum 1 and convolves the truth. `split` means nothing here.

    Raises
    ------
    ImageError
        If there are none, or a truth or kernel is missing.
    """
    named = [(path, _NAME.match(path.stem)) for path in pictures_in(folder, "im*_kernel*_img.*")]
    items = [_item(folder / "gt", path, match[1], match[2]) for path, match in named if match]
    return require_found(folder, items, "pictures im<i>_kernel<k>_img")


def _item(truths: Path, path: Path, image: str, kernel: str) -> DatasetItem:
    truth = source(truths / f"im{image}.png")
    paths = source(truths / f"kernel{kernel}.png").path, truth.path, path
    return DatasetItem(
        name=path.stem.removesuffix("_img"),
        sharp=truth,
        blurred=ImageSource(path),
        fields={"kernel": PlaneSource(paths, _kernel)},
        curve=LINEAR,
    )


def _kernel(path: Path, truth: Path, blurred: Path) -> Planes:
    """Kernel (1, h, w) with sum 1, turned so that convolving the truth with it gives the blurred picture."""
    weights = share_of(path).mean(axis=2)
    if not weights.any():
        raise ImageError(f"{path}: expected a kernel, got a black picture")
    seen = _estimate(share_of(truth).mean(axis=2), share_of(blurred).mean(axis=2))
    ways = weights, weights[::-1, ::-1]
    chosen = max(ways, key=lambda way: float(_correlation(seen, way).max()))
    return np.asarray(chosen[None] / weights.sum(), dtype=np.float32)


def _estimate(sharp: Plane, blurred: Plane) -> Plane:
    """Kernel of a picture by regularised division of spectra, its centre at (0, 0); enough to tell two ways apart."""
    if sharp.shape != blurred.shape:
        return np.zeros_like(sharp)
    window = np.outer(*(np.hanning(size) for size in sharp.shape))
    spectra = [np.fft.rfft2((image - image.mean()) * window) for image in (sharp, blurred)]
    power = np.abs(spectra[0]) ** 2
    quotient = spectra[1] * spectra[0].conj() / (power + NOISE_SHARE * power.mean())
    return np.asarray(np.fft.irfft2(quotient, sharp.shape), dtype=np.float32)


def _correlation(estimate: Plane, kernel: Plane) -> Plane:
    """Correlation of an estimate with a kernel, at every shift."""
    padded = np.fft.rfft2(kernel, estimate.shape)
    return np.asarray(np.fft.irfft2(np.fft.rfft2(estimate) * padded.conj(), estimate.shape), dtype=np.float32)
