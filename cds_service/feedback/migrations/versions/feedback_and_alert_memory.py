"""Feedback, and the two tables of alert fatigue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the three tables with their indexes."""
    op.create_table(
        "card_feedback",
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
    op.create_table(
        "shown_card",
        sa.Column("card", sa.String(36), primary_key=True),
        sa.Column("about", sa.String(64), nullable=False),
        sa.Column("decision", sa.String(64), nullable=False),
        sa.Column("at", sa.String(40), nullable=False, index=True),
    )
    op.create_table(
        "overridden_card",
        sa.Column("card", sa.String(36), primary_key=True),
        sa.Column("about", sa.String(64), nullable=False, index=True),
        sa.Column("decision", sa.String(64), nullable=False),
        sa.Column("at", sa.String(40), nullable=False, index=True),
    )
