"""Amounts and dates as intervals: what is in them, and how they are written."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from relapse_model.amounts import AmountRange, at_least, exactly, plain
from relapse_model.dates import DateRange, add_days, known, partial_date
from relapse_model.errors import FactsError

ONE, FIVE = Decimal(1), Decimal(5)


@pytest.mark.parametrize(
    ("low", "high", "low_open", "high_open"),
    [
        (FIVE, ONE, False, False),
        (FIVE, FIVE, True, False),
        (FIVE, FIVE, False, True),
        (FIVE, FIVE, True, True),
    ],
)
def test_an_interval_without_an_amount_is_refused(
    low: Decimal, high: Decimal, low_open: bool, high_open: bool
) -> None:
    """An unknown amount is a wide interval, never an empty one."""
    with pytest.raises(ValueError, match="no amount"):
        AmountRange(low, high, low_open, high_open)


# interval: may be below 5, may be above 5, may equal 5, may reach 5
FIVES = {
    "4": (True, False, False, False),
    "5": (False, False, True, True),
    "6": (False, True, False, True),
    "<5": (True, False, False, False),
    "<=5": (True, False, True, True),
    ">5": (False, True, False, True),
    ">=5": (False, True, True, True),
    ">4": (True, True, True, True),
    "4 to 6": (True, True, True, True),
    "5 to 6": (False, True, True, True),
    "4 to 5": (True, False, True, True),
}
INTERVALS = {
    "4": exactly(4),
    "5": exactly("5.0"),
    "6": exactly(6),
    "<5": AmountRange(Decimal(0), FIVE, high_open=True),
    "<=5": AmountRange(Decimal(0), FIVE),
    ">5": AmountRange(FIVE, None, low_open=True),
    ">=5": at_least(5),
    ">4": AmountRange(Decimal(4), None, low_open=True),
    "4 to 6": AmountRange(Decimal(4), Decimal(6)),
    "5 to 6": AmountRange(FIVE, Decimal(6)),
    "4 to 5": AmountRange(Decimal(4), FIVE),
}


@pytest.mark.parametrize("text", INTERVALS)
def test_an_interval_knows_which_side_of_a_limit_it_touches(text: str) -> None:
    """Open bounds exclude the bound itself, and every interval is written as it is read."""
    interval = INTERVALS[text]
    found = (
        interval.may_be_below(FIVE),
        interval.may_be_above(FIVE),
        interval.may_equal(FIVE),
        interval.may_reach(FIVE),
    )

    assert found == FIVES[text]
    assert str(interval) == text


def test_an_interval_open_at_zero_is_written_with_both_bounds() -> None:
    """Written as "<=5", it would say that zero is possible."""
    assert str(AmountRange(Decimal(0), FIVE, low_open=True)) == "0 to 5"


@pytest.mark.parametrize(
    ("value", "text"),
    [("1E-4", "0.0001"), ("80.00", "80"), ("8E+1", "80"), ("-0", "0"), ("0.0", "0")],
)
def test_a_number_is_written_without_exponent_or_idle_zeros(value: str, text: str) -> None:
    """As a clinician writes it."""
    assert plain(Decimal(value)) == text


def test_an_empty_range_of_days_is_refused() -> None:
    """An unknown date is a wide range, never an empty one."""
    with pytest.raises(ValueError, match="2021-03-04 is before 2021-03-05"):
        DateRange(date(2021, 3, 5), date(2021, 3, 4))


def test_a_range_holds_its_first_and_its_last_day() -> None:
    """Both ends are included."""
    days = DateRange(date(2021, 3, 4), date(2021, 3, 6))

    assert [add_days(date(2021, 3, 3), step) in days for step in range(5)] == [
        False,
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("earliest", "latest", "text"),
    [
        ("2021-03-04", "2021-03-04", "2021-03-04"),
        ("2021-02-01", "2021-02-28", "2021-02"),
        ("2021-01-01", "2021-12-31", "2021"),
        ("2021-03-01", "2021-04-30", "2021-03-01/2021-04-30"),
        ("2021-02-01", "2021-12-31", "2021-02-01/2021-12-31"),
        ("2021-01-01", "2021-11-30", "2021-01-01/2021-11-30"),
        ("2020-01-01", "2021-12-31", "2020-01-01/2021-12-31"),
        ("2020-03-01", "2021-03-31", "2020-03-01/2021-03-31"),
        ("2021-03-02", "2021-03-31", "2021-03-02/2021-03-31"),
        ("2021-03-01", "2021-03-30", "2021-03-01/2021-03-30"),
    ],
)
def test_a_range_is_written_in_its_shortest_form(earliest: str, latest: str, text: str) -> None:
    """A day, a month or a year where it is exactly that, else both ends."""
    days = DateRange(date.fromisoformat(earliest), date.fromisoformat(latest))

    assert str(days) == text


@pytest.mark.parametrize(
    ("text", "earliest", "latest"),
    [
        ("2021", "2021-01-01", "2021-12-31"),
        ("2021-02", "2021-02-01", "2021-02-28"),
        ("2020-02", "2020-02-01", "2020-02-29"),
        ("2021-03-04", "2021-03-04", "2021-03-04"),
    ],
)
def test_a_partial_date_is_every_day_it_may_mean(text: str, earliest: str, latest: str) -> None:
    """A year is its 365 days, a month its days."""
    assert partial_date(text) == DateRange(date.fromisoformat(earliest), date.fromisoformat(latest))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2021-3-4", "is not a date of the form YYYY, YYYY-MM or YYYY-MM-DD"),
        ("2021-03-04T10:00", "is not a date of the form YYYY, YYYY-MM or YYYY-MM-DD"),
        ("2021-13", "is not a day of the calendar"),
        ("2021-02-29", "is not a day of the calendar"),
    ],
)
def test_what_is_no_date_names_the_field(text: str, said: str) -> None:
    """The error carries field and defect apart, for whoever words it."""
    with pytest.raises(FactsError) as refused:
        partial_date(text)

    assert str(refused.value) == f"date: {said}"
    assert (refused.value.field, refused.value.what) == ("date", said)


@pytest.mark.parametrize(
    ("gap", "days", "expected"),
    [(0, 0, True), (1, 0, False), (1, 1, True), (3, 2, False), (3, 3, True)],
)
def test_ranges_overlap_within_the_days_given(gap: int, days: int, expected: bool) -> None:
    """Whichever of the two comes first; without a number of days they must share one."""
    one = DateRange(date(2021, 3, 1), date(2021, 3, 10))
    other = DateRange(add_days(one.latest, gap), date(2021, 4, 1))

    assert one.overlaps(other, days) == expected
    assert other.overlaps(one, days) == expected
    if days == 0:
        assert one.overlaps(other) == expected


def test_a_known_day_is_a_range_of_one_day() -> None:
    """Nothing before, nothing after."""
    assert known(date(2021, 3, 4)) == DateRange(date(2021, 3, 4), date(2021, 3, 4))
