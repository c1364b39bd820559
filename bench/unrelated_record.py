"""What stands in a child's chart beside the leukaemia: resources as a verbose EHR writes them.

Deterministic: the same random generator gives the same resources. None of them says anything about
the relapse; a few are blood counts, which our prefetch asks for by code.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Resource = dict[str, Any]

_LOINC = "http://loinc.org"
_SNOMED = "http://snomed.info/sct"
_ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
_UCUM = "http://unitsofmeasure.org"
_TERMS = "http://terminology.hl7.org/CodeSystem"
_FIRST_DAY = datetime(2018, 1, 1, 8, tzinfo=UTC)
_MINUTES = 6 * 365 * 24 * 60

_LABS = (
    ("718-7", "Hemoglobin [Mass/volume] in Blood", 6.5, 14.0, "g/dL"),
    ("777-3", "Platelets [#/volume] in Blood by Automated count", 8, 420, "10*3/uL"),
    ("6690-2", "Leukocytes [#/volume] in Blood by Automated count", 0.1, 14.0, "10*3/uL"),
    ("789-8", "Erythrocytes [#/volume] in Blood by Automated count", 2.1, 5.2, "10*6/uL"),
    ("751-8", "Neutrophils [#/volume] in Blood by Automated count", 0.0, 8.0, "10*3/uL"),
    ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", 0.2, 1.1, "mg/dL"),
    ("1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum", 8, 300, "U/L"),
    ("1975-2", "Bilirubin.total [Mass/volume] in Serum or Plasma", 0.1, 3.0, "mg/dL"),
    ("2951-2", "Sodium [Moles/volume] in Serum or Plasma", 130, 146, "mmol/L"),
    ("2823-3", "Potassium [Moles/volume] in Serum or Plasma", 2.8, 5.4, "mmol/L"),
    ("17861-6", "Calcium [Mass/volume] in Serum or Plasma", 7.5, 10.6, "mg/dL"),
    ("1988-5", "C reactive protein [Mass/volume] in Serum or Plasma", 0.2, 180, "mg/L"),
    ("1751-7", "Albumin [Mass/volume] in Serum or Plasma", 2.4, 4.8, "g/dL"),
    ("14804-9", "Lactate dehydrogenase [Enzymatic activity/volume] in Serum", 120, 900, "U/L"),
    ("3084-1", "Urate [Mass/volume] in Serum or Plasma", 1.5, 7.5, "mg/dL"),
    ("3255-7", "Fibrinogen [Mass/volume] in Platelet poor plasma", 80, 420, "mg/dL"),
)
_VITALS = (
    ("8867-4", "Heart rate", 60, 150, "/min"),
    ("8310-5", "Body temperature", 36.0, 40.1, "Cel"),
    ("9279-1", "Respiratory rate", 12, 40, "/min"),
    ("29463-7", "Body weight", 12, 70, "kg"),
    ("8302-2", "Body height", 90, 180, "cm"),
    ("59408-5", "Oxygen saturation in Arterial blood by Pulse oximetry", 90, 100, "%"),
)
_CONDITIONS = (
    ("D70.1", "Agranulocytosis secondary to cancer chemotherapy"),
    ("R50.81", "Fever presenting with conditions classified elsewhere"),
    ("K12.31", "Oral mucositis (ulcerative) due to antineoplastic therapy"),
    ("J06.9", "Acute upper respiratory infection, unspecified"),
    ("K59.00", "Constipation, unspecified"),
    ("B37.0", "Candidal stomatitis"),
    ("E87.6", "Hypokalemia"),
    ("G62.0", "Drug-induced polyneuropathy"),
    ("R11.2", "Nausea with vomiting, unspecified"),
    ("L20.9", "Atopic dermatitis, unspecified"),
)
_PROCEDURES = (
    ("116859006", "Transfusion of blood product (procedure)"),
    ("40701008", "Echocardiography (procedure)"),
    ("399208008", "Plain chest X-ray (procedure)"),
    ("29303009", "Electrocardiographic procedure (procedure)"),
    ("33879002", "Administration of substance to produce immunity, either active or passive"),
    ("225358003", "Wound care (regime/therapy)"),
)
_MEDICATIONS = (
    ("26225", "ondansetron", "mg", 4),
    ("161", "acetaminophen", "mg", 250),
    ("4450", "fluconazole", "mg", 100),
    ("7646", "omeprazole", "mg", 20),
    ("6218", "lactulose", "mL", 15),
    ("20481", "cefepime", "mg", 1000),
    ("11124", "vancomycin", "mg", 400),
    ("29561", "meropenem", "mg", 500),
    ("3498", "diphenhydramine", "mg", 12.5),
    ("4603", "furosemide", "mg", 10),
)
_STAFF = ("Invented, Physician", "Invented, Nurse", "Invented, Resident", "Invented, Chemist")
_REMARK = (
    "Entered from the flowsheet of the ward. Reviewed with the family at the bedside; no action "
    "was needed beyond what the plan of care already holds, and the next review is tomorrow."
)


@dataclass(frozen=True, slots=True)
class UnrelatedRecord:
    """Writes resources of one child; ``random`` decides what and when."""

    patient_id: str
    random: random.Random

    def resource(self, kind: str, number: int) -> Resource:
        """The ``number``-th resource of a kind: one of ``KINDS``."""
        return _WRITERS[kind](self, number)

    def laboratory(self, number: int) -> Resource:
        """A laboratory result with its reference range."""
        return self._result(number, "lab", "laboratory", self.random.choice(_LABS))

    def vital_sign(self, number: int) -> Resource:
        """A vital sign from the ward."""
        return self._result(number, "vital", "vital-signs", self.random.choice(_VITALS))

    def condition(self, number: int) -> Resource:
        """A diagnosis of an encounter that has nothing to do with the relapse."""
        code, words = self.random.choice(_CONDITIONS)
        when = self._moment()
        return self._started("Condition", f"condition-{number}", words) | {
            "clinicalStatus": _concept(f"{_TERMS}/condition-clinical", "resolved", "Resolved"),
            "verificationStatus": _concept(
                f"{_TERMS}/condition-ver-status", "confirmed", "Confirmed"
            ),
            "category": [
                _concept(
                    f"{_TERMS}/condition-category", "encounter-diagnosis", "Encounter Diagnosis"
                )
            ],
            "code": _concept(_ICD10CM, code, words),
            "onsetDateTime": when,
            "recordedDate": when[:10],
            "recorder": self._staff(),
            "note": [{"text": _REMARK}],
        }

    def procedure(self, number: int) -> Resource:
        """A procedure of everyday care."""
        code, words = self.random.choice(_PROCEDURES)
        return self._started("Procedure", f"procedure-{number}", words) | {
            "status": "completed",
            "category": _concept(_SNOMED, "103693007", "Diagnostic procedure (procedure)"),
            "code": _concept(_SNOMED, code, words),
            "performedDateTime": self._moment(),
            "performer": [{"actor": self._staff()}, {"actor": self._staff()}],
            "location": {"reference": "Location/ward-4", "display": "Children's ward 4"},
            "note": [{"text": _REMARK}],
        }

    def medication(self, number: int) -> Resource:
        """An order of supportive care: never a drug against leukaemia."""
        code, words, unit, amount = self.random.choice(_MEDICATIONS)
        when = self._moment()
        dose = {"value": amount, "unit": unit, "system": _UCUM, "code": unit}
        return self._started("MedicationRequest", f"medication-{number}", words) | {
            "status": "completed",
            "intent": "order",
            "category": [
                _concept(f"{_TERMS}/medicationrequest-category", "inpatient", "Inpatient")
            ],
            "medicationCodeableConcept": _concept(_RXNORM, code, words) | {"text": words},
            "authoredOn": when,
            "requester": self._staff(),
            "recorder": self._staff(),
            "dosageInstruction": [
                {
                    "sequence": 1,
                    "text": f"{amount} {unit} every 8 hours as needed, by mouth or by vein",
                    "patientInstruction": _REMARK,
                    "timing": {
                        "repeat": {
                            "boundsPeriod": {"start": when},
                            "frequency": 1,
                            "period": 8,
                            "periodUnit": "h",
                        },
                        "code": {"text": "Every 8 hours"},
                    },
                    "route": _concept(_SNOMED, "26643006", "Oral route (qualifier value)"),
                    "doseAndRate": [
                        {
                            "type": _concept(f"{_TERMS}/dose-rate-type", "ordered", "Ordered"),
                            "doseQuantity": dose,
                        }
                    ],
                }
            ],
            "dispenseRequest": {
                "validityPeriod": {"start": when},
                "numberOfRepeatsAllowed": 0,
                "quantity": dose,
            },
        }

    def _result(
        self, number: int, mark: str, category: str, test: tuple[str, str, float, float, str]
    ) -> Resource:
        code, words, low, high, unit = test
        when = self._moment()
        value = round(low + (high - low) * self.random.random(), 1)
        quantity = {"unit": unit, "system": _UCUM, "code": unit}
        return self._started("Observation", f"{mark}-{number}", words) | {
            "basedOn": [{"reference": f"ServiceRequest/order-{number}", "display": words}],
            "status": "final",
            "category": [
                _concept(f"{_TERMS}/observation-category", category, category.capitalize())
            ],
            "code": _concept(_LOINC, code, words) | {"text": words},
            "effectiveDateTime": when,
            "issued": when,
            "performer": [self._staff(), {"reference": "Organization/laboratory"}],
            "valueQuantity": {"value": value, **quantity},
            "interpretation": [
                _concept(f"{_TERMS}/v3-ObservationInterpretation", "N", "Normal"),
            ],
            "note": [{"text": _REMARK}],
            "referenceRange": [
                {
                    "low": {"value": low, **quantity},
                    "high": {"value": high, **quantity},
                    "type": _concept(f"{_TERMS}/referencerange-meaning", "normal", "Normal Range"),
                    "text": f"{low}-{high} {unit}",
                }
            ],
        }

    def _started(self, kind: str, mark: str, words: str) -> Resource:
        own_id = f"{self.patient_id}-{mark}"
        encounter = self.random.randrange(1, 400)
        return {
            "resourceType": kind,
            "id": own_id,
            "meta": {"versionId": "1", "lastUpdated": self._moment()},
            "text": {
                "status": "generated",
                "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p><b>{words}</b></p></div>',
            },
            "identifier": [
                {
                    "use": "usual",
                    "system": "urn:oid:2.16.840.1.113883.3.9999.1",
                    "value": f"{self.random.randrange(10**9):09d}",
                }
            ],
            "subject": {
                "reference": f"Patient/{self.patient_id}",
                "display": "Inventedchild, Bench",
            },
            "encounter": {
                "reference": f"Encounter/{self.patient_id}-encounter-{encounter}",
                "display": "Hospital encounter on the children's ward",
            },
        }

    def _moment(self) -> str:
        minutes = timedelta(minutes=self.random.randrange(_MINUTES))
        return (_FIRST_DAY + minutes).isoformat().replace("+00:00", "Z")

    def _staff(self) -> Resource:
        who = self.random.randrange(len(_STAFF))
        return {"reference": f"Practitioner/staff-{who}", "display": _STAFF[who]}


def _concept(system: str, code: str, words: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": words}]}


_WRITERS: Mapping[str, Callable[[UnrelatedRecord, int], Resource]] = {
    "laboratory": UnrelatedRecord.laboratory,
    "vital sign": UnrelatedRecord.vital_sign,
    "condition": UnrelatedRecord.condition,
    "procedure": UnrelatedRecord.procedure,
    "medication": UnrelatedRecord.medication,
}
KINDS = tuple(_WRITERS)
"""The kinds of unrelated resources."""
