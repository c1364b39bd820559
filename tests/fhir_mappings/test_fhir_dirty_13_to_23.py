"""Dirty data as seen in public FHIR records: patterns 13 to 23, dates, persons and words.

The number in a test's name is that of the pattern. An outcome is: read rightly, a conflict that
is shown, unreadable and named, or left possible for a person to confirm; never a silent drop and
never a default.
"""

# ruff: noqa: PLR0913, PLR0917 - fixtures come as arguments

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from relapse_model.dates import partial_date
from relapse_model.decide import decide
from relapse_model.facts import ANY_AMOUNT, ANY_DAY, ANY_PERCENTAGE, PatientFacts
from tests.support.fact_words import noticed, of, values

Write = Callable[..., dict[str, Any]]
Read = Callable[..., PatientFacts]
Record = list[dict[str, Any]]
DAY = "2024-03-20"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


@pytest.mark.parametrize(
    ("onset", "diagnosis"),
    [
        ({"onsetDateTime": "2021-03"}, "2021-03"),
        ({"onsetString": "spring 2021"}, "1900-01-01/2199-12-31"),
        ({"onsetAge": {"value": 4, "code": "a"}}, "2021-05-01/2022-04-30"),
        ({"onsetDateTime": "2022-02-30"}, "1900-01-01/2199-12-31"),
    ],
)
def test_13_partial_and_impossible_dates(
    read: Read, relapsed: Record, onset: dict[str, Any], diagnosis: str
) -> None:
    """An interval, or unknown and named; never a guess."""
    del relapsed[1]["onsetDateTime"]
    facts = read(relapsed[0], relapsed[1] | onset, *relapsed[2:])
    assert values(facts.diagnosis_date) == {diagnosis}
    unreadable = diagnosis.startswith("1900")
    assert noticed(facts) == ([("UNREADABLE", of(relapsed[1]))] if unreadable else [])


@pytest.mark.parametrize(
    ("place", "day"), [(3, "2021-06-01"), (2, "2021-06-01"), (1, "2016-01-01"), (3, "2031-01-01")]
)
def test_13_an_impossible_order_of_dates_is_a_data_error(
    read: Read, relapsed: Record, place: int, day: str
) -> None:
    """Relapse or remission before the diagnosis, diagnosis before birth, a relapse to come."""
    relapsed[place]["onsetDateTime"] = day
    assert decide(read(*relapsed)).plan == "DATA_ERROR"


