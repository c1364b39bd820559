"""Whole hook requests with any element spoiled: never a defect, always a legal answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cds_answers import SERVICE, outcome_of
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.json_shapes import r4_resource, spoiled
from tests.support.vignette_fhir import prefetch_for

FILE = Path(__file__).parents[1] / "vignettes" / "vignettes.json"
VIGNETTES = json.loads(FILE.read_text("utf-8"))["vignettes"]
calm = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)


def hook_request(vignette: dict[str, Any], dialect: str) -> dict[str, Any]:
    """The request of an EHR that sends everything; its FHIR server is none that may be asked."""
    prefetch = prefetch_for(vignette, dialect)
    return {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "fhirServer": "https://ehr.example.org/fhir",
        "fhirAuthorization": {"access_token": "t", "token_type": "Bearer", "expires_in": 300},
        "context": {"userId": "Practitioner/p1", "patientId": prefetch["patient"]["id"]},
        "prefetch": prefetch,
    }


@st.composite
def spoiled_request(draw: st.DrawFn) -> Any:
    """A request in which one to three elements have any JSON value."""
    vignette = draw(st.sampled_from(VIGNETTES))
    body: Any = hook_request(vignette, draw(st.sampled_from(["ehr", "mcode", "pcsp"])))
    for _ in range(draw(st.integers(1, 3))):
        if isinstance(body, (dict, list)) and body:
            body = spoiled(draw, body)
    return body


def legal(response: Any) -> None:
    """A CDS response or an OperationOutcome, and no defect of ours."""
    assert response.status_code in {200, 400, 412, 422}, response.data[:500]
    if response.status_code == 200:
        assert isinstance(response.json["cards"], list)
        assert response.json["extension"]["org.relapsed-all.decision"]["plan"]
    else:
        assert outcome_of(response)["diagnostics"]


@calm
@given(body=spoiled_request())
def test_a_spoiled_request_is_answered_legally(client: FlaskClient, body: Any) -> None:
    """No 5xx, whichever element of whichever resource has which value."""
    legal(client.post(SERVICE, json=body))


@calm
@given(vignette=st.sampled_from(VIGNETTES), more=st.lists(r4_resource(), max_size=5))
def test_any_r4_shaped_resources_beside_a_record_are_answered_legally(
    client: FlaskClient, vignette: dict[str, Any], more: list[dict[str, Any]]
) -> None:
    """Contradictions of every kind become a decision, a question or a data error."""
    body = hook_request(vignette, "ehr")
    subject = {"reference": f"Patient/{body['context']['patientId']}"}
    entries = [{"resource": item | {"subject": subject}} for item in more]
    body["prefetch"]["laboratory"]["entry"] = entries
    legal(client.post(SERVICE, json=body))
