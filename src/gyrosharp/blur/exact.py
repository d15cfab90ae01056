"""ExactOperator: the blur model by warping, one pose at a time, on the native kernel."""

import os
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.motion import CameraMotion
from gyrosharp.blur.nodes import NodeGrid, node_grid
from gyrosharp.blur.reference import ReferenceOperator
from gyrosharp.errors import ImageError

Image = NDArray[np.float32]
AnyImage = TypeVar("AnyImage", bound=NDArray[Any])


def native_kernel_available() -> bool:
    """Whether the compiled kernel was built on this machine; without it the slow NumPy reference does the work."""
    try:
        import gyrosharp.blur._kernel  # noqa: F401
    except ImportError:
        return False
    return True


class ExactOperator:
    """B(x) = sum_j w_j I(x + d_j(x)) with its exact adjoint, for images (H, W, C) float32, C in 1 to 4.

    Attributes
    ----------
    shape : (int, int)
        Height and width.
    motion : CameraMotion
        The shot.
    poses : int
        Number of poses N.

    Parameters
    ----------
    motion : CameraMotion
        The shot.
    poses : int
        Number of poses N.
    threads : int or None
        Worker threads; None takes GYROSHARP_THREADS or every core.
    """

    def __init__(self, motion: CameraMotion, poses: int, threads: int | None = None) -> None:
        self.shape = (motion.camera.height, motion.camera.width)
        self.poses = poses
        self._threads = threads or thread_count()
        self.motion = motion

    @cached_property
    def nodes(self) -> NodeGrid | None:
        """Displacements that the kernel interpolates; None where the NumPy reference has to do the work."""
        return node_grid(self.motion, self.poses) if native_kernel_available() else None

    @cached_property
    def reach_px(self) -> float:
        """How far the light of a pixel may come from, px."""
        return self._reference.reach_px if self.nodes is None else self.nodes.reach_px

    def forward(self, image: Image, out: Image | None = None) -> Image:
        """Blur an image (H, W, C); `out`, if given, is a contiguous float32 array that takes the result.

        Raises
        ------
        ImageError
            If the size is not the operator's.
        """
        return self._apply("forward", image, out)

    def adjoint(self, image: Image, out: Image | None = None) -> Image:
        """Apply the transpose of `forward`; `out` as there.

        Raises
        ------
        ImageError
            If the size is not the operator's.
        """
        return self._apply("adjoint", image, out)

    @cached_property
    def coverage(self) -> Image:
        """Share (H, W) of each pixel's exposure that it saw points inside the image: the valid mask."""
        grid = self.nodes
        if grid is None:
            return self._reference.coverage()
        from gyrosharp.blur import _kernel

        rows, columns = self.shape[::-1] if grid.transposed else self.shape
        mask = _kernel.coverage(grid.displacement_px, grid.step_y, grid.weights, rows, columns, self._threads)
        return np.ascontiguousarray(mask.T) if grid.transposed else mask

    @cached_property
    def _reference(self) -> ReferenceOperator:
        return ReferenceOperator(self.motion, self.poses)

    def _apply(self, direction: str, image: Image, out: Image | None) -> Image:
        if image.ndim != 3 or image.shape[:2] != self.shape:
            raise ImageError(f"blur operator: expected an image {(*self.shape, 'C')}, got {image.shape}")
        grid = self.nodes
        if grid is None:
            return written(np.asarray(getattr(self._reference, direction)(image), dtype=np.float32), out)
        from gyrosharp.blur import _kernel

        pixels = np.ascontiguousarray(image.swapaxes(0, 1) if grid.transposed else image, dtype=np.float32)
        function, own = getattr(_kernel, direction), None if grid.transposed else out
        result: Image = function(pixels, grid.displacement_px, grid.step_y, grid.weights, self._threads, own)
        if not grid.transposed:
            return result
        return written(result.swapaxes(0, 1), np.empty_like(image, np.float32, "C") if out is None else out)


def written(result: AnyImage, out: AnyImage | None) -> AnyImage:
    """Return a result, copied to `out` if given."""
    if out is None:
        return result
    out[...] = result
    return out


def thread_count() -> int:
    """Number of worker threads: GYROSHARP_THREADS, or every core this process may use."""
    asked = os.environ.get("GYROSHARP_THREADS", "")
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)