def test_14_a_date_in_the_wrong_element(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """``recordedDate`` only bounds the diagnosis and says so; ``issued`` dates no result."""
    del relapsed[1]["onsetDateTime"]
    relapsed[1]["recordedDate"] = "2022-06-01"
    stray = resource(
        "Observation",
        code=coded("loinc 11150-0"),
        issued="2024-03-20T10:00:00Z",
        valueQuantity={"value": 80, "unit": "%"},
    )
    facts = read(*relapsed, stray)
    assert values(facts.diagnosis_date) == {"1900-01-01/2022-06-01"}
    assert facts.marrow_blasts == ANY_PERCENTAGE
    assert noticed(facts) == [
        ("DATA_INCOMPLETE", of(stray)),
        ("RECORDED_DATE_ONLY", ("Condition/r1",)),
    ]


def test_15_contained_and_unresolvable_references(
    read: Read, relapsed: Record, mrd: Write, resource: Write
) -> None:
    """Contained and sent Specimens are resolved; a logical subject proves nothing."""
    specimen = resource("Specimen", type={"text": "Bone marrow aspirate"})
    named = {"contained": [], "specimen": {"reference": f"Specimen/{specimen['id']}"}}
    plain = {"code": {"text": "MRD"}, "valueString": "0.3%"}
    odd = {"resourceType": "Organization", "id": "lab", "type": [{"text": "laboratory"}]}
    contained = mrd(**plain)
    contained["contained"].insert(0, odd)
    (inside,) = read(*relapsed, contained).mrd
    (sent,) = read(*relapsed, specimen, mrd(**plain, **named)).mrd
    (unsent,) = read(*relapsed, mrd(**plain, **named)).mrd
    assert [item.specimen for item in (inside, sent, unsent)] == ["marrow", "marrow", "unknown"]
    stray = mrd(**plain, subject={"identifier": {"value": "MRN1"}})
    facts = read(*relapsed, stray)
    assert facts.mrd == ()
    assert noticed(facts) == [("UNREADABLE", of(stray))]


def test_16_the_wrong_patient(read: Read, relapsed: Record, result: Write) -> None:
    """A mother's or sibling's result, by subject or by focus, is left out and noted."""
    mother = result("loinc 11150-0", 80, "%", subject={"reference": "Patient/mother-123"})
    donor = result("loinc 11150-0", 80, "%", focus=[{"reference": "RelatedPerson/donor"}])
    facts = read(*relapsed, mother, donor)
    assert facts.marrow_blasts == ANY_PERCENTAGE
    assert noticed(facts) == [("OTHER_PATIENT", (*of(mother), *of(donor)))]


def test_17_components_in_words(read: Read, relapsed: Record, resource: Write) -> None:
    """Cells and blasts of a CSF panel, whose top level has no value."""
    parts = [
        {"code": {"text": "WBC"}, "valueQuantity": {"value": 3, "unit": "/uL"}},
        {"code": {"text": "RBC"}, "valueQuantity": {"value": 1200, "unit": "/uL"}},
        {"code": {"text": "Blasts"}, "valueString": "seen"},
    ]
    panel = resource("Observation", code={"text": "CSF"}, effectiveDateTime=DAY, component=parts)
    facts = read(*relapsed, panel)
    assert (values(facts.csf_wbc), values(facts.csf_rbc)) == ({"3"}, {"1200"})
    assert values(facts.csf_blasts) == {"seen"}
    assert facts.csf_wbc.note == "read from component.valueQuantity"


@pytest.mark.parametrize("contained", [True, False])
def test_17_members_of_a_panel(
    read: Read, relapsed: Record, resource: Write, contained: bool
) -> None:
    """Time, specimen and words come from the panel; members are sent or contained."""
    cells = resource("Observation", code={"text": "WBC"}, valueQuantity={"value": 3, "unit": "/uL"})
    reference = f"#{cells['id']}" if contained else f"Observation/{cells['id']}"
    panel = resource(
        "Observation",
        code={"text": "CSF cell count"},
        effectiveDateTime=DAY,
        hasMember=[{"reference": reference}],
        **({"contained": [cells]} if contained else {}),
    )
    facts = read(*relapsed, panel, *([] if contained else [cells]))
    assert values(facts.csf_wbc) == {"3"}
    assert facts.csf_wbc.taken == partial_date(DAY)
    assert facts.csf_wbc.evidence == (of(panel) if contained else of(cells))
    assert facts.remarks == ()


def test_18_negation_and_history(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """Words that deny, a code that names what it denies, history codes."""
    found = [
        resource("Condition", code={"text": "No evidence of CNS leukemia"}, onsetDateTime=DAY),
        resource("Condition", code=coded("snomed 714251006"), onsetDateTime="2022-01-10"),
        resource("Condition", code=coded("icd Z85.6"), onsetDateTime="2015-01-01"),
    ]
    facts = read(*relapsed, *found)
    assert values(facts.cns_site) == {"not_asserted"}
    assert values(facts.genetics) == {"not_reported"}
    assert values(facts.diagnosis_date) == {"2022-01-10"}
    assert facts.remarks == ()


def test_18_code_and_negating_words_are_a_conflict(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """CNS disease stays possible, and the conflict is shown."""
    code = coded("snomed 722795004", "No evidence of CNS leukemia")
    stray = resource("Condition", code=code, onsetDateTime=DAY)
    facts = read(*relapsed, stray)
    assert values(facts.cns_site) == {"asserted", "not_asserted"}
    assert noticed(facts) == [("CODE_TEXT_CONFLICT", of(stray))]


def test_19_a_relapse_written_as_a_result(read: Read, relapsed: Record, result: Write) -> None:
    """Possible, for a person to confirm; its number says nothing."""
    told = result("snomed 12301000132103", 12, None)
    facts = read(*relapsed[:3], told)
    assert values(facts.relapse_number) == {"0", "1"}
    assert values(facts.relapse_date) == {DAY}
    assert noticed(facts) == [("UNREADABLE", of(told))]
    assert values(read(*relapsed, told).relapse_number) == {"1"}


def test_19_two_active_conditions_are_one_course(read: Read, relapsed: Record) -> None:
    """C91.00 and C91.02, both active: diagnosis and relapse of one disease."""
    for condition in relapsed[1:]:
        condition["clinicalStatus"] = {"coding": [{"code": "active"}]}
    facts = read(*relapsed)
    assert values(facts.relapse_number) == {"1"}
    assert (values(facts.diagnosis_date), values(facts.relapse_date)) == ({"2022-01-10"}, {DAY})


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("snomed 58390007", "Negative for Chlamydia Trachomatis rRNA"),
        ("snomed 58390007", "Chlamydia Trachomatis rRNA"),
        ("snomed 58390007", "Radiotherapy of the brain"),
        ("snomed 428412000", "Biopsy of the scalp"),
    ],
)
def test_20_code_and_text_of_a_procedure_contradict(
    read: Read, relapsed: Record, resource: Write, coded: Write, code: str, words: str
) -> None:
    """It was not used, and is shown for review."""
    stray = resource("Procedure", code=coded(code, words), performedDateTime="2023-06-01")
    facts = read(*relapsed, stray)
    assert values(facts.prior_hsct) == {"no"}
    assert facts.prior_cranial_rt_gy == ANY_AMOUNT
    assert noticed(facts) == [("CODE_TEXT_CONFLICT", of(stray))]


def test_20_words_that_fit_or_say_nothing_are_no_conflict(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """Sites write procedures in their own words and languages."""
    for words in ("Allogeneic SCT after TBI", "KMT", "see report", "Transplantace"):
        given = resource(
            "Procedure", code=coded("snomed 58390007", words), performedDateTime="2023-06-01"
        )
        facts = read(*relapsed, given)
        assert (values(facts.prior_hsct), facts.remarks) == ({"yes"}, ())


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("icd C91.02", "ALL in complete remission"),
        ("icd C91.01", "ALL, first relapse"),
    ],
)
def test_20_code_and_text_of_a_state_contradict(
    read: Read, relapsed: Record, resource: Write, coded: Write, code: str, words: str
) -> None:
    """The relapse is possible; the remission dates nothing."""
    stray = resource("Condition", code=coded(code, words), onsetDateTime=DAY)
    facts = read(*relapsed[:2], stray)
    assert values(facts.relapse_number) == ({"0", "1"} if "02" in code else {"0"})
    assert facts.cr1_date == ANY_DAY
    assert noticed(facts) == [("CODE_TEXT_CONFLICT", of(stray))]


