"""UniformOperator: one kernel for the whole image, and kernels read from pictures."""

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.blur.exact import thread_count
from gyrosharp.blur.patches import Patch, PatchBlur, Psf, hats, trimmed
from gyrosharp.errors import InputError

Array = NDArray[np.float64]
Image = NDArray[np.float32]


class UniformOperator(PatchBlur):
    """B = k * I with one kernel, for images (H, W, C); borders are continued by their edge pixels.

        B(x) = sum_s k(s) I(x - s)

    Parameters
    ----------
    kernel : (h, w) array
        Picture of a point light, in any unit: it is scaled to sum 1. The light's own place, s = 0, is row
        (h - 1) // 2 and column (w - 1) // 2: the middle of an odd size, the upper left one of the four middle pixels of
        an even size.
    shape : (int, int)
        Height and width of the image.
    threads : int or None
        Worker threads; None takes GYROSHARP_THREADS or every core.

    Raises
    ------
    InputError
        If the kernel is not a picture of non-negative finite values with a positive sum, or is larger than the image.
    """

    def __init__(self, kernel: ArrayLike, shape: tuple[int, int], threads: int | None = None) -> None:
        weights = normalised_kernel(kernel, "kernel")
        height, width = weights.shape
        if height > shape[0] or width > shape[1]:
            raise InputError(
                f"kernel: expected one no larger than the image of {shape[1]} x {shape[0]} px, "
                f"got {width} x {height} px; crop or shrink it"
            )
        self.grid = (1, 1)
        self._psf = trimmed(Psf(weights, -((width - 1) // 2), -((height - 1) // 2)))
        patch = Patch(self._psf, hats(shape[0], 1)[0], hats(shape[1], 1)[0])
        super().__init__(shape, [patch], threads or thread_count())

    def psf_at(self, x: float, y: float) -> Psf:  # noqa: ARG002
        """Return the kernel, which is the same everywhere."""
        return self._psf


def read_kernel(path: Path) -> Array:
    """Read a blur kernel from a picture of a point light.

    The codes are taken as they are, in proportion to light, as published kernels are stored: no transfer curve.

    Parameters
    ----------
    path : Path
        Grey image, 8 or 16 bit, or float TIFF. A colour image is accepted if its channels are equal; alpha is ignored.

    Returns
    -------
    (h, w) float64 array
        Non-negative, sum 1.

    Raises
    ------
    InputError
        If the file cannot be read, is not grey, or holds a negative value or no light at all.
    """
    import cv2

    try:
        data = np.fromfile(path, dtype=np.uint8)
    except OSError as error:
        raise InputError(f"{path}: expected a picture of a blur kernel, got {error.strerror or error}") from None
    image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    if image is None:
        raise InputError(f"{path}: expected a picture of a blur kernel, got a file that cannot be decoded")
    if image.ndim == 3:
        colours = image[..., :3]
        if (colours != colours[..., :1]).any():
            raise InputError(f"{path}: expected a grey picture of a blur kernel, got a coloured one; save it as grey")
        image = image[..., 0]
    return normalised_kernel(image, str(path))


def normalised_kernel(kernel: ArrayLike, name: str) -> Array:
    """Return a kernel (h, w) scaled to sum 1.

    Raises
    ------
    InputError
        If it is not a picture of non-negative finite values with a positive sum; `name` starts the message.
    """
    weights = np.asarray(kernel, dtype=np.float64)
    if weights.ndim != 2 or weights.size == 0:
        raise InputError(f"{name}: expected a blur kernel (h, w), got shape {weights.shape}")
    if not np.isfinite(weights).all() or weights.min() < 0:
        raise InputError(f"{name}: expected a blur kernel of values >= 0, got negative or non-finite ones")
    total = float(weights.sum())
    if total <= 0:
        raise InputError(f"{name}: expected a blur kernel that holds some light, got an all-black picture")
    return np.asarray(weights / total, dtype=np.float64)
