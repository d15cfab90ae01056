"""Network inputs made from a blur field: one module per encoding, found by looking into this package.

An encoding is a module with

- ``NAME``, ``DESCRIPTION`` (one line) and ``PAPER`` (where it comes from);
- ``STRIDE``: the grid spacing of the field it is published with, px; `encode` keeps the grid of the field it is given;
- ``REFERENCE``: ``"mid"`` or ``"start"``, the instant of a pixel's own exposure that decoded displacements start from;
- ``CHANNELS``: what each plane holds, with its unit, for the default options;
- ``LINEAR``: whether, with the default options, encode((1 - a) f + a g) = (1 - a) encode(f) + a encode(g), so that a
  curriculum may blend planes instead of fields;
- ``vectors(channels)``: the pairs of planes that hold (dx, dy), out of that many;
- ``encode(field, *, options)``: planes (C, h, w) float32;
- ``decode(planes, phases, *, options)``: displacements (T, h, w, 2) float32, px;
- where it looks at fewer moments than a field has, ``MOMENTS``: how many equally spaced ones, ends included;
- where vectors are not plain pixels, ``transform(planes, change, stride, *, options)``; otherwise that follows from
  ``vectors``.

Contract tests hold every encoding to one law: encode(transformed(field, t)) = transformed_planes(encode(field), t).

Adding an encoding is adding such a file; modules whose name starts with an underscore are not encodings.
"""

import inspect
from collections.abc import Callable
from functools import cache
from types import MappingProxyType
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import ArrayLike

from gyrosharp.blur.encodings._planes import moved_planes
from gyrosharp.blur.encodings._trajectory import Planes
from gyrosharp.blur.field import BlurField
from gyrosharp.blur.field_transforms import Transform
from gyrosharp.errors import UsageError
from gyrosharp.registry import modules_by_name

__all__ = [
    "Encoding",
    "Planes",
    "decode",
    "encode",
    "encodings",
    "find_encoding",
    "moments_needed",
    "transformed_planes",
]


class Encoding(Protocol):
    """What an encoding module offers; see the package's docstring."""

    NAME: str
    DESCRIPTION: str
    PAPER: str
    STRIDE: int
    REFERENCE: str
    CHANNELS: tuple[str, ...]
    LINEAR: bool

    vectors: Callable[[int], tuple[tuple[int, int], ...]]
    encode: Callable[..., Planes]
    decode: Callable[..., Planes]


@cache
def encodings() -> MappingProxyType[str, Encoding]:
    """Return the encodings of this package by name, sorted."""
    return modules_by_name(__name__)


def find_encoding(name: str) -> Encoding:
    """Return an encoding.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    encoding = encodings().get(name)
    if encoding is None:
        raise UsageError(f"encoding: expected one of {', '.join(encodings())}, got {name!r}")
    return encoding


def moments_needed(name: str, times: int) -> int:
    """Return how many of the `times` moments of a field an encoding looks at: what a field made for it alone must have.

    Raises
    ------
    UsageError
        If there is no such encoding.
    """
    return min(getattr(find_encoding(name), "MOMENTS", times), times)


def encode(name: str, field: BlurField, **options: Any) -> Planes:  # noqa: ANN401
    """Return a field's planes (C, h, w) float32 on the field's own grid.

    Parameters
    ----------
    name : str
        Encoding.
    field : BlurField
        Trajectories.
    **options
        Those of the encoding's own `encode`.

    Raises
    ------
    UsageError
        If encoding or option are not known, or an option's value is out of range.
    """
    encoding = find_encoding(name)
    return encoding.encode(field, **_known(encoding, options))


def decode(name: str, planes: Planes, phases: ArrayLike, **options: Any) -> Planes:  # noqa: ANN401
    """Return displacements (T, h, w, 2) float32, px, from the encoding's reference instant.

    Parameters
    ----------
    name : str
        Encoding.
    planes : (C, h, w) array
        Encoded planes.
    phases : (T,) array
        Wanted phases of the exposure, 0 to 1.
    **options
        Those that the planes were encoded with.

    Raises
    ------
    UsageError
        If encoding or option are not known, or the planes are not of this encoding.
    """
    encoding = find_encoding(name)
    _require_planes(name, planes)
    taken = _taken_by(encoding.decode, _known(encoding, options))
    return encoding.decode(planes, np.asarray(phases, dtype=np.float64), **taken)


def transformed_planes(name: str, planes: Planes, change: Transform, stride: int, **options: Any) -> Planes:  # noqa: ANN401
    """Return the planes (C, h', w') of the picture after a crop, flip, turn or resize.

    Parameters
    ----------
    name : str
        Encoding.
    planes : (C, h, w) array
        Encoded planes of the picture before it.
    change : Transform
        What happens to the picture.
    stride : int
        Grid spacing of the planes, px of the picture before it.
    **options
        Those that the planes were encoded with.

    Raises
    ------
    UsageError
        If encoding or option are not known, the planes are not of this encoding, or the change does not fit the grid.
    """
    encoding = find_encoding(name)
    known = _known(encoding, options)
    _require_planes(name, planes)
    own = getattr(encoding, "transform", None)
    if own is not None:
        return cast(Planes, own(planes, change, stride, **_taken_by(own, known)))
    return moved_planes(planes, encoding.vectors(len(planes)), change, stride)


def _require_planes(name: str, planes: Planes) -> None:
    if planes.ndim != 3:
        raise UsageError(f"{name}: expected planes (channels, height, width), got an array {planes.shape}")


def _known(encoding: Encoding, options: dict[str, Any]) -> dict[str, Any]:
    names = _option_names(encoding.encode)
    for option in options:
        if option not in names:
            raise UsageError(f"{encoding.NAME}: expected {_listed(names)}, got option {option!r}")
    return options


def _taken_by(function: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    names = _option_names(function)
    return {name: value for name, value in options.items() if name in names}


def _option_names(function: Callable[..., Any]) -> tuple[str, ...]:
    parameters = inspect.signature(function).parameters.values()
    return tuple(parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY)


def _listed(names: tuple[str, ...]) -> str:
    return f"an option out of {', '.join(names)}" if names else "no options"
