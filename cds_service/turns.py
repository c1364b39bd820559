"""One record at a time in each process: Python reads no two faster, and both would be in memory.

The threads of a process share one interpreter, so that records that are read at once only delay
each other and keep everything they decoded for longer. A turn is left while a FHIR server is
awaited.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_TURN: Final = threading.Lock()
_OWN: Final = threading.local()


@contextmanager
def turn() -> Iterator[None]:
    """Work on one record, once no other thread does."""
    with _TURN:
        _OWN.has = True
        try:
            yield
        finally:
            _OWN.has = False


@contextmanager
def waiting() -> Iterator[None]:
    """Let others have their turn while this thread, if it has one, waits for something."""
    if not getattr(_OWN, "has", False):
        yield
        return
    _TURN.release()
    try:
        yield
    finally:
        _TURN.acquire()
