"""The depth-aware blur in plain float64 NumPy: oracle for the native kernel, and its stand-in without a compiler."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.depth_scene import SAME_SURFACE_RATIO, depth_scene, inverse_depth
from gyrosharp.blur.motion import CameraMotion

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]
Image = NDArray[np.float32]

# As in the native kernel (depth_splat.h): px added towards neighbours on the surface, and taken off where it ends on
# the right or below; least determinant; most stretch, px.
SEAM_PX, TIE_PX, LEAST_DETERMINANT, MOST_STRETCH_PX = 0.02, 1e-4, 0.05, 4.0
# A source on the very border counts as inside.
GRAZE_PX = 1e-3
LINE_STEPS = 4
# Inverse depth, 1/m, that stands for "no target in this direction": nearer than anything.
NOTHING_SEEN = 1e12


@dataclass(frozen=True, eq=False)
class Sources:
    """Where the pixels of a blurred image look at one pose.

    Attributes
    ----------
    pixel : (H W, 2) int array
        Nearest reference pixel (x, y) of the surface that is seen; may lie beyond the border.
    offset : (H W, 2) array
        From it to the exact place, px, at most 1.
    lit : (H W,) bool array
        Whether light is collected at all.
    seen : (H W,) bool array
        Whether that is no guess: False for a disocclusion.
    """

    pixel: NDArray[np.int64]
    offset: Array
    lit: Mask
    seen: Mask


class SurfaceSampler:
    """Bilinear taps that stay on the surface of their pixel.

    Parameters
    ----------
    q : (H, W) array
        Inverse depth of the reference, 1/m.
    tolerance : float
        Inverse depths closer than this, or than 2 %, are one surface.
    """

    def __init__(self, q: Array, tolerance: float) -> None:
        self.q = q
        self._tolerance = tolerance

    def same(self, a: Array, b: Array) -> Mask:
        """Whether inverse depths belong to one surface."""
        gap = np.abs(a - b)
        return np.asarray((gap <= self._tolerance) | (gap <= SAME_SURFACE_RATIO * np.maximum(a, b)), dtype=np.bool_)

    def farther(self, a: Array, b: Array) -> Mask:
        """Whether inverse depth a is clearly behind b."""
        return np.asarray(a < b - self._tolerance - SAME_SURFACE_RATIO * b, dtype=np.bool_)

    def taps(self, sources: Sources) -> tuple[Indices, Array]:
        """Return flat pixel indices (M, 4) and weights (M, 4)."""
        height, width = self.q.shape
        step, share = np.sign(sources.offset).astype(np.int64), np.abs(sources.offset)
        x, y = _clipped(sources.pixel, width, height)
        own = self.q[y, x]
        indices, weights = [], []
        for along in ((0, 0), (1, 0), (0, 1), (1, 1)):
            x, y = _clipped(sources.pixel + step * along, width, height)
            part = np.where(np.array(along) == 1, share, 1.0 - share).prod(axis=-1)
            indices.append(y * width + x)
            weights.append(part * self.same(own, self.q[y, x]))
        index, weight = np.stack(indices, axis=-1), np.stack(weights, axis=-1)
        weight[weight.sum(axis=-1) < 1e-6, 0] = 1.0
        return index, weight / weight.sum(axis=-1, keepdims=True) * sources.lit[:, None]


class TapWorker:
    """A blur from the sources of each pose: `forward`, `adjoint`, `coverage`.

    Parameters
    ----------
    motion : CameraMotion
        The shot.
    poses : int
        Number of poses N, weight 1 / N each.
    only_pose : int or None
        Take this pose alone, with weight 1.
    """

    def __init__(self, motion: CameraMotion, poses: int, only_pose: int | None = None) -> None:
        self._motion = motion
        self._shape = (motion.camera.height, motion.camera.width)
        phases = (np.arange(poses) + 0.5) / poses
        self._phases = phases if only_pose is None else phases[[only_pose]]
        self._arrays = depth_scene(motion, poses)
        self._sampler = SurfaceSampler(inverse_depth(motion), float(self._arrays.same[0]))

    def sources(self, phase: float) -> Sources:
        """Return where every pixel looks at a phase of its line's exposure."""
        raise NotImplementedError

    def forward(self, image: NDArray[np.floating]) -> Image:
        """Return A I."""
        return self.forward64(image).astype(np.float32)

    def adjoint(self, image: NDArray[np.floating]) -> Image:
        """Return A^T B."""
        return self.adjoint64(image).astype(np.float32)

    def forward64(self, image: NDArray[np.floating]) -> Array:
        """Return A I in float64."""
        flat = np.asarray(image, dtype=np.float64).reshape(self._shape[0] * self._shape[1], -1)
        total = np.zeros_like(flat)
        for phase in self._phases:
            index, weight = self._sampler.taps(self.sources(phase))
            total += np.einsum("mk,mkc->mc", weight, flat[index])
        return (total / self._phases.size).reshape(image.shape)

    def adjoint64(self, image: NDArray[np.floating]) -> Array:
        """Return A^T B in float64."""
        flat = np.asarray(image, dtype=np.float64).reshape(self._shape[0] * self._shape[1], -1)
        total = np.zeros_like(flat)
        for phase in self._phases:
            index, weight = self._sampler.taps(self.sources(phase))
            for c in range(flat.shape[1]):
                spread = (weight * flat[:, c, None]).ravel()
                total[:, c] += np.bincount(index.ravel(), spread, minlength=len(flat))
        return (total / self._phases.size).reshape(image.shape)

    def coverage(self) -> Image:
        """Return the share of the exposure that was seen inside the image and not guessed."""
        total = np.zeros(self._shape[0] * self._shape[1])
        limit = np.array(self._shape[::-1]) - 1 + GRAZE_PX
        for phase in self._phases:
            found = self.sources(phase)
            place = found.pixel + found.offset
            total += found.seen & (place >= -GRAZE_PX).all(axis=-1) & (place <= limit).all(axis=-1)
        return (total / self._phases.size).reshape(self._shape).astype(np.float32)


