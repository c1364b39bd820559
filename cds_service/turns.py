"""One record at a time in each process, however many clients wait.

The threads of a process share one interpreter: records read at once finish no sooner, each delays
the others, and all that was decoded of them is in memory together. A turn is left while something
outside is awaited, and nobody waits for it for long: many slow records of one client must not hold
up the others.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PATIENCE: Final = 0.25
"""Seconds; whoever waited so long works beside the others."""
_TURN: Final = threading.Lock()
_OWN: Final = threading.local()


@contextmanager
def turn() -> Iterator[None]:
    """Work on one record, if possible while no other thread does."""
    _OWN.has = _TURN.acquire(timeout=PATIENCE)
    try:
        yield
    finally:
        _leave()


@contextmanager
def waiting() -> Iterator[None]:
    """Let others have their turn while this thread, if it has one, waits for something."""
    had = _leave()
    try:
        yield
    finally:
        _OWN.has = had and _TURN.acquire(timeout=PATIENCE)


def _leave() -> bool:
    """Whether this thread had its turn until now."""
    had: bool = getattr(_OWN, "has", False)
    _OWN.has = False
    if had:
        _TURN.release()
    return had
