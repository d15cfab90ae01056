"""NetworkInput: what a network sees besides the picture, made in one place for training and for inference.

The planes of an encoding, on its grid, and after them, where a network asks for it, one plane of depth and what physics
makes of the photo. Training reads samples through `input_planes`, and `gyrosharp.restore` photos: what a network was
trained on is what it is given.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gyrosharp.blur.encodings import Planes, encode, find_encoding, moments_needed, transformed_planes
from gyrosharp.blur.field import BlurField, field_of_motion
from gyrosharp.blur.field_transforms import Orientation, resampled, resampled_grid
from gyrosharp.blur.motion import CameraMotion
from gyrosharp.errors import UsageError

# Rotation moves neighbours alike: a field this coarse, interpolated, is off by less than 0.01 px for trails of 30 px,
# and by less than 0.025 px in the cells that the right or lower border cuts.
COARSE_STRIDE = 8
TIMES = 17
# The form that an encoding has by default, where it has several.
PLAIN = "vector"

PHYSICS: Mapping[str, int] = MappingProxyType(
    {"estimate": 3, "consistent": 3, "residual": 3, "noise": 1, "extent": 1, "saturation": 1, "outside": 1}
)
"""What physics can tell of a photo, and on how many planes; `gyrosharp.restore.physics` makes them."""
ESTIMATE = "estimate"
"""Where a pass of the network begins: the solver's solution, and then what the network itself made of it."""

ORIENTATIONS = tuple(Orientation(mirrored, turns) for mirrored in (False, True) for turns in (0, 2, 1, 3))
"""All there are, in the order that they are taken in: neighbours differ much."""


@dataclass(frozen=True)
class NetworkInput:
    """What planes a network takes.

    Attributes
    ----------
    encoding : str or None
        Encoding of the blur field (`gyrosharp.blur.encodings`); None for networks that see the picture alone.
    options : mapping
        Options of the encoding.
    stride : int
        Picture px per plane sample, >= 1.
    depth : bool
        Whether a plane of depth follows, min(d / depth_far_m, 1), 1 where depth is unknown; only with stride 1.
    depth_far_m : float
        Depth that 1 stands for, m.
    physics : tuple of str
        What physics makes of the photo under this motion, names of `PHYSICS`; only with stride 1.
    passes : int
        How often the network is applied at most, >= 1; every further pass begins with physics of the result before,
        and needs an estimate among the physics.
    orientations : int
        In how many orientations at most a pass shows the network the picture, 1 to 8, to take the mean of what it
        makes of them. With more than one, passes also differ in orientation; see `gyrosharp.restore.network`.

    Raises
    ------
    UsageError
        If the encoding or a name is not known, a name comes twice, the stride is below 1, depth or physics are asked
        for with another stride than 1, there are further passes without an estimate, or more orientations than 8.
    """

    encoding: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    stride: int = 1
    depth: bool = False
    depth_far_m: float = 10.0
    physics: tuple[str, ...] = ()
    passes: int = 1
    orientations: int = 1

    def __post_init__(self) -> None:
        if self.encoding is not None:
            find_encoding(self.encoding)
        if self.stride < 1 or ((self.depth or self.physics) and self.stride != 1):
            raise UsageError(f"network input: expected stride >= 1, and 1 with depth or physics, got {self.stride}")
        require_physics(self.physics)
        if self.passes < 1 or (self.passes > 1 and ESTIMATE not in self.physics):
            raise UsageError(
                f"network input: expected passes >= 1, and 1 without physics of an {ESTIMATE}, got {self.passes}"
            )
        if not 1 <= self.orientations <= len(ORIENTATIONS):
            raise UsageError(f"network input: expected 1 to {len(ORIENTATIONS)} orientations, got {self.orientations}")

    @property
    def needs_motion(self) -> bool:
        """Whether any plane depends on the camera's motion."""
        return self.encoding is not None or bool(self.physics)

    @cached_property
    def channels(self) -> int:
        """Number of planes; networks ask for it with every picture."""
        flat = BlurField(np.zeros((TIMES, 1, 1, 2), np.float32), np.full(TIMES, 1 / TIMES), _phases(TIMES), 1, 0)
        encoded = 0 if self.encoding is None else len(encode(self.encoding, flat, **self.options))
        return encoded + int(self.depth) + self.physics_channels

    @property
    def physics_channels(self) -> int:
        """Number of planes of physics, the last ones."""
        return sum(PHYSICS[name] for name in self.physics)


def require_physics(names: tuple[str, ...]) -> None:
    """Check names of `PHYSICS`.

    Raises
    ------
    UsageError
        If one is not known or comes twice.
    """
    unknown = [name for name in names if name not in PHYSICS]
    if unknown or len(set(names)) < len(names):
        found = repr(unknown[0]) if unknown else "one of them twice"
        raise UsageError(f"physics: expected names out of {', '.join(PHYSICS)}, each once, got {found}")


def input_field(motion: CameraMotion, wanted: NetworkInput) -> BlurField:
    """Return the field that `input_planes` needs, on a coarse grid where nothing but rotation moves the picture.

    Raises
    ------
    UsageError
        If there is no encoding to make it for.
    """
    if wanted.encoding is None:
        raise UsageError("network input: expected an encoding, got none: this network sees the picture alone")
    # Where near things move more than far ones, trajectories are not smooth.
    stride = wanted.stride if motion.moves_with_depth else max(COARSE_STRIDE, wanted.stride)
    if min(motion.camera.width, motion.camera.height) < 2 * stride:
        stride = 1  # a line through two grid points is the least that interpolation needs
    return field_of_motion(motion, stride, max(moments_needed(wanted.encoding, TIMES), 2))


