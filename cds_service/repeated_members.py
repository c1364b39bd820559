"""Members of the hook that stand twice: two readers could take different ones of them.

JSON leaves open which of two members of the same name counts. In what the hook itself says, such
as whose record it is about, that must not be open. Within a FHIR resource the last one is read.

The decoder does not tell, and a second decoding of the whole body would cost as much as the first.
The values of the prefetch are known as slices of the body, so they are cut out of it; the little
that is left is looked at member by member.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from cds_service.body_errors import BodyNotJson, BodyTooLarge
from cds_service.errors import FieldRepeated

MOST_OUTSIDE: Final = 1_000_000
"""Bytes that the hook may have outside its prefetch."""
_HEAD: Final = 64
"""Bytes by which a value is looked for; shorter ones are not worth it."""
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset(
        {"hook", "hookInstance", "fhirServer", "fhirAuthorization", "context", "prefetch"}
    ),
    "context": frozenset({"patientId", "userId", "encounterId"}),
    "fhirAuthorization": frozenset(
        {"access_token", "token_type", "expires_in", "scope", "subject", "patient"}
    ),
}


def refuse_repeated_members(body: bytes, prefetch: Iterable[msgspec.Raw]) -> None:
    """Raise FieldRepeated for the first member of the hook that stands twice.

    ``body``: JSON that was decoded, an object; ``prefetch``: its prefetch values, in their order.
    Other repeated members are tolerated as unknown ones are. Raises BodyTooLarge where there is
    too much outside the prefetch, BodyNotJson where it is nested too deeply.
    """
    outside = _outside(body, prefetch)
    if len(outside) > MOST_OUTSIDE:
        raise BodyTooLarge(MOST_OUTSIDE, "The body without its prefetch")
    try:
        hook = json.loads(
            outside, object_pairs_hook=_Members, parse_int=str, parse_float=str, parse_constant=str
        )
    except (ValueError, RecursionError):
        raise BodyNotJson("The body is nested too deeply.") from None
    for name, fields in _FIELDS.items():
        part = hook.get(name) if name else hook
        for repeated in part.repeated & fields if isinstance(part, _Members) else ():
            raise FieldRepeated(f"{name}.{repeated}".lstrip("."))
    sent = hook.get("prefetch")
    if isinstance(sent, _Members) and sent.repeated:
        raise FieldRepeated("prefetch")


class _Members(dict[str, Any]):
    """An object and the names that stand in it more than once."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated: frozenset[str] = frozenset()
        if len(self) < len(pairs):
            times = Counter(name for name, _ in pairs)
            self.repeated = frozenset(name for name, count in times.items() if count > 1)


def _outside(body: bytes, prefetch: Iterable[msgspec.Raw]) -> bytes:
    """``body`` with a 0 in place of each long value of the prefetch."""
    parts, at = [], 0
    for value in map(bytes, prefetch):
        if len(value) < _HEAD:
            continue
        start = body.find(value[:_HEAD], at)
        while start >= 0 and not body.startswith(value, start):
            start = body.find(value[:_HEAD], start + 1)
        if start >= 0:
            parts += [body[at:start], b"0"]
            at = start + len(value)
    return b"".join([*parts, body[at:]])
