"""Which tokens were used already: each is accepted once, across threads, processes and hosts.

    memory                       one process: development
    sqlite:///PATH               all processes of one host (WAL)
    redis:// or rediss://        all processes of all hosts

What is kept is a SHA-256 and a time, until the token has expired. A store that does not answer
never lets a call in: TrustUnavailable (503).
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from cds_service.errors import SettingError, TrustUnavailable
from cds_service.write_ahead import use_write_ahead_log

if TYPE_CHECKING:
    import redis

SETTING: Final = "CDS_REPLAY_STORE"
MEMORY: Final = "memory"
_SQLITE: Final = "sqlite:///"
_REDIS: Final = ("redis://", "rediss://", "unix://")
_BUSY_SECONDS: Final = 2.0
_SWEEP_SECONDS: Final = 60.0
_REDIS_SECONDS: Final = 1.0
_TRIED: Final = "tried"
_TRIED_SECONDS: Final = 60
_PREFIX: Final = "relapsed-all:used:"


class ReplayStore(Protocol):
    """Remembers used tokens."""

    def first_use(self, use: str, ends: int) -> bool:
        """Whether ``use`` was never seen before; of any number of askers one alone is told so.

        ``ends``: seconds since 1970 after which it may be forgotten. Raises TrustUnavailable.
        """

    def answers(self) -> bool:
        """Whether a token could be noted now: tried, by a note that is none of a token."""

    def close(self) -> None:
        """Let go of files and connections."""


class MemoryStore:
    """For one process."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """``clock``: seconds since 1970."""
        self._clock = clock
        self._ends: dict[str, int] = {}
        self._lock = threading.Lock()
        self._swept_at = clock()

    def first_use(self, use: str, ends: int) -> bool:
        """See ReplayStore."""
        with self._lock:
            now = self._clock()
            if now - self._swept_at >= _SWEEP_SECONDS:
                self._swept_at = now
                self._ends = {key: end for key, end in self._ends.items() if end > now}
            if use in self._ends:
                return False
            self._ends[use] = ends
            return True

    def answers(self) -> bool:
        """It always does."""
        return True

    def close(self) -> None:
        """Nothing is open."""


class SqliteStore:
    """For the processes of one host, in one file; one connection in each process."""

    def __init__(self, path: str, clock: Callable[[], float] = time.time) -> None:
        """Make the table; raises sqlite3.Error where the file cannot be used."""
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._opened: tuple[int, sqlite3.Connection] | None = None
        self._swept_at = clock()
        # Closed again: a connection must not be carried over when a server forks.
        with closing(_opened(path)) as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS used (use TEXT PRIMARY KEY, ends INTEGER NOT NULL) "
                "WITHOUT ROWID"
            )
            connection.execute("CREATE INDEX IF NOT EXISTS used_ends ON used (ends)")
            connection.execute("DELETE FROM used WHERE ends < ?", (int(clock()),))

    def first_use(self, use: str, ends: int) -> bool:
        """See ReplayStore."""
        try:
            with self._lock:
                connection = self._connection()
                self._sweep(connection)
                statement = "INSERT OR IGNORE INTO used (use, ends) VALUES (?, ?)"
                return connection.execute(statement, (use, ends)).rowcount == 1
        except sqlite3.Error:
            raise TrustUnavailable from None

    def answers(self) -> bool:
        """See ReplayStore."""
        try:
            with self._lock:
                statement = "INSERT OR REPLACE INTO used VALUES (?, ?)"
                self._connection().execute(statement, (_TRIED, 0))
        except sqlite3.Error:
            return False
        return True

    def close(self) -> None:
        """Close the connection of this process."""
        with self._lock:
            if self._opened is not None:
                self._opened[1].close()
                self._opened = None

    def _connection(self) -> sqlite3.Connection:
        if self._opened is None or self._opened[0] != os.getpid():
            connection = _opened(self._path)
            weakref.finalize(self, connection.close)
            self._opened = (os.getpid(), connection)
        return self._opened[1]

    def _sweep(self, connection: sqlite3.Connection) -> None:
        now = self._clock()
        if now - self._swept_at >= _SWEEP_SECONDS:
            self._swept_at = now
            connection.execute("DELETE FROM used WHERE ends < ?", (int(now),))


def _opened(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        use_write_ahead_log(connection, _BUSY_SECONDS)
        # A crash of the process loses nothing; one of the machine at most the last moments.
        connection.execute("PRAGMA synchronous=NORMAL")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


class RedisStore:
    """For several hosts."""

    def __init__(self, client: redis.Redis, clock: Callable[[], float] = time.time) -> None:
        """``client``: connected when it is first asked."""
        self._client = client
        self._clock = clock

    def first_use(self, use: str, ends: int) -> bool:
        """See ReplayStore."""
        from redis import RedisError  # noqa: PLC0415 - an extra that only this store needs

        seconds = max(1, ends - int(self._clock()))
        try:
            return bool(self._client.set(f"{_PREFIX}{use}", b"", nx=True, ex=seconds))
        except RedisError:
            raise TrustUnavailable from None

    def answers(self) -> bool:
        """See ReplayStore."""
        from redis import RedisError  # noqa: PLC0415 - as above

        try:
            return bool(self._client.set(f"{_PREFIX}{_TRIED}", b"", ex=_TRIED_SECONDS))
        except RedisError:
            return False

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def redis_client(url: str) -> redis.Redis:
    """A client of the Redis at ``url`` that answers; raises SettingError naming the setting."""
    try:
        import redis  # noqa: PLC0415 - an extra that only Redis stores need
    except ImportError:
        raise SettingError(SETTING, "needs the extra redis to be installed") from None
    try:
        client = redis.Redis.from_url(
            url, socket_timeout=_REDIS_SECONDS, socket_connect_timeout=_REDIS_SECONDS
        )
        client.ping()
        client.connection_pool.disconnect()  # nothing is carried over when a server forks
    except (redis.RedisError, ValueError):
        raise SettingError(SETTING, "names a Redis that does not answer") from None
    return client


def replay_store(url: str, clock: Callable[[], float] = time.time) -> ReplayStore:
    """The store at ``url``, tried once; raises SettingError naming the setting."""
    if url == MEMORY:
        return MemoryStore(clock)
    if is_redis(url):
        return RedisStore(redis_client(url), clock)
    path = url.removeprefix(_SQLITE)
    if path == url or not path:
        raise SettingError(SETTING, "must be memory, sqlite:///PATH or redis://HOST")
    try:
        if not Path(path).absolute().parent.is_dir():
            raise SettingError(SETTING, "names a folder that does not exist")
        return SqliteStore(path, clock)
    except (sqlite3.Error, ValueError):
        raise SettingError(SETTING, "names a file that cannot be written") from None


def is_redis(url: str) -> bool:
    """Whether ``url`` is that of a Redis."""
    return url.startswith(_REDIS)
