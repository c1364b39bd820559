"""Run by Alembic: its revisions, over the connection that ``migrate`` hands it."""

from __future__ import annotations

from alembic import context

from cds_service.feedback.store import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,  # SQLite alters a table by making it again
)
with context.begin_transaction():
    context.run_migrations()
