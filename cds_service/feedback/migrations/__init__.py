"""The tables of the feedback database over time, as Alembic revisions.

They only ever add: a service of an earlier version works with the tables of a later one, so that
going back to it is only a restart (docs/integrate.md). Tables made before there were revisions
are taken over as they are.
"""

from __future__ import annotations

import sqlalchemy as sa

FIRST, LATEST = "0001", "0001"
"""The revision that equals the tables made before there were revisions, and the newest one."""

_TABLES_LOCK = 20_121_120
"""Any number that nothing else in the database locks: the volume and issue of the article."""


def migrate(connection: sa.Connection) -> str:
    """Bring the tables to the latest revision, one process after the other; the revision now.

    A revision that this version does not know is of a later one, and is left alone. Raises
    sqlalchemy's errors; inside the transaction of ``connection``, so all or nothing.
    """
    # SQLite has begun with a lock (store); PostgreSQL is asked for one.
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TABLES_LOCK)))
    held = _revision(connection)
    if held == LATEST:
        return held
    # Alembic takes a third of a second to import; a database that is current needs none of it.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", "cds_service.feedback:migrations")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if held and held not in known:
        return held
    if not held and sa.inspect(connection).has_table("card_feedback"):
        command.stamp(config, FIRST)
    command.upgrade(config, "head")
    return _revision(connection)


def _revision(connection: sa.Connection) -> str:
    """The revision of the database; empty where there is none."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return ""
    version = sa.table("alembic_version", sa.column("version_num", sa.String))
    return str(connection.execute(sa.select(version.c.version_num)).scalar() or "")
