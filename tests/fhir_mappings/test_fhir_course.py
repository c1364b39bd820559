"""Disease, diagnosis, remission and relapse out of Conditions and status results."""

# ruff: noqa: PLR0913, PLR0917 - fixtures come as arguments

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from relapse_model.decide import decide
from relapse_model.facts import ANY_DAY, PatientFacts

Write = Callable[..., dict[str, Any]]
Read = Callable[..., PatientFacts]
Record = list[dict[str, Any]]


def values(fact: Any) -> set[str]:
    """Values of a fact as text."""
    return {str(value) for value in fact.values}


def flags(facts: PatientFacts) -> set[str]:
    """Flags of the remarks."""
    return {remark.flag for remark in facts.remarks}


def remission(resource: Write, coded: Write, when: str) -> dict[str, Any]:
    """A documented complete remission."""
    return resource(
        "Observation",
        code=coded("loinc 97509-4"),
        effectiveDateTime=when,
        valueCodeableConcept=coded("snomed 550991000124107"),
    )


def test_no_condition_of_leukaemia_is_another_disease(read: Read, relapsed: Record) -> None:
    """Without any ALL Condition the disease is other, and there is no relapse."""
    facts = read(relapsed[0])
    assert values(facts.disease) == {"other"}
    assert values(facts.relapse_number) == {"0"}


@pytest.mark.parametrize(
    ("code", "disease"),
    [
        ("icd C91.A0", "mature_B"),
        ("icd C91.A2", "mature_B"),
        ("icd C83.50", "ALL"),
        ("icd C92.02", "ALL"),
        ("icd Z85.6", "ALL"),
    ],
)
def test_a_mature_b_code_beats_an_all_code_and_no_other_look_alike_does(
    read: Read, resource: Write, coded: Write, relapsed: Record, code: str, disease: str
) -> None:
    """Look-alikes are not ALL and do not unmake it."""
    other = resource("Condition", code=coded(code), onsetDateTime="2022-01-10")
    assert values(read(*relapsed, other).disease) == {disease}


def test_icd_codes_are_read_without_the_dot_and_with_spaces(
    read: Read, resource: Write, coded: Write, relapsed: Record
) -> None:
    """``C9102 `` is C91.02."""
    relapse = resource("Condition", code=coded("icd  c9102 "), onsetDateTime="2024-03-20")
    facts = read(*relapsed[:3], relapse)
    assert values(facts.relapse_date) == {"2024-03-20"}


@pytest.mark.parametrize("system", [None, "icd10", "http://snomed.info/sct"])
def test_a_code_under_another_system_is_not_that_code_and_is_named(
    read: Read, resource: Write, relapsed: Record, system: str | None
) -> None:
    """The Condition is unreadable, never silently dropped and never a relapse."""
    coding = {"code": "C91.02"} | ({"system": system} if system else {})
    stray = resource("Condition", code={"coding": [coding]}, onsetDateTime="2024-03-20")
    facts = read(*relapsed[:3], stray)
    assert values(facts.relapse_number) == {"0"}
    assert [(r.flag, r.evidence) for r in facts.remarks] == [
        ("UNREADABLE", (f"Condition/{stray['id']}",))
    ]


def test_leukaemia_in_words_alone_is_unreadable_unless_the_words_deny_it(
    read: Read, resource: Write, relapsed: Record
) -> None:
    """Never a silent drop, and no alarm at "no evidence of"."""
    told = resource("Condition", code={"text": "ALL, 2nd relapse (leukemia)"})
    denied = resource("Condition", code={"text": "No evidence of CNS leukemia"})
    facts = read(*relapsed, told, denied)
    assert [(r.flag, r.evidence) for r in facts.remarks] == [
        ("UNREADABLE", (f"Condition/{told['id']}",))
    ]


