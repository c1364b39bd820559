"""Time of relapse and age at relapse, in every world that the dates allow.

The dates of a world fall into one region (``regions``), which is possible when the recorded
ranges allow its order of dates (``chronology``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from relapse_model.chronology import (
    Chronology,
    Constraint,
    Ranges,
    before,
    both_ways,
    held_by,
    not_before,
)
from relapse_model.dates import FIRST_DAY, LAST_DAY, DateRange, add_months
from relapse_model.decision import Alternative, Limit
from relapse_model.definitions import (
    ABSTRACT,
    BFM_TEXT,
    Definition,
    OtherTiming,
    definitions,
    other_timings,
)
from relapse_model.facts import ANY_DAY, PatientFacts
from relapse_model.loader import Tables
from relapse_model.regions import (
    BIRTH,
    CR1,
    DIAGNOSIS,
    END,
    IRRELEVANT,
    RELAPSE,
    Months,
    Region,
    Time,
    possible_regions,
    region_answers,
    region_swings,
)
from relapse_model.table import Rule
from relapse_model.worlds import Spread, Swing

ORDERS = {
    (earlier, later): not_before(later, earlier)
    for earlier, later in (
        (BIRTH, DIAGNOSIS),
        (DIAGNOSIS, CR1),
        (DIAGNOSIS, END),
        (DIAGNOSIS, RELAPSE),
        (CR1, RELAPSE),
        (DIAGNOSIS, "as_of"),
        (RELAPSE, "as_of"),
    )
}
"""Orders (earlier, later) that hold in every child (R-0c), "as_of" standing for today."""

ENDED_AFTER = before(RELAPSE, END)
"""Therapy ended after the relapse: allowed, but told."""

NO_WORLD: Spread[Time] = Spread(frozenset(), {}, {})
"""No order of the dates can be true."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """What is asked of the dates of all children of whom as much is known.

    ``regions``: those to tell apart. ``definitions``: the other ones that can be applied.
    ``near``: from some days before to some days after each day that divides two classes.
    ``surrogate``: what makes it certain; None where it is known whether therapy ended.
    ``both_ways``: all of it.
    """

    regions: tuple[Region, ...]
    definitions: tuple[Definition, ...]
    near: tuple[tuple[Constraint, Constraint], ...]
    surrogate: tuple[Constraint, ...] | None
    both_ways: tuple[tuple[Constraint, Constraint], ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """What follows from the orders in which the dates may stand; see TimeWorlds."""

    regions: tuple[Region, ...]
    fired: tuple[tuple[str, Rule], ...]
    flags: frozenset[str]
    others: frozenset[OtherTiming]
    surrogate: tuple[Alternative, ...]


def time_worlds(facts: PatientFacts, tables: Tables) -> TimeWorlds:
    """Timing and age in every world of the dates; see TimeWorlds."""
    ranges = _ranges(facts)
    on_therapy = _on_therapy(facts)
    questions = _questions(
        tables,
        on_therapy,
        facts.therapy_completed.values,
        frozenset(name for name, found in ranges.items() if found[0].earliest > FIRST_DAY),
        birth_known=facts.birth_date.values != ANY_DAY.values,
    )
    chronology = Chronology(held_by(ranges, questions.both_ways), ranges)
    wrong = tuple(pair for pair, order in ORDERS.items() if order not in chronology.held)
    if wrong:
        return TimeWorlds(NO_WORLD, frozenset(), (), wrong)
    one_open = len(chronology.held) <= len(questions.both_ways) + 1
    answers = _settled(questions, chronology.held) if one_open else _answers(questions, chronology)
    if not answers.regions:  # each pair of dates may be right, all of them together cannot
        return TimeWorlds(NO_WORLD, frozenset(), (), ((DIAGNOSIS, RELAPSE), (CR1, END)))
    swings = region_swings(answers.regions, chronology)
    return TimeWorlds(
        _spread(answers.regions, tuple(sorted(swings.items()))),
        answers.flags,
        answers.fired,
        (),
        answers.others,
        answers.surrogate,
        _limits(ranges, on_therapy, _months(tables)),
    )


@lru_cache(maxsize=1_000)
def _questions(
    tables: Tables,
    on_therapy: frozenset[str],
    therapy_completed: frozenset[str],
    known: frozenset[str],
    *,
    birth_known: bool,
) -> Questions:
    """``known``: the dates of which something is."""
    months = _months(tables)
    regions = tuple(
        region
        for region in _regions(tables, birth_known=birth_known, diagnosis_known=DIAGNOSIS in known)
        if region.course.on_therapy in on_therapy
        and region.course.therapy_completed in (*therapy_completed, IRRELEVANT)
    )
    others = tuple(item for item in definitions(tables) if {item.anchor, RELAPSE} <= known)
    near = tuple(
        (
            not_before(RELAPSE, name, limit, days=-months.sensitive),
            before(RELAPSE, name, limit, days=months.sensitive + 1),
        )
        for _, name, limit in _anchors(on_therapy, months)
        if {name, RELAPSE} <= known
    )
    surrogate = (
        before(RELAPSE, DIAGNOSIS, tables.whole("surrogate_early_months")),
        not_before(RELAPSE, DIAGNOSIS, tables.whole("surrogate_late_months")),
    )
    certain = None if len(on_therapy) == 1 else surrogate if DIAGNOSIS in known else ()
    ended_known = END in known and on_therapy == {"no"}
    asked = (
        *ORDERS.values(),
        *((ENDED_AFTER,) if ended_known else ()),
        *(rule for region in regions for rule in region.constraints),
        *(rule for item in others for _, rule in item.constraints()),
        *(rule for pair in near for rule in pair),
        *(certain or ()),
    )
    return Questions(
        regions,
        others,
        near,
        certain,
        both_ways(asked),
    )


@lru_cache(maxsize=1_000)
def _settled(questions: Questions, held: frozenset[Constraint]) -> Answers:
    """What follows where at most one question is open: then no day has to be looked at."""
    return _answers(questions, Chronology(held, {}))


def _answers(questions: Questions, chronology: Chronology) -> Answers:
    regions = tuple(
        region for region in questions.regions if chronology.may_stand(region.constraints)
    )
    orders = [(region.time.timing, region.constraints) for region in regions]
    others = other_timings(orders, chronology, questions.definitions)
    surrogate = _surrogate(questions, orders, chronology, others)
    return Answers(
        regions,
        tuple({region.rule.id: ("timing", region.rule) for region in regions}.values()),
        _flags(questions, regions, chronology) | ({"SURROGATE_TIMING"} if surrogate else set()),
        others,
        surrogate,
    )


@lru_cache(maxsize=8)
def _months(tables: Tables) -> Months:
    return Months(
        very_early=tables.whole("very_early_months"),
        late=tables.whole("late_months"),
        short_therapy=tables.whole("short_therapy_months"),
        premature_end=tables.whole("premature_end_months"),
        adult=12 * tables.whole("adult_years"),
        sensitive=tables.whole("date_sensitive_days"),
    )


@lru_cache(maxsize=32)
def _regions(tables: Tables, *, birth_known: bool, diagnosis_known: bool) -> tuple[Region, ...]:
    """Every region that dates can fall into: the same for all children."""
    return tuple(
        possible_regions(
            tables.decision["timing"],
            _months(tables),
            birth_known=birth_known,
            diagnosis_known=diagnosis_known,
        )
    )


@lru_cache(maxsize=1_000)
def _spread(
    regions: tuple[Region, ...], swings: tuple[tuple[str, frozenset[Swing]], ...]
) -> Spread[Time]:
    """One object for the same regions and swings; no date of a child is in it."""
    times = frozenset(region.time for region in regions)
    return Spread(times, dict(swings), region_answers(regions))


def _anchors(on_therapy: frozenset[str], months: Months) -> list[tuple[str, str, int]]:
    """What each class of time begins after: diagnosis + 18 months, end of therapy + 6 months."""
    early, late = ("early", DIAGNOSIS, months.very_early), ("late", END, months.late)
    return [early, late] if on_therapy == {"no"} else [early]


def _limits(ranges: Ranges, on_therapy: frozenset[str], months: Months) -> tuple[Limit, ...]:
    """The days on which the classes begin, where the date they are counted from is known."""
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
        for name, anchor, count in _anchors(on_therapy, months)
        if ranges[anchor][0].earliest > FIRST_DAY and ranges[anchor][-1].latest < LAST_DAY
    )


def _surrogate(
    questions: Questions,
    orders: list[tuple[str, tuple[Constraint, ...]]],
    chronology: Chronology,
    others: frozenset[OtherTiming],
) -> tuple[Alternative, ...]:
    """T-i: another definition, labelled, where it is unknown whether and when therapy ended."""
    timings = {timing for timing, _ in orders}
    if questions.surrogate is None or timings != {"early", "late"}:
        return ()
    for name in (BFM_TEXT, ABSTRACT):
        classes = {item.other for item in others if item.definition == name}
        if classes:
            confident = any(
                all(
                    not chronology.may_stand((*constraints, limit.opposite()))
                    for _, constraints in orders
                )
                for limit in questions.surrogate
            )
            told = " or ".join(sorted(classes))
            label = f"{told} ({'high' if confident else 'low'} confidence)"
            return (Alternative(f"Surrogate: {name}", label),)
    return ()


def _ranges(facts: PatientFacts) -> Ranges:
    """The dates; "no relapse" is read as today."""
    today = (DateRange(facts.as_of, facts.as_of),)
    found = {
        name: tuple(sorted(getattr(facts, name).values))
        for name in (BIRTH, DIAGNOSIS, CR1, END, RELAPSE)
    }
    if facts.relapse_number.values == {"0"}:
        found[RELAPSE] = today
    return {**found, "as_of": today}


def _on_therapy(facts: PatientFacts) -> frozenset[str]:
    """A recorded end of therapy is read as "not on therapy"."""
    found = facts.on_therapy.values
    if len(found) > 1 and facts.therapy_end.values != ANY_DAY.values:
        return frozenset({"no"})
    return found


def _flags(
    questions: Questions, regions: tuple[Region, ...], chronology: Chronology
) -> frozenset[str]:
    flags = set()
    if all(region.course.premature for region in regions):
        flags.add("PREMATURE_DISCONTINUATION")
    if any(
        chronology.may_stand((*region.constraints, *near))
        for near in questions.near
        for region in regions
    ):
        flags.add("DATE_SENSITIVE")
    if chronology.is_certain(ENDED_AFTER):
        flags.add("THERAPY_END_AFTER_RELAPSE")
    return frozenset(flags)
