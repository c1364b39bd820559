"""Which results stand: an amended one replaces what it amends, and one told twice is one.

A result amends what shares its code and an identifier; where one of the two has no identifier,
what shares its code, words and day. Of several amended ones the last issued stands. Two sources
may tell one result: the same code, words, specimen and value on the same day, or a day apart where
one of them is a moment in another time zone. Then the local date counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from fhir_mappings.conditions import text_of
from fhir_mappings.dates import days_of, gap
from fhir_mappings.r4 import Concept, Observation
from fhir_mappings.r4_bundle import Held

AMENDING: Final = frozenset({"amended", "corrected"})

Item = Held[Observation]


def standing(items: Sequence[Item]) -> list[Item]:
    """What stands after amendments, each result once."""
    issued: dict[tuple[object, ...], str] = {}
    for item in items:
        observation = item.resource
        if observation.status in AMENDING:
            own = (
                *_by_identifier(observation),
                _by_day(observation, identified=bool(observation.identifier)),
            )
            for key in own:
                issued[key] = max(issued.get(key, ""), observation.issued or "")
    if issued:
        items = [item for item in items if not _is_replaced(item.resource, issued)]
    return _once(items)


def sent_codes(concept: Concept | None) -> frozenset[tuple[str, str]]:
    """(system, code) of every coding that has both."""
    return frozenset(
        (coding.system.strip(), coding.code.strip())
        for coding in (concept.coding if concept else ())
        if coding.system and coding.code
    )


def _is_replaced(observation: Observation, issued: dict[tuple[object, ...], str]) -> bool:
    keys = [*_by_identifier(observation), _by_day(observation, identified=False)]
    if not observation.identifier:
        keys.append(_by_day(observation, identified=True))
    found = [issued[key] for key in keys if key in issued]
    if observation.status in AMENDING:
        return any(stamp > (observation.issued or "") for stamp in found)
    return bool(found)


def _by_identifier(observation: Observation) -> list[tuple[object, ...]]:
    code = sent_codes(observation.code)
    return [(code, identifier) for identifier in observation.identifier]


def _by_day(observation: Observation, *, identified: bool) -> tuple[object, ...]:
    """Code, words and day of a result, and whether the amending one has an identifier."""
    day = days_of(observation.effective_date_time)
    return (sent_codes(observation.code), text_of(observation.code), day, identified)


def _once(items: Sequence[Item]) -> list[Item]:
    """Without the moments that another result of the same content gives as a local date."""
    if not any(_is_moment(item.resource) for item in items):
        return list(items)
    dated: dict[bytes, list[Item]] = {}
    for item in items:
        if not _is_moment(item.resource) and days_of(item.resource.effective_date_time):
            dated.setdefault(_content(item.resource), []).append(item)
    return [item for item in items if not _is_told(item.resource, dated)]


def _is_told(observation: Observation, dated: dict[bytes, list[Item]]) -> bool:
    when = days_of(observation.effective_date_time)
    if when is None or not dated or not _is_moment(observation):
        return False
    return any(
        (local := days_of(other.resource.effective_date_time)) is not None and gap(local, when) <= 1
        for other in dated.get(_content(observation), [])
    )


def _is_moment(observation: Observation) -> bool:
    return "T" in (observation.effective_date_time or "")


def _content(observation: Observation) -> bytes:
    """Everything that a result says, apart from who says it and when."""
    return msgspec.json.encode(
        (
            observation.code,
            observation.value_quantity,
            observation.value_codeable_concept,
            observation.value_string,
            observation.value_ratio,
            observation.value_boolean,
            observation.body_site,
            observation.method,
            observation.component,
            [bytes(raw).decode("utf-8", "replace") for raw in observation.contained],
            observation.specimen if not observation.contained else None,
        )
    )