def test_a_partial_code_only_hints(
    read: Read, resource: Write, coded: Write, relapsed: Record
) -> None:
    """A person must confirm it: the disease stays open, the palsy possible."""
    hinted = resource("Condition", code=coded("snomed 1162660006"), onsetDateTime="2022-01-10")
    facts = read(relapsed[0], hinted)
    assert values(facts.disease) == {"ALL", "other"}
    assert [remark.text for remark in facts.remarks if "please confirm" in remark.text]
    palsy = resource("Condition", code=coded("snomed 82373004"), onsetDateTime="2024-03-20")
    assert values(read(*relapsed, palsy).cranial_nerve_palsy) == {"yes", "no"}


def test_code_and_text_that_contradict_leave_the_disease_open(
    read: Read, resource: Write, coded: Write, relapsed: Record
) -> None:
    """An ALL code shown as myeloid leukaemia is unknown, and shown."""
    code = coded("snomed 91857003", "Acute myeloid leukemia, disease")
    facts = read(relapsed[0], resource("Condition", code=code))
    assert values(facts.disease) == {"ALL", "other"}
    assert "CODE_TEXT_CONFLICT" in flags(facts)


def test_a_provisional_relapse_is_possible_and_never_proven(read: Read, relapsed: Record) -> None:
    """Relapse number none or one."""
    relapsed[3]["verificationStatus"] = {"coding": [{"code": "provisional"}]}
    assert values(read(*relapsed).relapse_number) == {"0", "1"}


def test_lineages_that_disagree_widen_the_phenotype_and_are_shown(
    read: Read, resource: Write, coded: Write, relapsed: Record
) -> None:
    """A T-cell code and a B-precursor report give both."""
    condition = resource("Condition", code=coded("snomed 277575008"), onsetDateTime="2022-01-10")
    report = resource(
        "Observation", code=coded("loinc 55230-7"), valueString="B-cell precursor (common ALL)"
    )
    facts = read(*relapsed, condition, report)
    assert values(facts.immunophenotype) == {"BCP", "T"}
    assert "CODE_TEXT_CONFLICT" in flags(facts)


def test_a_recording_date_only_bounds_the_diagnosis_and_says_so(
    read: Read, relapsed: Record
) -> None:
    """RecordedDate is never the diagnosis date."""
    del relapsed[1]["onsetDateTime"]
    relapsed[1]["recordedDate"] = "2022-06-01"
    facts = read(*relapsed)
    assert values(facts.diagnosis_date) == {"1900-01-01/2022-06-01"}
    assert "RECORDED_DATE_ONLY" in flags(facts)


@pytest.mark.parametrize(
    "onset",
    [
        {"onsetString": "spring 2021"},
        {"onsetDateTime": "2022-13-40"},
        {"_onsetDateTime": {"extension": []}},
    ],
)
def test_an_unreadable_onset_leaves_the_date_unknown(
    read: Read, relapsed: Record, onset: dict[str, Any]
) -> None:
    """Never today, never a default."""
    del relapsed[1]["onsetDateTime"]
    facts = read(relapsed[0], relapsed[1] | onset)
    assert facts.diagnosis_date == ANY_DAY


def test_an_onset_age_is_counted_from_the_birth_date(read: Read, relapsed: Record) -> None:
    """Four years old: the fifth year of life."""
    del relapsed[1]["onsetDateTime"]
    age = {"onsetAge": {"value": 4, "code": "a", "system": "http://unitsofmeasure.org"}}
    facts = read(relapsed[0], relapsed[1] | age)
    assert values(facts.diagnosis_date) == {"2021-05-01/2022-04-30"}


def test_a_date_time_is_its_own_local_date(read: Read, relapsed: Record) -> None:
    """No time zone moves a day."""
    relapsed[3]["onsetDateTime"] = "2024-03-20T23:30:00-09:00"
    assert values(read(*relapsed).relapse_date) == {"2024-03-20"}


