"""The decision document field by field, and what a decision reports of its facts and its child."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from children import CNS3, TODAY, amount, day, first_relapse

from relapse_model.amounts import AmountRange, exactly
from relapse_model.dates import DateRange, known, partial_date
from relapse_model.decide import MODEL_VERSION, decide
from relapse_model.decision import (
    Alternative,
    Decision,
    FactReport,
    LocalTherapy,
    Model,
    Statement,
)
from relapse_model.errors import FactsError
from relapse_model.facts import ANY_DAY, Donor, Fact, MrdResult, PatientFacts, Remark, fact
from relapse_model.facts_file import facts_from
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


def test_dates_in_the_wrong_order_are_a_data_error_that_names_them() -> None:
    """R-0c: the pair is shown, both are wanted, and what was read is still reported."""
    facts = first_relapse(
        birth_date=day("2023-05-01"), remarks=(Remark("UNIT_ASSUMED", "a percentage"),)
    )
    decision = decide(facts)

    assert decision.plan == "DATA_ERROR"
    assert decision.conflicts == (("birth_date", "diagnosis_date"),)
    assert decision.wanted == ("birth_date", "diagnosis_date")
    assert decision.flags == ("UNIT_ASSUMED",)
    assert {item.fact for item in decision.facts} >= {"birth_date", "relapse_date"}
    assert decision.statements
    assert decision.s_group == ()


def test_a_relapse_in_the_future_conflicts_with_today() -> None:
    """Today is no fact of the record, so it is not wanted."""
    decision = decide(first_relapse(relapse_date=day("2027-01-01")))

    assert decision.plan == "DATA_ERROR"
    assert decision.conflicts == (("relapse_date", "as_of"),)
    assert decision.wanted == ("relapse_date",)


@pytest.mark.parametrize(
    ("born", "number", "plan"),
    [
        ("2007-02-15", "1", "OUT_OF_SCOPE_AGE"),
        ("2007-02-16", "1", "DATA_ERROR"),
        ("2007-02-15", "2", "OUT_OF_SCOPE_AGE"),
        ("2007-02-15", "0", "DATA_ERROR"),
    ],
)
def test_an_adult_is_out_of_scope_before_the_dates_are_an_error(
    born: str, number: str, plan: str
) -> None:
    """R-0b before R-0c, from the eighteenth birthday on, and only where there is a relapse."""
    facts = first_relapse(
        birth_date=day(born), diagnosis_date=day("2025-03-01"), relapse_number=fact(number)
    )
    decision = decide(facts)

    assert decision.plan == plan
    assert bool(decision.conflicts) == bool(decision.wanted) == (plan == "DATA_ERROR")


def test_another_disease_is_out_of_scope_whatever_its_dates() -> None:
    """The article is not about it, so its dates are no error."""
    decision = decide(first_relapse(disease=fact("other"), birth_date=day("2023-05-01")))

    assert decision.plan == "OUT_OF_SCOPE_DISEASE"
    assert decision.conflicts == ()


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


def test_an_unconfirmed_relapse_has_no_group() -> None:
    """R-3: time, site and phenotype are said, group and risk are not."""
    decision = decide(first_relapse(marrow_blasts=amount(12)))

    assert decision.plan == "CONFIRM_RELAPSE"
    assert (decision.timing, decision.site) == (("late",), ("m2_unconfirmed",))
    assert decision.immunophenotype == ("BCP",)
    assert (decision.s_group, decision.risk) == ((), ())
    assert decision.wanted == ("marrow_confirmation",)


def test_an_unconfirmed_relapse_of_several_readings_has_no_group_either() -> None:
    """R-3 also where one reading of the marrow would be a relapse."""
    decision = decide(first_relapse(marrow_blasts=amount(12, 80)))

    assert decision.plan == "CONFIRM_RELAPSE"
    assert decision.wanted == ("marrow_blasts", "marrow_confirmation")
    assert (decision.s_group, decision.risk) == ((), ())


@pytest.mark.parametrize(
    "open_", [{"relapse_number": fact("1", "2")}, {"birth_date": day("2017-05-01", "2001-01-01")}]
)
def test_confirmation_does_not_come_before_scope(open_: dict[str, Fact[object]]) -> None:
    """R-3 decides only once neither a second relapse nor an adult is among the readings."""
    decision = decide(first_relapse(marrow_blasts=amount(12), **open_))

    assert decision.plan == "INSUFFICIENT_DATA"
    assert "CONFIRM_RELAPSE" in decision.plans
    assert (decision.s_group, decision.risk) == ((), ())


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


def test_a_file_of_facts_is_read_whole() -> None:
    """Every kind of entry, each into its fact; what is left out is silent."""
    facts = facts_from(
        {
            "as_of": "2026-11",
            "sex": "male",
            "relapse_number": 1,
            "relapse_date": ["2024-02", "2024-03-01"],
            "marrow_blasts": " 1 to 5 ",
            "csf_wbc": ["<5", ">= 25"],
            "relapse_therapy_start": "2024-03-05",
            "mrd": {"taken": "2024-04-20", "fraction": "<0.0001", "method": "ngs"},
            "donors": [{"kind": "unrelated", "match": "7/8"}, {"kind": "cord_blood"}],
            "genetics": "BCR-ABL1+ETV6-RUNX1+KMT2A-r+hypodiploid",
        }
    )
    hand = ("hand-written",)

    assert facts.as_of == date(2026, 11, 30)
    assert facts.sex == Fact(frozenset({"male"}), hand)
    assert facts.relapse_number == Fact(frozenset({"1"}), hand)
    assert facts.relapse_date == Fact(
        frozenset({partial_date("2024-02"), partial_date("2024-03-01")}), hand
    )
    assert facts.marrow_blasts == Fact(frozenset({AmountRange(Decimal(1), Decimal(5))}), hand)
    assert facts.csf_wbc == Fact(
        frozenset(
            {
                AmountRange(Decimal(0), Decimal(5), high_open=True),
                AmountRange(Decimal(25), None),
            }
        ),
        hand,
    )
    assert facts.relapse_therapy_start == Fact(frozenset({partial_date("2024-03-05")}), hand)
    assert facts.mrd == (
        MrdResult(
            partial_date("2024-04-20"),
            AmountRange(Decimal(0), Decimal("0.0001"), high_open=True),
            "ngs",
            "unknown",
            "",
            hand,
        ),
    )
    assert facts.donors == (
        Donor("unrelated", "7/8", evidence=hand),
        Donor("cord_blood", "", evidence=hand),
    )
    assert facts.csf_rbc == PatientFacts(as_of=TODAY).csf_rbc


def test_an_mrd_entry_may_say_only_its_day() -> None:
    """What is left out is unknown; text and specimen are kept."""
    bare, full = facts_from(
        {
            "mrd": [
                {"taken": "2024"},
                {"taken": "2024", "specimen": "blood", "text": "0.1 %", "method": "flow"},
            ]
        },
        TODAY,
    ).mrd

    assert (bare.taken, bare.fraction) == (
        DateRange(date(2024, 1, 1), date(2024, 12, 31)),
        None,
    )
    assert (bare.method, bare.specimen, bare.text) == ("unknown", "unknown", "")
    assert (full.method, full.specimen, full.text) == ("flow", "blood", "0.1 %")


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


def test_a_range_of_one_amount_is_that_amount() -> None:
    """Its bounds are not in the wrong order."""
    facts = facts_from({"csf_wbc": "5 to 5"}, TODAY)

    assert facts.csf_wbc.values == {exactly(5)}


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"as_of": True}, "as_of: is not a text"),
        ({"mrd": [{"taken": "2024-02-30"}]}, "mrd[0].taken: is not a day"),
        ({"mrd": [{"taken": "2024", "fraction": "x"}]}, "mrd[0].fraction: is not an amount"),
        ({"mrd": [{"taken": "2024", "specimen": "x"}]}, "mrd[0].specimen: is 'x', not one of"),
        ({"donors": [{}]}, "donors[0].kind: is '', not one of sibling, related"),
        ({"donors": ["x"]}, "donors[0]: is not an object"),
    ],
)
def test_an_entry_that_cannot_be_read_is_named_with_its_place(
    entry: dict[str, object], said: str
) -> None:
    """Which entry of the list, and which part of it."""
    with pytest.raises(FactsError) as refused:
        facts_from(entry, TODAY)

    assert str(refused.value).startswith(said)
