"""What the conditions of a sentence may say of a decision and of a child (statements.SUBJECTS)."""

from __future__ import annotations

import pytest
from children import amount, day, first_relapse

from relapse_model.dates import partial_date
from relapse_model.decision import Decision, LocalTherapy, Model, Step
from relapse_model.facts import ANY_AMOUNT, ANY_DAY, Donor, Fact, PatientFacts, fact
from relapse_model.loader import tables
from relapse_model.reports import _child_subjects, _decision_subjects, with_statements
from relapse_model.statements import SUBJECTS

EMPTY = Decision(Model("0.1.0", "sha256:0"), "NO_RELAPSE")


def of(facts: PatientFacts) -> dict[str, frozenset[str]]:
    """The subjects of a child whose CNS is not involved."""
    return _child_subjects(facts, tables(), frozenset({"none"}))


def test_every_subject_has_its_values() -> None:
    """The decision says one part, the child the other, none of them twice."""
    decision, child = _decision_subjects(EMPTY), of(first_relapse())

    assert set(decision) | set(child) == set(SUBJECTS)
    assert not set(decision) & set(child)


def test_the_subjects_of_a_decision_are_its_fields() -> None:
    """An open plan is also all the plans it may become; what is empty says nothing."""
    decision = Decision(
        Model("0.1.0", "sha256:0"),
        "INSUFFICIENT_DATA",
        plans=("CHEMO_THEN_MRD", "HSCT_HR"),
        timing=("early", "late"),
        site=("combined",),
        immunophenotype=("BCP",),
        s_group=("S2",),
        risk=("IR",),
        mrd="poor",
        cns_status="CNS3a",
        local_therapy=LocalTherapy((15, 18), ("orchiectomy",), ("cns",)),
        flags=("CNS2",),
        trace=(Step("mrd", ("MRD-poor-tp1", "MRD-poor-tp2"), (), ()),),
    )

    assert _decision_subjects(decision) == {
        "plan": {"INSUFFICIENT_DATA"},
        "plans": {"CHEMO_THEN_MRD", "HSCT_HR"},
        "timing": {"early", "late"},
        "site": {"combined"},
        "immunophenotype": {"BCP"},
        "s_group": {"S2"},
        "risk": {"IR"},
        "mrd": {"poor"},
        "cns_status": {"CNS3a"},
        "cns_rt_gy": {"15", "18"},
        "testis": {"orchiectomy"},
        "undetermined": {"cns"},
        "flags": {"CNS2"},
        "rules": {"MRD-poor-tp1", "MRD-poor-tp2"},
    }
    assert _decision_subjects(EMPTY)["plans"] == {"NO_RELAPSE"}
    assert _decision_subjects(EMPTY)["cns_status"] == frozenset()


def test_the_subjects_of_a_child_are_its_facts() -> None:
    """Every lesion by itself, every kind of donor, the sex and lineage there may be."""
    facts = first_relapse(
        sex=fact("male"),
        genetics=fact("BCR-ABL1+hypodiploid", "none", taken=partial_date("2022-02")),
        abl_mutation=fact("resistant"),
        donors=(Donor("sibling"), Donor("cord_blood")),
        immunophenotype=fact("BCP", "T"),
        other_em=fact("unproven"),
        prior_hsct=fact("yes"),
        cr2=fact("achieved"),
    )

    assert of(facts) == {
        "abl_mutation": {"resistant"},
        "age_at_relapse": {"4_or_more"},
        "cns_disease": {"none"},
        "cr1_achieved": {"yes"},
        "cr2": {"achieved"},
        "donors": {"matched_family", "cord_blood"},
        "genetics_taken": {"before_relapse"},
        "hsct_after_relapse": {"no"},
        "lesions": {"BCR-ABL1", "hypodiploid", "none"},
        "lineage": {"BCP", "T"},
        "on_therapy": {"no"},
        "other_em": {"unproven"},
        "prior_cranial_rt": {"unknown"},
        "prior_hsct": {"yes"},
        "relapse_number": {"1"},
        "sex": {"male"},
        "testis_finding": {"none"},
    }


@pytest.mark.parametrize(
    ("dose", "known"), [(ANY_AMOUNT, "unknown"), (amount(0), "known"), (amount(24), "known")]
)
def test_an_earlier_dose_is_known_when_anything_is_recorded(dose: Fact[object], known: str) -> None:
    """Also that there was none."""
    assert of(first_relapse(prior_cranial_rt_gy=dose))["prior_cranial_rt"] == {known}


NEGATIVE = fact("negative", evidence=["Observation/5"])


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ({}, "none"),
        ({"testis_left": fact("involved")}, "found"),
        ({"testis_right": fact("involved")}, "found"),
        ({"testis_left": fact("involved"), "testis_right": fact("involved")}, "found"),
        ({"testis_left": fact("involved", "not_involved")}, "found"),
        ({"testis_biopsy_left": NEGATIVE}, "found"),
        ({"testis_biopsy_right": NEGATIVE}, "found"),
    ],
)
def test_a_finding_or_a_biopsy_of_either_testis_is_a_finding(
    findings: dict[str, Fact[object]], expected: str
) -> None:
    """The caveat for boys is for a silent record only."""
    assert of(first_relapse(**findings))["testis_finding"] == {expected}


@pytest.mark.parametrize(
    ("born", "ages"),
    [
        ("2021-02-14", {"4_or_more"}),
        ("2021-02-15", {"4_or_more"}),
        ("2021-02-16", {"under_4"}),
        ("2021-02", {"4_or_more", "under_4"}),
    ],
)
def test_the_age_at_the_relapse_turns_on_the_fourth_birthday(born: str, ages: set[str]) -> None:
    """Relapse on 2025-02-15; a month of birth may leave both."""
    facts = first_relapse(birth_date=day(born))

    assert of(facts)["age_at_relapse"] == ages


def test_an_unknown_birth_date_leaves_both_ages() -> None:
    """Any day may have been the day of birth."""
    assert of(first_relapse(birth_date=ANY_DAY))["age_at_relapse"] == {"4_or_more", "under_4"}


def test_the_involvement_of_the_cns_chooses_sentences() -> None:
    """Without it, none of the sentences on CNS disease is shown."""

    def shown(cns: frozenset[str]) -> set[str]:
        decision = with_statements(EMPTY, first_relapse(), tables(), cns)
        return {item.id for item in decision.statements}

    speaking = {row.id for row in tables().statements if "cns_disease" in {**row.every, **row.some}}
    assert speaking
    assert not speaking & shown(frozenset())


@pytest.mark.parametrize(
    ("taken", "when"),
    [
        ("2022-02", {"before_relapse"}),
        ("2025-02-14", {"before_relapse"}),
        ("2025-02-15", {"at_relapse"}),
        ("2025", {"at_relapse"}),
        ("", set()),
    ],
)
def test_genetics_are_from_before_the_relapse_only_if_that_is_certain(
    taken: str, when: set[str]
) -> None:
    """A partial date that may reach the relapse claims nothing; no date, no claim."""
    day_taken = partial_date(taken) if taken else None
    facts = first_relapse(genetics=fact("KMT2A-r", taken=day_taken), relapse_date=day("2025-02-15"))

    assert of(facts)["genetics_taken"] == when
