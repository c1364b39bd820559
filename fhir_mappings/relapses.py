"""Relapse events: which there are, how many, and when.

An event is (a) a relapse code, (b) an ALL Condition with clinicalStatus relapse or recurrence
that follows another, (c) such a Condition alone: relapsed, but its onset is the diagnosis, or
(d) a disease status of recurrence. Events within 30 days are one, dated by the earliest. A
later event is a new relapse only after a documented remission since the last.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from fhir_mappings.conditions import State
from fhir_mappings.dates import gap
from fhir_mappings.observations import Result
from fhir_mappings.readings import cited
from relapse_model.dates import LAST_DAY, DateRange

SAME_EVENT_DAYS: Final = 30
AT_RELAPSE_DAYS: Final = 14
DISEASE: Final = frozenset({"all", "all_b", "all_b_hint", "all_t"})
REMISSION: Final = frozenset({"all_remission", "all_b_remission", "all_t_remission"})
ALL_SETS: Final = DISEASE | REMISSION | {"all_relapse"}
_RELAPSED: Final = frozenset({"relapse", "recurrence"})
_MOST_DATES: Final = 12
_MOST: Final = 2
"""``relapse_number`` "2" means two or more."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One sign of a relapse; several may mean the same relapse."""

    when: DateRange | None
    certain: bool
    evidence: tuple[str, ...]
    element: str = ""
    """The element that dates it."""


class Relapses(msgspec.Struct, frozen=True, gc=False):
    """How many relapses there may have been, and when the one in question was."""

    numbers: frozenset[str]
    """Out of ``0``, ``1``, ``2``."""
    dates: tuple[DateRange, ...]
    """When the last relapse may have been; empty where no event has a date."""
    first: DateRange | None
    """When the first relapse was: what comes before it is first-line."""
    evidence: tuple[str, ...]
    elements: frozenset[str] = frozenset()
    """The elements by which the events are dated."""
    not_before: DateRange | None = None
    """CR1, else the diagnosis: an undated relapse came after it."""

    @property
    def possible(self) -> bool:
        """Whether there may have been a relapse at all."""
        return self.numbers != frozenset({"0"})

    def distance(self, when: DateRange | None) -> int | None:
        """Days between ``when`` and the relapse, if at relapse; None if not.

        With no date of the relapse, everything after CR1 may be at relapse, and so may what
        has no date itself.
        """
        if not self.possible:
            return None
        if not self.dates:
            baseline = self.not_before
            early = when and baseline and when.latest <= baseline.latest
            return None if early else 0
        if when is None:
            return None
        nearest = min(gap(when, relapse) for relapse in self.dates)
        return nearest if nearest <= AT_RELAPSE_DAYS else None

    def after(self, when: DateRange | None) -> frozenset[bool]:
        """Whether ``when`` may lie at or after the relapse (True), before it (False), or both."""
        if not self.possible:
            return frozenset({False})
        if when is None or not self.dates:
            return frozenset({False, True})
        if when.latest < min(relapse.earliest for relapse in self.dates):
            return frozenset({False})
        if when.earliest >= max(relapse.latest for relapse in self.dates):
            return frozenset({True})
        return frozenset({False, True})


def relapse_conditions(states: Sequence[State]) -> frozenset[str]:
    """References of Conditions that are themselves a relapse: cases (a) and (b).

    Case (b) says that it follows another, or began more than 30 days after one.
    """
    starts = [s.start.latest for s in states if s.sets & ALL_SETS and s.start is not None]
    first = min(starts, default=LAST_DAY)
    found = set()
    for state in states:
        relapsed = state.sets & ALL_SETS and state.clinical in _RELAPSED
        later = state.start is not None and ((state.start.earliest - first).days > SAME_EVENT_DAYS)
        if "all_relapse" in state.sets or (relapsed and (state.follows or later)):
            found.add(state.reference)
    return frozenset(found)


def events_of(states: Sequence[State], results: Sequence[Result]) -> list[Event]:
    """Every sign of a relapse, dated or not."""
    own = relapse_conditions(states)
    events: list[Event] = []
    for state in states:
        if state.reference in own:
            remission = bool(state.sets & REMISSION)
            when = None if remission else state.start
            named = state.dated_by if when else "code"
            events.append(Event(when, state.certain, (state.reference,), named))
        elif state.sets & ALL_SETS and state.clinical in _RELAPSED:
            events.append(Event(None, state.certain, (state.reference,), "clinicalStatus"))
    for result in results:
        told = "disease_status" in result.sets and "recurrence" in result.value_sets
        # A relapse written as a result is no diagnosis: possible, and a person must confirm it.
        hinted = "all_relapse" in result.sets and result.polarity != "negative"
        if told or hinted:
            named = "effective[x]" if result.when else result.element
            events.append(Event(result.when, told, (result.reference,), named))
    return events


