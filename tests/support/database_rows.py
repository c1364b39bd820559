"""What stands in a database, as any client of it would see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa


def executed(database: str, statement: str) -> list[tuple[Any, ...]]:
    """Run one statement as any client of the database would; its rows, if it has any."""
    engine = sa.create_engine(database)
    with engine.begin() as connection:
        result = connection.exec_driver_sql(statement)
        rows = [tuple(row) for row in result] if result.returns_rows else []
    engine.dispose()
    return rows


@contextmanager
def connections_closed() -> Iterator[None]:
    """Close what the block opened: an application is never closed, only its process ends."""
    opened: list[Any] = []

    def note(connection: Any, _record: object) -> None:
        opened.append(connection)

    sa.event.listen(sa.pool.Pool, "connect", note)
    try:
        yield
    finally:
        sa.event.remove(sa.pool.Pool, "connect", note)
        for connection in opened:
            connection.close()
