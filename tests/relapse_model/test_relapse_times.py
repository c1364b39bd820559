"""Times of relapse by the definitions of the article and by other schemes."""

from __future__ import annotations

from datetime import date

import pytest
from children import CNS3, day, early, first_relapse, tables_read

from relapse_model.dates import DateRange
from relapse_model.decide import decide
from relapse_model.decision import Alternative, Decision
from relapse_model.definitions import COG_TIME, OtherTiming
from relapse_model.facts import (
    ANY_DAY,
    Fact,
    fact,
)
from relapse_model.loader import tables
from relapse_model.schemes import Cell, other_schemes

BFM = "BFM as in the article's text (30 months from remission)"

ABSTRACT = "Article's abstract (30 months from diagnosis)"


def others(decision: Decision) -> dict[str, str]:
    """The other classes, by scheme."""
    return {item.scheme: item.klass for item in decision.alternatives}


def test_definitions_are_shown_and_flagged_only_where_they_differ() -> None:
    """T-e: at 31 months the text and COG call a late relapse early; at 37 nobody does."""
    differing = decide(first_relapse(relapse_date=day("2024-08-01")))

    assert others(differing) == {BFM: "early, S3", "COG": "high risk"}
    assert "DEFINITIONS_DIVERGE" in differing.flags
    assert others(decide(first_relapse())) == {}
    assert "DEFINITIONS_DIVERGE" not in decide(first_relapse()).flags


def test_no_other_definition_has_a_very_early_of_its_own() -> None:
    """A very early relapse keeps its group by all of them."""
    decision = decide(first_relapse(relapse_date=day("2023-03-15")))

    assert (decision.timing, decision.s_group) == (("very_early",), ("S4",))
    assert not {BFM, ABSTRACT} & set(others(decision))


LATE_MARROW = Cell("late", "isolated_bm", "BCP", "S2", "IR")

EARLY_COMBINED = Cell("early", "combined", "BCP", "S2", "IR")

LATE_EM_T = Cell("late", "isolated_em", "T", "S1", "SR")

HIGH = Alternative("COG", "high risk")

TO_TRANSPLANT = Alternative("IntReALL 2010", "standard risk, allocated to transplantation")


