"""Time of relapse and age at relapse, in every world that the dates allow.

The dates of a world fall into one *region*: a row of answers to "under 18 months from
diagnosis?", "on therapy, under 6 months, 6 months or more after its end?" and so on. A region
is possible when the recorded ranges allow its order of dates (``chronology``). Two regions
that share all dates but one show what that date decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import NamedTuple

from relapse_model.chronology import Constraint, Ranges, before, earliest_days, not_before
from relapse_model.dates import FIRST_DAY, LAST_DAY, DateRange, add_months
from relapse_model.decision import Alternative, Limit
from relapse_model.definitions import (
    ABSTRACT,
    BFM_TEXT,
    COG_TIME,
    Definition,
    OtherTiming,
    other_timings,
)
from relapse_model.facts import ANY_DAY, Fact, PatientFacts
from relapse_model.loader import Tables
from relapse_model.table import DecisionTable, Rule
from relapse_model.worlds import Spread, Swing

BIRTH, DIAGNOSIS, CR1, END, RELAPSE = (
    "birth_date",
    "diagnosis_date",
    "cr1_date",
    "therapy_end",
    "relapse_date",
)

EARLIER_LATER = (
    (BIRTH, DIAGNOSIS),
    (DIAGNOSIS, CR1),
    (DIAGNOSIS, END),
    (DIAGNOSIS, RELAPSE),
    (CR1, RELAPSE),
)
"""Orders that hold in every child (R-0c); an end of therapy after the relapse is allowed."""


class Time(NamedTuple):
    """What the dates of one world say."""

    age: str
    timing: str


@dataclass(frozen=True, slots=True)
class TimeWorlds:
    """What the dates say in all worlds.

    ``impossible``: pairs of facts (earlier, later) whose order is certainly wrong; no world is
    left then. ``fired``: the rows of the timing table that may fire. ``others``: what the
    article's other definitions may say. ``surrogate``: shown where the end of therapy is unknown.
    ``limits``: the days that divide the classes, where the date they are counted from is known.
    """

    spread: Spread[Time]
    flags: frozenset[str]
    fired: tuple[tuple[str, Rule], ...]
    impossible: tuple[tuple[str, str], ...]
    others: frozenset[OtherTiming] = frozenset()
    surrogate: tuple[Alternative, ...] = ()
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class _Months:
    """The thresholds of this module, in calendar months; ``sensitive`` in days."""

    very_early: int
    late: int
    short_therapy: int
    premature_end: int
    adult: int
    sensitive: int


IRRELEVANT = ""


class _Course(NamedTuple):
    """How first-line therapy stands to the relapse."""

    constraints: tuple[Constraint, ...]
    therapy_to_relapse: str
    therapy: str = "regular"
    on_therapy: str = "no"
    therapy_completed: str = IRRELEVANT
    premature: bool = False


@dataclass(frozen=True, slots=True)
class _Region:
    """An order of the dates, the row of the timing table for it, and what follows."""

    constraints: tuple[Constraint, ...]
    course: _Course
    rule: Rule
    time: Time


def time_worlds(facts: PatientFacts, tables: Tables) -> TimeWorlds:
    """Timing and age in every world of the dates; see TimeWorlds."""
    facts = _with_known_course(facts)
    wrong = _impossible_orders(facts)
    if wrong:
        return TimeWorlds(Spread(frozenset(), {}, {}), frozenset(), (), wrong)
    months = _Months(
        very_early=tables.whole("very_early_months"),
        late=tables.whole("late_months"),
        short_therapy=tables.whole("short_therapy_months"),
        premature_end=tables.whole("premature_end_months"),
        adult=12 * tables.whole("adult_years"),
        sensitive=tables.whole("date_sensitive_days"),
    )
    ranges = _ranges(facts)
    diagnosis_known = ranges[DIAGNOSIS][0].earliest > FIRST_DAY
    regions = [
        region
        for region in _regions(
            tables.decision["timing"],
            months,
            birth_known=facts.birth_date.values != ANY_DAY.values,
            diagnosis_known=diagnosis_known,
        )
        if region.course.on_therapy in facts.on_therapy.values
        and region.course.therapy_completed in (*facts.therapy_completed.values, IRRELEVANT)
        and earliest_days(ranges, region.constraints) is not None
    ]
    if not regions:  # each pair of dates may be right, all of them together cannot
        return TimeWorlds(
            Spread(frozenset(), {}, {}), frozenset(), (), ((DIAGNOSIS, RELAPSE), (CR1, END))
        )
    fired = {region.rule.id: region.rule for region in regions}
    orders = [(region.time.timing, region.constraints) for region in regions]
    others = other_timings(orders, ranges, _definitions(tables))
    surrogate = _surrogate(facts, orders, ranges, others, tables)
    return TimeWorlds(
        Spread(
            frozenset(region.time for region in regions),
            _swings(regions, ranges),
            _answers(regions),
        ),
        _flags(regions, ranges, facts, months) | ({"SURROGATE_TIMING"} if surrogate else set()),
        tuple(("timing", rule) for rule in fired.values()),
        (),
        others,
        surrogate,
        _limits(facts, ranges, months),
    )


def _limits(facts: PatientFacts, ranges: Ranges, months: _Months) -> tuple[Limit, ...]:
    """Diagnosis + 18 months, and the end of therapy + 6 months where therapy has ended."""
    anchors = [("early", DIAGNOSIS, months.very_early)]
    if facts.on_therapy.values == {"no"}:
        anchors.append(("late", END, months.late))
    return tuple(
        Limit(
            name,
            str(
                DateRange(
                    add_months(ranges[anchor][0].earliest, count),
                    add_months(ranges[anchor][-1].latest, count),
                )
            ),
        )
        for name, anchor, count in anchors
        if ranges[anchor][0].earliest > FIRST_DAY and ranges[anchor][-1].latest < LAST_DAY
    )


def _definitions(tables: Tables) -> tuple[Definition, ...]:
    return (
        Definition(BFM_TEXT, CR1, tables.whole("bfm_text_late_months")),
        Definition(ABSTRACT, DIAGNOSIS, tables.whole("abstract_late_months")),
        Definition(COG_TIME, DIAGNOSIS, tables.whole("cog_late_months")),
    )


def _surrogate(
    facts: PatientFacts,
    orders: list[tuple[str, tuple[Constraint, ...]]],
    ranges: Ranges,
    others: frozenset[OtherTiming],
    tables: Tables,
) -> tuple[Alternative, ...]:
    """T-i: another definition, labelled, where it is unknown whether and when therapy ended."""
    timings = {timing for timing, _ in orders}
    if len(facts.on_therapy.values) == 1 or timings != {"early", "late"}:
        return ()
    for name in (BFM_TEXT, ABSTRACT):
        classes = {item.other for item in others if item.definition == name}
        if classes:
            limits = (
                before(RELAPSE, DIAGNOSIS, tables.whole("surrogate_early_months")),
                not_before(RELAPSE, DIAGNOSIS, tables.whole("surrogate_late_months")),
            )
            known = ranges[DIAGNOSIS][0].earliest > FIRST_DAY
            confident = known and any(
                all(
                    earliest_days(ranges, (*constraints, _opposite(limit))) is None
                    for _, constraints in orders
                )
                for limit in limits
            )
            told = " or ".join(sorted(classes))
            label = f"{told} ({'high' if confident else 'low'} confidence)"
            return (Alternative(f"Surrogate: {name}", label),)
    return ()


def _opposite(limit: Constraint) -> Constraint:
    return replace(limit, before=not limit.before)


def _with_known_course(facts: PatientFacts) -> PatientFacts:
    """Read "no relapse" as today, and a recorded end of therapy as "not on therapy"."""
    if facts.relapse_number.values == {"0"}:
        today = Fact(frozenset({DateRange(facts.as_of, facts.as_of)}))
        facts = facts.with_facts(relapse_date=today)
    end_known = facts.therapy_end.values != ANY_DAY.values
    if end_known and len(facts.on_therapy.values) > 1:
        facts = facts.with_facts(on_therapy=Fact(frozenset({"no"})))
    return facts


def _ranges(facts: PatientFacts) -> Ranges:
    today = DateRange(facts.as_of, facts.as_of)
    found = {
        name: tuple(sorted(getattr(facts, name).values))
        for name in (BIRTH, DIAGNOSIS, CR1, END, RELAPSE)
    }
    return {**found, "as_of": (today,)}


def _regions(
    table: DecisionTable, months: _Months, *, birth_known: bool, diagnosis_known: bool
) -> Iterator[_Region]:
    """Every region that dates can fall into."""
    ages = {"child": before(RELAPSE, BIRTH, months.adult)}
    if birth_known:  # R-0b: a missing birth date is a caveat, not a question of age
        ages["adult"] = not_before(RELAPSE, BIRTH, months.adult)
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
    for age, age_constraint in ages.items():
        for diagnosis, diagnosis_constraint in since_diagnosis.items():
            for course in _courses(months, diagnosis, diagnosis_known=diagnosis_known):
                rule = table.rule(
                    diagnosis_to_relapse=diagnosis,
                    therapy_to_relapse=course.therapy_to_relapse,
                    therapy=course.therapy,
                )
                yield _Region(
                    constraints=(*order, age_constraint, diagnosis_constraint, *course.constraints),
                    course=course,
                    rule=rule,
                    time=Time(age, rule.then["timing"]),
                )


def _courses(months: _Months, diagnosis: str, *, diagnosis_known: bool) -> Iterator[_Course]:
    after_diagnosis = not_before(END, DIAGNOSIS)
    ended = (after_diagnosis, not_before(RELAPSE, END, days=1))
    late = (*ended, not_before(RELAPSE, END, months.late))
    plain = [
        _Course((), "on_therapy", on_therapy="yes"),
        _Course((after_diagnosis, not_before(END, RELAPSE)), "on_therapy"),
        _Course((*ended, before(RELAPSE, END, months.late)), "under_6_months"),
    ]
    short = (before(END, DIAGNOSIS, months.short_therapy),)
    if diagnosis == "under_18_months":
        plain.append(_Course(late, "6_months_or_more", premature=True))
    elif not diagnosis_known:
        plain.append(_Course(late, "6_months_or_more"))
    else:
        regular = not_before(END, DIAGNOSIS, months.short_therapy)
        plain.append(_Course((*late, regular), "6_months_or_more"))
        long_ago = not_before(RELAPSE, DIAGNOSIS, months.premature_end)
        plain.append(_Course((*late, *short, long_ago), "6_months_or_more"))
    yield from plain
    if diagnosis != "under_18_months" and diagnosis_known:
        soon = (*late, *short, before(RELAPSE, DIAGNOSIS, months.premature_end))
        for completed, therapy in (("yes", "short_completed"), ("no", "short_abandoned")):
            yield _Course(
                soon,
                "6_months_or_more",
                therapy,
                therapy_completed=completed,
                premature=True,
            )


def _swings(regions: list[_Region], ranges: Ranges) -> dict[str, frozenset[Swing]]:
    """For every input, the pairs of results that differ by that input alone."""
    found: dict[str, set[Swing]] = {}
    pairs = [(one, two) for one, two in combinations(regions, 2) if one.time != two.time]
    for one, two in pairs:
        pair: Swing = frozenset({one.time, two.time})
        different = [
            name
            for name in ("on_therapy", "therapy_completed")
            if len({getattr(one.course, name), getattr(two.course, name)} - {IRRELEVANT}) > 1
        ]
        if different:
            both = (*one.constraints, *two.constraints)
            if len(different) == 1 and earliest_days(ranges, both) is not None:
                found.setdefault(different[0], set()).add(pair)
            continue
        for name in (BIRTH, DIAGNOSIS, END, RELAPSE):
            if pair in found.get(name, set()) or _single(ranges[name]):
                continue
            other = f"another {name}"
            constraints = (
                *one.constraints,
                *(rule.renamed(name, other) for rule in two.constraints),
            )
            if earliest_days({**ranges, other: ranges[name]}, constraints) is not None:
                found.setdefault(name, set()).add(pair)
    return {name: frozenset(swings) for name, swings in found.items()}


def _single(ranges: tuple[DateRange, ...]) -> bool:
    return len(ranges) == 1 and ranges[0].earliest == ranges[0].latest


def _answers(regions: list[_Region]) -> dict[str, Mapping[str, frozenset[Time]]]:
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


def _flags(
    regions: list[_Region], ranges: Ranges, facts: PatientFacts, months: _Months
) -> frozenset[str]:
    flags = set()
    if all(region.course.premature for region in regions):
        flags.add("PREMATURE_DISCONTINUATION")
    limits = [(DIAGNOSIS, months.very_early)]
    if facts.on_therapy.values == {"no"}:
        limits.append((END, months.late))
    known = {name for name in ranges if ranges[name][0].earliest > FIRST_DAY}
    for name, limit in limits:
        near = (
            not_before(RELAPSE, name, limit, days=-months.sensitive),
            before(RELAPSE, name, limit, days=months.sensitive + 1),
        )
        if {name, RELAPSE} <= known and any(
            earliest_days(ranges, (*region.constraints, *near)) is not None
            for region in regions
            if not (name == END and region.course.therapy_to_relapse == "on_therapy")
        ):
            flags.add("DATE_SENSITIVE")
    if (
        END in known
        and facts.on_therapy.values == {"no"}
        and min(item.earliest for item in ranges[END])
        > max(item.latest for item in ranges[RELAPSE])
    ):
        flags.add("THERAPY_END_AFTER_RELAPSE")
    return frozenset(flags)


def _impossible_orders(facts: PatientFacts) -> tuple[tuple[str, str], ...]:
    """Pairs of facts that are certainly in the wrong order, "as_of" standing for today (R-0c)."""
    ranges = _ranges(facts)
    pairs = (*EARLIER_LATER, (DIAGNOSIS, "as_of"), (RELAPSE, "as_of"))
    return tuple(
        (earlier, later)
        for earlier, later in pairs
        if min(item.earliest for item in ranges[earlier])
        > max(item.latest for item in ranges[later])
    )
