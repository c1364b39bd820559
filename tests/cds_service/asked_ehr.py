"""A pretended FHIR server of an EHR: asking it for what prefetch left out, and what came of it."""

from __future__ import annotations

import json
import re
from typing import Any

import responses

from cds_service.fhir_server.client import FhirClient
from cds_service.fhir_server.settings import BaseUrl, FhirSettings
from cds_service.hook_request import HookRequest
from cds_service.prefetch import Prefetch, RecordSource, prefetched
from fhir_mappings.queries import QUERIES

BASE = "https://ehr.example.org/fhir/r4"
TOKEN = "Canary.Token-123"  # noqa: S105 - invented
PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "p1", "birthDate": "2017-05-01"}
Json = dict[str, Any]


def condition(number: int = 1, patient: str = "p1") -> Json:
    """One Condition of a patient."""
    subject = {"reference": f"Patient/{patient}"}
    code = {"coding": [{"system": "http://snomed.info/sct", "code": "91857003"}]}
    return {"resourceType": "Condition", "id": f"c{number}", "subject": subject, "code": code}


def bundle(*resources: Json, following: str | None = None, total: int | None = None) -> Json:
    """A searchset, with a link to the page that follows."""
    link = [{"relation": "next", "url": following}] if following else []
    found: Json = {"resourceType": "Bundle", "type": "searchset", "link": link}
    found["total"] = len(resources) if total is None else total
    return found | ({"entry": [{"resource": item} for item in resources]} if resources else {})


def everything(ehr: responses.RequestsMock, **answers: Any) -> None:
    """Every search finds nothing, the patient is there; ``answers`` by resource type differ."""
    ehr.get(f"{BASE}/Patient/p1", **answers.pop("Patient", {"json": PATIENT}))
    for name in sorted({query.resource_type for query in QUERIES} - {"Patient"}):
        ehr.get(
            re.compile(f"{re.escape(BASE)}/{name}\\?.*"), **answers.get(name, {"json": bundle()})
        )


def ask(
    client: FhirClient,
    *,
    prefetch: Json | None = None,
    server: str = BASE,
    settings: FhirSettings | None = None,
    **authorization: Any,
) -> Prefetch:
    """The prefetch of one call with a token for ``server``."""
    granted = {"access_token": TOKEN, "token_type": "Bearer", **authorization}
    body: Json = {
        "hook": "patient-view",
        "hookInstance": "i",
        "fhirServer": server,
        "context": {"userId": "Practitioner/a", "patientId": "p1"},
        "prefetch": prefetch or {},
    }
    if granted["access_token"]:
        body["fhirAuthorization"] = granted
    base = BaseUrl.parse(BASE)
    assert base is not None
    settings = settings or FhirSettings(servers=frozenset({base}), loopback=False)
    return prefetched(HookRequest.parse(json.dumps(body).encode()), RecordSource(client, settings))


def references(prefetch: Prefetch) -> list[str]:
    """The Conditions that arrived."""
    return [held.reference for held in prefetch.resources.held("Condition")]


def told(prefetch: Prefetch) -> str:
    """All remarks on missing data."""
    return " ".join(remark.text for remark in prefetch.remarks)


def asked(ehr: responses.RequestsMock) -> list[str]:
    """Every URL that was asked."""
    return [call.request.url or "" for call in ehr.calls]