def test_20_a_lineage_in_words_that_contradicts_the_code_widens_it(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """Both lineages, and the conflict is shown."""
    code = coded("snomed 277575008", "Precursor B-cell ALL")
    stray = resource("Condition", code=code, onsetDateTime="2022-01-10")
    facts = read(*relapsed, stray)
    assert values(facts.immunophenotype) == {"BCP", "T"}
    assert noticed(facts) == [("CODE_TEXT_CONFLICT", of(stray))]


def test_21_a_csf_report_under_a_marrow_code(
    read: Read, relapsed: Record, resource: Write, result: Write, coded: Write
) -> None:
    """The puncture it is part of shows the truth: a conflict, and no word on the marrow."""
    tap = resource("Procedure", code=coded("snomed 277762005"), performedDateTime=DAY)
    report = result(
        "loinc 48807-2",
        partOf=[{"reference": f"Procedure/{tap['id']}"}],
        valueString="negative for presence of cancer in the brain or spine",
    )
    facts = read(*relapsed, tap, report)
    assert facts.marrow_blasts == ANY_PERCENTAGE
    assert values(facts.csf_blasts) == {"seen", "not_seen"}
    assert noticed(facts) == [("CODE_TEXT_CONFLICT", of(report))]
    own = report | {"partOf": []}
    assert noticed(read(*relapsed, own)) == [("DATA_INCOMPLETE", of(report))]
    marrow = result("loinc 11150-0", 80, "%")
    assert read(*relapsed, own, marrow).remarks == ()


MERCAPTOPURINE = {"coding": [{"system": RXNORM, "code": "103"}]}


@pytest.mark.parametrize(
    ("kind", "content", "end"),
    [
        (
            "MedicationAdministration",
            {"medicationCodeableConcept": MERCAPTOPURINE, "effectiveDateTime": "2024-01-09"},
            "2024-01-09",
        ),
        (
            "MedicationStatement",
            {
                "medicationCodeableConcept": {"text": "Purinethol 50 mg tablets"},
                "effectivePeriod": {"start": "2022-06-01", "end": "2024-01"},
                "status": "stopped",
            },
            "2024-01",
        ),
        (
            "MedicationRequest",
            {
                "contained": [{"resourceType": "Medication", "id": "m", "code": MERCAPTOPURINE}],
                "medicationReference": {"reference": "#m"},
                "authoredOn": "2023-12-01",
                "intent": "order",
            },
            "2023-12-01",
        ),
        (
            "MedicationAdministration",
            {
                "medicationCodeableConcept": {"text": "IntReALL SR A, F1"},
                "effectiveDateTime": "2024-01-09",
            },
            None,
        ),
        (
            "MedicationAdministration",
            {
                "medicationCodeableConcept": MERCAPTOPURINE,
                "effectiveDateTime": "2024-01-09",
                "status": "not-done",
            },
            None,
        ),
        (
            "MedicationRequest",
            {
                "medicationCodeableConcept": MERCAPTOPURINE,
                "authoredOn": "2024-01-09",
                "intent": "plan",
            },
            None,
        ),
        (
            "MedicationRequest",
            {
                "medicationReference": {"reference": "Medication/unsent"},
                "authoredOn": "2024-01-09",
                "intent": "order",
            },
            None,
        ),
        (
            "MedicationAdministration",
            {"medicationCodeableConcept": MERCAPTOPURINE, "effectiveDateTime": "2024-04-01"},
            None,
        ),
    ],
)
def test_22_medications_as_product_text_or_protocol(
    read: Read,
    relapsed: Record,
    resource: Write,
    kind: str,
    content: dict[str, Any],
    end: str | None,
) -> None:
    """The ingredient infers the end of therapy, labelled; a plan or protocol infers nothing."""
    dose = resource(kind, **{"status": "completed"} | content)
    facts = read(*relapsed, dose)
    assert values(facts.therapy_end) == ({end} if end else values(ANY_DAY))
    flags = [remark.flag for remark in facts.remarks]
    assert flags == (["THERAPY_END_INFERRED"] if end else [])
    assert ("inferred" in facts.therapy_end.note) == bool(end)


def test_22_an_explicit_end_of_therapy_comes_before_an_inferred_one(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """The Procedure says it itself."""
    course = resource(
        "Procedure", category=coded("snomed 708255002"), performedPeriod={"end": "2023-10-01"}
    )
    dose = resource(
        "MedicationAdministration",
        status="completed",
        medicationCodeableConcept=MERCAPTOPURINE,
        effectiveDateTime="2024-01-09",
    )
    facts = read(*relapsed, course, dose)
    assert (values(facts.therapy_end), facts.remarks) == ({"2023-10-01"}, ())


def test_23_values_and_dates_in_extensions_alone(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """A primitive extension neither crashes the reading nor becomes today."""
    reason = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
    unknown = {"extension": [{"url": reason, "valueCode": "unknown"}]}
    marrow = resource(
        "Observation",
        code=coded("loinc 11150-0"),
        _effectiveDateTime=unknown,
        valueQuantity={"value": 80, "unit": "%"},
    )
    del relapsed[3]["onsetDateTime"]
    facts = read(*relapsed[:3], relapsed[3] | {"_onsetDateTime": unknown})
    assert facts.relapse_date.values == ANY_DAY.values
    relapsed[3]["onsetDateTime"] = DAY
    facts = read(*relapsed, marrow)
    assert facts.marrow_blasts == ANY_PERCENTAGE
    assert noticed(facts) == [("DATA_INCOMPLETE", of(marrow))]
