"""What stands in a database, as any client of it would see."""

from __future__ import annotations

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
