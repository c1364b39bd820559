"""The logs hold nothing about a patient: canary values are sent, and none appears."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cds_answers import SERVICE
from cds_decisions import HIGH_RISK
from flask.testing import FlaskClient
from trusted_clients import EHR, production_config

from cds_service import patient_view
from cds_service.app import create_app
from cds_service.decision_log import record, write_to_stderr
from cds_service.hook_request import HookRequest
from relapse_model.decision import FactReport

INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


def test_a_decision_is_one_json_line_with_its_rules(caplog: pytest.LogCaptureFixture) -> None:
    """Hook instance, decision id, model version, plan and rule ids: enough to find it again."""
    hook = HookRequest("patient-view", INSTANCE, "CANARY-ID", {})
    with caplog.at_level(logging.INFO):
        record(hook, "decision-1", HIGH_RISK, 1)
    (entry,) = caplog.records
    line = json.loads(entry.getMessage())
    assert datetime.now(UTC) - datetime.fromisoformat(line.pop("time")) < timedelta(minutes=1)
    assert line == {
        "event": "decision",
        "hook": "patient-view",
        "hook_instance": INSTANCE,
        "decision": "decision-1",
        "model": "0.0.0",
        "tables": "sha256:0",
        "plan": "HSCT_HR",
        "rules": ["s_group:early-bm-bcp"],
        "cards": 1,
        "client": "without token",
    }


def test_a_decision_says_which_client_asked_and_nothing_of_its_token(
    caplog: pytest.LogCaptureFixture, hook_body: dict[str, Any]
) -> None:
    """Address and tenant as the trust file has them, and the start of a hash."""
    vendor = replace(EHR, entry='tenants = ["north"]')
    service = create_app(production_config(clients=[vendor])).test_client()
    headers = vendor.bearer(tenant="north", jti="CANARY", sub="CANARY")
    with caplog.at_level(logging.DEBUG):
        assert service.post(SERVICE, json=hook_body, headers=headers).status_code == 200
    entry = json.loads(caplog.records[-1].getMessage())
    assert entry["event"] == "decision"
    assert (entry["client"], entry["tenant"]) == (vendor.iss, "north")
    assert re.fullmatch(r"[0-9a-f]{12}", entry["token"])
    assert "CANARY" not in caplog.text
    assert headers["Authorization"].split(".")[2] not in caplog.text


def test_a_rejection_names_its_client_only_if_the_trust_file_does(
    caplog: pytest.LogCaptureFixture, production: FlaskClient, hook_body: dict[str, Any]
) -> None:
    """What an unknown caller says of itself is not repeated."""
    for changes, told in (({"exp": 1}, EHR.iss), ({"iss": "https://CANARY"}, "not known")):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            production.post(SERVICE, json=hook_body, headers=EHR.bearer(**changes))
        assert json.loads(caplog.records[-1].getMessage())["client"] == told
        assert "CANARY" not in caplog.text


def test_a_hook_instance_that_is_no_uuid_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A client may write anything into it, a name included."""
    with caplog.at_level(logging.INFO):
        record(HookRequest("patient-view", "CANARY Smith", "p1", {}), "d", HIGH_RISK, 1)
    assert "CANARY" not in caplog.text


def test_no_canary_of_a_whole_request_appears_in_any_log(
    client: FlaskClient,
    hook_body: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Name, id, date, token, note and resource ids of the request; right and wrong requests."""
    canary = FactReport("relapse_date", ("CANARY-DATE",), ("Condition/CANARY",), note="CANARY")
    decision = replace(HIGH_RISK, facts=(canary,))
    monkeypatch.setattr(patient_view, "decide", lambda _facts: decision)
    hook_body["context"] = {"patientId": "CANARY-ID", "userId": "Practitioner/CANARY"}
    hook_body["fhirServer"] = "https://CANARY.example"
    hook_body["fhirAuthorization"] = {"access_token": "CANARY-TOKEN"}
    hook_body["prefetch"]["patient"] = {
        "resourceType": "Patient",
        "id": "CANARY-ID",
        "name": [{"family": "CANARY"}],
        "birthDate": "CANARY",
    }
    headers = {"X-Canary": "CANARY"}
    forged = {"Authorization": "Bearer CANARY"}
    wrong = {**hook_body, "context": {"patientId": "CANARY-OTHER"}}
    with caplog.at_level(logging.DEBUG):
        responses = [
            client.post(f"{SERVICE}?CANARY=1", json=hook_body, headers=headers),
            client.post(SERVICE, json=wrong, headers=headers),
            client.post(SERVICE, data=b'{"CANARY', content_type="application/json"),
            client.post("/cds-services/CANARY", json=hook_body),
            client.get("/fhir/Patient/CANARY"),
            client.post(SERVICE, json=hook_body, headers=forged),
        ]
    assert [response.status_code for response in responses] == [200, 422, 400, 404, 404, 401]
    assert sum("decision" in entry.getMessage() for entry in caplog.records) == 1
    assert not any("CANARY" in str(vars(entry)) for entry in caplog.records)
    assert not any("CANARY" in response.text for response in responses[1:])


def test_logs_go_to_standard_error_one_object_per_line(capsys: pytest.CaptureFixture[str]) -> None:
    """What a log collector reads."""
    logger = logging.getLogger("cds_service")
    kept, propagated = list(logger.handlers), logger.propagate
    logger.handlers.clear()
    try:
        write_to_stderr()
        write_to_stderr()
        record(HookRequest("patient-view", INSTANCE, "p1", {}), "d", HIGH_RISK, 1)
    finally:
        logger.handlers[:] = kept
        logger.propagate = propagated
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "decision"
