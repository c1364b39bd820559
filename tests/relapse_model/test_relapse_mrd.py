"""MRD results in all their readings, and donors."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from children import TODAY, first_relapse

from relapse_model.amounts import AmountRange, exactly
from relapse_model.dates import DateRange, known
from relapse_model.donors import donor_kinds
from relapse_model.facts import (
    Donor,
    MrdResult,
    PatientFacts,
    fact,
)
from relapse_model.facts_file import amount as read
from relapse_model.facts_file import facts_from
from relapse_model.loader import tables
from relapse_model.mrd import mrd_class, result_class

RELAPSE = date(2024, 3, 20)


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        ("0", "good"),
        ("<0.00001", "good"),
        ("<0.0001", "good"),
        ("0.0001", "borderline"),
        (">0.0001", "poor"),
        ("0.0002", "poor"),
        (">=0.001", "poor"),
        ("0.00001 to 0.01", "indeterminate"),
        ("<0.001", "indeterminate"),
        (">0.00001", "indeterminate"),
    ],
)
def test_a_result_is_what_every_value_of_it_says(fraction: str, expected: str) -> None:
    """R-M5: censored and ranged results that cross 1e-4 are indeterminate."""
    result = MrdResult(known(TODAY), read(fraction, "mrd"), "pcr", "marrow")

    assert result_class(result, tables()) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"method": "fusion_transcript"},
        {"method": "unknown"},
        {"specimen": "unknown"},
        {"specimen": "blood"},
        {"fraction": None},
    ],
)
def test_a_result_that_cannot_be_compared_is_indeterminate(change: dict[str, object]) -> None:
    """Method, specimen and unit must be those of the article."""
    whole = {
        "taken": known(TODAY),
        "fraction": read("0.01", "mrd"),
        "method": "flow",
        "specimen": "marrow",
    }

    assert result_class(MrdResult(**{**whole, **change}), tables()) == "indeterminate"
    assert result_class(MrdResult(**whole), tables()) == "poor"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("-2", "good"),
        ("-1", "borderline"),
        ("0", "borderline"),
        ("1", "borderline"),
        ("2", "poor"),
    ],
)
def test_a_rounding_error_is_still_equality(steps: str, expected: str) -> None:
    """Within the tolerance of the table, the bound included, on both sides of 1e-4."""
    limit = tables().limit("mrd_fraction")
    fraction = exactly(limit + Decimal(steps) * tables().limit("mrd_equality_tolerance"))
    result = MrdResult(known(TODAY), fraction, "pcr", "marrow")

    assert result_class(result, tables()) == expected


def mrd(*results: tuple[int, int, str, str]) -> PatientFacts:
    """Results taken between two days after the start, with fraction and specimen."""
    rows = tuple(
        MrdResult(
            DateRange(RELAPSE + timedelta(days=first), RELAPSE + timedelta(days=last)),
            read(fraction, "mrd"),
            "pcr",
            specimen,
        )
        for first, last, fraction, specimen in results
    )
    return first_relapse(mrd=rows, relapse_therapy_start=fact(known(RELAPSE)))


@pytest.mark.parametrize(
    ("results", "value"),
    [
        ((), "pending"),
        (((35, 35, "0.01", "blood"),), "pending"),
        (((35, 35, "0.01", "unknown"),), "indeterminate"),
        (((35, 35, "0.01", "marrow"),), "poor"),
        (((10, 40, "0.01", "marrow"),), "indeterminate"),
        (((30, 36, "0.00001", "marrow"),), "good"),
        (((35, 35, "0.00001", "marrow"), (35, 35, "0.01", "blood")), "good"),
        (((35, 35, "0.00001", "marrow"), (35, 35, "0.01", "unknown")), "good"),
    ],
)
def test_results_of_the_marrow_make_the_class(
    results: tuple[tuple[int, int, str, str], ...], value: str
) -> None:
    """A date that fits two time points counts in each; another specimen is no marrow."""
    assert mrd_class(mrd(*results), tables()).value == value


@pytest.mark.parametrize("slot", ["tp1", "tp2"])
def test_a_time_point_ends_with_its_last_day(slot: str) -> None:
    """A good result of that day is good; a day later it decides nothing."""
    last = tables().whole(f"{slot}_last_day")

    assert mrd_class(mrd((last, last, "0.00001", "marrow")), tables()).value == "good"
    assert mrd_class(mrd((last + 1, last + 1, "0.00001", "marrow")), tables()).value == "pending"


def test_weeks_are_counted_from_therapy_and_else_from_the_relapse() -> None:
    """The second way is flagged, where there is a result to count."""
    counted = mrd((35, 35, "0.01", "marrow"))

    assert "WEEKS_FROM_RELAPSE" not in mrd_class(counted, tables()).flags
    uncounted = counted.with_facts(relapse_therapy_start=None, relapse_date=fact(known(RELAPSE)))
    assert mrd_class(uncounted, tables()).value == "poor"
    assert "WEEKS_FROM_RELAPSE" in mrd_class(uncounted, tables()).flags
    empty = first_relapse(mrd=(), relapse_therapy_start=None)
    assert mrd_class(empty, tables()).flags == frozenset()


@pytest.mark.parametrize(
    ("results", "flagged"),
    [
        (((35, 35, "0.01", "marrow"), (35, 35, "0.00001", "marrow")), True),
        (((35, 35, "0.01", "marrow"), (36, 36, "0.00001", "marrow")), False),
        (((35, 35, "0.01", "marrow"), (35, 35, "0.02", "marrow")), False),
        (((35, 35, "0.01", "marrow"), (35, 35, "0.00001", "unknown")), False),
        (((34, 35, "0.01", "marrow"), (34, 35, "0.00001", "marrow")), False),
    ],
)
def test_results_of_one_day_that_disagree_are_flagged(
    results: tuple[tuple[int, int, str, str], ...], flagged: bool
) -> None:
    """Two classes of one known day."""
    assert ("MRD_DISCORDANT" in mrd_class(mrd(*results), tables()).flags) == flagged


@pytest.mark.parametrize(
    ("donors", "kinds"),
    [
        ((), {"none"}),
        ((Donor("sibling"),), {"matched_family"}),
        ((Donor("related"), Donor("sibling")), {"matched_family"}),
        ((Donor("cord_blood"), Donor("haploidentical")), {"cord_blood", "haploidentical"}),
        ((Donor("unrelated", "8/8"),), {"unrelated_within_one"}),
        ((Donor("unrelated", "7/8"),), {"unrelated_within_one"}),
        ((Donor("unrelated", " 9/10 "),), {"unrelated_within_one"}),
        ((Donor("unrelated", "matched"),), {"unrelated_within_one"}),
        ((Donor("unrelated", "6/8"),), {"unrelated_beyond_one"}),
        ((Donor("unrelated", ""),), {"unrelated_beyond_one"}),
        ((Donor("unrelated", "nearly"),), {"unrelated_beyond_one"}),
    ],
)
def test_an_unrelated_donor_is_within_one_allele_only_when_its_typing_says_so(
    donors: tuple[Donor, ...], kinds: set[str]
) -> None:
    """Section 7: the article's order knows five kinds, and none."""
    assert donor_kinds(donors) == kinds


@pytest.mark.parametrize("side", [-1, 1])
def test_a_range_that_ends_within_the_tolerance_touches_the_limit(side: int) -> None:
    """The tolerance of equality, its bound included, holds for the end of a range too."""
    limit, near = tables().limit("mrd_fraction"), tables().limit("mrd_equality_tolerance")
    end = limit + side * near
    below = MrdResult(known(TODAY), AmountRange(Decimal(0), end), "pcr", "marrow")
    above = MrdResult(known(TODAY), AmountRange(end, Decimal(1)), "pcr", "marrow")

    assert result_class(below, tables()) == "borderline"
    assert result_class(above, tables()) == "borderline"


def test_many_mrd_results_without_a_day_are_read_like_few() -> None:
    """Each may belong to any time point: what they may say together is counted, not listed."""
    result = {"taken": "2024", "fraction": "0.001", "method": "flow", "specimen": "marrow"}
    course = {"as_of": "2026-11-22", "relapse_number": "1", "relapse_date": "2024-01-10"}
    few, many = (
        mrd_class(facts_from({**course, "mrd": [result] * count}), tables()) for count in (3, 300)
    )

    assert many.value == few.value == "indeterminate"
    assert many.fired == few.fired
