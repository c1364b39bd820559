"""Whether dates known only as ranges can stand in a given order.

An order is a set of constraints "later is before earlier + months" or "later is not before
earlier + months". Each of them only ever pushes a date later, so the earliest day of every date
that is forced by the ranges and the constraints is itself a solution, if there is any.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
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
        return self._replace(before=not self.before)

    def renamed(self, name: str, to: str) -> Constraint:
        """The same constraint on another copy of one date."""
        return self._replace(
            later=to if self.later == name else self.later,
            earlier=to if self.earlier == name else self.earlier,
        )


def before(later: str, earlier: str, months: int = 0, days: int = 0) -> Constraint:
    """``later`` < ``earlier`` + months + days."""
    return Constraint(later, earlier, months, before=True, days=days)


def not_before(later: str, earlier: str, months: int = 0, days: int = 0) -> Constraint:
    """``later`` >= ``earlier`` + months + days."""
    return Constraint(later, earlier, months, before=False, days=days)


class Chronology:
    """The dates of one child, each known as ranges, and the orders in which they can stand."""

    def __init__(self, ranges: Ranges) -> None:
        """No order was asked for yet."""
        self.ranges = ranges
        self._all_known = all(is_known(found) for found in ranges.values())
        self._held: dict[Constraint, bool] = {}

    def may_stand(self, constraints: Iterable[Constraint]) -> bool:
        """Whether some day of every date satisfies all the constraints together.

        A constraint that no two days of its dates satisfy settles it, and so do two that are
        opposites; where every date is known, each constraint on its own does.
        """
        rules = tuple(constraints)
        if not all(self._may_hold(rule) for rule in reversed(rules)):  # the telling ones come last
            return False
        if self._all_known:
            return True
        together = set(rules)
        if any(rule.opposite() in together for rule in rules if rule.before):
            return False
        return earliest_days(self.ranges, rules) is not None

    def with_another(self, name: str, copy: str) -> Chronology:
        """These dates with a second, independent copy of one of them."""
        return Chronology({**self.ranges, copy: self.ranges[name]})

    def _may_hold(self, rule: Constraint) -> bool:
        """Whether two days of its dates satisfy it: adding months keeps days in order."""
        held = self._held.get(rule)
        if held is None:
            later, earlier = self.ranges[rule.later], self.ranges[rule.earlier]
            if rule.before:
                held = later[0].earliest < _shifted(_latest(earlier), rule)
            else:
                held = _latest(later) >= _shifted(earlier[0].earliest, rule)
            self._held[rule] = held
        return held


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
