"""A card that was overridden is not shown again for a while, unless its decision changed.

Off by default. Kept are keyed hashes: of user, patient and topic together, and of the decision.
Without the key, which is a setting and never stored, neither can be told from another.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from cds_service.cards.topics import kind_of
from cds_service.config import Config
from cds_service.errors import StorageUnavailable
from cds_service.feedback.outcomes import OVERRIDDEN as WAS_OVERRIDDEN
from cds_service.feedback.outcomes import CardFeedback
from cds_service.feedback.store import OVERRIDDEN, SHOWN, FeedbackStore, insert_new
from relapse_model.decision import Decision

ALWAYS_SHOWN = frozenset({"unreadable"})
"""Kinds of card that are never held back: an empty list would be taken for an all-clear."""

_NOT_DECIDED = ("facts", "statements")


def alert_memory(config: Config, store: FeedbackStore) -> AlertMemory | None:
    """What alert fatigue remembers; None where it is switched off."""
    if not config.alert_fatigue_hours:
        return None
    return AlertMemory(store, config.alert_fatigue_key.encode(), config.alert_fatigue_hours)


@dataclass(frozen=True, slots=True)
class AlertMemory:
    """What was overridden, for ``hours`` hours, under ``key`` (bytes, a secret of the site)."""

    store: FeedbackStore
    key: bytes
    hours: int

    def without_overridden(
        self, cards: Sequence[dict[str, Any]], user: str, patient: str, decision: Decision
    ) -> list[dict[str, Any]]:
        """``cards`` but those that this user overrode lately; the others are remembered as shown.

        Where the database cannot be reached every card is shown.
        """
        if not user:
            return list(cards)
        digest = self._digest(_decided(decision))
        abouts = [self._about(card, user, patient) for card in cards]
        now = datetime.now(UTC)
        since = (now - timedelta(hours=self.hours)).isoformat()
        try:
            with self.store.engine().begin() as connection:
                _forget(connection, since)
                held = _held(connection, abouts, digest, since)
                shown = [
                    (card, about)
                    for card, about in zip(cards, abouts, strict=True)
                    if about not in held or kind_of(UUID(card["uuid"])) in ALWAYS_SHOWN
                ]
                for card, about in shown:
                    row = {
                        "card": card["uuid"],
                        "about": about,
                        "decision": digest,
                        "at": now.isoformat(),
                    }
                    insert_new(connection, SHOWN, row)
        except SQLAlchemyError:
            return list(cards)
        return [card for card, _ in shown]

    def remember(self, items: Iterable[CardFeedback]) -> None:
        """Note which shown cards were overridden. Raises StorageUnavailable (503)."""
        cards = [item.card for item in items if item.outcome == WAS_OVERRIDDEN]
        now = datetime.now(UTC).isoformat()
        try:
            with self.store.engine().begin() as connection:
                query = sa.select(SHOWN).where(SHOWN.c.card.in_(cards))
                for row in connection.execute(query).mappings().all():
                    insert_new(connection, OVERRIDDEN, {**row, "at": now})
        except SQLAlchemyError as error:
            raise StorageUnavailable from error

    def _about(self, card: dict[str, Any], user: str, patient: str) -> str:
        return self._digest([user, patient, kind_of(UUID(card["uuid"]))])

    def _digest(self, value: object) -> str:
        text = json.dumps(value, sort_keys=True).encode()
        return hmac.new(self.key, text, hashlib.sha256).hexdigest()


def _decided(decision: Decision) -> dict[str, Any]:
    """What the decision says, without the record it was read from."""
    return {name: value for name, value in decision.document().items() if name not in _NOT_DECIDED}


def _held(connection: sa.Connection, abouts: list[str], digest: str, since: str) -> set[str]:
    query = sa.select(OVERRIDDEN.c.about).where(
        OVERRIDDEN.c.about.in_(abouts),
        OVERRIDDEN.c.decision == digest,
        OVERRIDDEN.c.at >= since,
    )
    return {str(row.about) for row in connection.execute(query)}


def _forget(connection: sa.Connection, before: str) -> None:
    for table in (SHOWN, OVERRIDDEN):
        connection.execute(sa.delete(table).where(table.c.at < before))
