"""Readings: what one resource says of one fact, and the fact that several of them make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Generic, TypeVar

import msgspec

from relapse_model.dates import DateRange
from relapse_model.facts import Fact

V = TypeVar("V")
MOST_EVIDENCE: Final = 20
"""References named in one remark or fact; the rest is only counted."""


class Reading(msgspec.Struct, Generic[V], frozen=True, gc=False):
    """The values that one resource leaves possible, and the element that says so.

    ``when``: the days on which it was observed or done; None where the resource has no date.
    """

    values: frozenset[V]
    reference: str
    element: str = ""
    when: DateRange | None = None


def fact_of(
    readings: Sequence[Reading[V]], values: Iterable[V] | None = None, note: str = ""
) -> Fact[V] | None:
    """The fact that ``readings`` make together; None for silence.

    ``values``: what they come to, where that is not simply everything that one of them says.
    """
    if not readings:
        return None
    said = frozenset(values) if values is not None else _all_values(readings)
    return Fact(
        said,
        cited(reading.reference for reading in readings),
        with_elements(note, (reading.element for reading in readings)),
        hull(reading.when for reading in readings),
    )


def strongest(readings: Sequence[Reading[Any]], proof: str) -> Fact[Any] | None:
    """``proof`` where one source proves it, else all that is possible; None for silence."""
    proved = any(reading.values == {proof} for reading in readings)
    return fact_of(readings, {proof} if proved else None)


def with_elements(note: str, elements: Iterable[str]) -> str:
    """``note``, and the elements that a fact was read from."""
    named = sorted({element for element in elements if element})
    told = f"read from {', '.join(named)}" if named else ""
    return "; ".join(part for part in (note, told) if part)


def hull(days: Iterable[DateRange | None]) -> DateRange | None:
    """The shortest range that holds all known days; None where none is known."""
    known = [day for day in days if day is not None]
    if not known:
        return None
    return DateRange(min(day.earliest for day in known), max(day.latest for day in known))


def cited(references: Iterable[str]) -> tuple[str, ...]:
    """References as evidence: sorted, once each, and not more than a person would read."""
    return tuple(sorted(set(references))[:MOST_EVIDENCE])


def _all_values(readings: Sequence[Reading[V]]) -> frozenset[V]:
    return frozenset[V]().union(*(reading.values for reading in readings))
