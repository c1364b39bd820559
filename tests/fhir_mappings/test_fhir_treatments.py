"""First-line therapy, transplantation, irradiation and the sites outside the marrow."""

# ruff: noqa: PLR0913, PLR0917 - fixtures come as arguments

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from relapse_model.facts import ANY_AMOUNT, ANY_DAY, PatientFacts

Write = Callable[..., dict[str, Any]]
Read = Callable[..., PatientFacts]
Record = list[dict[str, Any]]
DAY = "2024-03-20"
LATERALITY = "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-laterality-qualifier"
DOSE = (
    "http://hl7.org/fhir/us/mcode/StructureDefinition/mcode-radiotherapy-dose-delivered-to-volume"
)
CONFIRMED = {"coding": [{"code": "confirmed"}]}


def values(fact: Any) -> set[str]:
    """Values of a fact as text."""
    return {str(value) for value in fact.values}


def flags(facts: PatientFacts) -> set[str]:
    """Flags of the remarks."""
    return {remark.flag for remark in facts.remarks}


@pytest.fixture
def testis(coded: Write) -> Write:
    """A bodySite: the testis of a side."""

    def write(side: str | None) -> dict[str, Any]:
        code = {"left": "snomed 7771000", "right": "snomed 24028007", "both": "snomed 51440002"}
        if side is None:
            return coded("snomed 40689003")
        extension = [{"url": LATERALITY, "valueCodeableConcept": coded(code[side])}]
        return coded("snomed 40689003") | {"extension": extension}

    return write


@pytest.mark.parametrize("where", ["code", "category"])
def test_first_line_treatment_is_known_by_code_or_category(
    read: Read, relapsed: Record, resource: Write, coded: Write, where: str
) -> None:
    """Its period ends the therapy."""
    period = {"start": "2022-01-10", "end": "2024-01-10"}
    course = resource("Procedure", **{where: coded("snomed 708255002")}, performedPeriod=period)
    facts = read(*relapsed, course)
    assert values(facts.therapy_end) == {"2024-01-10"}
    assert values(facts.on_therapy) == {"no"}
    assert values(facts.therapy_completed) == {"yes", "no"}


