"""Writing invented charts as FHIR R4: systems, small builders, and the chart itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
NCIT = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl"
HGNC = "http://www.genenames.org/geneId"
UCUM = "http://unitsofmeasure.org"
ICDO3 = "http://terminology.hl7.org/CodeSystem/icd-o-3"
ICD10 = "http://hl7.org/fhir/sid/icd-10"
ICD10PCS = "http://www.cms.gov/Medicare/Coding/ICD10"
PCSP = "http://hl7.eu/fhir/ig/pcsp/CodeSystem/cs-generic-eu-pcsp"
SPECIMEN = "http://terminology.hl7.org/CodeSystem/v2-0487"
CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
MCODE = "http://hl7.org/fhir/us/mcode/StructureDefinition"

SIDES = {"left": ("7771000", "Left"), "right": ("24028007", "Right")}
GENES = {
    "BCR-ABL1": (("HGNC:1014", "BCR"), ("HGNC:76", "ABL1")),
    "ETV6-RUNX1": (("HGNC:3495", "ETV6"), ("HGNC:10471", "RUNX1")),
    "KMT2A-r": (("HGNC:7132", "KMT2A"),),
}
DONOR_TYPES = {
    "sibling": ("sct-matched-related", "matched related"),
    "UD": ("sct-mismatch-unrelated", "mismatch unrelated"),
    "haplo": ("sct-haplo-identical", "haplo-identical"),
}
"""PCSP has no type for cord blood: such a donor cannot be told in FHIR."""

Json = dict[str, Any]


@dataclass
class Chart:
    """Resources of one child, numbered per type as they are written."""

    patient_id: str
    mark: str = ""
    """Part of every id, so that charts of several dialects can be mixed."""
    resources: list[Json] = field(default_factory=list)

    def add(self, resource_type: str, **content: Any) -> Json:
        """Write one resource about the child; elements that are None are left out."""
        number = sum(r["resourceType"] == resource_type for r in self.resources) + 1
        resource = {
            "resourceType": resource_type,
            "id": f"{self.patient_id}-{self.mark}{resource_type.lower()}-{number}",
            "subject": {"reference": f"Patient/{self.patient_id}"},
        } | {name: value for name, value in content.items() if value is not None}
        self.resources.append(resource)
        return resource

    def condition(self, code: Json, onset: str | None, **content: Any) -> Json:
        """A confirmed, active Condition; ``onset`` None leaves the date out."""
        confirmed = concept(VERIFICATION, "confirmed", "Confirmed")
        active = concept(CLINICAL, "active", "Active")
        status = {"clinicalStatus": active, "verificationStatus": confirmed}
        return self.add("Condition", **(status | content), code=code, onsetDateTime=onset)

    def observation(self, code: Json, when: str | None, **content: Any) -> Json:
        """A final Observation; ``when`` None leaves the date out."""
        lab = concept(
            "http://terminology.hl7.org/CodeSystem/observation-category", "laboratory", "Laboratory"
        )
        fixed = {"status": "final", "category": [lab], "code": code, "effectiveDateTime": when}
        return self.add("Observation", **(fixed | content))

    def procedure(self, code: Json, when: str | None, **content: Any) -> Json:
        """A completed Procedure; ``when`` None leaves the date out."""
        fixed = {"status": "completed", "code": code, "performedDateTime": when}
        return self.add("Procedure", **(fixed | content))


def patient_of(patient_id: str, inputs: Mapping[str, Any]) -> Json:
    """The Patient: a boy whose name says that he is invented."""
    return {
        "resourceType": "Patient",
        "id": patient_id,
        "name": [{"family": "Beispielkind", "given": ["Invented"]}],
        "gender": "male",
        "birthDate": inputs["birth_date"],
    }


def testis_site(side: str) -> Json:
    """A bodySite: the testis, its side as mCODE writes it."""
    return concept(SNOMED, "40689003", "Testis structure (body structure)") | {
        "extension": [
            {
                "url": f"{MCODE}/mcode-laterality-qualifier",
                "valueCodeableConcept": concept(SNOMED, *SIDES[side]),
            }
        ]
    }


def taken_from(code: str, words: str) -> Json:
    """A contained Specimen and the reference to it."""
    specimen = {"resourceType": "Specimen", "id": "s", "type": concept(SPECIMEN, code, words)}
    return {"contained": [specimen], "specimen": {"reference": "#s"}}


def searchset(resources: list[Json]) -> Json:
    """A searchset Bundle of ``resources``."""
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(resources),
        "entry": [
            {
                "fullUrl": f"https://fhir.example.org/r4/{r['resourceType']}/{r['id']}",
                "resource": r,
                "search": {"mode": "match"},
            }
            for r in resources
        ],
    }


def concept(system: str, code: str, display: str, *more: tuple[str, str, str]) -> Json:
    """A CodeableConcept of one or more codings."""
    codings = ((system, code, display), *more)
    return {"coding": [{"system": s, "code": c, "display": d} for s, c, d in codings]}


def quantity(value: Any, unit: str, comparator: str | None = None) -> Json:
    """A Quantity in UCUM."""
    found = {"value": number(value), "unit": unit, "system": UCUM, "code": unit}
    return found | ({"comparator": comparator} if comparator else {})


def number(value: Any) -> Any:
    """A JSON number that keeps its decimals: 1e-05 is written so, never 0.000010000000001."""
    return float(Decimal(str(value))) if isinstance(value, float) else value


def shifted(day: str, days: int) -> str:
    """``day`` plus ``days``; a partial day is counted from its first day."""
    whole = {4: f"{day}-01-01", 7: f"{day}-01"}.get(len(day), day)
    return (date.fromisoformat(whole) + timedelta(days=days)).isoformat()
