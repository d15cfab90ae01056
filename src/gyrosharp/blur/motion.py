"""CameraMotion: image positions under the camera's motion, for points and for whole grids.

Both directions of the blur model live here, and nowhere else:

- `positions`: where does the point seen at x_ref at the reference time go? (BlurField)
- `sources`: which point of the reference view does the blurred pixel x collect light from? (BlurOperator)

An optical stabiliser moves the picture over the sensor, by s(t): whatever an unstabilised camera shows at x is then at
x + s(t). The reference view is the picture as the stabiliser held it at t_ref. The lens is taken to move as a whole,
its distortion with it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gyrosharp.capture.capture import Capture
from gyrosharp.capture.lens_shift import LensShift
from gyrosharp.errors import CaptureError
from gyrosharp.geometry.camera import CameraModel
from gyrosharp.geometry.shutter import Exposure, Shutter
from gyrosharp.geometry.trajectory import PoseTrajectory

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Views:
    """How the camera stood at some moments, for grids of pixels that share them.

    Attributes
    ----------
    turns : (..., 3, 3) array
        Rotations from the camera to the reference view, R(t_ref)^T R(t).
    shift_px : (..., 2) array or None
        The stabiliser's shift s(t); None without one.
    """

    turns: Array
    shift_px: Array | None = None

    def __getitem__(self, part: tuple[list[int], slice] | list[int] | slice) -> "Views":
        return Views(self.turns[part], None if self.shift_px is None else self.shift_px[part])

    def unshifted(self, pixels: Array) -> Array:
        """Return where a camera without stabiliser shows what this one shows at pixels (..., 2)."""
        return pixels if self.shift_px is None else pixels - self.shift_px


@dataclass(frozen=True, eq=False)
class CameraMotion:
    """Camera, exposure and poses of one shot, ready to be asked for image positions.

    Attributes
    ----------
    camera : CameraModel
        Intrinsics.
    exposure : Exposure
        Line times.
    trajectory : PoseTrajectory
        Poses in camera time.
    reference_ns : int
        Time of the reference view.
    depth_m : (H, W) float32 array or None
        Depth along z at the reference time, NaN where unknown; used together with positions only.
    lens_shift : LensShift or None
        s(t) of an optical stabiliser.
    """

    camera: CameraModel
    exposure: Exposure
    trajectory: PoseTrajectory
    reference_ns: int
    depth_m: NDArray[np.float32] | None = None
    lens_shift: LensShift | None = None

    @classmethod
    def from_capture(cls, capture: Capture) -> "CameraMotion":
        """Take the motion of a capture.

        Raises
        ------
        ImuError
            If the gyro log does not cover the exposure.
        CaptureError
            If known poses do not, or the depth map cannot be read.
        """
        assert capture.reference_ns is not None
        poses, depth = capture.trajectory(), capture.depth()
        return cls(capture.camera, capture.exposure, poses, capture.reference_ns, depth, capture.lens_shift)

    @property
    def moves_with_depth(self) -> bool:
        """Whether translation and depth are both known, so that near points move more than far ones."""
        return self.depth_m is not None and self.trajectory.positions_m is not None

    def line_times_ns(self, points_px: ArrayLike, phases: ArrayLike) -> NDArray[np.int64]:
        """Return the stamps (..., T) of the phases (T,) in [0, 1] of the exposure of each point's line."""
        return self.exposure.times_ns(points_px, self.camera.width, self.camera.height, phases)

    def positions(self, points_px: ArrayLike, times_ns: ArrayLike) -> Array:
        """Follow points of the reference view through time.

        x(t) = K R(t)^T R(t_ref) K^-1 x_ref, with depth x(t) ~ K R(t)^T (R(t_ref) X_ref + p(t_ref) - p(t)). With a
        stabiliser, x_ref - s(t_ref) takes the place of x_ref, and s(t) is added.

        Parameters
        ----------
        points_px : (..., 2) array
            Positions at the reference time, px.
        times_ns : (..., T) int64 array
            Times, camera clock.

        Returns
        -------
        (..., T, 2) array
            Positions, px.
        """
        points = np.asarray(points_px, dtype=np.float64)
        rays = self.rays(points - self.reference_shift_px)
        R_ref, p_ref = self._reference_pose
        R_t, p_t = self.trajectory.at(times_ns)
        world = rays @ R_ref.T
        if self.moves_with_depth:
            assert p_ref is not None and p_t is not None
            depth = self._depth_at(points)
            # Unknown depth counts as infinitely far: such points turn but do not shift.
            nearness = np.divide(1.0, depth, out=np.zeros_like(depth), where=np.isfinite(depth))
            world = world[..., None, :] + nearness[..., None, None] * (p_ref - p_t)
        else:
            world = world[..., None, :]
        pixels = self._pixels(_turned(R_t.swapaxes(-1, -2), world))
        return pixels if self.lens_shift is None else pixels + self.lens_shift.at(times_ns)

    def sources(self, points_px: ArrayLike, times_ns: ArrayLike) -> Array:
        """Return where in the reference view a pixel's light comes from: K R(t_ref)^T R(t) K^-1 x.

        With a stabiliser, x - s(t) takes the place of x, and s(t_ref) is added.

        Parameters
        ----------
        points_px : (..., 2) array
            Pixels of the blurred image.
        times_ns : (..., T) int64 array, broadcastable against the points
            Times within the exposure of each pixel's line.

        Returns
        -------
        (..., T, 2) array
            Positions in the reference view, px.

        Raises
        ------
        CaptureError
            If the motion depends on depth: a pixel's source is then found by warping, not by this formula.
        """
        views = self.views(times_ns)
        points = np.asarray(points_px, dtype=np.float64)[..., None, :]
        return self.seen_along(self.rays(views.unshifted(points)), views)

    def displacements(self, points_px: ArrayLike, times_ns: ArrayLike) -> Array:
        """Return the displacements (..., T, 2) from blurred pixels to where their light comes from, px.

        x_j(x) - x of `sources`. With depth, what blurs a pixel is found by warping; the local kernel is then the
        trajectory of the reference point seen backwards, -(x(t) - x), which errs at second order.
        """
        points = np.asarray(points_px, dtype=np.float64)
        if self.moves_with_depth:
            return points[..., None, :] - self.positions(points, times_ns)
        return self.sources(points, times_ns) - points[..., None, :]

    def views(self, times_ns: ArrayLike) -> Views:
        """Return how the camera stood at times (...).

        Raises
        ------
        CaptureError
            If the motion depends on depth, or a time lies outside the motion record.
        """
        if self.moves_with_depth:
            raise CaptureError(
                "expected a rotation-only capture for a blur without depth, got translation with depth; "
                "take DepthOperator (blur_operator chooses it), or leave out the depth map"
            )
        turns = np.asarray(self._reference_pose[0].T @ self.trajectory.at(times_ns)[0], dtype=np.float64)
        return Views(turns, None if self.lens_shift is None else self.lens_shift.at(times_ns))

    def seen_along(self, rays: Array, views: Views) -> Array:
        """Return the pixels (..., 2) of the reference view in which the rays (..., 3) of cameras at other times end.

        The rays are those of `Views.unshifted` pixels.

        Raises
        ------
        CaptureError
            If a camera looks the other way.
        """
        pixels = self._pixels(_turned(views.turns, rays))
        return pixels if self.lens_shift is None else pixels + self.reference_shift_px

    @cached_property
    def reference_shift_px(self) -> Array:
        """The stabiliser's shift (2,) at the reference time, px; 0 without one."""
        return np.zeros(2) if self.lens_shift is None else self.lens_shift.at(self.reference_ns)

    @cached_property
    def _reference_pose(self) -> tuple[Array, Array | None]:
        return self.trajectory.at(self.reference_ns)

    def rays(self, points: Array) -> Array:
        """Return the directions (..., 3) of pixels (..., 2).

        Raises
        ------
        CaptureError
            If the lens distortion cannot be inverted at one of them.
        """
        rays, valid = self.camera.unproject(points)
        if not valid.all():
            bad = points[~valid].reshape(-1, 2)[0]
            raise CaptureError(
                f"distortion: expected coefficients that can be inverted over the image, got none at pixel "
                f"({bad[0]:.0f}, {bad[1]:.0f}); check their order and the camera's size"
            )
        return rays

    def _pixels(self, directions: Array) -> Array:
        pixels, valid = self.camera.project(directions)
        if not valid.all():
            raise CaptureError(
                "expected a motion that keeps the scene in front of the camera, got a turn of 90 degrees or more "
                "within the exposure; check the gyro's unit and the exposure time"
            )
        return pixels

    def _depth_at(self, points: Array) -> Array:
        """Nearest-pixel depth; interpolating across an edge would invent a surface between the two."""
        assert self.depth_m is not None
        height, width = self.depth_m.shape
        x = np.clip(np.rint(points[..., 0]).astype(int), 0, width - 1)
        y = np.clip(np.rint(points[..., 1]).astype(int), 0, height - 1)
        return np.asarray(self.depth_m[y, x], dtype=np.float64)

    @property
    def lines_run_down(self) -> bool:
        """Whether a sensor line is an image column (sideways readout)."""
        return Shutter(self.exposure.shutter).is_vertical


def _turned(R: Array, vectors: Array) -> Array:
    """R v for matrices (..., 3, 3) and vectors (..., 3), broadcast against each other; einsum takes longer."""
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    # The three coordinates lie apart in memory: whatever is done to each of them next reads it in one go.
    turned = np.empty((3, *np.broadcast_shapes(R.shape[:-2], x.shape)))
    for i in range(3):
        np.multiply(R[..., i, 0], x, out=turned[i])
        turned[i] += R[..., i, 1] * y
        turned[i] += R[..., i, 2] * z
    return np.moveaxis(turned, 0, -1)
