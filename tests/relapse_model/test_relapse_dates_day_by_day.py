"""The orders of partial dates (timing.py) against every single day of their ranges."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import combinations, product

from children import TODAY, first_relapse
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relapse_model.dates import DateRange, add_months, known
from relapse_model.facts import PatientFacts, fact
from relapse_model.loader import tables
from relapse_model.timing import time_worlds

AXES = ("birth_date", "diagnosis_date", "therapy_end", "relapse_date")


def plain_timing(
    diagnosis: date, end: date | None, relapse: date, completed: str
) -> tuple[str, bool]:
    """Table 1's footnote and R-T7 for dates that are known, written down a second time."""
    if relapse < add_months(diagnosis, 18):
        return "very_early", False
    if end is None or end >= relapse or relapse < add_months(end, 6):
        return "early", False
    if end < add_months(diagnosis, 22) and relapse < add_months(diagnosis, 30):
        return ("late" if completed == "yes" else "early"), True
    return "late", False


def every_day(facts: PatientFacts) -> dict[tuple[object, ...], tuple[str, str]]:
    """The result of every combination of single days, states of therapy included."""

    def days(name: str) -> list[date]:
        return [
            item.earliest + timedelta(days=offset)
            for item in getattr(facts, name).values
            for offset in range((item.latest - item.earliest).days + 1)
        ]

    results: dict[tuple[object, ...], tuple[str, str]] = {}
    cr1 = next(iter(facts.cr1_date.values))
    for birth, diagnosis, end, relapse, on, completed in product(
        *(days(name) for name in AXES),
        sorted(facts.on_therapy.values),
        sorted(facts.therapy_completed.values),
    ):
        stopped = None if on == "yes" else end
        if not birth <= diagnosis <= relapse <= facts.as_of:
            continue
        if stopped is not None and stopped < diagnosis:
            continue
        if diagnosis > cr1.latest or cr1.earliest > relapse:
            continue
        timing, _ = plain_timing(diagnosis, stopped, relapse, completed)
        age = "adult" if relapse >= add_months(birth, 216) else "child"
        results[birth, diagnosis, end, relapse, on, completed] = (age, timing)
    return results


def near(day: date) -> st.SearchStrategy[DateRange]:
    """A range of at most five days beginning within four days of ``day``."""
    return st.builds(
        lambda shift, length: DateRange(
            day + timedelta(days=shift), day + timedelta(days=shift + length)
        ),
        st.integers(-4, 4),
        st.integers(0, 4),
    )


ends_of_months = st.sampled_from([date(2021, 8, 31), date(2020, 12, 31), date(2022, 1, 10)])


@st.composite
def children(draw: st.DrawFn) -> PatientFacts:
    """Children whose dates lie around the thresholds, some of them known to a few days only."""
    diagnosis = draw(ends_of_months)
    since_diagnosis = draw(st.sampled_from([18, 22, 29, 30]))
    relapse = draw(near(add_months(diagnosis, since_diagnosis)))
    end_day = draw(
        st.sampled_from(
            [
                add_months(relapse.earliest, -6),
                relapse.earliest,
                add_months(diagnosis, 22),
                diagnosis,
            ]
        )
    )
    birth = draw(
        st.sampled_from(
            [known(date(2017, 5, 1)), DateRange(diagnosis, diagnosis + timedelta(days=2))]
        )
    )
    if draw(st.booleans()):
        birth = known(add_months(relapse.earliest, -216))
    on_therapy = draw(st.sampled_from(["no", "yes"]))
    therapy_end = known(relapse.latest) if on_therapy == "yes" else draw(near(end_day))
    return first_relapse(
        birth_date=fact(birth),
        diagnosis_date=fact(draw(near(diagnosis))),
        cr1_date=fact(DateRange(diagnosis - timedelta(days=9), TODAY)),
        therapy_end=fact(therapy_end),
        relapse_date=fact(relapse),
        on_therapy=fact(on_therapy),
        therapy_completed=fact(*draw(st.sampled_from([("no",), ("yes",), ("no", "yes")]))),
    )


@settings(max_examples=150, deadline=None)
@given(children())
@example(
    first_relapse(
        diagnosis_date=fact(DateRange(date(2021, 8, 29), date(2021, 9, 2))),
        relapse_date=fact(DateRange(date(2023, 2, 27), date(2023, 3, 2))),
        cr1_date=fact(DateRange(date(2021, 8, 1), TODAY)),
        therapy_end=fact(DateRange(date(2022, 8, 28), date(2022, 9, 1))),
    )
)
def test_ranges_of_days_give_the_union_over_their_days(facts: PatientFacts) -> None:
    """Timing and age of partial dates are exactly what some day of the ranges gives."""
    by_day = every_day(facts)
    worlds = time_worlds(facts, tables())

    assert {tuple(time) for time in worlds.spread.results} == set(by_day.values())
    assert bool(worlds.impossible) == (not by_day)


@settings(max_examples=60, deadline=None)
@given(children())
def test_an_input_swings_exactly_when_it_alone_can_change_the_result(facts: PatientFacts) -> None:
    """The pairs of results that one date alone can exchange are those found day by day."""
    by_day = every_day(facts)
    worlds = time_worlds(facts, tables())
    names = (*AXES, "on_therapy", "therapy_completed")
    for index, name in enumerate(names):
        groups: dict[tuple[object, ...], set[tuple[str, str]]] = {}
        for world, result in by_day.items():
            groups.setdefault(world[:index] + world[index + 1 :], set()).add(result)
        expected = {frozenset(pair) for group in groups.values() for pair in combinations(group, 2)}
        found = {
            frozenset(tuple(time) for time in pair)
            for pair in worlds.spread.swings.get(name, frozenset())
        }
        assert found == expected, name
