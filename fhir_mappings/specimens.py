"""What a result was measured in: by Specimen and body site, else by the words of the code."""

from __future__ import annotations

from typing import Final

from fhir_mappings import r4
from fhir_mappings.codes import CODES
from fhir_mappings.conditions import text_of
from fhir_mappings.contained import contained_resource
from fhir_mappings.record import VOID, PatientRecord
from fhir_mappings.resources import Resources
from fhir_mappings.result_codes import ResultCodes, named_specimens, result_codes
from fhir_mappings.subject import local

_SPECIMENS: Final = {"site_marrow": "marrow", "site_blood": "blood", "site_csf": "csf"}


def specimen_of(observation: r4.Observation, named: frozenset[str], record: PatientRecord) -> str:
    """``marrow``, ``blood``, ``csf``, ``other``, ``conflict`` or ``unknown``.

    ``named``: what the words of the code, and of the panel that it is a member of, name.
    """
    concept = _type_of(observation, record)
    stated = {
        name
        for key, name in _SPECIMENS.items()
        if key in CODES.sets_of(concept, observation.body_site)
    }
    stated |= named_specimens(text_of(concept, observation.body_site))
    if not stated and concept is not None and (concept.coding or concept.text):
        return "other"
    found = stated | named
    if not found:
        return "unknown"
    return min(found) if len(found) == 1 else "conflict"


def lacks_specimens(resources: Resources) -> bool:
    """Whether an MRD result names a Specimen that did not arrive, and nothing else tells.

    Only MRD depends on it: every other code that is read says its specimen itself.
    """
    sent = {
        name
        for held in resources.held("Specimen")
        for name in (held.reference, held.full_url)
        if name
    }
    codes = result_codes()
    return any(
        isinstance(held.resource, r4.Observation) and _is_open(held.resource, sent, codes)
        for held in resources.held("Observation")
    )


def _is_open(observation: r4.Observation, sent: set[str], codes: ResultCodes) -> bool:
    reference = observation.specimen.reference if observation.specimen else None
    if not reference or observation.body_site is not None or reference.startswith("#"):
        return False
    code = codes[observation.code]
    if not code.names_mrd or {reference, local(reference)} & sent:
        return False
    return not code.specimens


def _type_of(observation: r4.Observation, record: PatientRecord) -> r4.Concept | None:
    """The type of the Specimen that a result names, contained ones included."""
    reference = observation.specimen.reference if observation.specimen else None
    if not reference:
        return None
    if reference.startswith("#"):
        inside = contained_resource(observation.contained, reference)
        if isinstance(inside, r4.Specimen) and inside.status not in VOID:
            return inside.type
        return None
    found = record.specimens.get(reference) or record.specimens.get(local(reference))
    return found.type if found else None
