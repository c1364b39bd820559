"""The decision document field by field, and what a decision reports of its facts and its child."""

from __future__ import annotations

from datetime import date

import pytest
from children import CNS3, amount, day, first_relapse

from relapse_model.amounts import exactly
from relapse_model.dates import known, partial_date
from relapse_model.decide import MODEL_VERSION, decide
from relapse_model.decision import (
    Alternative,
    Decision,
    FactReport,
    LocalTherapy,
    Model,
    Statement,
)
from relapse_model.facts import ANY_DAY, Donor, Fact, MrdResult, PatientFacts, Remark, fact
from relapse_model.loader import tables

FULL = Decision(
    model=Model("0.1.0", "sha256:0"),
    plan="INSUFFICIENT_DATA",
    plans=("CHEMO_THEN_MRD", "HSCT_HR"),
    timing=("early",),
    site=("combined",),
    immunophenotype=("BCP",),
    s_group=("S2",),
    risk=("IR",),
    mrd="pending",
    cns_status="CNS3a",
    local_therapy=LocalTherapy((18,), ("x",), ("testis",)),
    wanted=("mrd",),
    flags=("CNS2",),
    alternatives=(Alternative("COG", "high"),),
    facts=(
        FactReport("sex", ("female",)),
        FactReport("csf_wbc", ("42",), ("Observation/1",), "read so", "/uL", "2025-02-15"),
    ),
    statements=(Statement("s-1", "plan", "A sentence.", "P", "Article, Table 1"),),
)


def test_the_document_says_every_field_by_its_name() -> None:
    """docs/decision.md, all fields at once; texts of statements belong to the cards."""
    assert FULL.document() == {
        "model": {"version": "0.1.0", "tables": "sha256:0"},
        "plan": "INSUFFICIENT_DATA",
        "plans": ["CHEMO_THEN_MRD", "HSCT_HR"],
        "timing": ["early"],
        "site": ["combined"],
        "immunophenotype": ["BCP"],
        "s_group": ["S2"],
        "risk": ["IR"],
        "mrd": "pending",
        "cns_status": "CNS3a",
        "local_therapy": {"cns_rt_gy": [18], "testis": ["x"], "undetermined": ["testis"]},
        "wanted": ["mrd"],
        "flags": ["CNS2"],
        "alternatives": [{"scheme": "COG", "class": "high"}],
        "facts": [
            {"fact": "sex", "values": ["female"]},
            {
                "fact": "csf_wbc",
                "values": ["42"],
                "unit": "/uL",
                "taken": "2025-02-15",
                "evidence": ["Observation/1"],
                "note": "read so",
            },
        ],
        "statements": [{"id": "s-1", "provenance": "P", "citation": "Article, Table 1"}],
    }


def test_an_empty_field_is_left_out() -> None:
    """No nulls and no empty lists."""
    assert Decision(Model("0.1.0", "sha256:0"), "NO_RELAPSE").document() == {
        "model": {"version": "0.1.0", "tables": "sha256:0"},
        "plan": "NO_RELAPSE",
        "mrd": "not_used",
    }


@pytest.mark.parametrize(
    ("therapy", "says"),
    [
        (LocalTherapy(), False),
        (LocalTherapy(cns_rt_gy=(18,)), True),
        (LocalTherapy(testis=("x",)), True),
        (LocalTherapy(undetermined=("cns",)), True),
    ],
)
def test_local_therapy_is_true_when_it_says_something(therapy: LocalTherapy, says: bool) -> None:
    """A dose, a testis or an open question is something to say."""
    assert bool(therapy) == says


def reports(facts: PatientFacts) -> dict[str, FactReport]:
    """The reports of the facts, by name."""
    return {item.fact: item for item in decide(facts).facts}


def test_a_fact_on_record_is_reported_with_unit_day_note_and_evidence() -> None:
    """What the record said, and nothing about what it did not say."""
    wbc = Fact(
        frozenset({exactly(42), exactly(7)}), ("Observation/1",), "read so", partial_date("2025-02")
    )
    found = reports(first_relapse(csf_wbc=wbc, relapse_therapy_start=day("2025-02-16")))

    assert found["csf_wbc"] == FactReport(
        "csf_wbc", ("42", "7"), ("Observation/1",), "read so", "/uL", "2025-02"
    )
    assert found["disease"] == FactReport("disease", ("ALL",), ("Condition/1",))
    assert found["relapse_therapy_start"] == FactReport(
        "relapse_therapy_start", ("2025-02-16",), ("Condition/1",)
    )
    assert "sex" not in found


def test_an_mrd_result_is_reported_as_it_was_read() -> None:
    """Fraction, method, specimen and text; a result that cannot be read says so."""
    taken = known(date(2025, 3, 22))
    read = MrdResult(taken, exactly("0.002"), "pcr", "marrow", "0.2 %", ("Observation/9",))
    unread = MrdResult(taken, None, "pcr", "marrow", "positive")
    found = decide(first_relapse(mrd=(read, unread))).facts[-2:]

    assert found == (
        FactReport(
            "mrd",
            ("0.002",),
            ("Observation/9",),
            "pcr, marrow, 0.2 %",
            "fraction",
            "2025-03-22",
        ),
        FactReport(
            "mrd",
            ("not readable",),
            (),
            "pcr, marrow, positive, not used: unit or sensitivity missing",
            "",
            "2025-03-22",
        ),
    )


