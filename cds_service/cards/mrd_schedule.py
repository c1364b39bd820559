"""When MRD is measured next: the two time points of the model, in days of relapse therapy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from relapse_model.decision import Decision
from relapse_model.loader import tables

_START = ("relapse_therapy_start", "relapse_date")


@dataclass(frozen=True, slots=True)
class TimePoint:
    """One window: ``name`` tp1 or tp2, its days of relapse therapy, its dates where known."""

    name: str
    first_day: int
    last_day: int
    first: date | None = None
    last: date | None = None
    from_relapse: bool = False


@dataclass(frozen=True, slots=True)
class NextMrd:
    """What comes next: a time point; or ``passed``, both are over without a usable result."""

    point: TimePoint | None = None
    passed: bool = False

    def without_days(self) -> UndatedMrd:
        """The same without the days of one child."""
        point = self.point
        if point is None:
            return UndatedMrd(passed=self.passed)
        return UndatedMrd(point.name, point.first is not None, point.from_relapse)


@dataclass(frozen=True, slots=True)
class UndatedMrd:
    """What comes next, whenever: ``name`` of the time point, "" for none; whether it has dates."""

    name: str = ""
    dated: bool = False
    from_relapse: bool = False
    passed: bool = False


def next_mrd(decision: Decision, as_of: date | None) -> NextMrd:
    """The next measurement that the decision waits for; nothing where MRD has been decisive.

    ``as_of``: the day of the question; None leaves the first time point open.
    """
    if decision.mrd in {"poor", "borderline"}:
        return NextMrd()
    start, from_relapse = _start(decision)
    points = [_point(name, start, from_relapse=from_relapse) for name in ("tp1", "tp2")]
    if decision.mrd == "good":
        points = points[1:]
        if _measured(decision, points[0]):
            return NextMrd()
    for point in points:
        if as_of is None or point.last is None or as_of <= point.last:
            return NextMrd(point)
    return NextMrd(passed=decision.mrd != "good")


def _start(decision: Decision) -> tuple[date | None, bool]:
    """Start of relapse therapy, else the relapse itself, where one exact day is on record."""
    for name in _START:
        for report in decision.facts:
            if report.fact == name and report.evidence:
                day = _exact(report.values)
                return day, name == "relapse_date" and day is not None
    return None, False


def _exact(values: tuple[str, ...]) -> date | None:
    try:
        (text,) = values
        return date.fromisoformat(text)
    except ValueError:
        return None


def _point(name: str, start: date | None, *, from_relapse: bool) -> TimePoint:
    first, last = tables().whole(f"{name}_first_day"), tables().whole(f"{name}_last_day")
    if start is None:
        return TimePoint(name, first, last)
    days = (start + timedelta(days=first), start + timedelta(days=last))
    return TimePoint(name, first, last, *days, from_relapse)


def _measured(decision: Decision, point: TimePoint) -> bool:
    if point.first is None or point.last is None:
        return False
    days = [_exact((report.taken,)) for report in decision.facts if report.fact == "mrd"]
    return any(day is not None and point.first <= day <= point.last for day in days)
