"""Registries: the modules of a package by name, so that adding a reader, layout or encoding is adding a file."""

import importlib
import pkgutil
from collections.abc import Iterator
from types import MappingProxyType, ModuleType
from typing import Any


def modules_of(package: str) -> Iterator[ModuleType]:
    """Yield the modules of a package in order of their file names; those that start with an underscore are left out."""
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if not info.name.startswith("_"):
            yield importlib.import_module(f"{package}.{info.name}")


def modules_by_name(package: str) -> MappingProxyType[str, Any]:
    """Return the modules of a package by their ``NAME``, sorted."""
    modules: list[Any] = list(modules_of(package))
    return MappingProxyType({module.NAME: module for module in sorted(modules, key=lambda module: module.NAME)})
