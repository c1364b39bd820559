"""What a client tells about a card: taken, or overridden (CDS Hooks 2.0 "Feedback").

Read exactly as specified, and leniently where clients differ: Epic writes ``overrideReasons`` and
puts the reason into an extension, and a Coding may come without display or system. What is kept is
ids of ours, published or site codes, and times: nothing about the patient.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from cds_service.body_errors import BodyNotAnObject, BodyNotJson
from cds_service.cards.topics import kind_of
from cds_service.errors import FieldMissing, FieldMistyped

ACCEPTED, OVERRIDDEN = "accepted", "overridden"
MOST_ITEMS = 1_000
LONGEST_COMMENT = 2_000
OTHER_REASON = "other"
"""A reason whose code is not a code: not kept, because it may hold anything."""

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-._#]{0,63}")
_SYSTEM = re.compile(r"(?:https?://|urn:)[A-Za-z0-9\-._:/#]{1,200}")
_EPIC = "com.epic.cdshooks.feedback.overrideReason.reasonTitle"


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFeedback:
    """One outcome of one card. ``outcome_at``: UTC, ISO 8601; ``topic``: kind of card."""

    card: str
    topic: str
    outcome: str
    outcome_at: str
    suggestions: tuple[str, ...] = ()
    reason_system: str = ""
    reason_code: str = ""
    user_comment: str = ""

    def key_of(self, client: str) -> str:
        """The same outcome told twice by one client (its ``iss``) has the same key."""
        told = [self.card, self.outcome, self.outcome_at, *self.suggestions, self.reason_code]
        if client:
            told.insert(0, client)
        return hashlib.sha256("\n".join(told).encode()).hexdigest()


def feedback_items(body: bytes, *, comments: bool) -> list[CardFeedback]:
    """Every outcome of one call; raises a MalformedRequest that names the field.

    ``comments``: keep ``userComment``, free text that may name a patient; off unless asked for.
    """
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BodyNotJson("The body must be JSON in UTF-8.") from None
    if not isinstance(document, dict):
        raise BodyNotAnObject
    items = document.get("feedback")
    if items is None:
        raise FieldMissing("feedback")
    if not isinstance(items, list) or len(items) > MOST_ITEMS:
        raise FieldMistyped("feedback", f"an array of at most {MOST_ITEMS} outcomes")
    return [_item(item, f"feedback[{place}]", comments) for place, item in enumerate(items)]


def _item(item: Any, where: str, comments: bool) -> CardFeedback:  # noqa: ANN401 - any JSON value
    if not isinstance(item, dict):
        raise FieldMistyped(where, "an object")
    card = _uuid(item.get("card"), f"{where}.card")
    outcome = item.get("outcome")
    if not isinstance(outcome, str) or outcome not in {ACCEPTED, OVERRIDDEN}:
        raise FieldMistyped(f"{where}.outcome", f"{ACCEPTED} or {OVERRIDDEN}")
    system, code, comment = _reason(item)
    return CardFeedback(
        card=str(card),
        topic=kind_of(card),
        outcome=outcome,
        outcome_at=_time(item.get("outcomeTimestamp"), f"{where}.outcomeTimestamp"),
        suggestions=tuple(_suggestions(item.get("acceptedSuggestions"), where)),
        reason_system=system,
        reason_code=code,
        user_comment=comment if comments else "",
    )


def _uuid(value: Any, where: str) -> UUID:  # noqa: ANN401 - any JSON value
    if value is None:
        raise FieldMissing(where)
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError):
        raise FieldMistyped(where, "the uuid of a card or suggestion") from None


def _time(value: Any, where: str) -> str:  # noqa: ANN401 - any JSON value
    """RFC 3339 with any offset, as UTC to the microsecond."""
    if value is None:
        raise FieldMissing(where)
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise FieldMistyped(where, "a time with its offset from UTC")
        return moment.astimezone(UTC).isoformat()
    except (TypeError, ValueError, OverflowError):
        raise FieldMistyped(where, "a time as of RFC 3339") from None


def _suggestions(value: Any, where: str) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    if not isinstance(value, list):
        return
    for place, item in enumerate(value[:MOST_ITEMS]):
        at = f"{where}.acceptedSuggestions[{place}].id"
        yield str(_uuid(item.get("id") if isinstance(item, dict) else None, at))


def _reason(item: dict[str, Any]) -> tuple[str, str, str]:
    """System and code of the reason, and the comment; Epic's names for them too."""
    told = item.get("overrideReason", item.get("overrideReasons"))
    if isinstance(told, list):
        told = told[0] if told else None
    if not isinstance(told, dict):
        return "", "", ""
    comment = told.get("userComment")
    text = comment[:LONGEST_COMMENT].replace("\0", "") if isinstance(comment, str) else ""
    reason = told.get("reason")
    if isinstance(reason, dict):
        system, code = reason.get("system"), reason.get("code")
    else:
        extension = told.get("extension")
        system = None
        code = extension.get(_EPIC) if isinstance(extension, dict) else None
    if code is None:
        return "", "", text
    known = isinstance(code, str) and _CODE.fullmatch(code)
    url = system if isinstance(system, str) and _SYSTEM.fullmatch(system) else ""
    return url, (str(code) if known else OTHER_REASON), text
