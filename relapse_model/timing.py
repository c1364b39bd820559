"""Time of relapse and age at relapse, in every world that the dates allow.

The dates of a world fall into one region (``regions``), which is possible when the recorded
ranges allow its order of dates (``chronology``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from relapse_model.chronology import Chronology, Constraint, Ranges, before, not_before
from relapse_model.dates import FIRST_DAY, LAST_DAY, DateRange, add_months
from relapse_model.decision import Alternative, Limit
from relapse_model.definitions import (
    ABSTRACT,
    BFM_TEXT,
    OtherTiming,
    definitions,
    other_timings,
)
from relapse_model.facts import ANY_DAY, Fact, PatientFacts
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

EARLIER_LATER = (
    (BIRTH, DIAGNOSIS),
    (DIAGNOSIS, CR1),
    (DIAGNOSIS, END),
    (DIAGNOSIS, RELAPSE),
    (CR1, RELAPSE),
)
"""Orders that hold in every child (R-0c); an end of therapy after the relapse is allowed."""


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


def time_worlds(facts: PatientFacts, tables: Tables) -> TimeWorlds:
    """Timing and age in every world of the dates; see TimeWorlds."""
    facts = _with_known_course(facts)
    wrong = _impossible_orders(facts)
    if wrong:
        return TimeWorlds(Spread(frozenset(), {}, {}), frozenset(), (), wrong)
    months = _months(tables)
    ranges = _ranges(facts)
    chronology = Chronology(ranges)
    diagnosis_known = ranges[DIAGNOSIS][0].earliest > FIRST_DAY
    birth_known = facts.birth_date.values != ANY_DAY.values
    regions = [
        region
        for region in _regions(tables, birth_known=birth_known, diagnosis_known=diagnosis_known)
        if region.course.on_therapy in facts.on_therapy.values
        and region.course.therapy_completed in (*facts.therapy_completed.values, IRRELEVANT)
        and chronology.may_stand(region.constraints)
    ]
    if not regions:  # each pair of dates may be right, all of them together cannot
        return TimeWorlds(
            Spread(frozenset(), {}, {}), frozenset(), (), ((DIAGNOSIS, RELAPSE), (CR1, END))
        )
    fired = {region.rule.id: region.rule for region in regions}
    orders = [(region.time.timing, region.constraints) for region in regions]
    others = other_timings(orders, chronology, definitions(tables))
    surrogate = _surrogate(facts, orders, chronology, others, tables)
    return TimeWorlds(
        _spread(tuple(regions), tuple(sorted(region_swings(regions, chronology).items()))),
        _flags(regions, chronology, facts, months) | ({"SURROGATE_TIMING"} if surrogate else set()),
        tuple(("timing", rule) for rule in fired.values()),
        (),
        others,
        surrogate,
        _limits(facts, ranges, months),
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


def _limits(facts: PatientFacts, ranges: Ranges, months: Months) -> tuple[Limit, ...]:
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


def _surrogate(
    facts: PatientFacts,
    orders: list[tuple[str, tuple[Constraint, ...]]],
    chronology: Chronology,
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
            known = chronology.ranges[DIAGNOSIS][0].earliest > FIRST_DAY
            confident = known and any(
                all(
                    not chronology.may_stand((*constraints, limit.opposite()))
                    for _, constraints in orders
                )
                for limit in limits
            )
            told = " or ".join(sorted(classes))
            label = f"{told} ({'high' if confident else 'low'} confidence)"
            return (Alternative(f"Surrogate: {name}", label),)
    return ()


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


def _flags(
    regions: list[Region], chronology: Chronology, facts: PatientFacts, months: Months
) -> frozenset[str]:
    flags = set()
    ranges = chronology.ranges
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
            chronology.may_stand((*region.constraints, *near)) for region in regions
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
