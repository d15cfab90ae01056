"""DepthOperator: the blur of a camera that moves through a scene of known depth, and its exact adjoint."""

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.depth_scene import DepthScene, depth_scene, inverse_depth
from gyrosharp.blur.exact import native_kernel_available, thread_count, written
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.errors import ImageError, UsageError

if TYPE_CHECKING:
    from gyrosharp.blur import _kernel

Image = NDArray[np.float32]
Fill = Literal["background", "inpaint", "none"]
Method = Literal["splat", "backward"]
# cv2.inpaint looks this far around a hole, px: the thesis-style pipelines use 3.
INPAINT_RADIUS_PX = 3.0


class DepthOperator:
    """B(x) = sum_j w_j I(s_j(x)) with its exact adjoint, for images (H, W, C) float32, C in 1 to 4.

    s_j(x) is the point of the reference view whose light the blurred pixel x collects at pose j. It is found by warping
    coordinates, not colours: every reference pixel p goes to

        w_j(p) ~ K (R(t)^T R_ref K^-1 p + R(t)^T (p_ref - p(t)) / d(p)),

    with t the time of pose j at the target's own line (rolling shutter); a z-buffer keeps the nearest surface at each
    target, and the inverse of its local linear map gives s_j(x) to a few thousandths of a pixel. Bilinear taps never
    mix surfaces: those on another depth are left out, the others scaled up. Targets that see nothing, because
    something stood in front of them at the reference time, take the light of the background next to them; beyond the
    image its border is repeated, as in `ExactOperator`. All of it depends on geometry only, so that A is linear and its
    transpose exact. A pixel of unknown depth (NaN) is infinitely far: it turns but does not shift.

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
        The shot, with depth map and positions; without either it is a rotation.
    poses : int
        Number of poses N, >= 1.
    threads : int or None
        Worker threads; None takes GYROSHARP_THREADS or every core. Results do not depend on it.
    fill : {"background", "inpaint", "none"}
        Disocclusions: from the farthest surface around; by OpenCV's Telea inpainting of every pose (for comparison:
        slow, no adjoint); or left dark.
    method : {"splat", "backward"}
        The z-buffer, or a fixed-point search from every target with an occlusion test (NumPy, slow: an independent
        second route; it fills from the background).

    Raises
    ------
    UsageError
        If poses, fill or method are not as described.
    CaptureError
        If the depth map has another size than the camera, or the scene does not stay in front of it.

    References
    ----------
    The per-pixel depth homography H = K (R + T n^T / d) K^-1 (docs/conventions.md, "Orientation and angular rate") and
    the z-buffered forward warp are those of the Oulu thesis on depth and IMU assisted deblurring; there colours are
    warped and holes inpainted, which has no transpose.
    """

    def __init__(
        self,
        motion: CameraMotion,
        poses: int,
        threads: int | None = None,
        fill: Fill = "background",
        method: Method = "splat",
    ) -> None:
        if poses < 1:
            raise UsageError(f"poses: expected at least 1, got {poses}")
        _require_choice("fill", fill, get_args(Fill))
        _require_choice("method", method, get_args(Method))
        if method == "backward" and fill != "background":
            raise UsageError(f"fill: expected background with method backward, got {fill}; take method splat")
        inverse_depth(motion)
        self.shape = (motion.camera.height, motion.camera.width)
        self.motion = motion
        self.poses = poses
        self._threads = threads or thread_count()
        self._fill = fill
        self._method = method

    @cached_property
    def reach_px(self) -> float:
        """How far the light of a pixel may come from, px."""
        return self._scene.reach_px

    def forward(self, image: Image, out: Image | None = None) -> Image:
        """Blur an image (H, W, C); `out`, if given, takes the result.

        Raises
        ------
        ImageError
            If the size is not the operator's, or it has more than 4 channels.
        """
        self._require_image(image)
        if self._fill == "inpaint":
            return written(self._inpainted(image), out)
        return written(self._worker.forward(image), out)

    def adjoint(self, image: Image, out: Image | None = None) -> Image:
        """Apply the transpose of `forward`; `out` as there.

        Raises
        ------
        ImageError
            If the size is not the operator's, or it has more than 4 channels.
        UsageError
            If holes are inpainted: that is not linear.
        """
        self._require_image(image)
        if self._fill == "inpaint":
            raise UsageError("adjoint: expected a linear fill, got inpaint; take fill background")
        return written(self._worker.adjoint(image), out)

    @cached_property
    def coverage(self) -> Image:
        """Share (H, W) of each pixel's exposure that it saw points inside the image: the valid mask.

        Disocclusions do not count: what is there is a guess.
        """
        return self._worker.coverage()

    @cached_property
    def _scene(self) -> DepthScene:
        return depth_scene(self.motion, self.poses)

    @cached_property
    def _worker(self) -> "Worker":
        if self._method == "backward":
            from gyrosharp.blur.depth_backward import BackwardWorker

            return BackwardWorker(self.motion, self.poses)
        if native_kernel_available():
            return NativeWorker(self._scene, self._threads, fill=self._fill == "background")
        from gyrosharp.blur.depth_reference import ReferenceWorker

        return ReferenceWorker(self.motion, self.poses, fill=self._fill == "background")

    def _require_image(self, image: Image) -> None:
        if image.ndim != 3 or image.shape[:2] != self.shape or not 1 <= image.shape[2] <= 4:
            raise ImageError(f"blur operator: expected an image {(*self.shape, '1 to 4')}, got {image.shape}")

    def _inpainted(self, image: Image) -> Image:
        """Mean of the poses' views, each with its holes inpainted."""
        total = np.zeros(image.shape, dtype=np.float64)
        for pose in range(self.poses):
            total += inpainted_view(self._one_pose(pose), image)
        return (total / self.poses).astype(np.float32)

    def _one_pose(self, pose: int) -> "Worker":
        if native_kernel_available():
            part = slice(pose, pose + 1)
            scene = self._scene
            one = replace(scene, poses=scene.poses[part], weights=np.ones(1, np.float32), halo=scene.halo[part])
            return NativeWorker(one, self._threads, fill=False)
        from gyrosharp.blur.depth_reference import ReferenceWorker

        return ReferenceWorker(self.motion, self.poses, fill=False, only_pose=pose)


