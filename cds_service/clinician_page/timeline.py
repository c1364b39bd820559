"""The course of one child on a scale of days, with the bands that the governing definition gives.

The bands are the model's own answer to "if the relapse had been on this day", asked once between
any two days on which that answer may change; they hold no threshold of their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from cds_service.cards.words import CardWords
from cds_service.clinician_page.fact_words import ASSUMED
from cds_service.clinician_page.scales import (
    DayScale,
    clipped,
    day_scale,
    days_in_words,
    months_between,
    shifted,
)
from relapse_model.dates import FIRST_DAY, LAST_DAY, DateRange
from relapse_model.decision import Decision
from relapse_model.definitions import definitions_at
from relapse_model.facts import Fact, PatientFacts
from relapse_model.loader import tables
from relapse_model.timing import time_worlds

EVENTS = {
    "diagnosis_date": "Diagnosis",
    "cr1_date": "First remission",
    "therapy_end": "End of therapy",
    "relapse_date": "Relapse",
    "relapse_therapy_start": "Relapse therapy",
}
"""The dates of the course, in their order."""

ASKED_FOR = ("diagnosis_date", "cr1_date", "therapy_end", "relapse_date")
"""Dates whose absence is told."""

ROW = 34
LIMIT_ROW = 19
TOP = 42
"""Pixels: height of the row of an event and of a limit, and where the first row begins."""

_SIDE = 45
"""Percent of the width that the words of a limit need beside it."""

_ROOM = 14
"""Percent of the width that the name of a band between two classes needs."""


@dataclass(frozen=True, slots=True)
class Span:
    """The days that a date may be, on the scale in percent; ``days`` as ISO 8601."""

    days: str
    start: float
    end: float
    told: str
    open_start: bool = False
    open_end: bool = False

    @property
    def exact(self) -> bool:
        """Whether it is one day."""
        return self.start == self.end and not (self.open_start or self.open_end)


@dataclass(frozen=True, slots=True)
class Event:
    """One date of the course: where it may stand, and what is said beside it."""

    fact: str
    label: str
    spans: tuple[Span, ...]
    told: str
    y: int
    since_diagnosis: str = ""
    evidence: tuple[str, ...] = ()
    conflict: bool = False
    assumed: bool = False

    @property
    def start(self) -> float:
        """Left end of all spans, in percent."""
        return min(span.start for span in self.spans)

    @property
    def end(self) -> float:
        """Right end of all spans, in percent."""
        return max(span.end for span in self.spans)

    @property
    def label_left(self) -> bool:
        """Whether the words stand left of the mark, where there is more room."""
        return self.start > 100 - self.end


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of days on which a relapse would have this time."""

    timings: tuple[str, ...]
    label: str
    first: date
    last: date
    start: float
    end: float
    line: int
    """Line of its name, 0 or 1; -1 where there is no room for one."""

    @property
    def kind(self) -> str:
        """Name for the pattern: one timing, or ``open``."""
        return self.timings[0] if len(self.timings) == 1 else "open"


@dataclass(frozen=True, slots=True)
class LimitMark:
    """A day that a definition counts to; ``governing``: the one of Table 1."""

    name: str
    label: str
    span: Span
    y: int
    governing: bool

    @property
    def side(self) -> str:
        """Where its words stand: left or right of it, or on it where neither has room."""
        left, right = self.span.start, 100 - self.span.end
        if max(left, right) < _SIDE:
            return "on"
        return "left" if left > right else "right"


@dataclass(frozen=True, slots=True)
class Timeline:
    """Everything that the chart shows.

    ``missing``: dates that are not on record. ``on_therapy``: the relapse came on first-line
    therapy, which therefore has no end.
    """

    scale: DayScale
    events: tuple[Event, ...]
    bands: tuple[Band, ...]
    limits: tuple[LimitMark, ...]
    missing: tuple[str, ...]
    on_therapy: bool
    conflicts: tuple[str, ...]
    summary: str
    height: int
    axis: int