@pytest.mark.parametrize(
    ("method", "specimen", "note"),
    [
        ("flow", "marrow", "flow, marrow"),
        ("ngs", "marrow", "ngs, marrow"),
        ("flow", "blood", "flow, blood, not used: not known to be bone marrow"),
        ("flow", "", "flow, not used: not known to be bone marrow"),
        (
            "fusion_transcript",
            "marrow",
            "fusion_transcript, marrow, not used: method not stated, or not comparable",
        ),
        (
            "unknown",
            "unknown",
            "unknown, unknown, not used: not known to be bone marrow",
        ),
    ],
)
def test_a_result_that_is_not_used_says_why(method: str, specimen: str, note: str) -> None:
    """The first reason that stands against it; a result that is used has none."""
    result = MrdResult(known(date(2025, 3, 22)), exactly("0.002"), method, specimen)

    assert decide(first_relapse(mrd=(result,))).facts[-1].note == note


def shown(facts: PatientFacts) -> set[str]:
    """The sentences of the decision."""
    return {item.id for item in decide(facts).statements}


def test_the_model_and_its_tables_are_named_in_every_decision() -> None:
    """Also where the dates cannot be true."""
    expected = Model(MODEL_VERSION, tables().digest)

    assert decide(first_relapse()).model == expected
    assert decide(first_relapse(birth_date=day("2023-05-01"))).model == expected


def test_remarks_of_the_reading_become_flags() -> None:
    """What the reading of the record noticed reaches the reader."""
    facts = first_relapse(remarks=(Remark("UNIT_ASSUMED", "a percentage"),))

    assert "UNIT_ASSUMED" in decide(facts).flags


LESIONS = {
    ("KMT2A-r",): {"ADVERSE_GENETICS"},
    ("BCR-ABL1+hypodiploid",): {"ADVERSE_GENETICS"},
    ("ETV6-RUNX1",): {"FAVOURABLE_GENETICS"},
    ("BCR-ABL1+ETV6-RUNX1",): {"ADVERSE_GENETICS", "FAVOURABLE_GENETICS"},
    ("none",): set(),
    ("KMT2A-r", "none"): set(),
    ("ETV6-RUNX1", "none"): set(),
}


@pytest.mark.parametrize("lesions", LESIONS)
def test_lesions_are_flagged_when_every_reading_has_one(lesions: tuple[str, ...]) -> None:
    """Adverse and favourable lesions, also together; a lesion in doubt flags nothing."""
    flags = set(decide(first_relapse(genetics=fact(*lesions))).flags)

    assert flags & {"ADVERSE_GENETICS", "FAVOURABLE_GENETICS"} == LESIONS[lesions]


@pytest.mark.parametrize("lesion", ["KMT2A-r", "BCR-ABL1+hypodiploid", "ETV6-RUNX1+hypodiploid"])
def test_an_adverse_lesion_among_several_allocates(lesion: str) -> None:
    """R-10: one adverse lesion is enough."""
    assert decide(first_relapse(genetics=fact(lesion))).plan == "HSCT_CONSIDER_GENETICS"


def test_a_history_of_down_syndrome_irradiation_or_local_therapy_is_flagged() -> None:
    """Certain ones only: two readings that differ flag nothing, treatment given flags either."""
    certain = first_relapse(
        down_syndrome=fact("yes"), prior_tbi=fact("yes"), local_therapy_given=fact("yes")
    )
    open_ = first_relapse(
        down_syndrome=fact("yes", "no"),
        prior_tbi=fact("yes", "no"),
        hsct_after_relapse=fact("yes", "no"),
    )
    names = {"DOWN_SYNDROME", "PRIOR_TBI", "ALREADY_TREATED"}

    assert names <= set(decide(certain).flags)
    assert names & set(decide(open_).flags) == {"ALREADY_TREATED"}
    assert not names & set(decide(first_relapse()).flags)


def test_a_missing_birth_date_is_flagged_and_flags_no_age() -> None:
    """The child may have been of any age."""
    flags = decide(first_relapse(birth_date=ANY_DAY, marrow_blasts=amount(2), **CNS3)).flags

    assert "BIRTH_DATE_MISSING" in flags
    assert not {"INFANT", "YOUNG_FOR_RT"} & set(flags)
    assert "BIRTH_DATE_MISSING" not in decide(first_relapse()).flags


def test_a_lesion_that_mrd_cannot_replace_is_wanted_before_the_plan_is_open() -> None:
    """The plan is known: genetics not reported is wanted where an adverse lesion changes it."""
    decision = decide(first_relapse(genetics=fact("not_reported")))
    answers = {item.answer: item.plans for item in decision.answers if item.fact == "genetics"}

    assert decision.plan == "CHEMO_THEN_MRD"
    assert {"cr2", "genetics", "mrd", "prior_hsct"} <= set(decision.wanted)
    assert answers["adverse"] == ("HSCT_CONSIDER_GENETICS",)
    assert [item.fact for item in decision.answers] == sorted(
        item.fact for item in decision.answers
    )


