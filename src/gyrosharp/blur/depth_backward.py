"""The second route to the depth-aware blur: from every blurred pixel back to the reference, by fixed point on depth."""

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.depth_reference import Sources, TapWorker

Array = NDArray[np.float64]

STEPS = 6
# Depths to start from: quantiles of the scene's inverse depths. One start per layer finds each of them.
STARTS = 7
# A search has arrived when the surface it stands on goes back to within this of the pixel, px.
ARRIVED_PX = 0.75


class BackwardWorker(TapWorker):
    """Sources by s <- back(x, 1 / d(s)), where back undoes the motion for a point of given depth.

    Several searches start from different depths. Of those that arrive (the surface at s really goes to x) the nearest
    surface wins: the others are hidden behind it. Where none arrives, nothing was seen there at the reference time, and
    the farthest of the searches' ends stands for the background.

    Unlike the z-buffer it needs no neighbours, no splat sizes and no fixed point on the shutter's line, which is why it
    serves as an independent check.
    """

    def sources(self, phase: float) -> Sources:
        """Return where every pixel looks at a phase of its line's exposure."""
        height, width = self._shape
        x = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2).astype(np.float64)
        back = _Back(self, x, phase)
        starts = np.unique(np.quantile(self._sampler.q, np.linspace(0.0, 1.0, STARTS)))
        place, best = np.zeros_like(x), np.full(len(x), -1.0)
        lost, lost_depth = np.zeros_like(x), np.full(len(x), np.inf)
        for start in starts:
            s, before = back(np.full(len(x), start))[0], np.full(len(x), start)
            for _ in range(STEPS):
                depth = self._depth_at(s)
                s, key = back(depth)
                before, moved = depth, self._depth_at(s)
            parallax = np.linalg.norm(back(moved)[0] - s, axis=-1)
            nearer = (parallax < ARRIVED_PX) & (key > best)
            place, best = np.where(nearer[:, None], s, place), np.where(nearer, key, best)
            ends = np.minimum(before, moved)
            farther = ends < lost_depth
            lost, lost_depth = np.where(farther[:, None], back(ends)[0], lost), np.where(farther, ends, lost_depth)
        seen = best >= 0
        place = np.where(seen[:, None], place, lost)
        pixel = np.rint(place).astype(np.int64)
        return Sources(pixel, place - pixel, np.ones_like(seen), seen)

    def _depth_at(self, place: Array) -> Array:
        height, width = self._shape
        pixel = np.rint(np.clip(place, 0.0, (width - 1, height - 1))).astype(np.int64)
        return np.asarray(self._sampler.q[pixel[:, 1], pixel[:, 0]], dtype=np.float64)


class _Back:
    """Undoes the motion of pixels x for points of given inverse depth (in the reference view)."""

    def __init__(self, worker: BackwardWorker, x: Array, phase: float) -> None:
        motion = worker._motion
        self._camera, self._reference_shift_px = motion.camera, motion.reference_shift_px
        R_ref, p_ref = motion.trajectory.at(motion.reference_ns)
        times = motion.line_times_ns(x, [phase])[:, 0]
        R_t, p_t = motion.trajectory.at(times)
        rays = motion.camera.unproject(x if motion.lens_shift is None else x - motion.lens_shift.at(times))[0]
        self._far = np.einsum("mij,mj->mi", R_t, rays) @ R_ref
        shift = np.zeros_like(rays) if p_t is None or p_ref is None else p_t - p_ref
        self._shift = shift @ R_ref

    def __call__(self, q: Array) -> tuple[Array, Array]:
        """Places (M, 2) in the reference view, and inverse depths as the moved camera sees them."""
        # Per unit of reference depth: (u, v, 1) = scale * far + q * shift.
        scale = (1.0 - q * self._shift[:, 2]) / self._far[:, 2]
        seen = scale[:, None] * self._far + q[:, None] * self._shift
        return self._camera.project(seen)[0] + self._reference_shift_px, q / np.maximum(scale, 1e-9)
