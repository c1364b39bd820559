"""Dates as they are known: a range of days, and calendar months.

R-T1 of the clinical model: months are calendar months, clamped to the end of the month
(2020-08-31 + 18 months = 2022-02-28).
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta

from relapse_model.errors import FactsError

FIRST_DAY = date(1900, 1, 1)
"""Earlier than any event of a child's record: the lower end of an unknown date."""

LAST_DAY = date(2199, 12, 31)
"""Later than any event of a child's record: the upper end of an unknown date."""

_SHORTEST_MONTH = 28
"""Days that every month has."""

_PARTIAL = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


@dataclass(frozen=True, slots=True, order=True)
class DateRange:
    """All days from ``earliest`` to ``latest``, both included; one day is a known date."""

    earliest: date
    latest: date

    def __post_init__(self) -> None:
        """Refuse an empty range: an unknown date is a wide one, never none."""
        if self.latest < self.earliest:
            raise ValueError(f"{self.latest} is before {self.earliest}")

    def __contains__(self, day: date) -> bool:
        """Whether the event may have happened on ``day``."""
        return self.earliest <= day <= self.latest

    def __str__(self) -> str:
        """Shortest ISO 8601 form: ``2021-03-04``, ``2021-03``, ``2021`` or ``a/b``."""
        first, last = self.earliest, self.latest
        if first == last:
            return first.isoformat()
        if first.day == 1 and last == _last_day(last.year, last.month):
            if (first.year, first.month) == (last.year, last.month):
                return first.isoformat()[: len("2021-03")]
            if first.year == last.year and (first.month, last.month) == (1, 12):
                return first.isoformat()[: len("2021")]
        return f"{first.isoformat()}/{last.isoformat()}"

    def overlaps(self, other: DateRange, days: int = 0) -> bool:
        """Whether some day of each lies within ``days`` of the other."""
        gap = timedelta(days=days)
        return self.earliest <= other.latest + gap and other.earliest <= self.latest + gap


def known(day: date) -> DateRange:
    """The range of one day."""
    return DateRange(day, day)


def partial_date(text: str, field: str = "date") -> DateRange:
    """Read ``YYYY``, ``YYYY-MM`` or ``YYYY-MM-DD`` as the days it may mean.

    Raises FactsError naming ``field`` for anything else, impossible days included.
    """
    match = _PARTIAL.fullmatch(text)
    if match is None:
        raise FactsError(field, "is not a date of the form YYYY, YYYY-MM or YYYY-MM-DD")
    year, month, day = match.groups()
    try:
        if day is not None:
            return known(date(int(year), int(month), int(day)))
        if month is not None:
            return DateRange(date(int(year), int(month), 1), _last_day(int(year), int(month)))
        return DateRange(date(int(year), 1, 1), date(int(year), 12, 31))
    except ValueError as error:
        raise FactsError(field, "is not a day of the calendar") from error


def add_months(day: date, months: int) -> date:
    """``day`` plus calendar ``months`` (negative allowed), clamped to the end of the month."""
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    month = month0 + 1
    if day.day <= _SHORTEST_MONTH:
        return date(year, month, day.day)
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def add_days(day: date, days: int) -> date:
    """``day`` plus ``days`` (negative allowed)."""
    return day + timedelta(days=days)


def _last_day(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])
