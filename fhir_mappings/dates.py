"""FHIR dates as intervals of days.

``2021`` is 1 January to 31 December 2021; a date-time is its own local date, whatever its time
zone says; a Period has a start and a span. What is not a date of FHIR, or lies outside a
living child's possible record, is None: never today, never a default.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from fhir_mappings.r4 import Extension, Period, Quantity
from relapse_model.dates import FIRST_DAY, LAST_DAY, DateRange, add_months, partial_date
from relapse_model.errors import FactsError

ASSERTED_DATE: Final = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"
_MOST_YEARS: Final = 120
_DATE: Final = re.compile(r"(\d{4}(?:-\d{2}(?:-\d{2})?)?)|(\d{4}-\d{2}-\d{2})T\S+")
_MONTHS: Final = {"a": 12, "mo": 1}
_DAYS: Final = {"wk": 7, "d": 1}


def days_of(text: str | None) -> DateRange | None:
    """The days that a FHIR date, dateTime or instant may mean; None where unreadable."""
    match = _DATE.fullmatch(text.strip()) if text else None
    if match is None:
        return None
    try:
        days = partial_date(match[1] or match[2])
    except FactsError:
        return None
    return days if days.earliest >= FIRST_DAY and days.latest <= LAST_DAY else None


def start_of(period: Period | None) -> DateRange | None:
    """When a Period began: its start, or any day up to its end."""
    if period is None:
        return None
    start, end = days_of(period.start), days_of(period.end)
    if start is not None or end is None:
        return start
    return DateRange(FIRST_DAY, end.latest)


def end_of(period: Period | None) -> DateRange | None:
    """When a Period ended."""
    return days_of(period.end) if period else None


def span_of(period: Period | None, as_of: date) -> DateRange | None:
    """All days of a Period; open ends reach back to the first day and on to ``as_of``."""
    if period is None:
        return None
    start, end = days_of(period.start), days_of(period.end)
    if start is None and end is None:
        return None
    first = start.earliest if start else FIRST_DAY
    last = end.latest if end else max(as_of, first)
    return DateRange(first, last) if first <= last else None


def at_age(age: Quantity | None, birth: DateRange | None) -> DateRange | None:
    """The days of life that an age (UCUM a, mo, wk, d) names, counted from the birth date."""
    if age is None or birth is None or age.value is None or age.comparator is not None:
        return None
    unit, value = age.code or age.unit or "", age.value
    if value < 0:
        return None
    if unit in _MONTHS and value * _MONTHS[unit] <= _MOST_YEARS * 12:
        months = value * _MONTHS[unit]
        whole = value == int(value)
        width = _MONTHS[unit] if whole else 1
        first = add_months(birth.earliest, int(months))
        last = add_months(birth.latest, int(months) + width) - timedelta(days=1)
        return DateRange(first, max(first, last))
    if unit in _DAYS and value * _DAYS[unit] <= Decimal(_MOST_YEARS * 366):
        days = int(value * _DAYS[unit])
        first = birth.earliest + timedelta(days=days)
        return DateRange(first, birth.latest + timedelta(days=days + _DAYS[unit] - 1))
    return None


def asserted(extensions: tuple[Extension, ...]) -> DateRange | None:
    """The date at which a Condition was asserted, from its standard extension."""
    for extension in extensions:
        if extension.url == ASSERTED_DATE:
            return days_of(extension.value_date_time or extension.value_date)
    return None


def first_of(ranges: list[DateRange]) -> DateRange | None:
    """When the first of several events happened: an exact minimum of intervals."""
    if not ranges:
        return None
    return DateRange(min(r.earliest for r in ranges), min(r.latest for r in ranges))


def last_of(ranges: list[DateRange]) -> DateRange | None:
    """When the last of several events happened: an exact maximum of intervals."""
    if not ranges:
        return None
    return DateRange(max(r.earliest for r in ranges), max(r.latest for r in ranges))


def gap(one: DateRange, other: DateRange) -> int:
    """Days between two intervals; 0 where they overlap."""
    if one.overlaps(other):
        return 0
    early, late = sorted((one, other))
    return (late.earliest - early.latest).days
