"""BlurOperator: what every solver asks of a blur, and the one that fits a capture."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.depth_operator import DepthOperator, Fill
from gyrosharp.blur.exact import ExactOperator
from gyrosharp.blur.field import BlurField, blur_field
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.capture.capture import Capture
from gyrosharp.errors import UsageError

Image = NDArray[np.float32]

# With poses about 1.25 px apart, bilinear sampling leaves no gaps along the trail; fewer than 8 err on curved ones.
POSE_SPACING_PX = 1.25
MIN_POSES, MAX_POSES = 8, 64


class BlurOperator(Protocol):
    """A linear blur B = A I of images (H, W, C) float32 in linear light.

    Attributes
    ----------
    shape : (int, int)
        Height and width of input and output.
    reach_px : float
        How far the light of a pixel may come from, px: what a tile needs as margin.
    coverage : (H, W) float32 array
        Share of each pixel's light that comes from inside the image; below 1 near borders, where the model guesses.
    """

    @property
    def shape(self) -> tuple[int, int]: ...  # noqa: D102
    @property
    def reach_px(self) -> float: ...  # noqa: D102
    @property
    def coverage(self) -> Image: ...  # noqa: D102

    def forward(self, image: Image, out: Image | None = None) -> Image:
        """Return A I, in `out` if given: a contiguous float32 array of that shape, apart from `image`."""
        ...

    def adjoint(self, image: Image, out: Image | None = None) -> Image:
        """Return A^T B; `out` as in `forward`."""
        ...


def blur_operator(
    capture: Capture, poses: int | None = None, threads: int | None = None
) -> ExactOperator | DepthOperator:
    """Return the exact blur operator of a capture: DepthOperator if it knows positions and depth, else ExactOperator.

    Parameters
    ----------
    capture : Capture
        The shot.
    poses : int or None
        Number of poses N over the exposure, >= 1; None chooses it from the length of the trails.
    threads : int or None
        Worker threads; None takes GYROSHARP_THREADS or every core.

    Raises
    ------
    UsageError
        If `poses` is below 1.
    ImuError, CaptureError
        If the motion does not cover the exposure.
    """
    if poses is not None and poses < 1:
        raise UsageError(f"poses: expected at least 1, got {poses}")
    if poses is None:
        poses = pose_count(blur_field(capture, stride=_coarse_stride(capture)))
    return operator_of_motion(CameraMotion.from_capture(capture), poses, threads)


def operator_of_motion(
    motion: CameraMotion, poses: int, threads: int | None = None, fill: Fill = "background"
) -> ExactOperator | DepthOperator:
    """Return the blur operator of a motion with N poses: DepthOperator where near points move more than far ones.

    `fill` is what DepthOperator puts where nothing is seen.

    Raises
    ------
    UsageError
        If `poses` is below 1.
    """
    if poses < 1:
        raise UsageError(f"poses: expected at least 1, got {poses}")
    if motion.moves_with_depth:
        return DepthOperator(motion, poses, threads, fill=fill)
    return ExactOperator(motion, poses, threads)


def pose_count(field: BlurField) -> int:
    """Return the number of poses that the longest trail of a field needs."""
    longest = float(field.extent_px.max(initial=0.0))
    return int(np.clip(np.ceil(longest / POSE_SPACING_PX), MIN_POSES, MAX_POSES))


def _coarse_stride(capture: Capture) -> int:
    return max(min(capture.camera.width, capture.camera.height) // 8, 1)