class Worker(Protocol):
    """What does the work behind a DepthOperator: native code or NumPy."""

    def forward(self, image: Image) -> Image:
        """Return A I."""
        ...

    def adjoint(self, image: Image) -> Image:
        """Return A^T B."""
        ...

    def coverage(self) -> Image:
        """Return the share of the exposure that was seen."""
        ...


class NativeWorker:
    """The native kernel on one scene.

    Parameters
    ----------
    scene : DepthScene
        Arrays.
    threads : int
        Worker threads.
    fill : bool
        Whether disocclusions are filled from the background, or left dark.
    """

    def __init__(self, scene: DepthScene, threads: int, fill: bool) -> None:
        self._arrays = scene
        self._threads = threads
        self._fill = fill

    def forward(self, image: Image) -> Image:
        """Return A I."""
        from gyrosharp.blur import _kernel

        return self._turned(_kernel.depth_forward(self._turned(image), self._scene, self._threads))

    def adjoint(self, image: Image) -> Image:
        """Return A^T B."""
        from gyrosharp.blur import _kernel

        return self._turned(_kernel.depth_adjoint(self._turned(image), self._scene, self._threads))

    def coverage(self) -> Image:
        """Return the share of the exposure that was seen."""
        from gyrosharp.blur import _kernel

        return self._turned(_kernel.depth_coverage(self._scene, self._threads))

    def _turned(self, image: Image) -> Image:
        return np.ascontiguousarray(image.swapaxes(0, 1) if self._arrays.transposed else image, dtype=np.float32)

    @cached_property
    def _scene(self) -> "_kernel.DepthScene":
        from gyrosharp.blur import _kernel

        a = self._arrays
        return _kernel.DepthScene(
            a.rays, a.pad, a.poses, a.weights, a.halo, a.same, a.lens, a.lens_frame, self._fill, self._threads
        )


def inpainted_view(worker: Worker, image: Image) -> Image:
    """Return one pose's view (H, W, C) with its holes filled by Telea's method, channel by channel."""
    import cv2

    seen = worker.forward(np.ones((*image.shape[:2], 1), np.float32))[..., 0] > 0.5
    view, holes = worker.forward(image), (~seen).astype(np.uint8)
    if not holes.any():
        return view
    channels = [
        cv2.inpaint(np.ascontiguousarray(view[..., k]), holes, INPAINT_RADIUS_PX, cv2.INPAINT_TELEA)
        for k in range(view.shape[2])
    ]
    # On floats OpenCV's method overshoots far beyond what it continues.
    low, high = view[seen].min(axis=0, initial=0.0), view[seen].max(axis=0, initial=0.0)
    return np.asarray(np.clip(np.stack(channels, axis=-1), low, high), dtype=np.float32)


def _require_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise UsageError(f"{name}: expected one of {', '.join(choices)}, got {value!r}")
