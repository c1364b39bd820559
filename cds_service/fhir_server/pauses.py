"""Pauses of FHIR servers that fail: whoever does not answer is not asked ever again at once.

After ``FAILURES`` calls in a row to which a server gave nothing, and for as long as its
``Retry-After`` says, it is not asked; the answer to the hook says so without waiting. After the
pause one call asks alone; what comes of it decides for the others. Kept per process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final

from cds_service.fhir_server.settings import BaseUrl

FAILURES: Final = 5
PAUSE: Final = 5.0
"""Seconds; also how long the one call after a pause may take."""
LONGEST: Final = 120.0
"""Seconds: a server cannot ask to be left alone for longer."""
_MOST_SERVERS: Final = 1_000


@dataclass(slots=True)
class _Troubled:
    failures: int = 0
    until: float = 0.0


class Pauses:
    """Which servers are in trouble; safe in threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock``: seconds."""
        self._clock = clock
        self._lock = Lock()
        self._troubled: dict[BaseUrl, _Troubled] = {}

    def may_ask(self, base: BaseUrl) -> bool:
        """Whether the server is asked now; after a pause True for one caller only."""
        with self._lock:
            found = self._troubled.get(base)
            if found is None or not found.until:
                return True
            now = self._clock()
            if now < found.until:
                return False
            found.until = now + PAUSE
            return True

    def note(self, base: BaseUrl, *, failed: bool, retry_after: float) -> None:
        """What came of a call: whether it gave nothing, and the seconds it asks to be left alone.

        ``retry_after``: 0 where it does not ask.
        """
        with self._lock:
            if not (failed or retry_after):
                self._troubled.pop(base, None)
                return
            found = self._troubled.setdefault(base, _Troubled())
            found.failures += failed
            pause = PAUSE if found.failures >= FAILURES else 0.0
            pause = max(pause, min(retry_after, LONGEST))
            if pause:
                found.until = self._clock() + pause
            if len(self._troubled) > _MOST_SERVERS:
                self._troubled.pop(next(iter(self._troubled)))
