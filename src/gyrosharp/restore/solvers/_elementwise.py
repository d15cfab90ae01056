"""The pixelwise steps of Richardson-Lucy: on the native kernel, or in NumPy where it was not built.

The two agree to rounding (a test holds them together); what each computes is written down in `gyrosharp.blur._kernel`.
"""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.exact import native_kernel_available

Image = NDArray[np.float32]

# The kernel's own limits, kept in step: pixels no pose sees must not divide by zero, and a strong TV term must not turn
# the update's sign.
LEAST_NORMALISER = 1e-3
LEAST_TV_FACTOR = 0.25


def ratio(observed: Image, predicted: Image, confidence: Image, floor: float, threads: int) -> Image:
    """Write 1 + c (observed / max(predicted, floor) - 1) over `predicted` and return it."""
    if native_kernel_available():
        from gyrosharp.blur import _kernel

        return _kernel.rl_ratio(observed, predicted, confidence, floor, threads, out=predicted)
    np.maximum(predicted, np.float32(floor), out=predicted)
    np.divide(observed, predicted, out=predicted)
    predicted -= 1
    predicted *= confidence[..., None]
    predicted += 1
    return predicted


def tv_divergence(image: Image, epsilon: float, threads: int, out: Image) -> Image:
    """Write div(grad u / sqrt(|grad u|^2 + epsilon^2)) to `out` and return it; |grad u| couples the channels."""
    if native_kernel_available():
        from gyrosharp.blur import _kernel

        return _kernel.tv_divergence(image, epsilon, threads, out=out)
    along_x, along_y = np.zeros_like(image), np.zeros_like(image)
    np.subtract(image[:, 1:], image[:, :-1], out=along_x[:, :-1])
    np.subtract(image[1:], image[:-1], out=along_y[:-1])
    energy = (along_x**2 + along_y**2).sum(axis=-1, keepdims=True)
    inverse = 1 / np.sqrt(energy + np.float32(epsilon) ** 2)
    along_x *= inverse
    along_y *= inverse
    np.add(along_x, along_y, out=out)
    out[:, 1:] -= along_x[:, :-1]
    out[1:] -= along_y[:-1]
    return out


def update(
    estimate: Image,
    correction: Image,
    normaliser: Image,
    tv: Image | None,
    tv_weight: Image | None,
    previous: Image,
    momentum: float,
    threads: int,
) -> None:
    """Take one step from `estimate`; write the new image over `previous` and its extrapolation over `estimate`.

    The total variation's weight (H, W) is that of every pixel.
    """
    if native_kernel_available():
        from gyrosharp.blur import _kernel

        _kernel.rl_update(
            estimate,
            correction,
            normaliser,
            tv,
            tv_weight,
            previous,
            momentum,
            threads,
            out_new=previous,
            out_extrapolated=estimate,
        )
        return
    new = estimate * correction / np.maximum(normaliser, np.float32(LEAST_NORMALISER))[..., None]
    if tv is not None and tv_weight is not None:
        new /= np.maximum(1 - tv_weight[..., None] * tv, np.float32(LEAST_TV_FACTOR))
    np.maximum(new, 0, out=new)
    np.maximum(new + np.float32(momentum) * (new - previous), 0, out=estimate)
    previous[...] = new