def test_mrd_is_not_used_where_the_plan_does_not_look_at_it() -> None:
    """A high-risk child keeps its transplantation: the MRD is neither a field nor a step."""
    taken = known(date(2024, 4, 24))
    good = (MrdResult(taken, exactly("0.00001"), "pcr", "marrow"),)
    high = decide(first_relapse(relapse_date=day("2024-03-20"), mrd=good))
    late = decide(
        first_relapse(
            mrd=(MrdResult(known(date(2025, 3, 22)), exactly("0.00001"), "pcr", "marrow"),)
        )
    )

    assert (high.plan, high.mrd) == ("HSCT_HR", "not_used")
    assert "mrd" not in {step.table for step in high.trace}
    assert "WEEKS_FROM_RELAPSE" not in high.flags
    assert (late.plan, late.mrd) == ("CHEMO_CONTINUE", "good")
    assert "mrd" in {step.table for step in late.trace}
    assert "WEEKS_FROM_RELAPSE" in late.flags


def test_transplantation_whatever_the_open_fact_is_invariant() -> None:
    """R-8: high risk or poor MRD, the child is transplanted either way."""
    taken = known(date(2024, 4, 24))
    poor = (MrdResult(taken, exactly("0.01"), "pcr", "marrow"),)
    decision = decide(
        first_relapse(
            relapse_date=day("2024-03-20"),
            mrd=poor,
            csf_wbc=amount(2, 42),
            csf_blasts=fact("seen", evidence=["Observation/2"]),
        )
    )

    assert decision.plan == "HSCT_INVARIANT"
    assert decision.plans == ()
    assert (decision.s_group, decision.mrd) == (("S2", "S3"), "poor")


def test_sentences_follow_the_child() -> None:
    """Donors, lesions, sex, testes, earlier irradiation and lineage choose sentences."""
    boy = first_relapse(sex=fact("male"))
    girl = first_relapse(sex=fact("female"))
    found = first_relapse(sex=fact("male"), testis_left=fact("involved"))

    assert shown(boy) != shown(girl)
    assert shown(boy) != shown(found)
    assert shown(first_relapse(genetics=fact("BCR-ABL1"))) - shown(girl)
    high = {"relapse_date": day("2024-03-20")}
    sibling = first_relapse(**high, donors=(Donor("sibling", "identical"),))
    assert shown(sibling) != shown(first_relapse(**high))


@pytest.mark.parametrize(
    ("course", "plan"),
    [
        ({"cr2": fact("not_achieved")}, "TRIAL_PHASE_1_2"),
        ({"prior_hsct": fact("yes")}, "EXPERT_POST_HSCT"),
        (
            {"relapse_date": day("2024-03-20"), "relapse_number": fact("1", "2")},
            "INSUFFICIENT_DATA",
        ),
    ],
)
def test_mrd_is_not_used_outside_its_own_rules(course: dict[str, Fact[object]], plan: str) -> None:
    """R-9 and R-10 look at it: S1 and S2 that no earlier rule has answered."""
    result = MrdResult(known(date(2025, 3, 22)), exactly("0.01"), "pcr", "marrow")
    decision = decide(first_relapse(mrd=(result,), **course))

    assert (decision.plan, decision.mrd) == (plan, "not_used")
    assert "mrd" not in {step.table for step in decision.trace}


@pytest.mark.parametrize(
    ("name", "open_"),
    [
        ("disease", fact("ALL", "other")),
        ("cr1_achieved", fact("yes", "no")),
        ("relapse_number", fact("1", "2")),
        ("immunophenotype", fact("BCP", "T")),
    ],
)
def test_an_open_fact_that_changes_the_plan_is_wanted(name: str, open_: Fact[str]) -> None:
    """By its own name, with what each answer would leave."""
    decision = decide(first_relapse(**{name: open_}))
    answers = {item.answer: item.plans for item in decision.answers if item.fact == name}

    assert name in decision.wanted
    assert set(answers) == open_.values
    assert len(set(answers.values())) == len(open_.values)


def test_a_withdrawn_drug_is_named_only_where_the_cns_is_involved() -> None:
    """Liposomal cytarabine is discussed for resistant CNS disease."""
    resistant = {"cr2": fact("not_achieved")}

    assert "agent-liposomal-cytarabine" in shown(first_relapse(**resistant, **CNS3))
    assert "agent-liposomal-cytarabine" not in shown(first_relapse(**resistant))


def test_a_fact_carries_the_day_of_its_finding() -> None:
    """The short way to write a fact keeps everything that the long one does."""
    taken = partial_date("2025-02")

    assert fact("x", evidence=["a"], note="n", taken=taken) == Fact(
        frozenset({"x"}), ("a",), "n", taken
    )
