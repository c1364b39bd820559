"""Requests in which nothing is wrong, from which the wrong ones are made."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from cds_service.sample_patients.fhir import resources_by_type, sample_request
from cds_service.sample_patients.samples import samples
from tests.fuzz import canaries
from tests.support.vignette_fhir import prefetch_for

FILE = Path(__file__).parents[1] / "vignettes" / "vignettes.json"
DIALECTS = ("ehr", "mcode", "pcsp", "mixed")
Json = dict[str, Any]


def hook_request(prefetch: Json) -> Json:
    """A whole call: its FHIR server is none that may be asked."""
    return {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "fhirServer": canaries.SERVER,
        "fhirAuthorization": {
            "access_token": canaries.TOKEN,
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/*.read",
            "subject": "cds",
            "patient": canaries.PATIENT_ID,
        },
        "context": {"userId": canaries.USER, "patientId": canaries.PATIENT_ID},
        "prefetch": canaries.marked(prefetch),
    }


@cache
def hook_requests() -> tuple[bytes, ...]:
    """Every vignette in one of four dialects, and every sample patient, as JSON."""
    vignettes = json.loads(FILE.read_text("utf-8"))["vignettes"]
    by_type = resources_by_type(samples())
    records: list[Json] = [
        *(prefetch_for(item, DIALECTS[n % len(DIALECTS)]) for n, item in enumerate(vignettes)),
        *(sample_request(by_type, name, canaries.SERVER)["prefetch"] for name in samples()),
    ]
    return tuple(json.dumps(hook_request(_renamed(record))).encode() for record in records)


def _renamed(prefetch: Json) -> Json:
    """The same record under the id that can be recognised."""
    written = json.dumps(prefetch).replace(prefetch["patient"]["id"], canaries.PATIENT_ID)
    renamed: Json = json.loads(written)
    return renamed


@cache
def feedback_requests() -> tuple[bytes, ...]:
    """Feedback as the specification has it, and as Epic sends it."""
    told = {
        "card": "f6b95768-b1c8-40dc-8385-bf3504b82ffb",
        "outcomeTimestamp": "2026-11-25T07:30:08+01:00",
    }
    accepted = told | {
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": "f6b95768-b1c8-40dc-8385-bf3504b82ffc"}],
    }
    reason = {
        "reason": {"code": "contraindicated", "system": "https://cds.example.org/reasons"},
        "userComment": canaries.NAME,
    }
    overridden = told | {"outcome": "overridden", "overrideReason": reason}
    return tuple(
        json.dumps({"feedback": items}).encode()
        for items in ([], [accepted], [overridden], [accepted, overridden])
    )
