"""Processes that open a new SQLite file at the same moment wait for each other: none fails."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from cds_service.feedback.store import FeedbackStore
from cds_service.trust.replay import replay_store
from cds_service.write_ahead import use_write_ahead_log

HELD_SECONDS = 0.3


def replays_opened(path: Path) -> None:
    """The store of used tokens."""
    replay_store(f"sqlite:///{path}").close()


def feedback_opened(path: Path) -> None:
    """The store of feedback."""
    store = FeedbackStore(f"sqlite:///{path}")
    store.engine()
    store.close()


@contextmanager
def written_by_another(path: Path) -> Iterator[sqlite3.Connection]:
    """A file that is not yet WAL, with a write begun on another connection."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


@pytest.mark.parametrize("opened", [replays_opened, feedback_opened])
def test_a_file_that_another_process_writes_at_the_start_is_waited_for(
    opened: Callable[[Path], None], tmp_path: Path
) -> None:
    """SQLite itself would say "database is locked" at once: its own timeout is not used there."""
    path = tmp_path / "new.sqlite3"
    with written_by_another(path) as other:
        ended = threading.Timer(HELD_SECONDS, other.execute, ["COMMIT"])
        ended.start()
        try:
            opened(path)
        finally:
            ended.join()
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_file_that_stays_locked_is_an_error_in_the_end(tmp_path: Path) -> None:
    """The caller is not held for ever."""
    path = tmp_path / "new.sqlite3"
    with (
        written_by_another(path),
        closing(sqlite3.connect(path, timeout=0)) as connection,
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        use_write_ahead_log(connection, 0.05)


def test_a_file_that_cannot_be_written_is_an_error_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting is for locks alone."""
    path = tmp_path / "old.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE t (c)")
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    with (
        closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        use_write_ahead_log(connection, 0.05)
    assert waits == []
