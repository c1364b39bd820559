"""What a card is about, and the id that says so.

The last three bytes of a card's uuid name its topic and confirm that it is one of ours. So feedback
can be counted per topic without a record of the cards that were sent: after a restart, on another
node, and with nothing about a patient.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from uuid import UUID, uuid4

from cds_service.cards.fixed_parts import FixedObject
from cds_service.cards.words import CARD_KINDS, CardWords

UNKNOWN = "unknown"
"""Topic of feedback about a card that is not of this service."""

_KIND = 13
_CHECKED = 14


def card_uuid(kind: str) -> str:
    """A new random UUID (version 4) that names ``kind``, one of CARD_KINDS; KeyError otherwise."""
    return str(_uuid(kind, uuid4().bytes))


def kind_of(uuid: UUID) -> str:
    """The kind of card that ``uuid`` was given to; ``unknown`` for any other UUID."""
    number = uuid.bytes[_KIND]
    if number >= len(CARD_KINDS) or uuid != _uuid(CARD_KINDS[number], uuid.bytes):
        return UNKNOWN
    return CARD_KINDS[number]


@lru_cache(maxsize=100)
def source(kind: str, words: CardWords) -> FixedObject:
    """``source`` of a card; its topic (cds-hooks_2.0@115) is stable, one for each kind."""
    return FixedObject(
        {
            "label": words.source["label"],
            "url": words.source["url"],
            "topic": {"system": words.source["topic_system"], **words.topics[kind]},
        }
    )


def _uuid(kind: str, random: bytes) -> UUID:
    head = random[:_KIND] + bytes([CARD_KINDS.index(kind)])
    return UUID(bytes=head + sha256(head).digest()[: 16 - _CHECKED])
