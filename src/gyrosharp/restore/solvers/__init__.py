"""Classical solvers by name.

Every module here whose name has no leading underscore is a solver. It exposes either

- ``NAME``, ``DESCRIPTION``, ``DEFAULTS`` and ``solve(problem, progress, settings)``, which sees the whole photo, or
- ``METHODS``, a tuple of `Method`, where one algorithm has several variants or plans its settings from the photo.
"""

from functools import lru_cache
from types import ModuleType

from gyrosharp.errors import UsageError
from gyrosharp.registry import modules_of
from gyrosharp.restore.solvers._method import Facts, Image, Method

__all__ = ["Facts", "Method", "find_method", "methods"]


@lru_cache(maxsize=1)
def methods() -> dict[str, Method]:
    """Return every solver by name."""
    found: dict[str, Method] = {}
    for module in modules_of(__name__):
        found |= {method.name: method for method in _methods_of(module)}
    return found


def find_method(name: str) -> Method:
    """Return a solver.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    method = methods().get(name)
    if method is None:
        known = ", ".join(sorted(methods()))
        raise UsageError(f"method: expected one of {known}, got {name!r}")
    return method


def _methods_of(module: ModuleType) -> tuple[Method, ...]:
    listed: tuple[Method, ...] | None = getattr(module, "METHODS", None)
    if listed is not None:
        return listed

    def plan(facts: Facts, started: bool) -> object:  # noqa: ARG001
        return module.DEFAULTS

    def solve(problem: object, progress: object, settings: object, start: object) -> Image:  # noqa: ARG001
        result: Image = module.solve(problem, progress, settings)
        return result

    return (Method(module.NAME, module.DESCRIPTION, plan, solve, tiles=False),)
