"""What a package remembers between calls, and everything that can be reached from there."""

from __future__ import annotations

import gc
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

from relapse_model.loader import tables


def memories(package: ModuleType) -> Iterator[Any]:
    """Everything in the modules of ``package`` that remembers, but for the tables themselves."""
    for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        if found.name.endswith("__main__"):
            continue
        for value in vars(import_module(found.name)).values():
            if hasattr(value, "cache_clear") and value is not tables:
                yield value


def reachable(roots: list[Any]) -> Iterator[Any]:
    """Every object that ``roots`` hold, directly or not; not the code that made it."""
    seen = {id(root) for root in roots}
    while roots:
        for item in gc.get_referents(roots.pop()):
            if id(item) not in seen and not isinstance(item, FunctionType | ModuleType | type):
                seen.add(id(item))
                roots.append(item)
                yield item