def blended(first: BlurField, second: BlurField, share: float) -> BlurField:
    """Return (1 - share) first + share second: the curriculum's V_a = (1 - a) V_clean + a V_noisy.

    Raises
    ------
    UsageError
        If the fields differ in grid or moments.
    """
    if first.displacement_px.shape != second.displacement_px.shape or first.stride != second.stride:
        raise UsageError(
            f"blend: expected fields of one grid and moments, got {first.displacement_px.shape} at stride "
            f"{first.stride} and {second.displacement_px.shape} at stride {second.stride}"
        )
    a = np.float32(share)
    return replace(first, displacement_px=(1 - a) * first.displacement_px + a * second.displacement_px)


def input_planes(
    wanted: NetworkInput,
    field: BlurField | None,
    shape: tuple[int, int],
    depth_m: NDArray[np.float32] | None = None,
    physics: Planes | None = None,
) -> Planes:
    """Return the planes (C, h, w) float32 for a picture of shape (H, W), h = ceil(H / stride).

    Parameters
    ----------
    wanted : NetworkInput
        What planes.
    field : BlurField or None
        Trajectories, on any grid over the whole picture; None where no encoding is wanted.
    shape : (int, int)
        Height and width of the picture, px.
    depth_m : (H, W) array or None
        Depth, m, NaN where unknown; None: unknown everywhere.
    physics : (P, H, W) array or None
        What physics makes of the picture, in the order of ``wanted.physics``; None where nothing of it is wanted.

    Raises
    ------
    UsageError
        If an encoding is wanted and there is no field, the field is that of a picture of another size, or physics does
        not have the planes that are wanted.
    """
    size = -(-shape[0] // wanted.stride), -(-shape[1] // wanted.stride)
    planes = np.zeros((0, *size), np.float32)
    if wanted.encoding is not None:
        if field is None:
            raise UsageError(f"network input: expected a blur field for {wanted.encoding}, got none")
        _require_whole_picture(field, shape)
        planes = np.ascontiguousarray(planes_at(wanted.encoding, field, wanted.stride, wanted.options, size))
    parts = [planes]
    if wanted.depth:
        far = np.ones(shape, np.float32) if depth_m is None else np.clip(depth_m / wanted.depth_far_m, 0, 1)
        parts.append(np.nan_to_num(far, nan=1.0)[None].astype(np.float32))
    if wanted.physics:
        parts.append(_checked_physics(wanted, physics, shape))
    return np.concatenate(parts) if len(parts) > 1 else planes


def laid_planes(wanted: NetworkInput, planes: Planes, orientation: Orientation) -> Planes:
    """Return the planes (C, h', w') of a picture that lies another way, from those of the picture (C, h, w).

    Where it lies as it did, they are the same array.
    """
    if not orientation.changes:
        return planes
    encoded = wanted.channels - wanted.physics_channels - int(wanted.depth)
    vectors = planes[:encoded]
    if wanted.encoding is not None:
        for change in orientation.changes:
            vectors = transformed_planes(wanted.encoding, vectors, change, wanted.stride, **wanted.options)
    return np.concatenate([vectors, orientation.laid(planes[encoded:])])


def planes_at(
    name: str, field: BlurField, stride: int, options: Mapping[str, Any], size: tuple[int, int] | None = None
) -> Planes:
    """Return an encoding's planes on a grid of another stride than the field's, and of a size (h, w) if given."""
    if field.stride == stride and size in (None, field.displacement_px.shape[1:3]):
        return encode(name, field, **options)
    if find_encoding(name).LINEAR and options.get("form", PLAIN) == PLAIN:
        # Few planes instead of many moments; other forms than the plain one are not linear in the field.
        return resampled_grid(encode(name, field, **options), field.stride, stride, size)
    return encode(name, resampled(field, stride, size), **options)


def _checked_physics(wanted: NetworkInput, physics: Planes | None, shape: tuple[int, int]) -> Planes:
    found = None if physics is None else physics.shape
    if physics is None or found != (wanted.physics_channels, *shape):
        raise UsageError(
            f"network input: expected planes {(wanted.physics_channels, *shape)} of {', '.join(wanted.physics)}, "
            f"got {found}; make them with gyrosharp.restore.physics"
        )
    return physics


def _require_whole_picture(field: BlurField, shape: tuple[int, int]) -> None:
    """Refuse a field of another picture: its planes would be extrapolated without a word."""
    rows, columns = (max(side // field.stride, 1) for side in shape)
    if field.displacement_px.shape[1:3] != (rows, columns):
        found_rows, found_columns = field.displacement_px.shape[1:3]
        raise UsageError(
            f"network input: expected a blur field of {columns} x {rows} cells of {field.stride} px for a picture of "
            f"{shape[1]} x {shape[0]} px, got {found_columns} x {found_rows}; crop field and picture alike"
        )


def _phases(times: int) -> NDArray[np.float64]:
    return np.linspace(0.0, 1.0, times)
