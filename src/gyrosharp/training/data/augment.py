"""Crops, mirror images and quarter turns of a picture and, alike, of its blur field.

The rows of a rolling shutter may well run sideways after a turn: phases of the exposure belong to each grid point.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.field import BlurField
from gyrosharp.blur.field_transforms import Crop, Orientation, transformed
from gyrosharp.errors import UsageError


@dataclass(frozen=True)
class Augmentation:
    """A square part of a picture, then perhaps its mirror image, then quarter turns.

    Attributes
    ----------
    x0, y0, side : int
        The part, px.
    mirrored : bool
        Whether left and right change places.
    turns : int
        Quarter turns counter-clockwise, 0 to 3.
    """

    x0: int
    y0: int
    side: int
    mirrored: bool = False
    turns: int = 0

    def picture(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the changed picture or depth map (H, W, ...), a view."""
        part = values[self.y0 : self.y0 + self.side, self.x0 : self.x0 + self.side]
        return self.orientation.laid(part, (0, 1))

    def field(self, field: BlurField) -> BlurField:
        """Return the blur field of the changed picture; the part must lie on the field's grid."""
        for change in (Crop(self.x0, self.y0, self.side, self.side), *self.orientation.changes):
            field = transformed(field, change)
        return field

    @property
    def orientation(self) -> Orientation:
        """How the part is laid."""
        return Orientation(self.mirrored, self.turns)


def draw_augmentation(
    rng: np.random.Generator, shape: tuple[int, int], side: int, stride: int, flip: bool, border: int = 0
) -> Augmentation:
    """Draw a part of a picture of shape (H, W), on a grid of this stride, and with `flip` one of its 8 orientations.

    The part keeps at least `border` px away from the picture's edges.

    Raises
    ------
    UsageError
        If the side is no multiple of the stride, or the picture has no such part.
    """
    kept = -(-border // stride)
    _require_part((shape[0] - 2 * kept * stride, shape[1] - 2 * kept * stride), side, stride)
    y0, x0 = (stride * int(rng.integers(kept, (length - side) // stride - kept + 1)) for length in shape)
    return Augmentation(x0, y0, side, *drawn_orientation(rng, flip))


def centred(shape: tuple[int, int], side: int, stride: int) -> Augmentation:
    """Return the part nearest to the picture's middle on a grid of this stride, as it is.

    Raises
    ------
    UsageError
        If the side is no multiple of the stride, or the picture has no such part.
    """
    _require_part(shape, side, stride)
    y0, x0 = ((length - side) // 2 // stride * stride for length in shape)
    return Augmentation(x0, y0, side)


def drawn_orientation(rng: np.random.Generator, flip: bool) -> tuple[bool, int]:
    """Draw one of a square's 8 orientations: whether it is mirrored, and its quarter turns; none without `flip`."""
    number = int(rng.integers(8))
    return (number >= 4, number % 4) if flip else (False, 0)


def _require_part(shape: tuple[int, int], side: int, stride: int) -> None:
    height, width = shape
    if side % stride:
        raise UsageError(f"data.crop: expected a multiple of the blur fields' stride {stride}, got {side}")
    if side > min(height // stride, width // stride) * stride:
        raise UsageError(
            f"data.crop: expected at most the samples' {width} x {height} px, got {side}; "
            "set data.crop, or make larger samples"
        )
