"""Networks, one module each, found by looking into this package. Needs torch (the extra `train`).

A network is a module with

- ``NAME`` (its file's stem), ``DESCRIPTION`` (one line) and ``PAPER`` (where it comes from);
- ``Config``: a frozen dataclass of plain values, whose defaults are the published network;
- ``SIZES``: configurations by name; ``"full"`` is the published one, ``"tiny"`` trains on a CPU in minutes;
- ``PARAMETERS``: published parameter counts by size name;
- ``Net``: a `gyrosharp.nets._net.DeblurNet` whose only argument is a ``Config``.

Adding a network is adding such a file; contract tests then check it. Modules whose name starts with an underscore are
not networks.
"""

import dataclasses
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Protocol

from gyrosharp.errors import UsageError
from gyrosharp.nets._net import DeblurNet, Descriptor
from gyrosharp.registry import modules_by_name

__all__ = ["DeblurNet", "Descriptor", "NetModule", "build_net", "find_net", "net_config", "nets"]


class NetModule(Protocol):
    """What a module of this package offers; see the package's docstring."""

    NAME: str
    DESCRIPTION: str
    PAPER: str
    Config: type[Any]
    SIZES: Mapping[str, Any]
    PARAMETERS: Mapping[str, int]
    Net: type[DeblurNet]


@cache
def nets() -> MappingProxyType[str, NetModule]:
    """Return the networks by name, sorted."""
    return modules_by_name(__name__)


def find_net(name: str) -> NetModule:
    """Return a network's module.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if name not in nets():
        raise UsageError(f"network: expected one of {', '.join(nets())}, got {name!r}")
    return nets()[name]


def net_config(name: str, size: str = "full", changes: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401
    """Return the configuration of a network of a named size, with fields replaced.

    Raises
    ------
    UsageError
        If network, size or field are not known, or a value is refused.
    """
    module = find_net(name)
    if size not in module.SIZES:
        raise UsageError(f"{name}: expected a size out of {', '.join(module.SIZES)}, got {size!r}")
    base = module.SIZES[size]
    known = sorted(field.name for field in dataclasses.fields(base))
    frozen = {key: tuple(value) if isinstance(value, list) else value for key, value in (changes or {}).items()}
    for field, value in frozen.items():
        if field not in known:
            raise UsageError(f"{name}: expected a field out of {', '.join(known)}, got {field!r}")
        if not _alike(value, getattr(base, field)):
            raise UsageError(f"{name}: expected {field} to be of the kind of {getattr(base, field)!r}, got {value!r}")
    return dataclasses.replace(base, **frozen)


def _alike(value: object, like: object) -> bool:
    """Whether a value has the type of another; whole numbers may stand for others, and tuples have any length."""
    if isinstance(like, tuple):
        return isinstance(value, tuple) and all(_alike(entry, like[0]) for entry in value)
    return type(value) is type(like) or (type(like) is float and type(value) is int)


def build_net(name: str, size: str = "full", changes: Mapping[str, Any] | None = None) -> DeblurNet:
    """Return a network with fresh weights.

    Raises
    ------
    UsageError
        If network, size or field are not known, or a value is refused.
    """
    return find_net(name).Net(net_config(name, size, changes))
