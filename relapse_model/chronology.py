"""Whether dates known only as ranges can stand in a given order.

An order is a set of constraints "later is before earlier + months" or "later is not before
earlier + months". Each of them only ever pushes a date later, so the earliest day of every date
that is forced by the ranges and the constraints is itself a solution, if there is any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property
from typing import NamedTuple

from relapse_model.dates import DateRange, add_days, add_months

Ranges = Mapping[str, tuple[DateRange, ...]]
"""Sorted ranges of each date, meaning their union."""


class Constraint(NamedTuple):
    """``later`` is before (or is not before) ``earlier`` plus calendar months plus days."""

    later: str
    earlier: str
    months: int
    before: bool
    days: int = 0

    def opposite(self) -> Constraint:
        """What holds exactly where this does not."""
        return Constraint(self.later, self.earlier, self.months, not self.before, self.days)

    def renamed(self, name: str, to: str) -> Constraint:
        """The same constraint on another copy of one date."""
        later = to if self.later == name else self.later
        earlier = to if self.earlier == name else self.earlier
        return Constraint(later, earlier, self.months, self.before, self.days)


def before(later: str, earlier: str, months: int = 0, days: int = 0) -> Constraint:
    """``later`` < ``earlier`` + months + days."""
    return Constraint(later, earlier, months, before=True, days=days)


def not_before(later: str, earlier: str, months: int = 0, days: int = 0) -> Constraint:
    """``later`` >= ``earlier`` + months + days."""
    return Constraint(later, earlier, months, before=False, days=days)


class Chronology:
    """The orders in which the dates of one child can stand.

    ``held``: the constraints that some two days of their dates satisfy, each asked in both
    directions. ``ranges``: looked at only where two constraints of an order are open.
    """

    def __init__(self, held: frozenset[Constraint], ranges: Ranges) -> None:
        """See the class."""
        self.held = held
        self.ranges = ranges

    def may_stand(self, constraints: Iterable[Constraint]) -> bool:
        """Whether some day of every date satisfies all the constraints together.

        A constraint whose opposite never holds is certain, and one open constraint alone can be
        met; from two on their days have to be found.
        """
        rules = tuple(constraints)
        if not self.held.issuperset(rules):
            return False
        open_rules = dict.fromkeys(rule for rule in rules if rule in self._open)
        if any(self._open[rule] in open_rules for rule in open_rules):
            return False
        return len(open_rules) <= 1 or earliest_days(self.ranges, open_rules) is not None

    def is_certain(self, rule: Constraint) -> bool:
        """Whether it was asked, and its opposite never holds."""
        return rule in self.held and rule not in self._open

    @cached_property
    def _open(self) -> dict[Constraint, Constraint]:
        """The constraints that some days satisfy and others do not, each with its opposite."""
        opposites = ((rule, rule.opposite()) for rule in self.held)
        return {rule: opposite for rule, opposite in opposites if opposite in self.held}

    def with_another(self, name: str, copy: str) -> Chronology:
        """These dates with a second, independent copy of one of them."""
        copies = (rule.renamed(name, copy) for rule in self.held)
        return Chronology(self.held.union(copies), {**self.ranges, copy: self.ranges[name]})


def both_ways(constraints: Iterable[Constraint]) -> tuple[tuple[Constraint, Constraint], ...]:
    """Each constraint once, as the pair (before, not before)."""
    found = {rule if rule.before else rule.opposite(): None for rule in constraints}
    return tuple((rule, rule.opposite()) for rule in found)


def held_by(
    ranges: Ranges, questions: Iterable[tuple[Constraint, Constraint]]
) -> frozenset[Constraint]:
    """The constraints that some two days of their dates satisfy: adding months keeps their order.

    ``questions``: see both_ways.
    """
    spans = {name: (found[0].earliest, _latest(found)) for name, found in ranges.items()}
    found = set()
    for is_before, is_not_before in questions:
        first, last = spans[is_before.later]
        earliest, latest = spans[is_before.earlier]
        limit = _shifted(earliest, is_before)
        if last >= limit:
            found.add(is_not_before)
        if first < (limit if latest == earliest else _shifted(latest, is_before)):
            found.add(is_before)
    return frozenset(found)


def is_known(ranges: tuple[DateRange, ...]) -> bool:
    """Whether one day is left."""
    return len(ranges) == 1 and ranges[0].earliest == ranges[0].latest


def _latest(ranges: tuple[DateRange, ...]) -> date:
    return max(item.latest for item in ranges)


def earliest_days(ranges: Ranges, constraints: Iterable[Constraint]) -> dict[str, date] | None:
    """The earliest day of every date that satisfies the constraints, or None if none can.

    Without a contradiction a push travels along a chain of dates once; the clamping of month
    ends can add a few days on the way, hence some more rounds before giving up.
    """
    days = {name: found[0].earliest for name, found in ranges.items()}
    rules = tuple(constraints)
    for _ in range(3 * len(days) + 3):
        settled = True
        for rule in rules:
            name, needed = _pushed(rule, days)
            if needed <= days[name]:
                continue
            day = _first_possible(ranges[name], needed)
            if day is None:
                return None
            days[name] = day
            settled = False
        if settled:
            return days
    return None


def _pushed(rule: Constraint, days: Mapping[str, date]) -> tuple[str, date]:
    """The date that the constraint pushes, and the first day it allows."""
    if not rule.before:
        return rule.later, _shifted(days[rule.earlier], rule)
    later, day = days[rule.later], days[rule.earlier]
    if _shifted(day, rule) > later:
        return rule.earlier, day
    # Clamping moves a day by at most three: start below and walk up.
    day = max(day, add_days(add_months(add_days(later, -rule.days), -rule.months), -3))
    while _shifted(day, rule) <= later:
        day = add_days(day, 1)
    return rule.earlier, day


def _shifted(day: date, rule: Constraint) -> date:
    moved = add_months(day, rule.months) if rule.months else day
    return add_days(moved, rule.days) if rule.days else moved


def _first_possible(ranges: tuple[DateRange, ...], needed: date) -> date | None:
    for item in ranges:
        if needed <= item.latest:
            return max(needed, item.earliest)
    return None
