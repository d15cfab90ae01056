"""Registration of two pictures of one scene by a shift or a homography."""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.errors import ImageError
from gyrosharp.evaluation.metrics._pictures import luma

Array = NDArray[np.float64]

_STEPS, _SETTLED_PX = 40, 1e-3
"""At most so many Gauss-Newton steps; they end at one that moves the picture by less than this."""
_SMOOTHING_PX = 1.5
"""Standard deviation of the Gaussian before registration: noise must not decide, and a step must see that far."""
_RIM = 5
"""What the Gaussian smears in from outside; left out of both pictures while they are registered, px."""
_AGREEING_PX = 1.0
"""Phase correlation is right to about a pixel."""
_LEAST_OVERLAP, _LEAST_CORRELATION = 0.25, 0.1
"""With less in common, of the weights and of the pictures, a registration is chance."""
_FLAT = 1e-6
"""Deviations whose product is below it, (8-bit codes)^2, are rounding errors of a flat picture."""


def best_warp(image: Array, truth: Array, weights: Array, homography: bool) -> Array:
    """Return the warp (3, 3) of pixels of the truth to pixels of the image with the highest correlation.

    The warp D and a gain and offset of the luma minimise the weighted squared difference; that maximises the
    correlation (Evangelidis and Psarakis, TPAMI 2008). Gauss-Newton steps start from the identity and, where they end
    elsewhere than phase correlation points to, from there too; the better end counts.

    Parameters
    ----------
    image, truth : (H, W, C) arrays
        Pictures, full scale 1.
    weights : (H, W) array
        Weights of the truth's pixels.
    homography : bool
        Look for a homography instead of a shift.

    Raises
    ------
    ImageError
        If no warp brings anything of one picture over the other.
    """
    import cv2

    template, moving = (cv2.GaussianBlur(luma(picture), (0, 0), _SMOOTHING_PX) for picture in (truth, image))
    weights = weights * _inside(weights.shape)
    window = cv2.createHanningWindow(template.shape[::-1], cv2.CV_64F)
    # Copies: OpenCV multiplies the window into pictures whose sides suit its Fourier transform.
    (across, down), _ = cv2.phaseCorrelate(template.copy(), moving.copy(), window)
    correlation, warp = _climbed(template, moving, weights, (0.0, 0.0), homography)
    if np.hypot(across - warp[0, 2], down - warp[1, 2]) > _AGREEING_PX:
        other = _climbed(template, moving, weights, (across, down), homography)
        correlation, warp = max((correlation, warp), other, key=lambda pair: pair[0])
    if correlation < _LEAST_CORRELATION:
        raise ImageError(
            "align: expected pictures of one scene with some structure, found no shift that brings one over the other"
        )
    return warp


def _climbed(
    template: Array, moving: Array, weights: Array, start: tuple[float, float], homography: bool
) -> tuple[float, Array]:
    """Return correlation and warp (3, 3) where Gauss-Newton steps from a shift end; correlation 0 if they get lost."""
    warp = np.array([[1.0, 0.0, start[0]], [0.0, 1.0, start[1]], [0.0, 0.0, 1.0]])
    correlation = 0.0
    for _ in range(_STEPS):
        moved, reaches = resampled(moving[..., None], warp, _RIM)
        overlap = weights * reaches
        correlation = _correlation(moved[..., 0], template, overlap)
        if overlap.sum() < _LEAST_OVERLAP * weights.sum() or correlation <= 0.0:
            return 0.0, warp
        step = _step(moved[..., 0], template, overlap, homography)
        warp = warp @ step
        warp /= warp[2, 2]
        if np.abs(step - np.eye(3))[:2, 2].max() < _SETTLED_PX:
            break
    return correlation, warp


def _step(moved: Array, template: Array, weights: Array, homography: bool) -> Array:
    """Return the change D of the warp that fits template(x) = a moved(D x) + b best, linearised about the identity.

    In centred coordinates u, in units of the half size s, D moves a pixel by (p0, p1) + [[p2, p3], [p4, p5]] u +
    (p6 u_x + p7 u_y) u px.
    """
    height, width = moved.shape
    half = max(height, width) / 2.0
    v, u = np.mgrid[:height, :width].astype(np.float64)
    u, v = (u - (width - 1) / 2.0) / half, (v - (height - 1) / 2.0) / half
    down, across = np.gradient(moved)
    columns = [across, down]
    if homography:
        outward = across * u + down * v
        columns += [across * u, across * v, down * u, down * v, outward * u, outward * v]
    design = np.stack([column.ravel() for column in [*columns, moved, np.ones_like(moved)]])
    weighted = design * weights.ravel()
    fitted = np.linalg.lstsq(weighted @ design.T, weighted @ template.ravel(), rcond=1e-12)[0]
    p = np.zeros(8)
    p[: len(columns)] = fitted[: len(columns)] / fitted[-2] / half
    change = np.array([[1.0 + p[2], p[3], p[0]], [p[4], 1.0 + p[5], p[1]], [-p[6], -p[7], 1.0]])
    centred = np.array([[1.0 / half, 0.0, -(width - 1) / 2.0 / half], [0.0, 1.0 / half, -(height - 1) / 2.0 / half]])
    to_centred = np.vstack([centred, [0.0, 0.0, 1.0]])
    return np.asarray(np.linalg.solve(to_centred, change @ to_centred), dtype=np.float64)


def _correlation(first: Array, second: Array, weights: Array) -> float:
    """Return the weighted correlation of two planes; 0 where one is flat."""
    total = max(float(weights.sum()), 1.0)
    a, b = (plane - (weights * plane).sum() / total for plane in (first, second))
    spread = float(np.sqrt((weights * a**2).sum() * (weights * b**2).sum()))
    return float((weights * a * b).sum()) / spread if spread > _FLAT * total else 0.0


def _inside(shape: tuple[int, ...]) -> Array:
    """Return 1 inside the rim of a picture (H, W), 0 on it."""
    return np.pad(np.ones((shape[0] - 2 * _RIM, shape[1] - 2 * _RIM)), _RIM)


def resampled(image: Array, warp: Array, rim: float = 0.0) -> tuple[Array, Array]:
    """Return image(warp x) for all pixels x by cubic splines, mirrored at its border, and where it reaches.

    Parameters
    ----------
    image : (H, W, C) array
        Picture.
    warp : (3, 3) array
        Homography.
    rim : float
        The picture reaches up to this far from its border, px.

    Returns
    -------
    moved : (H, W, C) array
        Warped picture.
    reaches : (H, W) array
        1 where the picture reaches, else 0.
    """
    from scipy.ndimage import map_coordinates

    height, width, channels = image.shape
    y, x = np.mgrid[:height, :width].astype(np.float64)
    across, down, scale = np.tensordot(warp, np.stack([x, y, np.ones_like(x)]), axes=1)
    across, down = across / scale, down / scale
    planes = [map_coordinates(image[..., c], (down, across), order=3, mode="mirror") for c in range(channels)]
    reaches = (np.abs(across - (width - 1) / 2) <= (width - 1) / 2 - rim) & (
        np.abs(down - (height - 1) / 2) <= (height - 1) / 2 - rim
    )
    return np.stack(planes, axis=2), reaches.astype(np.float64)
