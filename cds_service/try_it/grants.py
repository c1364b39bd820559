"""What the built-in test EHR hands out: names that nobody can guess, good once or for a while."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST = 1_000


class Grants(Generic[T]):
    """Launches, codes or tokens, each with what it stands for; in the memory of this process."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        """``seconds``: how long each is good; ``now``: a clock that never goes back."""
        self._seconds = seconds
        self._now = now
        self._held: dict[str, tuple[float, T]] = {}
        self._lock = threading.Lock()

    def give(self, content: T) -> str:
        """A new name for ``content``; beyond a thousand the oldest is forgotten."""
        name = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._held) >= _MOST:
                del self._held[next(iter(self._held))]
            self._held[name] = (self._now() + self._seconds, content)
        return name

    def take(self, name: str) -> T | None:
        """What ``name`` stands for, once; None for one that is used, too old or not of ours."""
        with self._lock:
            until, content = self._held.pop(name, (0.0, None))
        return content if content is not None and self._now() < until else None

    def look(self, name: str) -> T | None:
        """What ``name`` stands for, as often as it is asked while it is good."""
        with self._lock:
            until, content = self._held.get(name, (0.0, None))
        return content if content is not None and self._now() < until else None
