"""Objects that move on their own while the camera shakes.

Each pose of the exposure shows the scene I_j with an object (F_j, a_j) before it, both seen by the same camera, and the
photo is their average::

    B = mean_j [ (1 - a_j) I_j + F_j ],    I_j(x) = I(x + d_j(x)),    F_j(x) = F(x + d_j(x) - v s_j(x))

F is the object's light times its opacity a ("premultiplied"), so that soft edges average as they should. d_j is the
camera's displacement of the blur model, v the object's path over the exposure in the reference view, px, and s_j the
time since the reference, in exposures; with a rolling shutter it depends on the row. The truth is (1 - a) I + F.

References
----------
Porter, Duff, "Compositing digital images", SIGGRAPH 1984, section 4 (the "over" operator on premultiplied colours).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.exact import ExactOperator
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.blur.nodes import NodeGrid
from gyrosharp.datasets.synthesis.object_shapes import random_outline, rasterised
from gyrosharp.errors import ImageError, UsageError

Image = NDArray[np.float32]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MovingObject:
    """A flat object in the reference view, with a constant velocity.

    Attributes
    ----------
    light : (H, W, 3) float32 array
        Linear light times opacity, 0 where there is no object.
    opacity : (H, W) float32 array
        From 0 to 1; 0 along the border of the picture, so that nothing is known to lie beyond it.
    path_px : (float, float)
        (x, y) path over one exposure relative to the scene, px in the reference view.

    Raises
    ------
    ImageError
        If the sizes differ, the opacity leaves [0, 1], or the object touches the border.
    """

    light: Image
    opacity: Image
    path_px: tuple[float, float]

    def __post_init__(self) -> None:
        if self.light.shape != (*self.opacity.shape, 3):
            raise ImageError(
                f"moving object: expected light {(*self.opacity.shape, 3)} as its opacity, got {self.light.shape}"
            )
        low, high = float(self.opacity.min()), float(self.opacity.max())
        if not 0.0 <= low <= high <= 1.0:
            raise ImageError(f"moving object: expected opacities from 0 to 1, got {low:g} to {high:g}; divide by 255")
        edges = (self.opacity[0], self.opacity[-1], self.opacity[:, 0], self.opacity[:, -1])
        if any(edge.any() for edge in edges):
            raise ImageError("moving object: expected an object inside the picture, got one at its border; shrink it")


@dataclass(frozen=True)
class ObjectSettings:
    """What moving objects are drawn from.

    Attributes
    ----------
    size : (float, float)
        Longest diameter over the picture's shorter side, above 0 and at most 0.75.
    path_px : (float, float)
        Length of the path over the exposure, px, in any direction.

    Raises
    ------
    UsageError
        If a range is not ordered or out of bounds.
    """

    size: tuple[float, float] = (0.15, 0.45)
    path_px: tuple[float, float] = (5.0, 40.0)

    def __post_init__(self) -> None:
        for name, limit in (("size", 0.75), ("path_px", 1e4)):
            low, high = getattr(self, name)
            if not 0.0 <= low <= high <= limit or (name == "size" and low == 0.0):
                raise UsageError(f"moving object {name}: expected (low, high) up to {limit:g}, got ({low:g}, {high:g})")


@dataclass(frozen=True, eq=False)
class LayeredBlur:
    """A blurred picture with moving objects.

    Attributes
    ----------
    blurred_linear, sharp_linear : (H, W, 3) float32 arrays
        Observation, and the truth at the reference time.
    static_mask : (H, W) float32 array
        Share of its exposure during which a pixel saw the static scene.
    """

    blurred_linear: Image
    sharp_linear: Image
    static_mask: Image


def draw_object(
    rng: np.random.Generator, picture_linear: Image, shape: tuple[int, int], settings: ObjectSettings
) -> MovingObject:
    """Cut an object out of another picture: an ellipse, a polygon or a smooth blob, anywhere inside the frame.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    picture_linear : (h, w, 3) float32 array
        What the object looks like, linear light.
    shape : (int, int)
        Height and width of the reference view, at least 16.
    settings : ObjectSettings
        Size and speed.

    Raises
    ------
    ImageError
        If the picture is smaller than the object, or not (h, w, 3), or the view is tiny.
    """
    if min(shape) < 16:
        raise ImageError(f"moving object: expected a view of at least 16 x 16 px, got {shape[1]} x {shape[0]}")
    diameter = rng.uniform(*settings.size) * min(shape)
    mask = rasterised(random_outline(rng) * diameter / 2)
    side = mask.shape[0]
    if picture_linear.ndim != 3 or picture_linear.shape[2] != 3 or min(picture_linear.shape[:2]) < side:
        raise ImageError(
            f"moving object: expected a picture of at least {(side, side, 3)} to cut from, got {picture_linear.shape}"
        )
    y, x = (int(rng.integers(have - side + 1)) for have in picture_linear.shape[:2])
    top, left = (int(rng.integers(have - side + 1)) for have in shape)
    light, opacity = np.zeros((*shape, 3), np.float32), np.zeros(shape, np.float32)
    place = (slice(top, top + side), slice(left, left + side))
    light[place] = picture_linear[y : y + side, x : x + side] * mask[..., None]
    opacity[place] = mask
    angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(*settings.path_px)
    return MovingObject(light, opacity, (float(length * np.cos(angle)), float(length * np.sin(angle))))


def blur_with_objects(operator: ExactOperator, scene_linear: Image, objects: Sequence[MovingObject]) -> LayeredBlur:
    """Blur a scene with moving objects before it.

    Parameters
    ----------
    operator : ExactOperator
        The camera's motion; its poses must be dense enough for the objects too: about one per px of path.
    scene_linear : (H, W, 3) float32 array
        The static scene in the reference view, linear light.
    objects : sequence of MovingObject
        From back to front.

    Raises
    ------
    ImageError
        If a size is not the operator's.
    """
    sizes = [scene_linear.shape, *(thing.light.shape for thing in objects)]
    for size in sizes:
        if size != (*operator.shape, 3):
            raise ImageError(f"moving objects: expected pictures {(*operator.shape, 3)}, got {size}")
    camera = _Poses(operator)
    scene = camera.oriented(scene_linear)
    layers = [camera.oriented(np.concatenate([thing.light, thing.opacity[..., None]], axis=2)) for thing in objects]
    total, static = np.zeros_like(scene), np.zeros(scene.shape[:2], np.float32)
    for pose in range(operator.poses):
        frame = camera.view(pose, scene, (0.0, 0.0))
        clear = np.ones(scene.shape[:2], np.float32)
        for thing, layer in zip(objects, layers, strict=True):
            seen = camera.view(pose, layer, thing.path_px)
            box = _extent(seen[..., 3])
            beyond = 1.0 - seen[(*box, slice(3, 4))]
            frame[box] = frame[box] * beyond + seen[(*box, slice(0, 3))]
            clear[box] *= beyond[..., 0]
        total += frame
        static += clear
    poses = np.float32(operator.poses)
    blurred, mask = camera.oriented(total / poses), camera.oriented(static / poses)
    return LayeredBlur(blurred, _composite(scene_linear, objects), mask)


def _extent(opacity: Image) -> tuple[slice, slice]:
    """Rows and columns that hold an object; empty if it has left the picture."""
    rows, columns = (np.flatnonzero(opacity.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _composite(scene: Image, objects: Sequence[MovingObject]) -> Image:
    picture = scene.copy()
    for thing in objects:
        picture = picture * (1.0 - thing.opacity[..., None]) + thing.light
    return picture


class _Poses:
    """The operator's poses one by one, for pictures that drift in the reference view."""

    def __init__(self, operator: ExactOperator) -> None:
        self._motion = operator.motion
        self._poses = operator.poses
        self._grid = operator.nodes

    def oriented(self, picture: Image) -> Image:
        """Turn a picture from the photo's axes to those of the views, which is also the way back."""
        transposed = self._grid is not None and self._grid.transposed
        return np.ascontiguousarray(picture.swapaxes(0, 1) if transposed else picture, dtype=np.float32)

    def view(self, pose: int, picture: Image, path_px: tuple[float, float]) -> Image:
        """Return picture(x + d_j(x) - path s_j(x)) of an oriented picture (H, W, C), oriented."""
        phase = (pose + 0.5) / self._poses
        if self._grid is None:
            return _sampled(self._motion, phase, picture, path_px)
        from gyrosharp.blur import _kernel

        grid = self._grid
        nodes = grid.displacement_px[pose : pose + 1]
        if any(path_px):
            nodes = nodes - _drift(self._motion, grid, phase, path_px)
        seen: Image = _kernel.forward(picture, np.ascontiguousarray(nodes), grid.step_y, np.ones(1, np.float32), 1)
        return seen


