"""The MRD results of the relapse on a scale of powers of ten, with the lines that decide."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from cds_service.cards.markdown import visible_text
from cds_service.cards.words import CardWords
from cds_service.clinician_page.fact_words import ASSUMED, fraction_in_words
from cds_service.clinician_page.scales import DayScale, Decades, clipped, day_scale
from relapse_model.amounts import AmountRange, plain
from relapse_model.dates import DateRange
from relapse_model.decision import Decision
from relapse_model.facts import MrdResult, PatientFacts
from relapse_model.loader import Tables, tables
from relapse_model.mrd import result_class, time_points, why_unused

HIGHEST, LOWEST = 0, -6
"""Powers of ten at the ends of the scale: all cells, and below what any method detects."""

TOP = 26
HEIGHT = 216
LANE = TOP + HEIGHT + 22
"""Pixels: the scale of powers, and the lane below it for what has no place on it."""

_MOST_WEEKS = 8
"""Labels of weeks that fit below the chart."""

METHODS = {
    "flow": "flow cytometry",
    "pcr": "Ig/TCR PCR",
    "ngs": "sequencing (NGS)",
    "fusion_transcript": "fusion transcript",
    "unknown": "method not stated",
}
SPECIMENS = {
    "marrow": "bone marrow",
    "blood": "blood",
    "other": "another specimen",
    "unknown": "specimen not stated",
}
TIME_POINTS = {
    "tp1": "first time point",
    "tp2": "second time point",
    "off_window": "outside the time points",
    "early": "before the first time point",
}


@dataclass(frozen=True, slots=True)
class Point:
    """One result: where it stands, and everything that is known of it.

    ``kind``: exact, below (arrow down), above (arrow up), between (bar), unplaced (below the
    scale). ``top`` and ``bottom``: pixels of the highest and lowest fraction that it may be.
    """

    number: int
    kind: str
    method: str
    x: float
    x_end: float
    top: float
    bottom: float
    used: bool
    why_unused: str
    days: str
    day_of_therapy: str
    fraction: str
    text: str
    method_told: str
    specimen: str
    time_point: str
    told: str
    assumed: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A threshold on the scale; ``governing``: the one that allocates here."""

    fraction: str
    label: str
    y: float
    governing: bool


@dataclass(frozen=True, slots=True)
class Window:
    """One time point of the model, as days of the calendar."""

    label: str
    first: date
    last: date
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class MrdChart:
    """Everything that the chart shows."""

    scale: DayScale
    decades: Decades
    points: tuple[Point, ...]
    lines: tuple[Line, ...]
    windows: tuple[Window, ...]
    weeks: tuple[tuple[str, float], ...]
    counted_from: str
    used: bool
    unplaced: bool
    summary: str
    height: int


def mrd_chart(facts: PatientFacts, decision: Decision, words: CardWords) -> MrdChart | None:
    """The chart of all results on record; None without any."""
    if not facts.mrd:
        return None
    start, counted_from = _start(facts)
    model = tables()
    ends = [day for item in facts.mrd for day in clipped(item.taken) if day is not None]
    if start is not None:
        last = start + timedelta(days=model.whole("tp2_last_day"))
        ends += [start, last]
    scale = day_scale(ends)
    if scale is None:
        return None
    decades = Decades(HIGHEST, LOWEST, TOP, HEIGHT)
    results = sorted(facts.mrd, key=lambda item: (item.taken, item.text))
    points = tuple(
        _point(number, result, facts, scale, decades, model)
        for number, result in enumerate(results, start=1)
    )
    unplaced = any(point.kind == "unplaced" for point in points)
    return MrdChart(
        scale=scale,
        decades=decades,
        points=points,
        lines=tuple(_lines(decades, model)),
        windows=() if start is None else tuple(_windows(start, scale, model)),
        weeks=_weeks(start, scale),
        counted_from=counted_from,
        used=decision.mrd != "not_used",
        unplaced=unplaced,
        summary=_summary(points, decision, words),
        height=LANE + (26 if unplaced else 0) + 22,
    )


def _start(facts: PatientFacts) -> tuple[date | None, str]:
    """The one day that weeks are counted from, and what it is; None where it is no one day."""
    fact, told = facts.relapse_therapy_start, "start of relapse therapy"
    if fact is None:
        fact, told = facts.relapse_date, "relapse"
    ranges = tuple(fact.values)
    if len(ranges) == 1 and ranges[0].earliest == ranges[0].latest:
        return ranges[0].earliest, told
    return None, told