@pytest.mark.parametrize(
    ("cells", "timings", "alternatives", "diverge"),
    [
        # by COG late, as by the article; only the text's 30 months differ
        (
            [LATE_MARROW],
            {(COG_TIME, "late", "late"), (BFM, "late", "early")},
            {Alternative(BFM, "early, S3")},
            True,
        ),
        # by COG early, and only for that reason in another class
        ([LATE_MARROW], {(COG_TIME, "late", "early")}, {HIGH}, True),
        # the other timing of the definitions is that of another world
        ([LATE_MARROW], {(COG_TIME, "late", "late"), (COG_TIME, "early", "early")}, set(), False),
        ([LATE_MARROW], {(COG_TIME, "late", "late"), (BFM, "early", "early")}, set(), False),
        # months since diagnosis unknown: both classes of COG are shown, neither is a divergence
        ([LATE_MARROW], set(), {HIGH}, False),
        # another class whatever the months since diagnosis is no matter of definitions
        ([LATE_EM_T], {(COG_TIME, "late", "early")}, {HIGH}, False),
        ([LATE_EM_T], {(COG_TIME, "late", "late")}, {HIGH}, False),
        # two cells: what one of them says is not lost with the other
        (
            [LATE_MARROW, EARLY_COMBINED],
            {(COG_TIME, "late", "early"), (COG_TIME, "early", "late")},
            {HIGH, TO_TRANSPLANT},
            True,
        ),
        (
            [LATE_MARROW, LATE_EM_T],
            {(COG_TIME, "late", "late"), (BFM, "late", "early")},
            {Alternative(BFM, "early, S3"), Alternative(BFM, "early, S2"), HIGH},
            True,
        ),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_other_classes_of_every_cell_are_collected(
    cells: list[Cell],
    timings: set[tuple[str, str, str]],
    alternatives: set[Alternative],
    diverge: bool,
    order: int,
) -> None:
    """Whatever the order of the worlds; a divergence of definitions in one of them is one."""
    found = other_schemes(
        cells[::order], frozenset(OtherTiming(*item) for item in timings), tables()
    )

    assert found.alternatives == tuple(
        sorted(alternatives, key=lambda item: (item.scheme, item.klass))
    )
    assert found.definitions_diverge == diverge


def test_a_definition_without_its_date_says_nothing() -> None:
    """Without the date of remission the text's 30 months cannot be counted."""
    decision = decide(first_relapse(relapse_date=day("2024-08-01"), cr1_date=ANY_DAY))

    assert BFM not in others(decision)
    assert "COG" in others(decision)


@pytest.mark.parametrize(
    ("relapse", "told"),
    [
        ("2023-12-05", "early (high confidence)"),
        ("2024-07-25", "early (low confidence)"),
        ("2025-02-15", "late (low confidence)"),
    ],
)
def test_the_surrogate_is_labelled_where_therapy_is_unknown(relapse: str, told: str) -> None:
    """T-i: another definition, with the confidence of the months since diagnosis."""
    unknown = {"therapy_end": ANY_DAY, "on_therapy": fact("yes", "no")}
    decision = decide(first_relapse(relapse_date=day(relapse), **unknown))

    assert decision.timing == ("early", "late")
    assert others(decision)[f"Surrogate: {BFM}"] == told
    assert "SURROGATE_TIMING" in decision.flags


def test_a_surrogate_of_partial_dates_says_both() -> None:
    """30 months from a remission in February 2022 end in August 2024."""
    unknown = {"therapy_end": ANY_DAY, "on_therapy": fact("yes", "no")}
    decision = decide(
        first_relapse(relapse_date=day("2024-08-15"), cr1_date=day("2022-02"), **unknown)
    )

    assert others(decision)[f"Surrogate: {BFM}"] == "early or late (low confidence)"


def test_a_surrogate_without_a_date_of_diagnosis_has_low_confidence() -> None:
    """The confidence counts the months from a date that nobody recorded."""
    unknown = {"therapy_end": ANY_DAY, "on_therapy": fact("yes", "no"), "diagnosis_date": ANY_DAY}
    decision = decide(first_relapse(cr1_date=day("2020-02-12"), **unknown))

    assert others(decision)[f"Surrogate: {BFM}"] == "late (low confidence)"


def test_a_very_early_relapse_needs_no_surrogate() -> None:
    """Whether therapy had ended does not matter there."""
    unknown = {"therapy_end": ANY_DAY, "on_therapy": fact("yes", "no")}
    decision = decide(first_relapse(relapse_date=day("2023-03-15"), **unknown))

    assert decision.timing == ("very_early",)
    assert not [name for name in others(decision) if name.startswith("Surrogate")]


def test_very_early_takes_precedence_after_a_short_therapy() -> None:
    """Both "very early" and "late" hold: very early, and the short therapy is flagged."""
    short = first_relapse(relapse_date=day("2023-06-01"), therapy_end=day("2022-10-01"))
    usual = first_relapse(relapse_date=day("2023-06-01"), therapy_end=day("2023-05-01"))

    assert decide(short).timing == decide(usual).timing == ("very_early",)
    assert "PREMATURE_DISCONTINUATION" in decide(short).flags
    assert "PREMATURE_DISCONTINUATION" not in decide(usual).flags


def test_therapy_is_not_wanted_where_only_the_diagnosis_decides() -> None:
    """Combined BCP: early and late are both S2, and on therapy or not, very early stays S4."""
    decision = decide(
        first_relapse(
            diagnosis_date=day("2022"),
            cr1_date=day("2022"),
            relapse_date=day("2023-08-01"),
            therapy_end=ANY_DAY,
            on_therapy=fact("yes", "no"),
            **CNS3,
        )
    )

    assert decision.timing == ("early", "late", "very_early")
    assert decision.wanted == ("diagnosis_date", "mrd")


def test_without_a_birth_date_a_relapse_of_any_age_goes_on_with_the_caveat() -> None:
    """Twenty-one years after the diagnosis too: the dates contradict nothing (R-0b)."""
    dates = {
        "diagnosis_date": day("2004-01-10"),
        "cr1_date": day("2004-02-12"),
        "therapy_end": day("2006-01-10"),
    }
    unknown = decide(first_relapse(birth_date=ANY_DAY, **dates))
    known_ = decide(first_relapse(birth_date=day("2000-05-01"), **dates))

    assert (unknown.plan, unknown.timing) == ("CHEMO_THEN_MRD", ("late",))
    assert "BIRTH_DATE_MISSING" in unknown.flags
    assert known_.plan == "OUT_OF_SCOPE_AGE"


def test_without_a_relapse_the_age_is_that_of_today() -> None:
    """Refractory disease of somebody who is eighteen today, and of somebody who is not yet."""
    refractory = {
        "relapse_number": fact("0"),
        "relapse_date": ANY_DAY,
        "cr1_date": ANY_DAY,
        "cr1_achieved": fact("no"),
    }

    assert decide(first_relapse(birth_date=day("2008-11-22"), **refractory)).plan == (
        "OUT_OF_SCOPE_AGE"
    )
    assert decide(first_relapse(birth_date=day("2008-11-23"), **refractory)).plan == (
        "TRIAL_PHASE_1_2"
    )


def test_a_diagnosis_known_to_some_weeks_may_lie_near_the_threshold() -> None:
    """DATE_SENSITIVE when one of its days is within 14 days of 18 months before the relapse."""
    therapy = {"on_therapy": fact("yes"), "therapy_end": ANY_DAY}

    def flags(first: str, last: str) -> tuple[str, ...]:
        diagnosed = DateRange(date.fromisoformat(first), date.fromisoformat(last))
        return early(
            diagnosis_date=fact(diagnosed, evidence=["Condition/1"]),
            cr1_date=day("2022-11-01"),
            **therapy,
        ).flags

    assert "DATE_SENSITIVE" in flags("2022-08-01", "2022-09-10")
    assert "DATE_SENSITIVE" in flags("2022-09-30", "2022-10-31")
    assert "DATE_SENSITIVE" not in flags("2022-08-01", "2022-08-31")
    assert "DATE_SENSITIVE" not in flags("2022-10-10", "2022-10-31")


@pytest.mark.parametrize(
    "unknown", [{"therapy_end": day("2024-01-10"), "on_therapy": fact("yes", "no")}, {}]
)
def test_a_known_end_of_therapy_needs_no_surrogate(unknown: dict[str, Fact[object]]) -> None:
    """A recorded end says that therapy had ended."""
    decision = decide(first_relapse(**unknown))

    assert decision.timing == ("late",)
    assert "SURROGATE_TIMING" not in decision.flags


@pytest.mark.parametrize(
    ("end", "row"),
    [
        ("2024-03-19", "R-T2-early"),
        ("2024-03-20", "R-T3-on-therapy"),
        ("2024-03-21", "R-T3-on-therapy"),
        ("2023-09-21", "R-T2-early"),
    ],
)
def test_an_end_of_therapy_on_or_after_the_relapse_means_on_therapy(end: str, row: str) -> None:
    """Early either way, by the row that fits; an end after the relapse is flagged."""
    decision = early(therapy_end=day(end), diagnosis_date=day("2022-01-10"))

    assert tables_read(decision)["timing"] == (row,)
    assert ("THERAPY_END_AFTER_RELAPSE" in decision.flags) == (end == "2024-03-21")


def test_an_unknown_diagnosis_is_not_near_a_threshold() -> None:
    """Any day might be; a caveat on every child would be none."""
    decision = decide(
        first_relapse(diagnosis_date=ANY_DAY, cr1_date=ANY_DAY, on_therapy=fact("yes"))
    )

    assert "DATE_SENSITIVE" not in decision.flags


def test_without_a_date_of_diagnosis_the_rule_on_short_therapy_is_not_applied() -> None:
    """It would only multiply guesses: six months after the end of therapy is late."""
    dates = {"therapy_end": day("2023-03-01"), "relapse_date": day("2024-01-15")}
    unknown = decide(first_relapse(diagnosis_date=ANY_DAY, **dates))
    known_ = decide(first_relapse(**dates))

    assert (unknown.timing, known_.timing) == (("late",), ("early", "late"))
    assert "therapy_completed" not in unknown.wanted
    assert "therapy_completed" in known_.wanted
