"""Regions of time: the orders of dates that the timing table tells apart.

The dates of a world fall into one region: a row of answers to "under 18 months from
diagnosis?", "on therapy, under 6 months, 6 months or more after its end?" and so on. Two regions
that share all dates but one show what that date decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from relapse_model.chronology import Chronology, Constraint, before, is_known, not_before
from relapse_model.table import DecisionTable, Rule
from relapse_model.worlds import Swing

BIRTH, DIAGNOSIS, CR1, END, RELAPSE = (
    "birth_date",
    "diagnosis_date",
    "cr1_date",
    "therapy_end",
    "relapse_date",
)


class Time(NamedTuple):
    """What the dates of one world say."""

    age: str
    timing: str


@dataclass(frozen=True, slots=True)
class Months:
    """The thresholds of this module, in calendar months; ``sensitive`` in days."""

    very_early: int
    late: int
    short_therapy: int
    premature_end: int
    adult: int
    sensitive: int


IRRELEVANT = ""


class Course(NamedTuple):
    """How first-line therapy stands to the relapse."""

    constraints: tuple[Constraint, ...]
    therapy_to_relapse: str
    therapy: str = "regular"
    on_therapy: str = "no"
    therapy_completed: str = IRRELEVANT
    premature: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """An order of the dates, the row of the timing table for it, and what follows."""

    constraints: tuple[Constraint, ...]
    course: Course
    rule: Rule
    time: Time


def possible_regions(
    table: DecisionTable, months: Months, *, birth_known: bool, diagnosis_known: bool
) -> Iterator[Region]:
    """Every region that dates can fall into."""
    ages: dict[str, tuple[Constraint, ...]] = {"child": ()}
    if birth_known:  # R-0b: a missing birth date is a caveat, not a question of age
        ages = {
            "child": (before(RELAPSE, BIRTH, months.adult),),
            "adult": (not_before(RELAPSE, BIRTH, months.adult),),
        }
    since_diagnosis = {
        "under_18_months": before(RELAPSE, DIAGNOSIS, months.very_early),
        "18_months_or_more": not_before(RELAPSE, DIAGNOSIS, months.very_early),
    }
    order = (
        not_before(DIAGNOSIS, BIRTH),
        not_before(CR1, DIAGNOSIS),
        not_before(RELAPSE, CR1),
        not_before("as_of", RELAPSE),
    )
    for age, of_age in ages.items():
        for diagnosis, diagnosis_constraint in since_diagnosis.items():
            for course in _courses(months, diagnosis, diagnosis_known=diagnosis_known):
                rule = table.rule(
                    diagnosis_to_relapse=diagnosis,
                    therapy_to_relapse=course.therapy_to_relapse,
                    therapy=course.therapy,
                )
                yield Region(
                    constraints=(*order, *of_age, diagnosis_constraint, *course.constraints),
                    course=course,
                    rule=rule,
                    time=Time(age, rule.then["timing"]),
                )


def _courses(months: Months, diagnosis: str, *, diagnosis_known: bool) -> Iterator[Course]:
    after_diagnosis = not_before(END, DIAGNOSIS)
    ended = (after_diagnosis, not_before(RELAPSE, END, days=1))
    late = (*ended, not_before(RELAPSE, END, months.late))
    plain = [
        Course((), "on_therapy", on_therapy="yes"),
        Course((after_diagnosis, before(RELAPSE, END, days=1)), "on_therapy"),
        Course((*ended, before(RELAPSE, END, months.late)), "under_6_months"),
    ]
    short = (before(END, DIAGNOSIS, months.short_therapy),)
    if diagnosis == "under_18_months":
        plain.append(Course(late, "6_months_or_more", premature=True))
    elif not diagnosis_known:
        plain.append(Course(late, "6_months_or_more"))
    else:
        regular = not_before(END, DIAGNOSIS, months.short_therapy)
        plain.append(Course((*late, regular), "6_months_or_more"))
        long_ago = not_before(RELAPSE, DIAGNOSIS, months.premature_end)
        plain.append(Course((*late, *short, long_ago), "6_months_or_more"))
    yield from plain
    if diagnosis != "under_18_months" and diagnosis_known:
        soon = (*late, *short, before(RELAPSE, DIAGNOSIS, months.premature_end))
        for completed, therapy in (("yes", "short_completed"), ("no", "short_abandoned")):
            yield Course(
                soon,
                "6_months_or_more",
                therapy,
                therapy_completed=completed,
                premature=True,
            )


def region_swings(regions: Sequence[Region], chronology: Chronology) -> dict[str, frozenset[Swing]]:
    """For every input, the pairs of results that differ by that input alone."""
    found: dict[str, set[Swing]] = {}
    pairs = [(one, two) for one, two in combinations(regions, 2) if one.time != two.time]
    unknown = {
        name: chronology.with_another(name, _another(name))
        for name in (BIRTH, DIAGNOSIS, END, RELAPSE)
        if pairs and not is_known(chronology.ranges[name])
    }
    for one, two in pairs:
        pair: Swing = frozenset({one.time, two.time})
        different = [
            name
            for name in ("on_therapy", "therapy_completed")
            if len({getattr(one.course, name), getattr(two.course, name)} - {IRRELEVANT}) > 1
        ]
        if different:
            both = (*one.constraints, *two.constraints)
            if len(different) == 1 and chronology.may_stand(both):
                found.setdefault(different[0], set()).add(pair)
            continue
        for name, doubled in unknown.items():
            if pair in found.get(name, set()):
                continue
            others = [rule.renamed(name, _another(name)) for rule in two.constraints]
            if doubled.may_stand((*one.constraints, *others)):
                found.setdefault(name, set()).add(pair)
    return {name: frozenset(swings) for name, swings in found.items()}


def _another(name: str) -> str:
    return f"another {name}"


def region_answers(regions: Sequence[Region]) -> dict[str, Mapping[str, frozenset[Time]]]:
    """Results by the state of therapy; dates answer by the timing they give (wanted.py)."""
    answers: dict[str, Mapping[str, frozenset[Time]]] = {}
    for name in ("on_therapy", "therapy_completed"):
        options = sorted({getattr(region.course, name) for region in regions} - {IRRELEVANT})
        answers[name] = {
            option: frozenset(
                region.time
                for region in regions
                if getattr(region.course, name) in (option, IRRELEVANT)
            )
            for option in options
        }
    timings = sorted({region.time.timing for region in regions})
    by_timing = {
        timing: frozenset(r.time for r in regions if r.time.timing == timing) for timing in timings
    }
    ages = {
        age: frozenset(region.time for region in regions if region.time.age == age)
        for age in sorted({region.time.age for region in regions})
    }
    return answers | {DIAGNOSIS: by_timing, END: by_timing, RELAPSE: by_timing, BIRTH: ages}
