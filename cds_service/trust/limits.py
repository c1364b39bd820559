"""How often and how much at once: one bucket of calls for each client and tenant.

A bucket holds ``burst`` calls and fills with ``calls_per_minute``. In one process it is kept here;
where the replay store is a Redis it is kept there, and all processes share it.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from cds_service.errors import TrustUnavailable
from cds_service.trust.clients import Limits

if TYPE_CHECKING:
    import redis

_MINUTE: Final = 60.0
_PREFIX: Final = "relapsed-all:calls:"

_TAKE: Final = """
local now = redis.call('TIME')
local seconds = tonumber(now[1]) + tonumber(now[2]) / 1000000
local burst, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'calls', 'at')
local calls, at = tonumber(kept[1] or burst), tonumber(kept[2] or seconds)
calls = math.min(burst, calls + math.max(0, seconds - at) * rate)
local wait = 0
if calls >= 1 then calls = calls - 1 else wait = (1 - calls) / rate end
redis.call('HSET', KEYS[1], 'calls', tostring(calls), 'at', string.format('%.6f', seconds))
redis.call('EXPIRE', KEYS[1], math.ceil(burst / rate) + 1)
return tostring(wait)
"""


class Buckets(Protocol):
    """Counts the calls of each client."""

    def wait(self, who: str, limits: Limits) -> float:
        """Take one call from the bucket of ``who``: 0, or the seconds until there is one."""


class MemoryBuckets:
    """For one process; ``who`` comes from the trust file, so their number is bounded."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock``: seconds that only grow."""
        self._clock = clock
        self._kept: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait(self, who: str, limits: Limits) -> float:
        """See Buckets."""
        rate = limits.calls_per_minute / _MINUTE
        with self._lock:
            now = self._clock()
            calls, at = self._kept.get(who, (float(limits.burst), now))
            calls = min(limits.burst, calls + (now - at) * rate)
            left = calls - 1 if calls >= 1 else calls
            self._kept[who] = (left, now)
        return 0.0 if calls >= 1 else (1 - calls) / rate


class RedisBuckets:
    """For all processes that share a Redis; time is that of the Redis."""

    def __init__(self, client: redis.Redis) -> None:
        """``client``: connected when it is first asked."""
        self._take = client.register_script(_TAKE)

    def wait(self, who: str, limits: Limits) -> float:
        """See Buckets; raises TrustUnavailable."""
        from redis import RedisError  # noqa: PLC0415 - an extra that only this store needs

        key = f"{_PREFIX}{hashlib.sha256(who.encode()).hexdigest()}"
        rate = limits.calls_per_minute / _MINUTE
        try:
            return float(self._take(keys=[key], args=[limits.burst, rate]))
        except RedisError:
            raise TrustUnavailable from None


class Running:
    """The calls in work in this process, counted for each client."""

    def __init__(self) -> None:
        """None yet."""
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def begin(self, who: str, most: int) -> bool:
        """Count one more, unless ``most`` are running; whether it was counted."""
        with self._lock:
            count = self._counts.get(who, 0)
            if count >= most:
                return False
            self._counts[who] = count + 1
            return True

    def end(self, who: str) -> None:
        """Count one less."""
        with self._lock:
            self._counts[who] -= 1
