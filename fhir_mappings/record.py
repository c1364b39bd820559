"""The record of one child: the resources about this patient, and what was set aside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from fhir_mappings import r4
from fhir_mappings.resources import Held, Resources
from fhir_mappings.subject import About, Subject, focused_elsewhere, local
from relapse_model.facts import Remark

R = TypeVar("R")
MOST_EVIDENCE: Final = 20
"""References named in one remark; the rest is only counted."""


@dataclass(frozen=True, slots=True)
class Recorded(Generic[R]):
    """A resource about this patient, with the reference by which it is cited."""

    reference: str
    resource: R


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """What the sources say about one child, in an order that does not depend on theirs."""

    patient: Recorded[r4.Patient] | None
    conditions: tuple[Recorded[r4.Condition], ...]
    observations: tuple[Recorded[r4.Observation], ...]
    procedures: tuple[Recorded[r4.Procedure], ...]
    specimens: dict[str, r4.Specimen]
    """By ``Specimen/id`` and by fullUrl."""
    remarks: tuple[Remark, ...]


def record_of(resources: Resources, patient_id: str) -> PatientRecord:
    """The record of the patient with ``patient_id`` out of everything that was sent."""
    patients = [held for held in resources.held("Patient") if held.resource.id == patient_id]
    subject = Subject(
        patient_id, frozenset(held.full_url for held in patients if held.full_url is not None)
    )
    set_aside: dict[About, list[str]] = {About.ANOTHER: [], About.NOBODY_NAMED: []}
    specimens: dict[str, r4.Specimen] = {}
    kept: dict[str, list[tuple[str, Any]]] = {}
    for name in ("Condition", "Observation", "Procedure", "Specimen"):
        kept[name] = []
        for held in resources.held(name):
            about = _about(held, subject)
            if about is About.THIS_PATIENT:
                kept[name].append((held.reference, held.resource))
            else:
                set_aside[about].append(held.reference)
            if isinstance(held.resource, r4.Specimen) and about is not About.ANOTHER:
                specimens[held.reference] = held.resource
                specimens[held.full_url or held.reference] = held.resource
    others = [h.reference for h in resources.held("Patient") if h.resource.id != patient_id]
    set_aside[About.ANOTHER] += others
    patient = patients[0] if patients else None
    return PatientRecord(
        patient=(
            Recorded(patient.reference, patient.resource)
            if patient is not None and isinstance(patient.resource, r4.Patient)
            else None
        ),
        conditions=tuple(Recorded(*item) for item in kept["Condition"]),
        observations=tuple(Recorded(*item) for item in kept["Observation"]),
        procedures=tuple(Recorded(*item) for item in kept["Procedure"]),
        specimens=specimens,
        remarks=tuple(_remarks(resources, set_aside)),
    )


def _about(held: Held, subject: Subject) -> About:
    resource = held.resource
    if isinstance(resource, r4.Patient):
        return About.THIS_PATIENT if resource.id == subject.patient_id else About.ANOTHER
    if isinstance(resource, r4.Observation) and focused_elsewhere(resource, subject):
        return About.ANOTHER
    return subject.about(resource.subject)


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


def cited(references: Iterable[str]) -> tuple[str, ...]:
    """References as evidence: sorted, once each, and not more than a person would read."""
    return tuple(sorted(set(references))[:MOST_EVIDENCE])


def specimen_of(observation: r4.Observation, record: PatientRecord) -> r4.Concept | None:
    """The type of the specimen that a result names, contained specimens included."""
    reference = observation.specimen.reference if observation.specimen else None
    if not reference:
        return None
    if reference.startswith("#"):
        return next((item.type for item in observation.contained if item.id == reference[1:]), None)
    found = record.specimens.get(reference) or record.specimens.get(local(reference))
    return found.type if found else None
