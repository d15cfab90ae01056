"""Blurring a window of a photo: camera motion, with depth or with an object that moves on its own."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.depth_operator import DepthOperator
from gyrosharp.blur.exact import ExactOperator
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.blur.operator import operator_of_motion
from gyrosharp.datasets.synthesis.config import BlurPart
from gyrosharp.datasets.synthesis.moving_layers import MovingObject, blur_with_objects
from gyrosharp.datasets.synthesis.saturation import saturated_anywhere

Image = NDArray[np.float32]

MIN_POSES, MAX_POSES = 8, 128
# With depth, the mask costs as much as the blur; it is a share, and a quarter of the poses tells it to a few per cent.
MASK_POSES_RATIO = 4


@dataclass(frozen=True, eq=False)
class Blurred:
    """A window, blurred.

    Attributes
    ----------
    blurred_linear, sharp_linear : (H, W, 3) float32 arrays
        Light on the chip, which may exceed 1, and the truth.
    mask, saturation : (H, W) float32 arrays
        See `BlurSample`.
    facts : dict
        What was done, as JSON.
    """

    blurred_linear: Image
    sharp_linear: Image
    mask: Image
    saturation: Image
    facts: dict[str, Any] = field(default_factory=dict)

    def part(self, x: int, y: int, width: int, height: int) -> "Blurred":
        """Return a part of the window."""
        cut = (slice(y, y + height), slice(x, x + width))
        return Blurred(
            np.ascontiguousarray(self.blurred_linear[cut]),
            np.ascontiguousarray(self.sharp_linear[cut]),
            np.ascontiguousarray(self.mask[cut]),
            np.ascontiguousarray(self.saturation[cut]),
            self.facts,
        )


def blur_window(
    light: Image, motion: CameraMotion, part: BlurPart, longest_px: float, thing: MovingObject | None
) -> Blurred:
    """Blur light (H, W, 3), which exceeds 1 where saturation was synthesised.

    Parameters
    ----------
    light : (H, W, 3) float32 array
        Linear light.
    motion : CameraMotion
        The window's motion, with depth where it counts.
    part : BlurPart
        Spacing of the poses, and how disocclusions are filled.
    longest_px : float
        Longest trail, px.
    thing : MovingObject or None
        An object that moves on its own, in front of a scene without depth.
    """
    path_px = 0.0 if thing is None else float(np.hypot(*thing.path_px))
    poses = pose_count(longest_px + path_px, part)
    operator = operator_of_motion(motion, poses, fill=part.fill)
    clipped = saturated_anywhere(light)
    facts: dict[str, Any] = {"poses": poses, "depth": motion.moves_with_depth}
    mask = np.asarray(np.clip(_coverage(operator), 0.0, 1.0), dtype=np.float32)
    if thing is None or not isinstance(operator, ExactOperator):
        # One run for all four channels: finding where light comes from is the larger part of the work.
        channels = [light, clipped] if clipped.any() else [light]
        blurred = operator.forward(np.concatenate(channels, axis=2))
        saturation = blurred[..., 3] if clipped.any() else clipped[..., 0]
        return Blurred(blurred[..., :3], light, mask, saturation, facts)
    saturation = operator.forward(clipped)[..., 0] if clipped.any() else clipped[..., 0]
    layered = blur_with_objects(operator, light, [thing])
    facts["object"] = {"path_px": list(thing.path_px), "area_px": float(thing.opacity.sum())}
    return Blurred(layered.blurred_linear, layered.sharp_linear, mask * layered.static_mask, saturation, facts)


def pose_count(longest_px: float, part: BlurPart) -> int:
    """Return how many poses the blur of a longest trail takes, px."""
    return int(np.clip(np.ceil(longest_px / part.pose_spacing_px), MIN_POSES, MAX_POSES))


def _coverage(operator: ExactOperator | DepthOperator) -> Image:
    if isinstance(operator, ExactOperator):
        return operator.coverage
    return operator_of_motion(operator.motion, max(operator.poses // MASK_POSES_RATIO, MIN_POSES)).coverage
