"""Single findings in all their readings: CNS, other sites, MRD values, donors, other schemes."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from children import CNS3, TODAY, amount, day, first_relapse

from relapse_model.amounts import AmountRange, exactly
from relapse_model.dates import DateRange, known
from relapse_model.decide import decide
from relapse_model.decision import Alternative, Decision
from relapse_model.definitions import COG_TIME, OtherTiming
from relapse_model.donors import donor_kinds
from relapse_model.facts import (
    ANY_AMOUNT,
    ANY_DAY,
    ANY_PERCENTAGE,
    Donor,
    Fact,
    MrdResult,
    PatientFacts,
    fact,
)
from relapse_model.facts_file import amount as read
from relapse_model.facts_file import facts_from
from relapse_model.loader import tables
from relapse_model.mrd import mrd_class, result_class
from relapse_model.schemes import Cell, other_schemes
from relapse_model.site import site_worlds

RELAPSE = date(2024, 3, 20)
NO_TAP = {"csf_wbc": ANY_AMOUNT, "csf_rbc": ANY_AMOUNT, "csf_blasts": fact("seen", "not_seen")}


def early(**changes: Fact[object] | tuple[object, ...]) -> Decision:
    """An early marrow relapse of BCP ALL: isolated is S3, combined is S2."""
    return decide(first_relapse(**{"relapse_date": day("2024-03-20"), **changes}))


def tables_read(decision: Decision) -> dict[str, tuple[str, ...]]:
    """The rows that may have fired, by table."""
    return {step.table: step.rules for step in decision.trace}


# Sites


def test_a_suspected_other_site_leaves_both_readings() -> None:
    """R-S2: an unproven site never makes a combined relapse by itself."""
    unproven = early(other_em=fact("unproven"))
    settled = early(other_em=fact("none", "proven"))

    assert (unproven.site, unproven.s_group) == (("combined", "isolated_bm"), ("S2", "S3"))
    assert unproven.wanted == ("mrd", "other_em")
    assert (settled.site, settled.wanted) == (unproven.site, unproven.wanted)
    answers = {item.answer: item.s_groups for item in unproven.answers if item.fact == "other_em"}
    assert answers == {"none": ("S3",), "proven": ("S2",)}
    assert early(other_em=fact("proven")).site == ("combined",)
    assert early(other_em=fact("none")).site == ("isolated_bm",)
    assert early(other_em=fact("proven"), marrow_blasts=amount(2)).site == ("isolated_em",)


def test_without_a_marrow_a_site_is_not_inferred_by_exclusion() -> None:
    """R-S8: with proven extramedullary disease the marrow is open, without it everything is."""
    proven = early(marrow_blasts=ANY_PERCENTAGE, **CNS3)
    nothing = early(marrow_blasts=ANY_PERCENTAGE)

    assert proven.site == ("combined", "isolated_em")
    assert nothing.site == ("combined", "isolated_bm", "isolated_em")
    assert "marrow_blasts" in nothing.wanted


def test_a_palsy_beside_marrow_disease_needs_its_cause() -> None:
    """R-S7: imaging settles it, one way or the other."""
    palsy = {"cranial_nerve_palsy": fact("yes")}
    open_ = early(**palsy)

    assert (open_.site, open_.cns_status) == (("combined", "isolated_bm"), "CNS3c")
    assert open_.wanted == ("cns_imaging", "mrd")
    assert early(**palsy, cns_imaging=fact("leukaemia")).site == ("combined",)
    assert early(**palsy, cns_imaging=fact("no_leukaemia")).site == ("isolated_bm",)
    assert early(cns_imaging=fact("leukaemia", "no_leukaemia")).site == ("isolated_bm",)


def test_a_palsy_with_an_unknown_marrow_does_not_prove_the_relapse() -> None:
    """R-S7 asks for an M1 marrow that was seen."""
    decision = early(cranial_nerve_palsy=fact("yes"), marrow_blasts=ANY_PERCENTAGE)

    assert decision.site == ("combined", "isolated_bm", "isolated_em")


def test_a_traumatic_tap_without_blood_counts_leaves_cns3_or_cns2c() -> None:
    """The rule cannot be applied: both stand, and the blood counts are what is missing."""
    tap = {"csf_wbc": amount(50), "csf_rbc": amount(1000), "csf_blasts": fact("seen")}
    decision = early(**tap)

    assert decision.cns_status == "CNS3_or_CNS2c"
    assert (decision.site, decision.s_group) == (("combined", "isolated_bm"), ("S2", "S3"))
    assert decision.wanted == ("blood_rbc", "blood_wbc", "mrd")
    assert decision.local_therapy.undetermined == ("cns",)
    assert early(**tap, cranial_nerve_palsy=fact("yes")).cns_status == "CNS3_or_CNS2c"


@pytest.mark.parametrize(
    ("csf_wbc", "csf_rbc", "blood_wbc", "blood_rbc", "status"),
    [
        # 50/1000 = 0.05 against twice the blood ratio
        ("50", "1000", "10000", "4000000", "CNS3b"),
        ("50", "1000", "200000", "4000000", "CNS2c"),
        ("50", "1000", "100000", "4000000", "CNS2c"),
        ("50", "1000", "99999", "4000000", "CNS3b"),
        ("50", "1000", "1000 to 99999", "4000000", "CNS3b"),
        ("50", "1000", "1000 to 100000", "4000000", "CNS3_or_CNS2c"),
        ("40 to 50", "1000 to 2000", "100000", "4000000", "CNS2c"),
        (">50", "1000", "100000", "4000000", "CNS3_or_CNS2c"),
        ("50", ">1000", "200000", "4000000", "CNS2c"),
        ("50", ">=1000", "10000", "4000000", "CNS3_or_CNS2c"),
        ("50", "1000", ">10000", "4000000", "CNS3_or_CNS2c"),
        ("50", "1000", ">200000", "4000000", "CNS2c"),
        ("50", "1000", "10000", ">4000000", "CNS3b"),
        ("50", "1000", "200000", ">4000000", "CNS3_or_CNS2c"),
    ],
)
def test_the_traumatic_tap_rule_on_ranges(
    csf_wbc: str, csf_rbc: str, blood_wbc: str, blood_rbc: str, status: str
) -> None:
    """Decided when every count in the ranges says the same, strictly more than twice."""
    counts = {
        "csf_wbc": csf_wbc,
        "csf_rbc": csf_rbc,
        "blood_wbc": blood_wbc,
        "blood_rbc": blood_rbc,
    }
    facts = {name: fact(read(text, name), evidence=["x"]) for name, text in counts.items()}

    assert early(csf_blasts=fact("seen"), **facts).cns_status == status


@pytest.mark.parametrize(
    ("blood_wbc", "rows"),
    [
        ("9000", ("CNS3b", "CNS2b")),
        ("500000", ("CNS2c", "CNS2b")),
    ],
)
def test_the_traumatic_tap_rule_looks_at_five_leukocytes_or_more(
    blood_wbc: str, rows: tuple[str, ...]
) -> None:
    """Of 4 to 50 leukocytes only 5 to 50 are compared: 0.005 is more than 0.0045, 0.05 no 0.25."""
    decision = early(
        csf_wbc=fact(read("4 to 50", "csf_wbc"), evidence=["Observation/1"]),
        csf_rbc=amount(1000),
        csf_blasts=fact("seen"),
        blood_wbc=amount(blood_wbc),
        blood_rbc=amount(4000000),
    )

    assert set(tables_read(decision)["cns"]) == set(rows)


def test_a_sample_of_which_only_the_leukocytes_are_known_may_be_any_of_four() -> None:
    """CNS2c, CNS3a, CNS3b or CNS3c: the status says that CNS3 is not excluded."""
    decision = early(
        csf_wbc=amount(50),
        csf_rbc=ANY_AMOUNT,
        csf_blasts=fact("seen"),
        cranial_nerve_palsy=fact("no", "yes"),
    )

    assert decision.cns_status == "CNS3_or_CNS2c"
    assert set(tables_read(decision)["cns"]) == {"CNS2c", "CNS3a", "CNS3b", "CNS3c-traumatic"}


def test_a_palsy_that_proves_the_relapse_is_not_proof_of_a_dose() -> None:
    """With an M1 marrow the palsy stays the relapse; it is told apart from cells in the CSF."""
    facts = first_relapse(cranial_nerve_palsy=fact("yes"), marrow_blasts=amount(2))

    assert site_worlds(facts, tables()).cns == {"palsy_proven", "proven"}
    negative = facts.with_facts(cns_imaging=fact("no_leukaemia"))
    assert site_worlds(negative, tables()).cns == {"palsy_proven"}
    assert decide(facts).local_therapy.undetermined == ("cns",)


def test_a_palsy_with_leukaemia_on_imaging_is_cns_disease_with_its_dose() -> None:
    """Imaging shows the cause: not the palsy alone, so nothing is withheld or flagged."""
    palsy = {"cranial_nerve_palsy": fact("yes"), "prior_cranial_rt_gy": amount(0)}
    decision = early(**palsy, cns_imaging=fact("leukaemia"))

    assert decision.local_therapy.cns_rt_gy == (18,)
    assert decision.local_therapy.undetermined == ()
    assert "PALSY_ONLY" not in decision.flags
    assert early(**palsy).local_therapy.undetermined == ("cns",)


def test_one_cns2a_or_cns2b_is_unknown_and_no_site() -> None:
    """Few leukocytes, blasts, red cells not counted: flagged, isolated marrow all the same."""
    decision = early(
        csf_wbc=amount(3), csf_rbc=ANY_AMOUNT, csf_blasts=fact("seen", evidence=["Observation/2"])
    )

    assert (decision.cns_status, decision.site) == ("unknown", ("isolated_bm",))
    assert "CNS2" in decision.flags
    assert decision.local_therapy.undetermined == ()


@pytest.mark.parametrize(
    "sample",
    [
        {"csf_wbc": amount(50)},
        {"csf_blasts": fact("seen", evidence=["Observation/2"]), "csf_wbc": amount(50)},
        {"csf_blasts": fact("seen", evidence=["Observation/2"])},
    ],
)
def test_red_cells_are_asked_for_once_there_is_a_sample(sample: dict[str, Fact[object]]) -> None:
    """A puncture not yet done is imagined clean; a sample without red cells is not."""
    assert "csf_rbc" in early(**{**NO_TAP, **sample}).wanted
    assert "csf_rbc" not in early(**NO_TAP).wanted
    assert early(**NO_TAP).wanted == ("csf_blasts", "csf_wbc", "mrd")


def test_a_recorded_cns_relapse_against_a_clean_puncture_is_a_conflict() -> None:
    """The findings decide, the disagreement is flagged; without findings there is none."""
    asserted = fact("asserted", evidence=["Condition/3"])

    assert "SITE_CONFLICT" in early(cns_site=asserted).flags
    assert early(cns_site=asserted).site == ("isolated_bm",)
    assert "SITE_CONFLICT" not in early(cns_site=asserted, **CNS3).flags
    assert "SITE_CONFLICT" not in early(cns_site=asserted, **NO_TAP).flags
    assert "SITE_CONFLICT" not in early().flags


def test_the_cns_table_is_in_the_trace_once_something_was_found() -> None:
    """Without a puncture and without a palsy it was not consulted."""
    blasts = {**NO_TAP, "csf_blasts": fact("not_seen", evidence=["Observation/2"])}
    cells = {**NO_TAP, "csf_wbc": amount(1)}
    palsy = {**NO_TAP, "cranial_nerve_palsy": fact("yes")}

    assert "cns" not in tables_read(early(**NO_TAP))
    assert "cns" in tables_read(early(**blasts))
    assert "cns" in tables_read(early(**cells))
    assert "cns" in tables_read(early(**palsy))


# Local therapy


@pytest.mark.parametrize(
    ("found", "open_"),
    [
        ({}, ()),
        ({"cns_site": fact("asserted", evidence=["Condition/3"])}, ("cns",)),
        ({"cranial_nerve_palsy": fact("yes")}, ("cns",)),
        ({"csf_wbc": amount(50)}, ("cns",)),
        ({"csf_blasts": fact("seen")}, ("cns",)),
    ],
)
def test_the_cns_is_undetermined_only_when_something_was_found(
    found: dict[str, Fact[object]], open_: tuple[str, ...]
) -> None:
    """Not merely because no puncture was done."""
    assert early(**{**NO_TAP, **found}).local_therapy.undetermined == open_


@pytest.mark.parametrize(
    ("dose", "doses"),
    [
        (">20", (15,)),
        ("0", (18,)),
        ("<20", (18,)),
        ("<=20", (18,)),
        ("20", (18,)),
        ("24", (15,)),
        (">=24", (15,)),
        ("12 to 24", (15, 18)),
        (">=20", (15, 18)),
    ],
)
def test_the_cranial_dose_follows_every_earlier_dose_there_may_be(
    dose: str, doses: tuple[int, ...]
) -> None:
    """18 Gy after up to 20 Gy, 15 Gy after more; both where both may be."""
    prior = fact(read(dose, "prior_cranial_rt_gy"), evidence=["Procedure/1"])

    assert early(prior_cranial_rt_gy=prior, **CNS3).local_therapy.cns_rt_gy == doses


@pytest.mark.parametrize("history", ["prior_tbi", "prior_hsct"])
def test_no_dose_after_total_body_irradiation_or_transplantation(history: str) -> None:
    """Nobody should read a dose there."""
    therapy = early(**{history: fact("yes")}, **CNS3).local_therapy

    assert (therapy.cns_rt_gy, therapy.undetermined) == ((), ("cns",))


# MRD


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


# Donors


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


# Other schemes and definitions

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


# What each answer would leave


def left(decision: Decision, name: str) -> dict[str, tuple[str, ...]]:
    """The groups that each answer to a wanted fact would leave."""
    return {item.answer: item.s_groups for item in decision.answers if item.fact == name}


def test_answers_on_therapy_leave_the_groups_of_their_own_worlds() -> None:
    """On therapy is early, hence S3; off therapy may be either."""
    decision = decide(
        first_relapse(
            relapse_date=day("2023-12-05"), therapy_end=ANY_DAY, on_therapy=fact("yes", "no")
        )
    )

    assert left(decision, "on_therapy") == {"yes": ("S3",), "no": ("S2", "S3")}
    assert left(decision, "therapy_end") == {"early": ("S3",), "late": ("S2",)}


def test_answers_on_a_date_are_the_timings_it_may_give() -> None:
    """Combined BCP: very early is S4, early is S2."""
    decision = decide(
        first_relapse(
            diagnosis_date=day("2022"),
            cr1_date=day("2022"),
            relapse_date=day("2023-08-01"),
            on_therapy=fact("yes"),
            **CNS3,
        )
    )

    assert left(decision, "diagnosis_date") == {"early": ("S2",), "very_early": ("S4",)}


def test_an_answer_out_of_scope_leaves_no_group() -> None:
    """An adult and a second relapse have none."""
    ages = decide(first_relapse(birth_date=day("2001-01-01", "2017-05-01")))
    numbers = decide(first_relapse(relapse_number=fact("1", "2")))

    assert left(ages, "birth_date") == {"adult": (), "child": ("S2",)}
    assert left(numbers, "relapse_number") == {"1": ("S2",), "2": ()}


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


def test_the_risk_is_that_of_the_groups() -> None:
    """One risk for one group, both where two groups are open."""
    assert decide(first_relapse()).risk == ("IR",)
    assert early().risk == ("HR",)
    assert early(other_em=fact("unproven")).risk == ("HR", "IR")


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
