"""CameraModel: intrinsics and lens distortion as a value."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.errors import CaptureError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Number of coefficients that each model takes.
DISTORTION_SIZES = {"none": (0,), "opencv": (4, 5, 8), "opencv_fisheye": (4,)}
NEWTON_STEPS = 20


# Beyond these a number is a slip of the pen: the largest panorama, and a telescope on the finest sensor.
LARGEST_SIDE_PX = 100_000
LONGEST_FOCAL_PX = 1e7


@dataclass(frozen=True)
class CameraModel:
    """Pinhole camera with optional lens distortion.

    Attributes
    ----------
    width, height : int
        Image size, px.
    fx, fy, cx, cy : float
        Focal lengths and principal point, px; pixel (0, 0) is the centre of the top-left pixel.
    distortion_model : {"none", "opencv", "opencv_fisheye"}
        ``opencv`` is radial-tangential (k1 k2 p1 p2 [k3 [k4 k5 k6]]), ``opencv_fisheye`` Kannala-Brandt (k1..k4).
    distortion : tuple of float
        The model's coefficients.

    Raises
    ------
    CaptureError
        If a value is not finite, a focal length or size is not positive or beyond what exists, or the coefficients do
        not fit the model.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion_model: str = "none"
    distortion: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not (1 <= self.width <= LARGEST_SIDE_PX and 1 <= self.height <= LARGEST_SIDE_PX):
            raise CaptureError(
                f"camera size: expected 1 to {LARGEST_SIDE_PX} px a side, got {self.width} x {self.height}"
            )
        for name in ("fx", "fy"):
            value = getattr(self, name)
            if not 0 < value <= LONGEST_FOCAL_PX:
                raise CaptureError(f"camera {name}: expected a focal length in px, > 0 and at most 1e7, got {value:g}")
        if not np.isfinite([self.cx, self.cy, *self.distortion]).all():
            raise CaptureError("camera: expected finite cx, cy and distortion, got NaN or infinity")
        sizes = DISTORTION_SIZES.get(self.distortion_model)
        if sizes is None:
            names = ", ".join(DISTORTION_SIZES)
            raise CaptureError(f"distortion_model: expected one of {names}, got {self.distortion_model!r}")
        if len(self.distortion) not in sizes:
            wanted = " or ".join(str(size) for size in sizes)
            raise CaptureError(
                f"distortion: expected {wanted} coefficients for {self.distortion_model}, got {len(self.distortion)}"
            )
        object.__setattr__(self, "distortion", tuple(float(value) for value in self.distortion))

    @property
    def K(self) -> Array:
        """Camera matrix (3, 3), px."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    def scaled(self, width: int, height: int) -> "CameraModel":
        """Return the camera of the image resized to width x height: u -> (u + 0.5) s - 0.5."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self,
            width=width,
            height=height,
            fx=self.fx * sx,
            fy=self.fy * sy,
            cx=(self.cx + 0.5) * sx - 0.5,
            cy=(self.cy + 0.5) * sy - 0.5,
        )

    def cropped(self, x0: int, y0: int, width: int, height: int) -> "CameraModel":
        """Return the camera of the sub-image whose top-left pixel is (x0, y0)."""
        return replace(self, width=width, height=height, cx=self.cx - x0, cy=self.cy - y0)

    def refocused(self, factor: float) -> "CameraModel":
        """Return the camera with both focal lengths multiplied by a factor."""
        return replace(self, fx=self.fx * factor, fy=self.fy * factor)

    def project(self, points: ArrayLike) -> tuple[Array, Mask]:
        """Project points of the camera frame to pixels.

        Parameters
        ----------
        points : (..., 3) array
            Points or directions, camera frame.

        Returns
        -------
        pixels : (..., 2) array
            (x, y) in px; may lie outside the image.
        valid : (...) bool array
            Whether the point is in front of the camera.
        """
        xyz = np.asarray(points, dtype=np.float64)
        x, y, z = xyz[..., 0], xyz[..., 1], xyz[..., 2]
        valid = np.asarray(z > 1e-9 * (np.abs(x) + np.abs(y)), dtype=np.bool_)
        safe = z if valid.all() else np.where(valid, z, 1.0)
        pixels = np.empty((*safe.shape, 2))
        # One coordinate at a time: NumPy is slow along an axis of length 2.
        np.divide(x, safe, out=pixels[..., 0])
        np.divide(y, safe, out=pixels[..., 1])
        pixels = self._distort(pixels)
        pixels[..., 0] = pixels[..., 0] * self.fx + self.cx
        pixels[..., 1] = pixels[..., 1] * self.fy + self.cy
        return pixels, valid

    def unproject(self, pixels: ArrayLike) -> tuple[Array, Mask]:
        """Return the directions from which pixels see.

        Parameters
        ----------
        pixels : (..., 2) array
            (x, y) in px.

        Returns
        -------
        rays : (..., 3) array
            Directions with z = 1, camera frame.
        valid : (...) bool array
            Whether the distortion could be inverted there (re-projection within 1e-6 px).
        """
        uv = np.asarray(pixels, dtype=np.float64)
        distorted = (uv - (self.cx, self.cy)) / (self.fx, self.fy)
        if self.distortion_model == "none":
            rays = np.concatenate([distorted, np.ones_like(distorted[..., :1])], axis=-1)
            return rays, np.asarray(np.isfinite(uv).all(axis=-1), dtype=np.bool_)
        xy = self._undistort(distorted)
        error = np.abs(self._distort(xy) - distorted) * (self.fx, self.fy)
        valid = np.asarray((error < 1e-6).all(axis=-1), dtype=np.bool_)
        return np.concatenate([xy, np.ones_like(xy[..., :1])], axis=-1), valid

    def _distort(self, xy: Array) -> Array:
        if self.distortion_model == "opencv":
            return _radial_tangential(xy, self.distortion)[0]
        if self.distortion_model == "opencv_fisheye":
            return _fisheye(xy, self.distortion)
        return xy

    def _undistort(self, xy: Array) -> Array:
        if self.distortion_model == "opencv":
            return _invert_radial_tangential(xy, self.distortion)
        if self.distortion_model == "opencv_fisheye":
            return _invert_fisheye(xy, self.distortion)
        return xy


