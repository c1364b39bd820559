"""One record at a time in each process, however many clients wait.

The threads of a process share one interpreter: records read at once finish no sooner, each delays
the others, and all that was decoded of them is in memory together. A turn ends before something
outside is awaited, and whoever was answered there goes on at once: the deadline of a call leaves no
time for a second turn. Nobody waits long for the first one either: many slow records of one client
must not hold up the others.
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
        end_turn()


def end_turn() -> None:
    """Let the next thread begin, before this one waits for something; nothing without a turn."""
    if getattr(_OWN, "has", False):
        _OWN.has = False
        _TURN.release()