def test_a_running_course_is_on_therapy_and_a_stopped_one_was_not_completed(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """``completed`` says nothing, ``stopped`` says no."""
    running = resource("Procedure", code=coded("snomed 708255002"), status="in-progress")
    assert values(read(*relapsed, running).on_therapy) == {"yes"}
    stopped = running | {"status": "stopped", "performedPeriod": {"end": "2023-01-10"}}
    facts = read(*relapsed, stopped)
    assert values(facts.therapy_completed) == {"no"}
    assert values(facts.therapy_end) == {"2023-01-10"}


def test_the_end_of_therapy_is_inferred_from_the_last_chemotherapy_and_says_so(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """Cycles after the relapse are its own treatment."""
    cycles = [
        resource("Procedure", code=coded("snomed 399042005"), performedDateTime=day)
        for day in ("2022-03-01", "2024-01-09", "2024-03-25", "2024-05-01")
    ]
    facts = read(*relapsed, *cycles)
    assert values(facts.therapy_end) == {"2024-01-09"}
    assert flags(facts) == {"THERAPY_END_INFERRED"}
    assert facts.relapse_therapy_start is not None
    assert values(facts.relapse_therapy_start) == {"2024-03-25"}


def test_without_any_treatment_the_end_of_therapy_is_unknown(read: Read, relapsed: Record) -> None:
    """Silence is neither on therapy nor off it."""
    facts = read(*relapsed)
    assert facts.therapy_end == ANY_DAY
    assert values(facts.on_therapy) == {"yes", "no"}
    assert facts.relapse_therapy_start is None


@pytest.mark.parametrize(
    ("code", "day", "prior", "after"),
    [
        ("snomed 58390007", "2023-06-01", {"yes"}, {"no"}),
        ("pcs 30243Y3", "2023-06-01", {"yes"}, {"no"}),
        ("snomed 58390007", "2024-06-01", {"no"}, {"yes"}),
        ("snomed 58390007", "2024", {"yes", "no"}, {"yes", "no"}),
        ("snomed 234336002", "2023-06-01", {"yes", "no"}, {"no"}),
        ("snomed 58776007", "2023-06-01", {"no"}, {"no"}),
        ("pcs 30243Y0", "2023-06-01", {"no"}, {"no"}),
    ],
)
def test_an_allogeneic_transplantation_counts_by_when_it_was_performed(
    read: Read,
    relapsed: Record,
    resource: Write,
    coded: Write,
    code: str,
    day: str,
    prior: set[str],
    after: set[str],
) -> None:
    """Before or after the relapse; an autologous one never."""
    facts = read(*relapsed, resource("Procedure", code=coded(code), performedDateTime=day))
    assert values(facts.prior_hsct) == prior
    assert values(facts.hsct_after_relapse) == after


def test_a_transplantation_that_is_planned_or_not_done_equals_its_absence(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """Only completed ones count."""
    for status in ("preparation", "not-done", "in-progress", "on-hold"):
        planned = resource("Procedure", code=coded("snomed 58390007"), status=status)
        assert values(read(*relapsed, planned).prior_hsct) == {"no"}


@pytest.mark.parametrize(
    ("quantity", "dose"),
    [
        ({"value": 1800, "code": "cGy", "system": "http://unitsofmeasure.org"}, "18"),
        ({"value": 18, "unit": "Gy"}, "18"),
        ({"value": 1800}, ">=0"),
        ({"value": 1800, "unit": "rad"}, ">=0"),
        ({"value": 1800, "unit": "Gy", "code": "cGy"}, ">=0"),
    ],
)
def test_a_cranial_dose_is_read_in_gray_or_rejected(
    read: Read,
    relapsed: Record,
    resource: Write,
    coded: Write,
    quantity: dict[str, Any],
    dose: str,
) -> None:
    """A dose without a unit is rejected and flagged."""
    total = {"url": "totalDoseDelivered", "valueQuantity": quantity}
    course = resource(
        "Procedure",
        code=coded("snomed 1217123003"),
        bodySite=[coded("snomed 12738006")],
        performedDateTime="2022-06-01",
        extension=[{"url": DOSE, "extension": [total]}],
    )
    facts = read(*relapsed, course)
    assert values(facts.prior_cranial_rt_gy) == {dose}
    assert flags(facts) == ({"UNREADABLE"} if dose == ">=0" else set())


def test_a_dose_result_belongs_to_its_course_by_part_of(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """Courses before the relapse add up."""
    courses = [
        resource("Procedure", code=coded("pcs D0001ZZ"), performedDateTime=day)
        for day in ("2022-06-01", "2023-06-01")
    ]
    doses = [
        resource(
            "Observation",
            code=coded("snomed 445461008"),
            partOf=[{"reference": f"Procedure/{course['id']}"}],
            valueQuantity={"value": 12, "unit": "Gy"},
        )
        for course in courses
    ]
    assert values(read(*relapsed, *courses, *doses).prior_cranial_rt_gy) == {"24"}


def test_no_record_of_irradiation_is_unknown_and_not_done_is_none(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """0 Gy needs somebody who said so."""
    assert read(*relapsed).prior_cranial_rt_gy == ANY_AMOUNT
    denied = resource("Procedure", code=coded("snomed 428412000"), status="not-done")
    assert values(read(*relapsed, denied).prior_cranial_rt_gy) == {"0"}


def test_local_therapy_after_the_relapse_is_told(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """It does not count as earlier irradiation; whole-body irradiation is listed apart."""
    cranial = resource("Procedure", code=coded("snomed 428412000"), performedDateTime="2024-09-01")
    facts = read(*relapsed, cranial)
    assert values(facts.local_therapy_given) == {"yes"}
    assert facts.prior_cranial_rt_gy == ANY_AMOUNT
    tbi = resource("Procedure", code=coded("pcs DW051ZZ"), performedDateTime="2023-05-01")
    assert values(read(*relapsed, tbi).prior_tbi) == {"yes"}


def test_a_testis_without_a_side_may_be_either(
    read: Read, relapsed: Record, resource: Write, coded: Write, testis: Write
) -> None:
    """The side is wanted; a named side is involved, and silence is not."""
    site = resource("Condition", code=coded("snomed 94623007"), onsetDateTime=DAY)
    facts = read(*relapsed, site)
    assert values(facts.testis_left) == values(facts.testis_right) == {"involved", "not_involved"}
    named = read(*relapsed, site | {"bodySite": [testis("left")]})
    assert values(named.testis_left) == {"involved"}
    assert values(named.testis_right) == {"not_involved"}
    both = read(*relapsed, site | {"bodySite": [testis("both")]})
    assert values(both.testis_left) == values(both.testis_right) == {"involved"}


def test_an_unconfirmed_site_stays_possible(
    read: Read, relapsed: Record, resource: Write, coded: Write, testis: Write
) -> None:
    """Testis, CNS and other sites alike."""
    doubt = {"verificationStatus": {"coding": [{"code": "provisional"}]}, "onsetDateTime": DAY}
    sites = [
        resource("Condition", code=coded("snomed 94623007"), bodySite=[testis("left")], **doubt),
        resource("Condition", code=coded("icd C79.32"), **doubt),
        resource("Condition", code=coded("snomed 423032007"), **doubt),
    ]
    facts = read(*relapsed, *sites)
    assert values(facts.testis_left) == {"involved", "not_involved"}
    assert values(facts.cns_site) == {"asserted", "not_asserted"}
    assert values(facts.other_em) == {"unproven"}


def test_an_orchiectomy_of_a_confirmed_side_proves_it(
    read: Read, relapsed: Record, resource: Write, coded: Write, testis: Write
) -> None:
    """Without confirmation, or on the other side, it proves nothing."""
    site = resource(
        "Condition",
        code=coded("snomed 94623007"),
        bodySite=[testis("left")],
        onsetDateTime=DAY,
        verificationStatus=CONFIRMED,
    )
    removed = resource("Procedure", code=coded("pcs 0VTB0ZZ"), performedDateTime="2024-04-02")
    facts = read(*relapsed, site, removed)
    assert values(facts.testis_biopsy_left) == {"positive"}
    assert values(facts.testis_biopsy_right) == {"positive", "negative"}
    unsure = site | {"verificationStatus": {"coding": []}}
    assert values(read(*relapsed, unsure, removed).testis_biopsy_left) == {"positive", "negative"}


@pytest.mark.parametrize(
    ("onset", "palsy"),
    [
        ("2024-02-19", {"yes"}),
        ("2024-02-18", {"no"}),
        ("2024-04-03", {"yes"}),
        ("2024-04-04", {"no"}),
        (None, {"yes", "no"}),
    ],
)
def test_a_palsy_belongs_to_the_relapse_from_30_days_before_to_14_after(
    read: Read, relapsed: Record, resource: Write, coded: Write, onset: str | None, palsy: set[str]
) -> None:
    """Of unknown onset it is possible; resolved, it is none."""
    when = {"onsetDateTime": onset} if onset else {}
    found = resource("Condition", code=coded("icd H49.21"), **when)
    assert values(read(*relapsed, found).cranial_nerve_palsy) == palsy
    over = found | {"clinicalStatus": {"coding": [{"code": "resolved"}]}}
    assert values(read(*relapsed, over).cranial_nerve_palsy) == {"no"}


def test_donors_are_read_by_the_pcsp_donor_types(
    read: Read, relapsed: Record, resource: Write
) -> None:
    """As results about the child."""
    system = "http://hl7.eu/fhir/ig/pcsp/CodeSystem/cs-generic-eu-pcsp"
    donor = resource(
        "Observation",
        code={"text": "Donor"},
        valueCodeableConcept={"coding": [{"system": system, "code": "sct-matched-unrelated"}]},
    )
    (found,) = read(*relapsed, donor).donors
    assert (found.kind, found.match) == ("unrelated", "matched")


def test_down_syndrome_and_death_are_told(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """A death by flag or by date."""
    trisomy = resource("Condition", code=coded("icd Q90.9"))
    relapsed[0]["deceasedDateTime"] = "2025-01-01"
    facts = read(*relapsed, trisomy)
    assert values(facts.down_syndrome) == {"yes"}
    assert values(facts.deceased) == {"yes"}


@pytest.mark.parametrize(
    ("outcome", "achieved"), [("remission", {"yes"}), ("active", {"yes", "no"}), ("odd", {"yes"})]
)
def test_the_outcome_of_first_line_therapy_tells_whether_a_remission_was_reached(
    read: Read, relapsed: Record, resource: Write, coded: Write, outcome: str, achieved: set[str]
) -> None:
    """PCSP writes it as a clinical status; ``active`` leaves both."""
    course = resource(
        "Procedure",
        category=coded("snomed 708255002"),
        performedPeriod={"end": "2024-01-10"},
        outcome={"coding": [{"code": outcome}]},
    )
    assert values(read(*relapsed, course).cr1_achieved) == achieved


def test_a_course_that_two_sources_tell_is_one_course(
    read: Read, relapsed: Record, resource: Write, coded: Write
) -> None:
    """The same days and the same dose; another day is another course."""

    def course(day: str) -> dict[str, Any]:
        total = {"url": "totalDoseDelivered", "valueQuantity": {"value": 12, "unit": "Gy"}}
        extension = [{"url": DOSE, "extension": [total]}]
        code = coded("snomed 428412000")
        return resource("Procedure", code=code, performedDateTime=day, extension=extension)

    once = [course("2022-06-01"), course("2022-06-01")]
    assert values(read(*relapsed, *once).prior_cranial_rt_gy) == {"12"}
    twice = [course("2022-06-01"), course("2023-06-01")]
    assert values(read(*relapsed, *twice).prior_cranial_rt_gy) == {"24"}