def _radial_tangential(xy: Array, coefficients: tuple[float, ...]) -> tuple[Array, Array]:
    """OpenCV's radial-tangential model and its Jacobian (..., 2, 2), at normalised coordinates (..., 2)."""
    k1, k2, p1, p2, k3, k4, k5, k6 = (*coefficients, *([0.0] * (8 - len(coefficients))))
    x, y = xy[..., 0], xy[..., 1]
    r2 = x * x + y * y
    top = 1.0 + r2 * (k1 + r2 * (k2 + r2 * k3))
    bottom = 1.0 + r2 * (k4 + r2 * (k5 + r2 * k6))
    radial = top / bottom
    # d(radial)/d(r2) by the quotient rule.
    slope = (k1 + r2 * (2 * k2 + r2 * 3 * k3) - radial * (k4 + r2 * (2 * k5 + r2 * 3 * k6))) / bottom
    distorted = np.stack(
        [
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        ],
        axis=-1,
    )
    cross = 2 * x * y * slope + 2 * p1 * x + 2 * p2 * y
    jacobian = np.stack(
        [
            np.stack([radial + 2 * x * x * slope + 2 * p1 * y + 6 * p2 * x, cross], axis=-1),
            np.stack([cross, radial + 2 * y * y * slope + 6 * p1 * y + 2 * p2 * x], axis=-1),
        ],
        axis=-2,
    )
    return distorted, jacobian


def _invert_radial_tangential(target: Array, coefficients: tuple[float, ...]) -> Array:
    """Newton's method from the distorted point; quadratic, so a handful of steps reach rounding error."""
    xy = target.copy()
    for _ in range(NEWTON_STEPS):
        value, jacobian = _radial_tangential(xy, coefficients)
        residual = value - target
        if np.abs(residual).max(initial=0.0) < 1e-14:
            break
        a, b = jacobian[..., 0, 0], jacobian[..., 0, 1]
        c, d = jacobian[..., 1, 0], jacobian[..., 1, 1]
        determinant = a * d - b * c
        determinant = np.where(np.abs(determinant) < 1e-6, 1e-6, determinant)
        ex, ey = residual[..., 0], residual[..., 1]
        xy = xy - np.stack([d * ex - b * ey, a * ey - c * ex], axis=-1) / determinant[..., None]
    return xy


def _fisheye(xy: Array, coefficients: tuple[float, ...]) -> Array:
    """OpenCV's fisheye model: theta_d = theta (1 + k1 theta^2 + ... + k4 theta^8)."""
    r = np.linalg.norm(xy, axis=-1)
    theta = np.arctan(r)
    scale = np.where(r > 1e-12, _fisheye_angle(theta, coefficients)[0] / np.maximum(r, 1e-12), 1.0)
    return xy * scale[..., None]


def _fisheye_angle(theta: Array, coefficients: tuple[float, ...]) -> tuple[Array, Array]:
    """theta_d and its derivative by theta."""
    k1, k2, k3, k4 = coefficients
    t2 = theta * theta
    value = theta * (1.0 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4))))
    slope = 1.0 + t2 * (3 * k1 + t2 * (5 * k2 + t2 * (7 * k3 + t2 * 9 * k4)))
    return value, slope


def _invert_fisheye(target: Array, coefficients: tuple[float, ...]) -> Array:
    r_distorted = np.linalg.norm(target, axis=-1)
    # Beyond 89 degrees the z = 1 ray runs off to infinity; such pixels come out invalid.
    limit = np.deg2rad(89.0)
    theta = np.minimum(r_distorted, limit)
    for _ in range(NEWTON_STEPS):
        value, slope = _fisheye_angle(theta, coefficients)
        step = (value - r_distorted) / np.where(np.abs(slope) < 1e-6, 1e-6, slope)
        theta = np.clip(theta - step, 0.0, limit)
        if np.abs(step).max(initial=0.0) < 1e-15:
            break
    scale = np.where(r_distorted > 1e-12, np.tan(theta) / np.maximum(r_distorted, 1e-12), 1.0)
    return np.asarray(target * scale[..., None], dtype=np.float64)