def _drift(motion: CameraMotion, grid: NodeGrid, phase: float, path_px: tuple[float, float]) -> Image:
    """How far the object has gone when each node row is exposed, (1, NY, 1, 2), in the grid's own axes.

    Linear in the row, so the kernel's cubic interpolation between nodes is exact.
    """
    rows = (np.arange(grid.displacement_px.shape[1]) - 1.0) * grid.step_y
    points = np.stack([rows, rows], axis=-1)  # lines run along one axis only: the other coordinate has no say
    drift = _exposures_since_reference(motion, points, phase)[..., None] * path_px
    ordered = drift[:, ::-1] if grid.transposed else drift
    return np.asarray(ordered[None, :, None, :], dtype=np.float32)


def _exposures_since_reference(motion: CameraMotion, points_px: Array, phase: float) -> Array:
    """Return s = (t - t_ref) / duration for the lines of points (..., 2)."""
    times_ns = motion.line_times_ns(points_px, [phase])[..., 0]
    return np.asarray((times_ns - motion.reference_ns) * 1e-9 / motion.exposure.duration_s, dtype=np.float64)


def _sampled(motion: CameraMotion, phase: float, picture: Image, path_px: tuple[float, float]) -> Image:
    """Do the kernel's work in plain NumPy and SciPy, pixel by pixel without a node grid."""
    from scipy.ndimage import map_coordinates

    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float64)
    pixels = np.stack([columns, rows], axis=-1)
    position = motion.sources(pixels, motion.line_times_ns(pixels, [phase]))[..., 0, :]
    position = position - _exposures_since_reference(motion, pixels, phase)[..., None] * path_px
    at = np.moveaxis(position[..., ::-1], -1, 0)
    channels = [map_coordinates(plane, at, order=1, mode="nearest") for plane in np.moveaxis(picture, -1, 0)]
    return np.stack(channels, axis=-1).astype(np.float32)
