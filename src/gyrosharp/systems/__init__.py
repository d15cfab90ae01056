"""Published systems, one module each, found by looking into this package; needs no torch.

A system is a module with ``SPEC``, a `SystemSpec`: the paper, what data, network, losses and schedule it is trained
with, and its published figures. Our own weights carry the same name (`gyrosharp.restore.models`).

Adding a system is adding such a file; contract tests then check it.
"""

from functools import cache
from types import MappingProxyType

from gyrosharp.errors import UsageError
from gyrosharp.registry import modules_of
from gyrosharp.systems._spec import Ablation, Published, SystemSpec

__all__ = ["Ablation", "Published", "SystemSpec", "find_system", "systems"]


@cache
def systems() -> MappingProxyType[str, SystemSpec]:
    """Return the systems by name, sorted."""
    found = [module.SPEC for module in modules_of(__name__)]
    return MappingProxyType({spec.name: spec for spec in sorted(found, key=lambda spec: spec.name)})


def find_system(name: str) -> SystemSpec:
    """Return a system.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if name not in systems():
        raise UsageError(f"system: expected one of {', '.join(systems())}, got {name!r}")
    return systems()[name]