def without_copied_onsets(
    events: Sequence[Event], diagnosis: DateRange | None
) -> tuple[list[Event], tuple[str, ...]]:
    """The events, of which none has the diagnosis for its date; references of those that had.

    Nothing relapses within 30 days of its diagnosis: such an onset was copied from the first
    Condition. The relapse stands, its date is unknown. So does one whose partial date is that of
    the diagnosis ("2022" and "2022"): taken literally it would always be a very early relapse.
    """
    if diagnosis is None:
        return list(events), ()
    kept: list[Event] = []
    copied: list[str] = []
    for event in events:
        if event.when is not None and (event.when == diagnosis or _is_same(event.when, diagnosis)):
            kept.append(msgspec.structs.replace(event, when=None))
            copied += event.evidence
        else:
            kept.append(event)
    return kept, cited(copied)


def relapses_of(events: Sequence[Event], remissions: Sequence[DateRange]) -> Relapses:
    """How many relapses the events are, given when a remission was documented."""
    groups = _groups(events)
    undated = [event for event in events if event.when is None]
    evidence = cited(ref for event in events for ref in event.evidence)
    elements = frozenset(event.element for event in events)
    if not groups:
        low = int(any(event.certain for event in undated))
        return Relapses(_numbers(low, int(bool(undated))), (), None, evidence, elements)
    low = 0
    candidates: list[DateRange] = []
    remission_between = _documented(remissions)
    for place, (when, certain) in enumerate(groups):
        previous = groups[place - 1][0] if place else None
        anew = previous is None or (
            not when.overlaps(previous, SAME_EVENT_DAYS) and remission_between(previous, when)
        )
        if certain and anew:
            low += 1
            candidates = []
        candidates.append(when)
        low = max(low, int(certain))
    low = max(low, int(any(event.certain for event in undated)))
    dates = _joined(candidates)
    return Relapses(_numbers(low, len(groups)), dates, groups[0][0], evidence, elements)


def _numbers(low: int, high: int) -> frozenset[str]:
    return frozenset(str(min(number, _MOST)) for number in range(low, high + 1))


def _joined(candidates: Sequence[DateRange]) -> tuple[DateRange, ...]:
    """The candidates; very many become the one range that holds them all."""
    if len(candidates) <= _MOST_DATES:
        return tuple(candidates)
    first = min(candidate.earliest for candidate in candidates)
    return (DateRange(first, max(candidate.latest for candidate in candidates)),)


def _groups(events: Sequence[Event]) -> list[tuple[DateRange, bool]]:
    """Dated events, those certainly within 30 days as one: its date, and whether certain."""
    dated: dict[DateRange, bool] = {}
    for event in events:
        if event.when is not None:
            dated[event.when] = dated.get(event.when, False) or event.certain
    found: list[tuple[DateRange, bool]] = []
    group: list[DateRange] = []
    for when in sorted(dated):
        if not _is_same(when, when):
            found.append((when, dated[when]))  # too imprecise to be the same as anything
            continue
        if group and not _is_same(when, group[-1]):
            found.append(_one(group, dated))
            group = []
        group.append(when)
    if group:
        found.append(_one(group, dated))
    return sorted(found)


def _one(group: list[DateRange], certain: dict[DateRange, bool]) -> tuple[DateRange, bool]:
    """The date of a group, which is that of its earliest event, and whether any is certain."""
    when = DateRange(min(day.earliest for day in group), min(day.latest for day in group))
    return when, any(certain[day] for day in group)


def _is_same(one: DateRange, other: DateRange) -> bool:
    """Whether two events are certainly within 30 days of each other."""
    first, last = min(one.earliest, other.earliest), max(one.latest, other.latest)
    return (last - first).days <= SAME_EVENT_DAYS


def _documented(remissions: Sequence[DateRange]) -> Callable[[DateRange, DateRange], bool]:
    """Whether a remission lies certainly after one day and before another."""
    known = sorted(set(remissions))
    starts = [remission.earliest for remission in known]
    first_end = [LAST_DAY] * (len(known) + 1)
    for place in range(len(known) - 1, -1, -1):
        first_end[place] = min(known[place].latest, first_end[place + 1])

    def between(one: DateRange, other: DateRange) -> bool:
        return first_end[bisect_right(starts, one.latest)] < other.earliest

    return between
