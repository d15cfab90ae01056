"""What cropping, mirroring, turning and resizing a picture does to its blur field.

A transform moves the grid (`moved`) and turns or scales the vectors on it (`matrix`). Both are needed: a mirrored
picture whose vectors keep their sign shows a motion that never was.

Grid index i stands for pixel (i + 0.5) s - 0.5, so a grid of stride s over an image of w s pixels is symmetric about
the image's middle, and resizing by f turns stride s into s f with the same indices. Where the image is no whole number
of cells wide, the grid leaves out its last columns: crop it before it is mirrored or turned.

The phases of the exposure belong to each grid point, whichever way the lines run, and stay as they are.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.field import BlurField
from gyrosharp.errors import UsageError

Array = NDArray[np.float64]
Grid = NDArray[np.float32]

# A stride that misses a whole number by less than this is one: factors such as 1/3 are not exact in binary.
STRIDE_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Transform:
    """A change of a picture, as its grid of vectors sees it; by itself, no change at all."""

    @property
    def matrix(self) -> Array:
        """(2, 2) matrix that (dx, dy) is multiplied by."""
        return np.eye(2)

    @property
    def scale(self) -> float:
        """How much longer vectors become."""
        return 1.0

    def stride_after(self, stride: int) -> int:
        """Return the grid spacing afterwards, px of the new picture."""
        return stride

    def moved(self, grid: Grid, stride: int) -> Grid:  # noqa: ARG002
        """Return the values of a grid (..., h, w) of this stride at their new places; vectors are not turned."""
        return grid


@dataclass(frozen=True)
class Crop(Transform):
    """The part of a picture whose top-left pixel is (x0, y0).

    Attributes
    ----------
    x0, y0, width, height : int
        Part, px; each a multiple of the grid's stride.

    Raises
    ------
    UsageError
        If the part is empty or starts outside the image; from `moved` if it does not lie on the grid.
    """

    x0: int
    y0: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if min(self.x0, self.y0) < 0 or min(self.width, self.height) < 1:
            raise UsageError(f"crop: expected a part of the image that is not empty, got {self._words()}")

    def moved(self, grid: Grid, stride: int) -> Grid:
        """Return the grid points inside the part."""
        sides = (self.x0, self.y0, self.width, self.height)
        if any(side % stride for side in sides):
            raise UsageError(
                f"crop: expected multiples of the field's stride {stride}, got {self._words()}; "
                f"move the crop, or make the field with a stride that divides them"
            )
        x, y, width, height = (side // stride for side in sides)
        rows, columns = grid.shape[-2:]
        if x + width > columns or y + height > rows:
            raise UsageError(
                f"crop: expected a part of the field's {columns * stride} x {rows * stride} px, got {self._words()}"
            )
        return grid[..., y : y + height, x : x + width]

    def _words(self) -> str:
        return f"{self.width} x {self.height} at ({self.x0}, {self.y0})"


@dataclass(frozen=True)
class Flip(Transform):
    """Mirror image: left and right change places and dx changes its sign, or up and down and dy.

    Attributes
    ----------
    direction : "left_right" or "up_down"
        What changes places.

    Raises
    ------
    UsageError
        If it is neither.
    """

    direction: Literal["left_right", "up_down"]

    def __post_init__(self) -> None:
        if self.direction not in ("left_right", "up_down"):
            raise UsageError(f"flip: expected left_right or up_down, got {self.direction!r}")

    @property
    def matrix(self) -> Array:
        """diag(-1, 1) or diag(1, -1)."""
        return np.diag([-1.0, 1.0] if self.direction == "left_right" else [1.0, -1.0])

    def moved(self, grid: Grid, stride: int) -> Grid:  # noqa: ARG002
        """Return the grid mirrored."""
        return np.flip(grid, axis=-1 if self.direction == "left_right" else -2)


@dataclass(frozen=True)
class Rotate90(Transform):
    """Quarter turns counter-clockwise on the screen, as `numpy.rot90` turns an image.

    The right edge becomes the top: (x, y) of a picture W wide goes to (y, W - 1 - x), so (dx, dy) becomes (dy, -dx).

    Attributes
    ----------
    turns : int
        Number of quarter turns; negative ones are clockwise.
    """

    turns: int = 1

    @property
    def matrix(self) -> Array:
        """[[0, 1], [-1, 0]] to the power of the turns."""
        return np.linalg.matrix_power(np.array([[0.0, 1.0], [-1.0, 0.0]]), self.turns % 4)

    def moved(self, grid: Grid, stride: int) -> Grid:  # noqa: ARG002
        """Return the grid turned."""
        return np.rot90(grid, self.turns, axes=(-2, -1))


@dataclass(frozen=True)
class Resize(Transform):
    """Resize by a factor f: u becomes (u + 0.5) f - 0.5, vectors become f times as long.

    The grid points stay on the same content, so the stride s becomes s f, which must be a whole number; see
    `resampled` for fields where it is not.

    Attributes
    ----------
    factor : float
        New size over old size, > 0.

    Raises
    ------
    UsageError
        If the factor is not a positive number; from `stride_after` if the new stride is not whole.
    """

    factor: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.factor) and self.factor > 0):
            raise UsageError(f"resize: expected a factor above 0, got {self.factor}")

    @property
    def matrix(self) -> Array:
        """The factor times the identity."""
        return self.factor * np.eye(2)

    @property
    def scale(self) -> float:
        """The factor."""
        return self.factor

    def stride_after(self, stride: int) -> int:
        """Return s f."""
        exact = stride * self.factor
        whole = round(exact)
        if whole < 1 or abs(exact - whole) > STRIDE_TOLERANCE:
            raise UsageError(
                f"resize: expected a factor that makes the stride {stride} a whole number, got {self.factor:g} "
                f"(stride {exact:g}); resample the field to a fitting stride first"
            )
        return whole

    def moved(self, grid: Grid, stride: int) -> Grid:
        """Return the grid as it is, once the new stride is known to be whole."""
        self.stride_after(stride)
        return grid


@dataclass(frozen=True)
class Orientation:
    """One of the eight ways to lay a picture: perhaps its mirror image, left and right changed, then quarter turns.

    Attributes
    ----------
    mirrored : bool
        Whether left and right change places.
    turns : int
        Quarter turns counter-clockwise.
    """

    mirrored: bool = False
    turns: int = 0

    @property
    def changes(self) -> tuple[Transform, ...]:
        """What happens to the picture, in this order."""
        mirror = (Flip("left_right"),) if self.mirrored else ()
        return (*mirror, Rotate90(self.turns)) if self.turns else mirror

    def laid(self, values: NDArray[Any], axes: tuple[int, int] = (-2, -1)) -> NDArray[Any]:
        """Return an array laid this way, a view; `axes` are its rows and columns."""
        return np.rot90(np.flip(values, axes[1]) if self.mirrored else values, self.turns, axes)

    def undone(self, values: NDArray[Any], axes: tuple[int, int] = (-2, -1)) -> NDArray[Any]:
        """Return an array that lies this way as it lay before, a view."""
        back = np.rot90(values, -self.turns, axes)
        return np.flip(back, axes[1]) if self.mirrored else back


def turned(dx: Grid, dy: Grid, matrix: Array) -> tuple[Grid, Grid]:
    """Return matrix @ (dx, dy) for arrays of any one shape; entries of zero cost nothing."""
    return _row(dx, dy, matrix[0]), _row(dx, dy, matrix[1])


def _row(dx: Grid, dy: Grid, row: Array) -> Grid:
    # Every transform here has one entry per row; the sum is for those that a caller may add.
    terms = [value * np.float32(entry) for value, entry in zip((dx, dy), row, strict=True) if entry]
    return terms[0] if len(terms) == 1 else np.asarray(sum(terms, np.zeros_like(dx)))


def transformed(field: BlurField, transform: Transform) -> BlurField:
    """Return the blur field of the changed picture.

    Parameters
    ----------
    field : BlurField
        Field of the picture as it was.
    transform : Transform
        `Crop`, `Flip`, `Rotate90` or `Resize`.

    Raises
    ------
    UsageError
        If a crop does not lie on the grid, or a resize makes no whole stride.
    """
    stride = field.stride
    dx, dy = (transform.moved(field.displacement_px[..., axis], stride) for axis in (0, 1))
    displacement = np.stack(turned(dx, dy, transform.matrix), axis=-1)
    return replace(field, displacement_px=displacement, stride=transform.stride_after(stride))


def resampled(field: BlurField, stride: int, size: tuple[int, int] | None = None) -> BlurField:
    """Return the field on a grid of another stride, by linear interpolation and, at the border, extrapolation.

    The new grid has `size` (h, w) points, or as many as whole cells cover what the old one covers.

    Turning by an angle a moves a pixel by up to a f (1 + x^2 / f^2) (f: focal length, px), whose second derivative over
    the image is 2 d / f^2 for a displacement d in its middle. Between old grid points s apart the error is thus about
    d s^2 / (4 f^2), and three times that half a cell outside them: 0.003 and 0.008 px for d = 40, s = 16 and f = 1000.
    A rolling shutter adds the curvature of the motion over the s lines. Across the depth edges of a scene seen by a
    camera that also shifts, there is no such bound: make the field anew there.

    Raises
    ------
    UsageError
        If the stride is below 1.
    """
    components = np.moveaxis(field.displacement_px, -1, 0)
    displacement = np.moveaxis(resampled_grid(components, field.stride, stride, size), 0, -1)
    return replace(field, displacement_px=np.ascontiguousarray(displacement), stride=stride)


def resampled_grid(grid: Grid, stride: int, wanted: int, size: tuple[int, int] | None = None) -> Grid:
    """Return values (..., h, w) on a grid of this stride on one of the wanted stride; see `resampled`.

    Planes that are linear in the field may as well be resampled themselves.

    Raises
    ------
    UsageError
        If the wanted stride is below 1.
    """
    if wanted < 1:
        raise UsageError(f"field: expected a stride >= 1, got {wanted}")
    for axis in (-2, -1):
        grid = _interpolated(grid, axis % grid.ndim, wanted / stride, None if size is None else size[axis])
    return grid


def _interpolated(values: Grid, axis: int, ratio: float, size: int | None) -> Grid:
    """Interpolate along one axis at cell middles that are `ratio` old cells apart."""
    count = values.shape[axis]
    new = max(int(count / ratio + STRIDE_TOLERANCE), 1) if size is None else size
    place = (np.arange(new) + 0.5) * ratio - 0.5
    low = np.clip(np.floor(place).astype(int), 0, max(count - 2, 0))
    high = np.minimum(low + 1, count - 1)
    share = (place - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(values.ndim)])
    below, result = np.take(values, low, axis), np.take(values, high, axis)
    result -= below
    result *= share
    result += below
    return np.asarray(result, dtype=np.float32)
