"""What a card is about, and the id that says so.

The last three bytes of a card's uuid name its topic and confirm that it is one of ours. So feedback
can be counted per topic without a record of the cards that were sent: after a restart, on another
node, and with nothing about a patient.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from uuid import UUID

from cds_service.cards.fixed_parts import FixedObject
from cds_service.cards.words import CARD_KINDS, CardWords
from cds_service.random_ids import random_uuid

UNKNOWN = "unknown"
"""Topic of feedback about a card that is not of this service."""

_KIND = 13


def card_uuid(kind: str) -> str:
    """A new random UUID that names ``kind``, one of CARD_KINDS; ValueError otherwise."""
    return _confirmed(f"{random_uuid()[:-6]}{CARD_KINDS.index(kind):02x}")


def kind_of(uuid: UUID) -> str:
    """The kind of card that ``uuid`` was given to; ``unknown`` for any other UUID."""
    number = uuid.bytes[_KIND]
    known = number < len(CARD_KINDS) and str(uuid) == _confirmed(str(uuid)[:-4])
    return CARD_KINDS[number] if known else UNKNOWN


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


def _confirmed(start: str) -> str:
    """The UUID that starts so, with the digest of its first fourteen bytes as the last two."""
    return f"{start}{sha256(bytes.fromhex(start.replace('-', ''))).hexdigest()[:4]}"
