"""Write-ahead logging (WAL) of a SQLite file that several processes may open at once.

SQLite's busy timeout does not cover the switch of a new file to WAL: the switch turns a read
lock into a write lock, and where two processes do so at the same time one is told at once that
the file is locked (https://www.sqlite.org/c3ref/busy_handler.html). The mode stays in the file,
so waiting a moment is enough.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Final

_AGAIN_SECONDS: Final = 0.01
_PRIMARY_CODE: Final = 0xFF  # the extended codes of SQLite are above it


def use_write_ahead_log(connection: sqlite3.Connection, seconds: float) -> None:
    """Switch the file of ``connection`` to WAL, waiting up to ``seconds`` for other processes.

    The last try may add the connection's own timeout. Raises sqlite3.Error: at once where the
    file cannot be used, sqlite3.OperationalError where it is still locked at the end.
    """
    ends = time.monotonic() + seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & _PRIMARY_CODE == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() >= ends:
                raise
            time.sleep(_AGAIN_SECONDS)
        else:
            return