def test_events_within_30_days_are_one_relapse_dated_by_the_earliest(
    read: Read, resource: Write, coded: Write, relapsed: Record
) -> None:
    """A status result a fortnight later is the same relapse."""
    status = resource(
        "Observation",
        code=coded("loinc 88040-1"),
        effectiveDateTime="2024-04-05",
        valueCodeableConcept=coded("snomed 1259237005"),
    )
    facts = read(*relapsed, status)
    assert values(facts.relapse_number) == {"1"}
    assert values(facts.relapse_date) == {"2024-03-20"}


def test_a_later_event_without_a_remission_may_be_the_first_or_the_second_relapse(
    read: Read, resource: Write, coded: Write, relapsed: Record
) -> None:
    """Both numbers, both dates."""
    later = resource("Condition", code=coded("icd C91.02"), onsetDateTime="2024-09-01")
    facts = read(*relapsed, later)
    assert values(facts.relapse_number) == {"1", "2"}
    assert values(facts.relapse_date) == {"2024-03-20", "2024-09-01"}


def test_a_later_event_after_a_remission_is_the_second_relapse(
    read: Read, resource: Write, coded: Write, relapsed: Record
) -> None:
    """The relapse date is the latest."""
    later = resource("Condition", code=coded("icd C91.02"), onsetDateTime="2024-12-01")
    facts = read(*relapsed, later, remission(resource, coded, "2024-05-01"))
    assert values(facts.relapse_number) == {"2"}
    assert values(facts.relapse_date) == {"2024-12-01"}
    assert values(facts.cr2) == {"not_assessed"}


@pytest.mark.parametrize("status", ["relapse", "recurrence"])
def test_one_condition_with_status_relapse_keeps_its_onset_as_the_diagnosis(
    read: Read, resource: Write, coded: Write, relapsed: Record, status: str
) -> None:
    """mCODE: dated by a status result, else of unknown date."""
    one = relapsed[1] | {"clinicalStatus": {"coding": [{"code": status}]}}
    facts = read(relapsed[0], one)
    assert values(facts.relapse_number) == {"1"}
    assert values(facts.diagnosis_date) == {"2022-01-10"}
    assert facts.relapse_date.values == ANY_DAY.values
    told = resource(
        "Observation",
        code=coded("loinc 97509-4"),
        effectiveDateTime="2024-03-20",
        valueCodeableConcept=coded("snomed 1259237005"),
    )
    assert values(read(relapsed[0], one, told).relapse_date) == {"2024-03-20"}


def test_a_new_condition_that_followed_another_is_a_relapse(
    read: Read, resource: Write, coded: Write, relapsed: Record
) -> None:
    """PCSP: dated by the asserted date where there is no onset."""
    base = "http://hl7.org/fhir/StructureDefinition"
    new = resource(
        "Condition",
        code=coded("snomed 91857003"),
        clinicalStatus={"coding": [{"code": "relapse"}]},
        extension=[
            {
                "url": f"{base}/condition-occurredFollowing",
                "valueReference": {"reference": f"Condition/{relapsed[1]['id']}"},
            },
            {"url": f"{base}/condition-assertedDate", "valueDateTime": "2024-03-20"},
        ],
    )
    facts = read(*relapsed[:3], new)
    assert values(facts.relapse_date) == {"2024-03-20"}
    assert values(facts.diagnosis_date) == {"2022-01-10"}


def test_an_undated_relapse_is_dated_by_the_first_marrow_that_proves_it(
    read: Read, resource: Write, coded: Write, relapsed: Record
) -> None:
    """25 % or more after the first remission, and said so; the diagnosis marrow is not it."""
    del relapsed[3]["onsetDateTime"]
    marrows = [
        resource(
            "Observation",
            code=coded("loinc 11150-0"),
            effectiveDateTime=when,
            valueQuantity={"value": 80, "unit": "%"},
        )
        for when in ("2022-01-10", "2024-03-22", "2024-04-30")
    ]
    facts = read(*relapsed, *marrows)
    assert values(facts.relapse_date) == {"2024-03-22"}
    assert values(facts.marrow_blasts) == {"80"}
    assert flags(facts) == {"DATA_INCOMPLETE"}