def timeline(facts: PatientFacts, decision: Decision, words: CardWords) -> Timeline | None:
    """The timeline of one decision; None where no date is on record."""
    known = _known(facts)
    limits = _limits(facts, known, decision)
    ends = [
        day
        for days in (
            *(item for _, found in known.values() for item in found),
            *(days for _, _, days, _ in limits),
        )
        for day in clipped(days)
        if day is not None
    ]
    scale = day_scale(ends)
    if scale is None:
        return None
    wrong = {name for pair in decision.conflicts for name in pair}
    events = tuple(_events(facts, known, scale, decision, words, wrong))
    bands = tuple(_bands(facts, scale, words)) if decision.timing else ()
    below = TOP + ROW * len(events) + 6
    marks = tuple(
        LimitMark(name, label, _span(days, scale), below + LIMIT_ROW * number, governing)
        for number, (name, label, days, governing) in enumerate(limits)
    )
    axis = below + LIMIT_ROW * len(marks) + 4
    on_therapy = bool(decision.timing) and facts.on_therapy.values == {"yes"}
    missing = tuple(
        EVENTS[name].lower()
        for name in ASKED_FOR
        if name not in known and not (name == "therapy_end" and on_therapy)
    )
    conflicts = tuple(_conflicts(decision))
    return Timeline(
        scale=scale,
        events=events,
        bands=bands,
        limits=marks,
        missing=missing,
        on_therapy=on_therapy,
        conflicts=conflicts,
        summary=_summary(events, decision, words, (missing, on_therapy)),
        height=axis + 24,
        axis=axis,
    )


Known = Mapping[str, tuple[Fact[DateRange], tuple[DateRange, ...]]]


def _known(facts: PatientFacts) -> Known:
    """The dates of which anything is known, with their ranges."""
    found = {}
    for name in EVENTS:
        fact = getattr(facts, name)
        if fact is None:
            continue
        ranges = tuple(sorted(item for item in fact.values if clipped(item) != (None, None)))
        if ranges:
            found[name] = (fact, ranges)
    return found


def _span(days: DateRange, scale: DayScale) -> Span:
    earliest, latest = clipped(days)
    return Span(
        days=str(days),
        start=0.0 if earliest is None else scale.percent(earliest),
        end=100.0 if latest is None else scale.percent(latest),
        told=days_in_words(days),
        open_start=earliest is None,
        open_end=latest is None,
    )


def _events(  # noqa: PLR0913, PLR0917 - what one row is made of
    facts: PatientFacts,
    known: Known,
    scale: DayScale,
    decision: Decision,
    words: CardWords,
    wrong: set[str],
) -> Iterator[Event]:
    diagnosis = known.get("diagnosis_date", (None, ()))[1]
    rows: list[tuple[str, str, tuple[DateRange, ...], tuple[str, ...]]] = [
        (name, EVENTS[name], ranges, fact.evidence) for name, (fact, ranges) in known.items()
    ]
    for name, label in (
        ("prior_hsct", "Transplantation before"),
        ("hsct_after_relapse", "Transplantation since"),
    ):
        fact = getattr(facts, name)
        if fact.values == {"yes"} and fact.taken is not None:
            rows.append((name, label, (fact.taken,), fact.evidence))
    if facts.mrd:
        days = tuple(sorted({result.taken for result in facts.mrd}))
        evidence = tuple(dict.fromkeys(name for item in facts.mrd for name in item.evidence))
        rows.append(("mrd", "MRD sample" if len(days) == 1 else "MRD samples", days, evidence))
    for number, (name, label, ranges, evidence) in enumerate(rows):
        told = " or ".join(days_in_words(item) for item in ranges)
        if name == "mrd" and len(ranges) > 1:
            told = f"{len(ranges)} dates, first {days_in_words(ranges[0])}"
        if name == "relapse_date" and decision.timing:
            told = f"{told}: {words.listed('timing', decision.timing)}"
        if name in wrong:
            told = f"{told} (contradicts)"
        yield Event(
            fact=name,
            label=label,
            spans=tuple(_span(item, scale) for item in ranges),
            told=told,
            y=TOP + ROW * number,
            since_diagnosis=(
                months_between(diagnosis[0], ranges[0])
                if len(diagnosis) == len(ranges) == 1 and name != "diagnosis_date"
                else ""
            ),
            evidence=evidence,
            conflict=name in wrong,
            assumed=evidence == ASSUMED,
        )


