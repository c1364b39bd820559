"""The record of one child: the resources about this patient, and what was set aside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from fhir_mappings import r4
from fhir_mappings.r4_bundle import Held
from fhir_mappings.read_once import ReadOnce
from fhir_mappings.readings import cited
from fhir_mappings.resources import Resources
from fhir_mappings.subject import About, Subject, focused_elsewhere
from relapse_model.facts import Remark

VOID: Final = frozenset({"entered-in-error", "cancelled"})
"""Statuses of what equals its absence, whatever refers to it."""
_PRESCRIBED: Final = ("MedicationRequest", "MedicationStatement", "MedicationAdministration")
_PLANS: Final = ("CarePlan", "EpisodeOfCare")
_ABOUT_SOMEBODY: Final = (
    "Condition",
    "Observation",
    "Procedure",
    "Specimen",
    *_PRESCRIBED,
    *_PLANS,
)


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """What the sources say about one child, in an order that does not depend on theirs."""

    patient: Held[r4.Patient] | None
    conditions: tuple[Held[r4.Condition], ...]
    observations: tuple[Held[r4.Observation], ...]
    procedures: tuple[Held[r4.Procedure], ...]
    medications: tuple[Held[r4.Prescribed], ...]
    """Prescriptions, statements and administrations."""
    plans: tuple[Held[r4.CarePlan] | Held[r4.EpisodeOfCare], ...]
    specimens: dict[str, r4.Specimen]
    """By ``Specimen/id`` and by fullUrl."""
    products: dict[str, r4.Medication]
    """Medications, which are about nobody, by reference and by fullUrl."""
    remarks: tuple[Remark, ...]


def record_of(resources: Resources, patient_id: str) -> PatientRecord:
    """The record of the patient with ``patient_id`` out of everything that was sent."""
    patients = [held for held in resources.held("Patient") if held.resource.id == patient_id]
    subject = Subject(
        patient_id, frozenset(held.full_url for held in patients if held.full_url is not None)
    )
    set_aside: dict[About, list[str]] = {About.ANOTHER: [], About.NOBODY_NAMED: []}
    kept: dict[str, list[Held[Any]]] = {}
    about = ReadOnce(subject.about)  # nearly all of a record names the child in the same words
    for name in _ABOUT_SOMEBODY:
        kept[name] = []
        for held in resources.held(name):
            resource = held.resource
            whom = about[resource.patient if name == "EpisodeOfCare" else resource.subject]
            if name == "Observation" and resource.focus and focused_elsewhere(resource, subject):
                whom = About.ANOTHER
            if whom is About.THIS_PATIENT:
                kept[name].append(held)
            else:
                set_aside[whom].append(held.reference)
    others = [h.reference for h in resources.held("Patient") if h.resource.id != patient_id]
    set_aside[About.ANOTHER] += others
    return PatientRecord(
        patient=patients[0] if patients else None,
        conditions=tuple(kept["Condition"]),
        observations=tuple(kept["Observation"]),
        procedures=tuple(kept["Procedure"]),
        medications=tuple(item for name in _PRESCRIBED for item in kept[name]),
        plans=tuple(item for name in _PLANS for item in kept[name]),
        specimens=_specimens(resources, subject),
        products=_products(resources),
        remarks=tuple(_remarks(resources, set_aside)),
    )


def _specimens(resources: Resources, subject: Subject) -> dict[str, r4.Specimen]:
    """Specimens of nobody else; those entered in error equal absence."""
    found: dict[str, r4.Specimen] = {}
    for held in resources.held("Specimen"):
        specimen = held.resource
        if (
            isinstance(specimen, r4.Specimen)
            and specimen.status not in VOID
            and subject.about(specimen.subject) is not About.ANOTHER
        ):
            found[held.reference] = specimen
            found[held.full_url or held.reference] = specimen
    return found


def _products(resources: Resources) -> dict[str, r4.Medication]:
    found: dict[str, r4.Medication] = {}
    for held in resources.held("Medication"):
        if isinstance(held.resource, r4.Medication):
            found[held.reference] = held.resource
            found[held.full_url or held.reference] = held.resource
    return found


def _remarks(resources: Resources, set_aside: dict[About, list[str]]) -> Iterable[Remark]:
    if set_aside[About.ANOTHER]:
        yield Remark(
            "OTHER_PATIENT",
            "Resources about another patient were left out.",
            cited(set_aside[About.ANOTHER]),
        )
    nobody = [ref for ref in set_aside[About.NOBODY_NAMED] if not ref.startswith("Specimen")]
    if nobody:
        yield Remark(
            "UNREADABLE",
            "Resources that do not name their patient were left out.",
            cited(nobody),
        )
    for unreadable in sorted(set(resources.unreadable)):
        yield Remark("UNREADABLE", f"{unreadable.fault}.", (unreadable.reference,))