def _point(  # noqa: PLR0913, PLR0917 - a result, and what it is placed by
    number: int,
    result: MrdResult,
    facts: PatientFacts,
    scale: DayScale,
    decades: Decades,
    model: Tables,
) -> Point:
    earliest, latest = clipped(result.taken)
    why = why_unused(result)
    kind, top, bottom = _place(result.fraction, decades)
    slots = time_points(result, facts, model)
    klass = result_class(result, model)
    told = {"good": "below the line", "poor": "above the line", "borderline": "at the line"}
    return Point(
        number=number,
        kind=kind,
        method=result.method,
        x=0.0 if earliest is None else scale.percent(earliest),
        x_end=100.0 if latest is None else scale.percent(latest),
        top=top,
        bottom=bottom,
        used=not why,
        why_unused=why.removeprefix("not used: "),
        days=str(result.taken),
        day_of_therapy=_day(result.taken, facts),
        fraction=fraction_in_words(result.fraction),
        text=visible_text(result.text),
        method_told=METHODS.get(result.method, result.method),
        specimen=SPECIMENS.get(result.specimen, result.specimen),
        time_point=" or ".join(TIME_POINTS[slot] for slot in slots),
        told=told.get(klass, "cannot be read against the line"),
        assumed=result.evidence == ASSUMED,
    )


def _place(fraction: AmountRange | None, decades: Decades) -> tuple[str, float, float]:
    if fraction is None:
        return "unplaced", LANE + 12, LANE + 12
    low = decades.pixels(fraction.low)
    if fraction.high is None:
        return "above", low, low
    high = decades.pixels(fraction.high)
    if fraction.low == fraction.high:
        return ("below" if fraction.high == 0 else "exact"), high, high
    return ("below", high, high) if fraction.low == 0 else ("between", high, low)


def power(fraction: Decimal) -> str:
    """``1e-4`` for the label of a line; the number itself where it is no power of ten."""
    exponent = fraction.adjusted()
    return f"1e{exponent}" if fraction == Decimal(10) ** exponent else plain(fraction)


def _lines(decades: Decades, model: Tables) -> Iterator[Line]:
    for name, governing in (("mrd_other_cut_off", False), ("mrd_fraction", True)):
        limit = model.limit(name)
        percent = f"{plain(limit * 100)} %"
        told = "the article's line" if governing else "cut-off of other groups"
        yield Line(
            plain(limit), f"{power(limit)} ({percent}) {told}", decades.pixels(limit), governing
        )


def _windows(start: date, scale: DayScale, model: Tables) -> Iterator[Window]:
    for name, label in (("tp1", "week 5"), ("tp2", "week 12-13")):
        first = start + timedelta(days=model.whole(f"{name}_first_day"))
        last = start + timedelta(days=model.whole(f"{name}_last_day"))
        yield Window(label, first, last, scale.percent(first), scale.percent(last))


def _weeks(start: date | None, scale: DayScale) -> tuple[tuple[str, float], ...]:
    """Weeks of relapse therapy, or years of the calendar where its start is not one day."""
    if start is None:
        return scale.years()
    most = (scale.last - start).days // 7
    step = next(step for step in (2, 4, 8, 13, 26, 52, 104) if most / step <= 8)  # noqa: PLR2004 - labels that fit
    return tuple(
        (str(week), scale.percent(start + timedelta(weeks=week)))
        for week in range(0, most + 1, step)
    )


def _day(taken: DateRange, facts: PatientFacts) -> str:
    start, _ = _start(facts)
    if start is None or taken.earliest != taken.latest:
        return ""
    return f"day {(taken.earliest - start).days}"


def _summary(points: tuple[Point, ...], decision: Decision, words: CardWords) -> str:
    told = [
        f"{point.number}: {days_in_words_of(point)}, {point.fraction}, {point.method_told}"
        + (f", not used: {point.why_unused}" if point.why_unused else f", {point.told}")
        for point in points
    ]
    if decision.mrd != "not_used":
        told.append(f"class: {words.listed('mrd', [decision.mrd])}")
    return "; ".join(told) + "."


def days_in_words_of(point: Point) -> str:
    """When the sample was taken, as the reader sees it."""
    return point.days.replace("/", " to ")
