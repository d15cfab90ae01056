"""Confidence maps: where a restored photo can be trusted, pixel by pixel.

A map holds, for every pixel, the probability that the restored value is right to within `TOLERANCE` of the encoded
(sRGB) range, if its light was recorded at all::

    c = t (1 - exp(-TOLERANCE / e)),    e = a s + m (1 - exp(-K q / m)) d,    q^2 = (r + <r>) / (b + <b>)

for errors of a Laplacian distribution with mean absolute value e. With the photo B, the result u, the blur A of the
motion that was undone, and w in [0, 1], how far a pixel of the photo can be trusted (0 where it is saturated or its
light came from outside the picture):

- t = min(A^T w, 1): the share of the pixel's light that fell on pixels that can be trusted. Beside saturated light and
  at the borders a part of it did not, and what stands there is a guess.
- d = G_2 |u - B|: what the restoration has changed, for that is what can be wrong. Where nothing was to be changed, a
  pixel is off by the noise s only.
- r = A^T(w (G_2 (A u - B))^2) / A^T w: the reblur residual along the pixel's own trail, which is where an error of u
  shows. Noise is white, a model's error is not: smoothing takes 6 of 7 parts of the noise away.
- b, the same for the photo itself, u = B: what of its detail a further blur would take. <> are means over the photo.
- q: the share of the detail that the motion fails to explain. A gyro that is wrong is so all over the photo and raises
  the means; a moving object or a wrong depth raises r where it is. K q is the error of a change over the change, and m
  is the most that it comes to.

All differences are taken of encoded values, in which noise and visible contrast are the same in the dark as in the
light. G_2 is a Gaussian of 2 px. A deconvolution hides errors of the motion (it finds some u that explains the photo
nearly as well), so that K is large for solvers, and motions that are off by a pixel or two on short trails are not
noticed.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.operator import blur_operator
from gyrosharp.errors import ImageError, UsageError
from gyrosharp.media.image_file import ImageFile
from gyrosharp.media.noise import saturation_confidence
from gyrosharp.media.transfer import SRGB, encode_codes
from gyrosharp.restore import tiling
from gyrosharp.restore.classical import FLOAT_BYTES, Scene, checked_picture
from gyrosharp.restore.problem import Problem
from gyrosharp.restore.restoration import Restoration
from gyrosharp.restore.solvers import Facts, methods
from gyrosharp.restore.solvers.richardson_lucy import visible_noise

Image = NDArray[np.float32]

TOLERANCE = 16 / 255
"""The error that counts as wrong, of the encoded range: what a person sees at an edge."""
# a, K, m: chosen on four of scikit-image's photos x trails of 8 to 26 px x gyro errors of none, half, once and twice
# the usual. Restored by rl, flat areas keep 0.35 of the noise; q is 0.03 to 0.06 with the exact motion, and the mean
# error 0.4 to 0.6 of the change; with the largest errors the two are 0.06 to 0.09 and up to 1.3. Solvers fit the photo
# more closely than the truth, so that little is left unexplained, and means much; what networks restore does not, and
# means less. With these two K the map's mean is 0.88 and 0.94, and 0.91 and 0.95 are right.
NOISE_LEFT, MOST_WRONG = 0.35, 1.5
SOLVERS_K, NETWORKS_K = 10.0, 2.0
# Changes are pooled like that because errors stand beside edges, not on them: 1 and 3 px rank them as well.
CHANGE_SIGMA_PX = 2.0
RESIDUAL_SIGMA_PX = 2.0
# Along a short trail lie too few pixels for a mean: it is smoothed across by this much.
TRAIL_SIGMA_PX = 4.0
# Pixels of which less light was recorded have no residual of their own.
LEAST_RECORDED = 1e-2
# Detail below half a code of 8 bit is none.
LEAST_DETAIL = (0.5 / 255) ** 2
# Copies of the picture, and maps of one channel, that a tile holds at its widest.
IMAGES_HELD, MAPS_HELD = 7, 14


def confidence_map(result: Restoration, image: Image | ImageFile, *, tile: int | str = "auto") -> Image:
    """Return how far each pixel of a restored photo can be trusted; see the module for the equation.

    Parameters
    ----------
    result : Restoration
        What `gyrosharp.deblur` returned. The motion is the one that it used, self-calibration included.
    image : (H, W, C) float32 array or ImageFile
        The photo that it was made from, linear light.
    tile : int or {"auto", "off"}
        Tile size, px; automatic tiles keep the memory below 1.5 GB.

    Returns
    -------
    (H, W) float32 array in [0, 1]
        1 everywhere where the photo was left unchanged: nothing in it was made up.

    Raises
    ------
    UsageError
        If the motion is not known (networks that see the photo alone, kernels), or `tile` is no tile size.
    ImageError
        If the photo does not have the result's shape, or holds NaN or infinity.
    """
    pixels = image.pixels_linear if isinstance(image, ImageFile) else image
    if pixels.shape != result.image.shape:
        raise ImageError(f"image: expected the photo of the result, {result.image.shape}, got {pixels.shape}")
    picture = checked_picture(pixels, pixels.shape[:2])
    if result.diagnostics.decision == "left unchanged":
        return np.ones(picture.shape[:2], np.float32)
    if result.capture is None:
        raise UsageError(
            f"confidence map: expected a result that rests on the camera's motion, got one of "
            f"{result.diagnostics.method} without; give a gyro log"
        )
    facts = Facts(result.diagnostics.noise_std, float(picture.mean(dtype=np.float64)), 0.0)
    scene = Scene(result.capture, picture, saturation_confidence(picture), facts, result.diagnostics.poses)
    K = SOLVERS_K if result.diagnostics.method in methods() else NETWORKS_K
    return _evidence(scene, result.image, tile).confidence(visible_noise(facts), K)


@dataclass(frozen=True, eq=False)
class _Evidence:
    """What speaks for and against a result: planes (H, W), by the names of the module: d, t, r, b."""

    change: Image
    recorded: Image
    residual: Image
    detail: Image

    def confidence(self, noise: float, K: float) -> Image:
        """Return c for the noise s of the encoded photo, and K."""
        weight = float(self.recorded.sum(dtype=np.float64)) or 1.0
        mean_residual, mean_detail = (
            float(np.einsum("ij,ij->", self.recorded, plane, dtype=np.float64)) / weight
            for plane in (self.residual, self.detail)
        )
        unexplained = np.sqrt((self.residual + mean_residual) / (self.detail + max(mean_detail, LEAST_DETAIL)))
        wrong = -MOST_WRONG * np.expm1(-K / MOST_WRONG * unexplained)
        error = NOISE_LEFT * noise + self.change * wrong
        return np.asarray(self.recorded * -np.expm1(-TOLERANCE / error), dtype=np.float32)


def _evidence(scene: Scene, restored: Image, tile: int | str) -> _Evidence:
    shape, channels = scene.picture.shape[:2], scene.picture.shape[2]
    margin = tiling.margin_px(blur_operator(scene.capture, scene.poses).reach_px)
    size = tiling.tile_size(tile, shape, FLOAT_BYTES * (IMAGES_HELD * channels + MAPS_HELD), margin)
    total = np.zeros((*shape, 4), np.float32)
    for part in tiling.tiles(shape, size or max(shape), margin):
        part.add_to(total, _planes(scene.problem(part.box), restored[part.solved]))
    return _Evidence(*(total[..., k] for k in range(4)))


def _planes(problem: Problem, restored: Image) -> Image:
    """Return d, t, r, b of a part of the photo as one array (h, w, 4)."""
    operator, photo = problem.operator, _encoded(problem.observed)
    trust = problem.confidence * operator.coverage
    change = np.abs(_encoded(restored) - photo).mean(axis=2)
    squares = [trust * _squares(operator.forward(image), photo) for image in (restored, problem.observed)]
    trails = operator.adjoint(np.dstack([trust, *squares]))
    pooled = _smoothed(trails, TRAIL_SIGMA_PX)
    recorded = np.clip(trails[..., :1], 0, 1)
    means = pooled[..., 1:] / np.maximum(pooled[..., :1], LEAST_RECORDED)
    return np.dstack([_smoothed(change, CHANGE_SIGMA_PX), recorded, means])


def _squares(blurred: Image, photo: Image) -> Image:
    """Return the smoothed difference of encoded pictures (h, w, C), squared: its mean over the channels."""
    difference = _smoothed(_encoded(blurred) - photo, RESIDUAL_SIGMA_PX)
    return np.asarray(np.einsum("ijk,ijk->ij", difference, difference) / photo.shape[2], dtype=np.float32)


def _smoothed(values: Image, sigma_px: float) -> Image:
    import cv2

    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma_px).reshape(values.shape), dtype=np.float32)


def _encoded(image_linear: Image) -> Image:
    # By way of 16-bit codes, whose tables are many times faster than the curve itself.
    return np.asarray(encode_codes(np.ascontiguousarray(image_linear), SRGB, np.uint16) * np.float32(1 / 65535))
