"""Single findings in all their readings: marrow, CNS, other sites, local therapy."""

from __future__ import annotations

import pytest
from children import CNS3, amount, early, first_relapse, tables_read

from relapse_model.decide import decide
from relapse_model.facts import (
    ANY_AMOUNT,
    ANY_PERCENTAGE,
    Fact,
    fact,
)
from relapse_model.facts_file import amount as read
from relapse_model.loader import tables
from relapse_model.site import site_worlds

NO_TAP = {"csf_wbc": ANY_AMOUNT, "csf_rbc": ANY_AMOUNT, "csf_blasts": fact("seen", "not_seen")}


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
