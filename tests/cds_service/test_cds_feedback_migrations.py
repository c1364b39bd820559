"""The tables of the feedback come from revisions, and old databases are taken over."""

from __future__ import annotations

import multiprocessing
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from cds_service import __main__
from cds_service.feedback.migrations import FIRST, LATEST, migrate
from cds_service.feedback.outcomes import CardFeedback
from cds_service.feedback.store import METADATA, FeedbackStore


def item() -> CardFeedback:
    """One outcome of a card of its own."""
    return CardFeedback(
        card=str(uuid4()), topic="mrd", outcome="accepted", outcome_at="2026-11-22T10:00:00+00:00"
    )


def differences(database: str) -> list[object]:
    """What Alembic would still have to change for the tables that the code reads."""
    engine = sa.create_engine(database)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        found = list(compare_metadata(context, METADATA))
    engine.dispose()
    return found


def test_the_revisions_make_exactly_the_tables_that_the_code_reads(database: str) -> None:
    """From an empty database; a revision that was forgotten shows here."""
    store = FeedbackStore(database)
    assert store.add([item()], "s") == 1
    store.close()
    assert differences(database) == []


def test_tables_made_before_there_were_revisions_are_taken_over(database: str) -> None:
    """What they hold stays, and the next start finds nothing to do."""
    engine = sa.create_engine(database)
    kept = item()
    with engine.begin() as connection:
        for table in METADATA.sorted_tables:  # revision 0001 is what create_all made
            table.create(connection)
    engine.dispose()
    for expected in (1, 0):
        store = FeedbackStore(database)
        assert store.add([kept], "s") == expected
        store.close()
    assert differences(database) == []
    assert revision(database) == LATEST


def test_the_comparison_notices_a_column_that_no_revision_adds(database: str) -> None:
    """The check above can fail."""
    FeedbackStore(database).engine().dispose()
    engine = sa.create_engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE card_feedback DROP COLUMN reason_system")
    engine.dispose()
    assert "reason_system" in str(differences(database))


def test_tables_of_a_later_version_are_left_alone(database: str) -> None:
    """Going back to an earlier version is a restart: it writes beside columns it does not know."""
    FeedbackStore(database).engine().dispose()
    engine = sa.create_engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        connection.exec_driver_sql("ALTER TABLE card_feedback ADD COLUMN later TEXT")
    engine.dispose()
    store = FeedbackStore(database)
    assert store.add([item()], "s") == 1
    store.close()
    assert revision(database) == "9999"


def test_the_latest_revision_is_the_head_of_the_scripts() -> None:
    """One line of revisions, whose end is the one that a current database is known by."""
    config = Config()
    config.set_main_option("script_location", "cds_service.feedback:migrations")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [LATEST]
    assert scripts.get_bases() == [FIRST]


def _opened(database: str) -> None:
    store = FeedbackStore(database)
    store.add([item()], "s")
    store.close()


def test_processes_that_start_together_migrate_once(database: str) -> None:
    """One makes the tables, the others wait for it: none fails, none loses its outcome."""
    starts = [
        multiprocessing.get_context("spawn").Process(target=_opened, args=(database,))
        for _ in range(4)
    ]
    for start in starts:
        start.start()
    for start in starts:
        start.join(60)
    assert [start.exitcode for start in starts] == [0, 0, 0, 0]
    store = FeedbackStore(database)
    assert store.counted() == [("mrd", "accepted", "", 4)]
    store.close()


def test_a_migration_that_fails_leaves_nothing_behind(database: str) -> None:
    """All revisions of one start are one transaction."""
    engine = FeedbackStore(database).engine()
    METADATA.drop_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
        connection.exec_driver_sql("CREATE TABLE overridden_card (card TEXT)")
    with pytest.raises(sa.exc.SQLAlchemyError), engine.begin() as connection:
        migrate(connection)
    assert sa.inspect(engine).get_table_names() == ["overridden_card"]
    engine.dispose()


def test_the_migrate_command_brings_a_database_up_to_date(
    database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``python -m cds_service migrate``, before the first service of a new version starts."""
    monkeypatch.setenv("CDS_FEEDBACK_DATABASE", database)
    assert __main__.main(["migrate"]) == 0
    assert LATEST in capsys.readouterr().out
    assert differences(database) == []


def test_the_migrate_command_says_that_a_database_is_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, and neither address nor password of the database."""
    monkeypatch.setenv("CDS_FEEDBACK_DATABASE", "postgresql+psycopg://u:CANARY@127.0.0.1:1/d")
    assert __main__.main(["migrate"]) == 2
    told = capsys.readouterr().err
    assert "the database of the feedback cannot be reached" in told
    assert "CANARY" not in told


def revision(database: str) -> str:
    """The revision that the database says it has."""
    engine = sa.create_engine(database)
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one()
    engine.dispose()
    return str(found)
