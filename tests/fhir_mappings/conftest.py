"""A short way to write an invented child's record and to read its facts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from fhir_mappings.patient_facts import patient_facts
from fhir_mappings.resources import Resources
from relapse_model.facts import PatientFacts

AS_OF = date(2026, 1, 15)
SYSTEMS = {
    "snomed": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
    "icd": "http://hl7.org/fhir/sid/icd-10-cm",
    "pcs": "http://www.cms.gov/Medicare/Coding/ICD10",
}

DAY = "2024-03-20"
"""The day of the relapse of ``relapsed``."""
MARROW = {
    "contained": [{"resourceType": "Specimen", "id": "s", "type": {"text": "bone marrow"}}],
    "specimen": {"reference": "#s"},
}

Write = Callable[..., dict[str, Any]]
Read = Callable[..., PatientFacts]


@pytest.fixture
def coded() -> Write:
    """A CodeableConcept out of ``icd C91.02`` or ``loinc 806-0``."""

    def write(code: str, text: str | None = None) -> dict[str, Any]:
        short, _, value = code.partition(" ")
        coding = {"coding": [{"system": SYSTEMS[short], "code": value}]}
        return coding | ({"text": text} if text else {})

    return write


@pytest.fixture
def resource() -> Write:
    """A resource about the child; without ``status`` it is final or completed."""
    count = 0

    def write(resource_type: str, **content: Any) -> dict[str, Any]:
        nonlocal count
        count += 1
        status = {"Observation": "final", "Procedure": "completed"}.get(resource_type)
        fixed = {
            "resourceType": resource_type,
            "id": f"r{count}",
            "subject": {"reference": "Patient/child"},
        } | ({"status": status} if status else {})
        return fixed | content

    return write


@pytest.fixture
def relapsed(coded: Write, resource: Write) -> list[dict[str, Any]]:
    """A boy diagnosed in January 2022, in remission, relapsed on 20 March 2024."""
    return [
        {
            "resourceType": "Patient",
            "id": "child",
            "birthDate": "2017-05-01",
            "gender": "male",
        },
        resource("Condition", code=coded("icd C91.00"), onsetDateTime="2022-01-10"),
        resource("Condition", code=coded("icd C91.01"), onsetDateTime="2022-02-12"),
        resource("Condition", code=coded("icd C91.02"), onsetDateTime="2024-03-20"),
    ]


@pytest.fixture
def read() -> Read:
    """The facts about ``child`` that resources tell, as one searchset."""

    def facts(*resources: Any, **more: Any) -> PatientFacts:
        entries = [{"resource": found} for found in resources]
        collected = Resources()
        collected.add(json.dumps({"resourceType": "Bundle", "entry": entries}).encode(), "bundle")
        return patient_facts(collected, patient_id="child", as_of=AS_OF, **more)

    return facts


@pytest.fixture
def result(resource: Write, coded: Write) -> Write:
    """An Observation with a quantity, at the relapse unless it says otherwise."""

    def write(code: str, value: float | None = None, unit: str | None = "/uL", **more: Any) -> Any:
        quantity = {"value": value} | ({"unit": unit} if unit else {})
        content = {"valueQuantity": quantity} if value is not None else {}
        when = {"effectiveDateTime": DAY}
        return resource("Observation", **(when | content | more), code=coded(code))

    return write


@pytest.fixture
def mrd(resource: Write) -> Write:
    """A marrow MRD by PCR five weeks after the relapse, told by words alone."""

    def write(**value: Any) -> dict[str, Any]:
        fixed = {
            "code": {"text": "Bone marrow MRD"},
            "method": {"text": "IG/TR PCR"},
            "effectiveDateTime": "2024-04-24",
        }
        return resource("Observation", **(fixed | MARROW | value))

    return write