class ReferenceWorker(TapWorker):
    """The z-buffer by sorting; the same rules as the native kernel, with poses evaluated for every pixel.

    Parameters
    ----------
    motion, poses, only_pose
        See `TapWorker`.
    fill : bool
        Whether disocclusions are filled from the background, or left dark.
    """

    def __init__(self, motion: CameraMotion, poses: int, fill: bool = True, only_pose: int | None = None) -> None:
        super().__init__(motion, poses, only_pose)
        self._fill = fill
        pad = self._arrays.pad
        height, width = self._shape
        self._grid = np.stack(np.meshgrid(np.arange(-pad, width + pad), np.arange(-pad, height + pad)), axis=-1)
        inside = np.clip(self._grid, 0, (width - 1, height - 1))
        # Virtual pixels repeat the border's depth, and see in its direction plus their distance from it.
        rays = motion.camera.unproject(inside - motion.reference_shift_px)[0]
        rays[..., :2] += (self._grid - inside) / (motion.camera.fx, motion.camera.fy)
        self._rays, self._q = rays, self._sampler.q[inside[..., 1], inside[..., 0]]

    def sources(self, phase: float) -> Sources:
        """Return where every pixel looks at a phase of its line's exposure."""
        target, key = self._targets(phase)
        winner, key_there = self._z_buffer(target, key)
        found = winner >= 0
        pixels = self._grid.reshape(-1, 2)
        inverse = self._inverse.reshape(-1, 2, 2)[winner]
        gap = _pixel_grid(self._shape).reshape(-1, 2) - target.reshape(-1, 2)[winner]
        offset = np.clip(np.einsum("mij,mj->mi", inverse, gap), -1.0, 1.0)
        sources = Sources(pixels[winner], offset, found.copy(), found)
        return self._filled(sources, key_there) if self._fill and not found.all() else sources

    def _targets(self, phase: float) -> tuple[Array, Array]:
        """Targets (R, C, 2) of all reference pixels and their inverse depths there, by fixed point on the line."""
        motion, camera = self._motion, self._motion.camera
        R_ref, p_ref = motion.trajectory.at(motion.reference_ns)
        target = self._grid.astype(np.float64)
        for _ in range(LINE_STEPS):
            near = np.clip(target, 0.0, (camera.width - 1, camera.height - 1))
            times = motion.line_times_ns(near, [phase])[..., 0]
            R_t, p_t = motion.trajectory.at(times)
            world = self._rays @ R_ref.T
            if p_t is not None and p_ref is not None:
                world = world + (p_ref - p_t) * self._q[..., None]
            seen = np.einsum("...ji,...j->...i", R_t, world)
            target, _ = camera.project(seen)
            if motion.lens_shift is not None:
                target += motion.lens_shift.at(times)
        if camera.distortion_model != "none":
            # A virtual pixel's ray is not where the lens would have it: a still camera must leave it in place.
            rest, _ = camera.project(self._rays)
            target = target + (self._grid - rest)
        return target, self._q / seen[..., 2]

    def _z_buffer(self, target: Array, key: Array) -> tuple[Indices, Array]:
        """Nearest reference pixel (flat index, -1: none) of every target, and its inverse depth."""
        self._inverse, back, ahead = self._local_map(target)
        height, width = self._shape
        base, reach = np.rint(target).astype(np.int64), int(np.ceil(max(back.max(), ahead.max())))
        cells, pixels = [], []
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                place = base + np.array([dx, dy])
                hit = ((place - target >= -back) & (place - target <= ahead)).all(axis=-1)
                hit &= (place >= 0).all(axis=-1) & (place < (width, height)).all(axis=-1)
                cells.append((place[..., 1] * width + place[..., 0])[hit])
                pixels.append(np.flatnonzero(hit))
        cell, pixel = np.concatenate(cells), np.concatenate(pixels)
        order = np.lexsort((pixel, -key.ravel()[pixel], cell))
        first, where = np.unique(cell[order], return_index=True)
        winner, nearest = np.full(height * width, -1), np.full(height * width, -1.0)
        winner[first] = pixel[order][where]
        nearest[first] = key.ravel()[winner[first]]
        return winner, nearest

    def _local_map(self, target: Array) -> tuple[Array, Array, Array]:
        """Inverse (R, C, 2, 2) of the map around each pixel, and how far (R, C, 2) it covers backwards and forwards."""
        columns, extents, seams = [], [], []
        for axis, unit in ((1, (1.0, 0.0)), (0, (0.0, 1.0))):
            back, has_back = self._step(target, axis, -1)
            ahead, has_ahead = self._step(target, axis, 1)
            count = has_back.astype(int) + has_ahead
            mean = (back + ahead) / np.maximum(count, 1)[..., None]
            columns.append(np.where(count[..., None] > 0, mean, unit))
            widest = np.maximum(np.abs(back), np.abs(ahead))
            extents.append(np.minimum(np.where(count[..., None] > 0, widest, unit), MOST_STRETCH_PX))
            seams.append((np.where(has_back, SEAM_PX, 0.0), np.where(has_ahead, SEAM_PX, -TIE_PX)))
        J = np.stack(columns, axis=-1)
        det = np.linalg.det(J)
        sound = det > LEAST_DETERMINANT
        J[~sound] = np.eye(2)
        half = 0.5 * (extents[0] + extents[1])
        back, ahead = (half + np.stack(sides, axis=-1) for sides in zip(*seams, strict=True))
        return np.linalg.inv(J), back, ahead

    def _step(self, target: Array, axis: int, way: int) -> tuple[Array, Mask]:
        """Step of the target per pixel towards a neighbour on the same surface (0 where there is none)."""
        there, q = np.roll(target, -way, axis), np.roll(self._q, -way, axis)
        joined = self._sampler.same(self._q, q)
        edge = np.moveaxis(joined, axis, 0)
        edge[-1 if way > 0 else 0] = False
        return np.where(joined[..., None], (there - target) * way, 0.0), joined

    def _filled(self, sources: Sources, key: Array) -> Sources:
        """Holes take what the farthest of the nearest seen targets in four directions sees."""
        holes = np.flatnonzero(key < 0)
        width = self._shape[1]
        place = np.stack([holes % width, holes // width], axis=-1)
        chosen = self._background(place, key)
        found = chosen >= 0
        pixel, offset, lit = sources.pixel.copy(), sources.offset.copy(), sources.lit.copy()
        # Where nothing at all was seen, the pixel at the hole's own place has to do.
        pixel[holes] = np.where(found[:, None], pixel[chosen], place)
        offset[holes] = np.where(found[:, None], offset[chosen], 0.0)
        lit[holes] = True
        return Sources(pixel, offset, lit, sources.seen)

    def _background(self, place: NDArray[np.int64], key: Array) -> Indices:
        """Flat index of the target that each hole (x, y) takes its light from; -1 where there is none."""
        height, width = self._shape
        farther = self._sampler.farther
        best, best_key = np.full(len(place), -1), np.full(len(place), NOTHING_SEEN)
        best_gap, best_way = np.zeros(len(place), dtype=np.int64), np.zeros((len(place), 2), dtype=np.int64)
        around = []
        for way in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            cell, gap = _nearest_seen((key >= 0).reshape(height, width), place, way)
            there = np.where(cell >= 0, key[cell], NOTHING_SEEN)
            better = farther(there, best_key) | ((gap < best_gap) & ~farther(best_key, there) & (cell >= 0))
            best, best_key = np.where(better, cell, best), np.where(better, there, best_key)
            best_gap, best_way = np.where(better, gap, best_gap), np.where(better[:, None], way, best_way)
            around.append(there)
        # Right at an occlusion border a pixel holds light of both surfaces: there the next target is taken.
        border = np.any([farther(best_key, there) & (there < NOTHING_SEEN) for there in around], axis=0)
        beyond = place + (best_gap + 1)[:, None] * best_way
        inside = border & (beyond >= 0).all(axis=-1) & (beyond < (width, height)).all(axis=-1)
        cell = np.where(inside, beyond[:, 1] * width + beyond[:, 0], 0)
        usable = inside & (key[cell] >= 0) & ~farther(best_key, key[cell])
        return np.where(usable, cell, best)


def _nearest_seen(seen: Mask, place: NDArray[np.int64], way: tuple[int, int]) -> tuple[Indices, NDArray[np.int64]]:
    """Flat index (-1: none) of the nearest seen target from each place in a direction, and its distance."""
    axis = 1 if way[0] else 0
    forward = way[axis == 0] > 0
    marks = np.moveaxis(seen, axis, 0)
    marks = marks[::-1] if forward else marks
    count = len(marks)
    last = np.maximum.accumulate(np.where(marks, np.arange(count)[:, None], -1), axis=0)
    last = last[::-1] if forward else last
    along, across = (place[:, 0], place[:, 1]) if axis == 1 else (place[:, 1], place[:, 0])
    found = last[along, across]
    position = np.where(forward, count - 1 - found, found)
    cell = across * seen.shape[1] + position if axis == 1 else position * seen.shape[1] + across
    return np.where(found >= 0, cell, -1), np.abs(position - along)


def _clipped(pixel: NDArray[np.int64], width: int, height: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.clip(pixel[..., 0], 0, width - 1), np.clip(pixel[..., 1], 0, height - 1)


def _pixel_grid(shape: tuple[int, int]) -> Array:
    return np.stack(np.meshgrid(np.arange(shape[1]), np.arange(shape[0])), axis=-1).astype(np.float64)