def _limits(
    facts: PatientFacts, known: Known, decision: Decision
) -> list[tuple[str, str, DateRange, bool]]:
    """The days that divide the classes: those that govern, and those of other definitions."""
    model = tables()
    governing = {
        "early": ("diagnosis_date", model.whole("very_early_months"), "diagnosis"),
        "late": ("therapy_end", model.whole("late_months"), "end of therapy"),
    }
    found = []
    for limit in decision.limits:
        anchor, months, told = governing[limit.name]
        label = f"{told} + {months} mo"
        found += [(limit.name, label, shifted(item, months), True) for item in known[anchor][1]]
    if decision.timing and facts.relapse_number.values == {"1"}:
        for item in definitions_at(decision.site, model):
            for days in known.get(item.anchor, (None, ()))[1]:
                told = item.name.partition(" (")[0]
                anchor = "CR1" if item.anchor == "cr1_date" else "diagnosis"
                label = f"{_SHORT.get(told, told)}: {anchor} + {item.months} mo"
                found.append((item.name, label, shifted(days, item.months), False))
    return found


_SHORT = {"BFM as in the article's text": "BFM text", "Article's abstract": "Abstract"}


def _bands(facts: PatientFacts, scale: DayScale, words: CardWords) -> Iterator[Band]:
    """Stretches of days with what the model says of a relapse in them."""
    days = sorted({scale.first, *_changes(facts, scale), scale.last})
    merged: list[tuple[tuple[str, ...], date, date]] = []
    for first, last in pairwise(days):
        timings = timings_on(facts, first)
        if merged and merged[-1][0] == timings:
            merged[-1] = (timings, merged[-1][1], last)
        else:
            merged.append((timings, first, last))
    line = 0
    for timings, first, last in merged:
        if timings:
            start, end = scale.percent(first), scale.percent(last)
            label = words.listed("timing", timings)
            named = len(timings) == 1 or end - start > _ROOM
            yield Band(timings, label, first, last, start, end, line % 2 if named else -1)
            line += named


def _changes(facts: PatientFacts, scale: DayScale) -> set[date]:
    """The days on which the answer may change, within the scale."""
    model = tables()
    months = {
        "diagnosis_date": ("very_early_months", "premature_end_months"),
        "therapy_end": ("late_months",),
    }
    found = set()
    for name, limits in months.items():
        for item in getattr(facts, name).values:
            for day in clipped(item):
                found.add(day)
            for limit in limits:
                found.update(clipped(shifted(item, model.whole(limit))))
    return {day for day in found if day is not None and scale.first < day < scale.last}


def timings_on(facts: PatientFacts, day: date) -> tuple[str, ...]:
    """Every time that a relapse on ``day`` may have had; none before the diagnosis."""
    asked = facts.with_facts(
        relapse_date=Fact(frozenset({DateRange(day, day)})),
        relapse_number=Fact(frozenset({"1"})),
        cr1_date=Fact(frozenset({DateRange(FIRST_DAY, LAST_DAY)})),
        birth_date=Fact(frozenset({DateRange(FIRST_DAY, LAST_DAY)})),
        as_of=max(facts.as_of, day + timedelta(days=1)),
    )
    return tuple(sorted({time.timing for time in time_worlds(asked, tables()).spread.results}))


def _conflicts(decision: Decision) -> Iterator[str]:
    facts = tables().facts
    for earlier, later in decision.conflicts:
        names = [facts[name].label if name in facts else "today" for name in (earlier, later)]
        yield f"{names[0]} is later than {names[1]}"


def _summary(
    events: tuple[Event, ...],
    decision: Decision,
    words: CardWords,
    gaps: tuple[tuple[str, ...], bool],
) -> str:
    missing, on_therapy = gaps
    told = [f"{event.label} {event.told}" for event in events]
    if missing:
        told.append(f"not on record: {', '.join(missing)}")
    if on_therapy:
        told.append("relapse on first-line therapy")
    if decision.timing:
        told.append(f"time of relapse: {words.listed('timing', decision.timing)}")
    return "; ".join(told) + "."
