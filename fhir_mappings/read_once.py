"""Reading what many resources of one record share, such as a code, once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class ReadOnce(dict[K, V]):
    """``read`` of each key, made when it is first asked for; lives as long as one record."""

    def __init__(self, read: Callable[[K], V]) -> None:
        """Nothing was read yet."""
        super().__init__()
        self._read = read

    def __missing__(self, key: K) -> V:
        """Read a key that was not met before."""
        value = self[key] = self._read(key)
        return value