def test_refractory_leukaemia_without_a_remission_never_reached_one(
    read: Read, resource: Write, coded: Write, relapsed: Record
) -> None:
    """Before the relapse it is about the first remission, after it about the second."""
    refractory = resource(
        "Condition", code=coded("snomed 12311000132101"), onsetDateTime="2022-02-20"
    )
    assert values(read(*relapsed[:2], refractory).cr1_achieved) == {"no"}
    late = refractory | {"onsetDateTime": "2024-05-20"}
    facts = read(*relapsed, late)
    assert values(facts.cr1_achieved) == {"yes"}
    assert values(facts.cr2) == {"not_achieved"}


def test_a_worse_status_counts_as_no_second_remission_only_after_day_28(
    read: Read, resource: Write, coded: Write, relapsed: Record
) -> None:
    """Before that it is the relapse itself."""
    worse = resource(
        "Observation",
        code=coded("loinc 97509-4"),
        effectiveDateTime="2024-04-10",
        valueCodeableConcept=coded("snomed 271299001"),
    )
    assert values(read(*relapsed, worse).cr2) == {"not_assessed"}
    later = worse | {"effectiveDateTime": "2024-04-20"}
    assert values(read(*relapsed, later).cr2) == {"not_achieved"}


@pytest.mark.parametrize("onset", ["2022-01-10", "2022-02-08", "2021-12-20"])
def test_a_relapse_with_the_onset_of_the_diagnosis_has_no_date(
    read: Read, relapsed: Record, onset: str
) -> None:
    """A copied onset would make every such relapse very early: unknown instead, and flagged."""
    relapsed[3]["onsetDateTime"] = onset
    facts = read(*relapsed)
    assert values(facts.relapse_number) == {"1"}
    assert facts.relapse_date.values == ANY_DAY.values
    assert [(r.flag, r.evidence) for r in facts.remarks] == [
        ("DATA_INCOMPLETE", (f"Condition/{relapsed[3]['id']}",))
    ]
    assert decide(facts).timing != ("very_early",)


def test_a_relapse_with_the_same_year_as_the_diagnosis_has_no_date(
    read: Read, relapsed: Record
) -> None:
    """Taken literally, "2022" and "2022" would always be a very early relapse."""
    for condition in relapsed[1:4]:
        condition["onsetDateTime"] = "2022"
    facts = read(*relapsed)
    assert facts.relapse_date.values == ANY_DAY.values


def test_a_copied_onset_gives_way_to_a_dated_status(
    read: Read, resource: Write, coded: Write, relapsed: Record
) -> None:
    """Another source knows the day."""
    relapsed[3]["onsetDateTime"] = relapsed[1]["onsetDateTime"]
    status = resource(
        "Observation",
        code=coded("loinc 97509-4"),
        effectiveDateTime="2024-03-22",
        valueCodeableConcept=coded("snomed 1259237005"),
    )
    facts = read(*relapsed, status)
    assert values(facts.relapse_date) == {"2024-03-22"}
    assert values(facts.relapse_number) == {"1"}


def test_a_relapse_31_days_after_the_diagnosis_is_no_copy(read: Read, relapsed: Record) -> None:
    """It stands as recorded."""
    relapsed[3]["onsetDateTime"] = "2022-02-10"
    assert values(read(*relapsed[:2], relapsed[3]).relapse_date) == {"2022-02-10"}


def test_a_vague_event_beside_an_exact_one_may_be_the_same_or_another(
    read: Read, resource: Write, coded: Write, relapsed: Record
) -> None:
    """One or two relapses, and the exact day is among the dates."""
    vague = resource("Condition", code=coded("icd C91.02"), onsetDateTime="2024")
    facts = read(*relapsed, vague)
    assert values(facts.relapse_number) == {"1", "2"}
    assert "2024-03-20" in values(facts.relapse_date)
