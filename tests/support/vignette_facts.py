"""The vignettes in clinical terms, as facts read from the FHIR that stands for them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from vignette_fhir import prefetch_for

from fhir_mappings.patient_facts import patient_facts
from fhir_mappings.resources import Resources
from relapse_model.dates import partial_date
from relapse_model.facts import PatientFacts

_FILE = Path(__file__).parents[1] / "vignettes" / "vignettes.json"
VIGNETTES: list[dict[str, Any]] = json.loads(_FILE.read_text(encoding="utf-8"))["vignettes"]


@cache
def vignette_facts(vignette_id: str) -> PatientFacts:
    """What the record of one vignette says."""
    vignette = next(item for item in VIGNETTES if item["id"] == vignette_id)
    prefetch = prefetch_for(vignette)
    resources = Resources()
    for key, value in prefetch.items():
        resources.add(json.dumps(value).encode(), key)
    return patient_facts(
        resources,
        patient_id=prefetch["patient"]["id"],
        as_of=partial_date("2026-11-22").latest,
    )
