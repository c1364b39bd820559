"""Which orders of partial dates can stand (chronology.py): the short ways against the search."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from relapse_model.chronology import (
    Chronology,
    Constraint,
    both_ways,
    earliest_days,
    held_by,
)
from relapse_model.dates import DateRange, add_days

NAMES = ("diagnosis_date", "therapy_end", "relapse_date")
FIRST = date(2023, 1, 29)

ranges = st.fixed_dictionaries(
    {
        name: st.builds(
            lambda shift, length: (
                DateRange(FIRST + timedelta(shift), FIRST + timedelta(shift + length)),
            ),
            st.integers(0, 3),
            st.integers(0, 3),
        )
        for name in NAMES
    }
)
constraints = st.builds(
    lambda dates, days, before: Constraint(*dates, months=0, before=before, days=days),
    st.sampled_from(
        [
            ("relapse_date", "diagnosis_date"),
            ("relapse_date", "therapy_end"),
            ("therapy_end", "diagnosis_date"),
        ]
    ),
    st.integers(-1, 2),
    st.booleans(),
)


def stands(days: dict[str, date], rule: Constraint) -> bool:
    """Whether these days satisfy the constraint."""
    limit = add_days(days[rule.earlier], rule.days)
    return (days[rule.later] < limit) == rule.before


@settings(max_examples=500, deadline=None)
@given(ranges, st.lists(constraints, min_size=1, max_size=4))
def test_an_order_may_stand_exactly_when_some_days_satisfy_it(
    found: dict[str, tuple[DateRange, ...]], rules: list[Constraint]
) -> None:
    """Also where no day is looked at, because at most one of its constraints is open."""
    every_day = (
        dict(zip(found, days, strict=True))
        for days in product(
            *(
                [
                    item.earliest + timedelta(n)
                    for n in range((item.latest - item.earliest).days + 1)
                ]
                for (item,) in found.values()
            )
        )
    )
    expected = any(all(stands(days, rule) for rule in rules) for days in every_day)
    held = held_by(found, both_ways(rules))

    assert Chronology(held, found).may_stand(rules) == expected
    assert (earliest_days(found, rules) is not None) == expected
    if len(held) <= len(both_ways(rules)) + 1:
        assert Chronology(held, {}).may_stand(rules) == expected
