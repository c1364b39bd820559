"""Where feedback is kept: append-only and idempotent, in SQLite (WAL) or PostgreSQL.

Two more tables serve alert fatigue, where it is switched on (``alert_fatigue``). No column holds
anything that identifies a patient or a user.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from cds_service.errors import SettingError, StorageUnavailable
from cds_service.feedback.migrations import migrate
from cds_service.feedback.outcomes import CardFeedback
from cds_service.write_ahead import use_write_ahead_log

_WAIT_S = 5
_POSTGRESQL = {"connect_timeout": _WAIT_S, "tcp_user_timeout": _WAIT_S * 1000}
"""A database that does not answer holds no thread for longer (libpq)."""

_DIALECTS = ("sqlite", "postgresql")

METADATA = sa.MetaData()
FEEDBACK = sa.Table(
    "card_feedback",
    METADATA,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("service", sa.String(64), nullable=False),
    sa.Column("card", sa.String(36), nullable=False),
    sa.Column("topic", sa.String(40), nullable=False),
    sa.Column("outcome", sa.String(10), nullable=False),
    sa.Column("suggestions", sa.Text, nullable=False),
    sa.Column("reason_system", sa.String(210), nullable=False),
    sa.Column("reason_code", sa.String(64), nullable=False),
    sa.Column("user_comment", sa.Text, nullable=False),
    sa.Column("outcome_at", sa.String(40), nullable=False),
    sa.Column("received_at", sa.String(40), nullable=False, index=True),
)
SHOWN = sa.Table(
    "shown_card",
    METADATA,
    sa.Column("card", sa.String(36), primary_key=True),
    sa.Column("about", sa.String(64), nullable=False),
    sa.Column("decision", sa.String(64), nullable=False),
    sa.Column("at", sa.String(40), nullable=False, index=True),
)
OVERRIDDEN = sa.Table(
    "overridden_card",
    METADATA,
    sa.Column("card", sa.String(36), primary_key=True),
    sa.Column("about", sa.String(64), nullable=False, index=True),
    sa.Column("decision", sa.String(64), nullable=False),
    sa.Column("at", sa.String(40), nullable=False, index=True),
)


class FeedbackStore:
    """The database of one process; opened when it is first needed, after any fork."""

    def __init__(self, url: str, keep_days: int = 0) -> None:
        """``keep_days``: feedback older than that is deleted; 0 keeps it.

        Raises SettingError for a URL that is not SQLite or PostgreSQL, or a folder that is not
        there.
        """
        self.url = _checked_url(url)
        self.keep_days = keep_days
        self._engine: sa.Engine | None = None
        self._lock = threading.Lock()

    def add(self, items: Iterable[CardFeedback], service: str, client: str = "") -> int:
        """Keep what is new of ``items``; how many were. Raises StorageUnavailable (503).

        ``client``: the address of the trusted client that tells it; empty where none is known.
        """
        now = datetime.now(UTC)
        rows = [_row(item, service, client, now) for item in items]
        try:
            with self.engine().begin() as connection:
                new = [row for row in rows if insert_new(connection, FEEDBACK, row)]
                if self.keep_days:
                    before = (now - timedelta(days=self.keep_days)).isoformat()
                    connection.execute(sa.delete(FEEDBACK).where(FEEDBACK.c.received_at < before))
        except SQLAlchemyError as error:
            raise StorageUnavailable from error
        return len(new)

    def counted(self) -> Sequence[tuple[str, str, str, int]]:
        """Topic, outcome, reason code and how often, sorted. Raises StorageUnavailable."""
        columns = (FEEDBACK.c.topic, FEEDBACK.c.outcome, FEEDBACK.c.reason_code)
        query = sa.select(*columns, sa.func.count()).group_by(*columns).order_by(*columns)
        try:
            with self.engine().connect() as connection:
                rows = connection.execute(query).all()
        except SQLAlchemyError as error:
            raise StorageUnavailable from error
        return [(str(topic), str(outcome), str(code), int(n)) for topic, outcome, code, n in rows]

    def answers(self) -> bool:
        """Whether the database can be reached and read; raises sqlalchemy's errors if not."""
        with self.engine().connect() as connection:
            connection.execute(sa.select(FEEDBACK.c.key).limit(1))
        return True

    def engine(self) -> sa.Engine:
        """The engine, with its tables at the latest revision."""
        with self._lock:
            if self._engine is None:
                engine = _engine(self.url)
                try:
                    with engine.begin() as connection:
                        migrate(connection)
                except BaseException:
                    engine.dispose()
                    raise
                weakref.finalize(self, engine.dispose)
                self._engine = engine
            return self._engine

    def close(self) -> None:
        """Let go of every connection."""
        if self._engine is not None:
            self._engine.dispose()


def insert_new(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> bool:
    """Insert ``row`` unless its primary key is there already; whether it was new."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).values(**row).on_conflict_do_nothing()
    told = {"preserve_rowcount": True}  # without it PostgreSQL's answer is -1 for either case
    return connection.execute(statement, execution_options=told).rowcount == 1


def _row(item: CardFeedback, service: str, client: str, now: datetime) -> dict[str, str]:
    return {
        "key": item.key_of(client),
        "service": service,
        "card": item.card,
        "topic": item.topic,
        "outcome": item.outcome,
        "suggestions": ",".join(item.suggestions),
        "reason_system": item.reason_system,
        "reason_code": item.reason_code,
        "user_comment": item.user_comment,
        "outcome_at": item.outcome_at,
        "received_at": now.isoformat(),
    }


def _checked_url(text: str) -> sa.URL:
    name = "CDS_FEEDBACK_DATABASE"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise SettingError(name, "must be a database URL") from None
    if url.get_backend_name() not in _DIALECTS:
        raise SettingError(name, "must be a URL of SQLite or PostgreSQL")
    if url.get_backend_name() == "sqlite" and url.database:
        folder = Path(url.database).absolute().parent
        if not folder.is_dir():
            raise SettingError(name, "names a folder that does not exist")
    try:
        url.get_dialect()
    except NoSuchModuleError:
        raise SettingError(name, "needs a driver that is not known") from None
    return url


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(
            url, pool_pre_ping=True, pool_timeout=_WAIT_S, connect_args=_POSTGRESQL
        )
    if url.database in {None, "", ":memory:"}:
        # One connection, or every thread would have a database of its own.
        engine = sa.create_engine(
            url, poolclass=StaticPool, connect_args={"check_same_thread": False}
        )
    else:
        engine = sa.create_engine(url, connect_args={"timeout": _WAIT_S})
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection
    connection.isolation_level = None  # BEGIN is ours: see _begin
    use_write_ahead_log(connection, _WAIT_S)
    connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: sa.Connection) -> None:
    # A transaction that first reads and then writes could otherwise fail as busy at once.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
