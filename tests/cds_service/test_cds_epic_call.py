"""Calls as vendors' documents print them are answered like any other."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

import pytest
from cds_answers import SERVICE
from flask.testing import FlaskClient

from cds_service.sample_patients.samples import samples

BASE = "https://ehr.example.org/interconnect/api/FHIR/R4"
SHOWN = [child.patient_id for child in samples().values() if child.shown]
NO_RESULTS = {
    "resourceType": "OperationOutcome",
    "issue": [
        {
            "severity": "warning",
            "code": "informational",
            "details": {
                "coding": [{"system": "urn:oid:1.2.840.114350.1.13.1.7.2.657369", "code": "4101"}],
                "text": "Resource request returns no results.",
            },
        }
    ],
}


def in_epics_words(request: dict[str, Any]) -> dict[str, Any]:
    """The same call in Epic's dialect."""
    body = deepcopy(request)
    patient_id = body["context"]["patientId"]
    text = json.dumps(body).replace(f'"Patient/{patient_id}"', f'"{BASE}/Patient/{patient_id}"')
    body = json.loads(text)
    for value in body["prefetch"].values():
        if value["resourceType"] == "Bundle" and not value.get("entry"):
            value["total"] = 0
            value["entry"] = [{"resource": NO_RESULTS, "search": {"mode": "outcome"}}]
    body["prefetch"]["-user"] = {"resourceType": "PractitionerRole", "id": "r1"}
    body["fhirServer"] = BASE
    body["fhirAuthorization"] = {
        "access_token": "token",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient.read observation.search",
        "subject": "a-client-id",
    }
    body["context"] |= {"userId": "PractitionerRole/e12", "encounterId": "e13"}
    body["extension"] = {
        "com.epic.cdshooks.request.bpa-trigger-action": "60",
        "com.epic.cdshooks.request.cds-hooks-specification-version": "1.1",
        "com.epic.cdshooks.request.fhir-version": "R4",
        "com.epic.cdshooks.request.criteria-id": "1234",
        "internal.epic.cdshooks.request.epic-emp-id": "5678",
    }
    return body


@pytest.mark.parametrize("patient_id", SHOWN)
def test_a_call_as_epic_sends_it_is_answered_like_any_other(
    client: FlaskClient, patient_id: str
) -> None:
    """Extensions, absolute references, an unknown key, a scope that is not SMART, its empties."""
    request = client.get(f"/sample-requests/{patient_id}").json
    plain = client.post(SERVICE, json=request)
    epic = client.post(SERVICE, json=in_epics_words(request))
    assert epic.status_code == 200
    assert (
        epic.json["extension"]["org.relapsed-all.decision"]
        == (plain.json["extension"]["org.relapsed-all.decision"])
    )
    told = [[card["summary"], card["detail"]] for card in epic.json["cards"]]
    assert told == [[card["summary"], card["detail"]] for card in plain.json["cards"]]


@pytest.mark.parametrize("user", ["Practitioner", "PractitionerRole", "Patient", "RelatedPerson"])
@pytest.mark.parametrize("encounter", [{}, {"encounterId": "e1"}])
def test_every_type_of_user_may_ask_with_or_without_an_encounter(
    client: FlaskClient, user: str, encounter: dict[str, str]
) -> None:
    """cds-hooks library, patient-view 1.0: userId of four types, encounterId optional."""
    request = client.get("/sample-requests/sample-s1-late-cns").json
    request["context"] = {
        "userId": f"{user}/u1",
        "patientId": request["context"]["patientId"],
        **encounter,
    }
    response = client.post(SERVICE, json=request)
    assert response.status_code == 200
    assert response.json["cards"]
