"""The last mercaptopurine or methotrexate: a hint at the end of first-line therapy.

An ingredient is known by its code, or by its name in the words of the medication; a protocol
("IntReALL SR A, F1") names none. Contained and sent Medications are resolved. Only what was given
counts: administrations and statements that are completed (a statement that is stopped was taken
until then), prescriptions that are completed. Planned, not done and entered in error equal absence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import msgspec

from fhir_mappings import r4
from fhir_mappings.codes import CODES
from fhir_mappings.conditions import text_of
from fhir_mappings.contained import contained_resource
from fhir_mappings.dates import days_of, end_of
from fhir_mappings.read_once import ReadOnce
from fhir_mappings.record import PatientRecord
from fhir_mappings.subject import local
from relapse_model.dates import DateRange

_NAMES: Final = re.compile(r"mercaptopurin|\b6-?mp\b|purinethol|methotrexat|\bmtx\b", re.IGNORECASE)
_GIVEN: Final = {
    "MedicationAdministration": frozenset({"completed"}),
    "MedicationStatement": frozenset({"completed", "stopped"}),
    "MedicationRequest": frozenset({"completed"}),
}
_ORDERS: Final = frozenset(
    {"order", "original-order", "reflex-order", "filler-order", "instance-order"}
)


class Dose(msgspec.Struct, frozen=True, gc=False):
    """The last day on which a maintenance drug was given or prescribed."""

    reference: str
    when: DateRange
    element: str


def last_doses(record: PatientRecord) -> tuple[Dose, ...]:
    """Every mercaptopurine or methotrexate that was given, with its last day."""
    found = []
    maintenance = ReadOnce(_is_maintenance)
    for item in record.medications:
        drug = item.resource
        if drug.status not in _GIVEN[type(drug).__name__] or not _is_order(drug):
            continue
        if any(maintenance[concept] for concept in _concepts(drug, record)):
            when, element = _last_day(drug)
            if when is not None:
                found.append(Dose(item.reference, when, element))
    return tuple(found)


def _is_order(drug: r4.Prescribed) -> bool:
    if not isinstance(drug, r4.MedicationRequest):
        return True
    return drug.intent in _ORDERS and not drug.do_not_perform


def _last_day(drug: r4.Prescribed) -> tuple[DateRange | None, str]:
    if isinstance(drug, r4.MedicationRequest):
        dispensed = drug.dispense_request.validity_period if drug.dispense_request else None
        told = (
            (end_of(dispensed), "dispenseRequest.validityPeriod"),
            (days_of(drug.authored_on), "authoredOn"),
        )
    else:
        told = (
            (days_of(drug.effective_date_time), "effectiveDateTime"),
            (end_of(drug.effective_period), "effectivePeriod"),
        )
    return next(((day, name) for day, name in told if day is not None), (None, ""))


def _concepts(drug: r4.Prescribed, record: PatientRecord) -> Iterable[r4.Concept]:
    if drug.medication_codeable_concept is not None:
        yield drug.medication_codeable_concept
    reference = drug.medication_reference.reference if drug.medication_reference else None
    if not reference:
        return
    product: object
    if reference.startswith("#"):
        product = contained_resource(drug.contained, reference)
    else:
        known = record.products
        product = known.get(reference) or known.get(local(reference))
    if isinstance(product, r4.Medication) and product.code is not None:
        yield product.code


def _is_maintenance(concept: r4.Concept) -> bool:
    return "maintenance" in CODES.sets_of(concept) or bool(_NAMES.search(text_of(concept)))
