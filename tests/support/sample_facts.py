"""The facts of the sample patients, read from their resources."""

from __future__ import annotations

import json
from datetime import date

from cds_service.sample_patients.samples import samples
from fhir_mappings.patient_facts import patient_facts
from fhir_mappings.resources import Resources
from relapse_model.facts import PatientFacts

AS_OF = date(2026, 11, 22)
"""The day the questions are asked."""


def sample_facts(patient_id: str) -> PatientFacts:
    """What the record of one sample patient says."""
    resources = Resources()
    for resource in samples()[patient_id].resources:
        resources.add(json.dumps(resource).encode(), resource["resourceType"].lower())
    return patient_facts(resources, patient_id=patient_id, as_of=AS_OF)
