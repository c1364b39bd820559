"""Scales of the charts: where a day or an amount stands.

Across, a chart gives percentages of its width, so that it fits a telephone and a sheet of A4 with
the same lettering; downwards it gives pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import log10

from relapse_model.dates import FIRST_DAY, LAST_DAY, DateRange, add_months


@dataclass(frozen=True, slots=True)
class DayScale:
    """Days from ``first`` (0 %) to ``last`` (100 %)."""

    first: date
    last: date

    def percent(self, day: date) -> float:
        """Where ``day`` stands, in percent of the width; outside the scale, its nearer end."""
        share = (day - self.first).days / (self.last - self.first).days
        return round(100 * min(max(share, 0.0), 1.0), 3)

    def years(self, most: int = 8) -> tuple[tuple[str, float], ...]:
        """First days of years, at most ``most`` of them, with their places."""
        years = range(self.first.year + 1, self.last.year + 1)
        step = -(-len(years) // most) or 1
        return tuple((str(year), self.percent(date(year, 1, 1))) for year in years[::step])


def day_scale(days: Iterable[date], margin: float = 0.06) -> DayScale | None:
    """A scale that holds all ``days`` and ``margin`` of their span on either side; None without."""
    known = [day for day in days if FIRST_DAY < day < LAST_DAY]
    if not known:
        return None
    first, last = min(known), max(known)
    room = timedelta(days=max(14, int((last - first).days * margin)))
    return DayScale(first - room, last + room)


@dataclass(frozen=True, slots=True)
class Decades:
    """A logarithmic scale of fractions, from ``highest`` at ``top`` px down to ``lowest``."""

    highest: int
    lowest: int
    top: float
    height: float

    def pixels(self, fraction: Decimal) -> float:
        """Where ``fraction`` stands, in pixels from the top; outside the scale, its nearer end."""
        power = log10(fraction) if fraction > 0 else self.lowest
        share = (self.highest - power) / (self.highest - self.lowest)
        return round(self.top + self.height * min(max(share, 0.0), 1.0), 2)

    def ticks(self) -> tuple[tuple[int, float], ...]:
        """Every power of ten with its place."""
        powers = range(self.highest, self.lowest - 1, -1)
        return tuple((power, self.pixels(Decimal(10) ** power)) for power in powers)


def clipped(days: DateRange) -> tuple[date | None, date | None]:
    """Earliest and latest day, None where that side is open."""
    return (
        days.earliest if days.earliest > FIRST_DAY else None,
        days.latest if days.latest < LAST_DAY else None,
    )


def days_in_words(days: DateRange) -> str:
    """``2021-03-04``, ``2021-03``, ``2021-03-01 to 2021-04-15``, ``no later than ...``."""
    earliest, latest = clipped(days)
    if earliest is None and latest is None:
        return "not known"
    if earliest is None:
        return f"no later than {latest}"
    if latest is None:
        return f"no earlier than {earliest}"
    return str(days).replace("/", " to ")


def shifted(days: DateRange, months: int) -> DateRange:
    """``days`` plus calendar months; an open end stays open."""
    earliest, latest = clipped(days)
    return DateRange(
        FIRST_DAY if earliest is None else add_months(earliest, months),
        LAST_DAY if latest is None else add_months(latest, months),
    )


def months_between(earlier: DateRange, later: DateRange) -> str:
    """Completed calendar months from one date to another, ``29`` or ``28 to 30``; empty if open."""
    first, last = clipped(earlier)
    start, end = clipped(later)
    if first is None or last is None or start is None or end is None or start < last:
        return ""
    least, most = _months(last, start), _months(first, end)
    return str(least) if least == most else f"{least} to {most}"


def _months(first: date, last: date) -> int:
    months = 12 * (last.year - first.year) + last.month - first.month
    return months if add_months(first, months) <= last else months - 1
