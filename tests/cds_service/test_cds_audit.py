"""The audit trail: one valid FHIR AuditEvent for each call, in a file of its own."""

from __future__ import annotations

import base64
import json
import logging
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fhirkit
import pytest
from cds_answers import SERVICE
from fhir.resources.R4B.auditevent import AuditEvent
from flask.testing import FlaskClient
from trusted_clients import EHR, production_config

from cds_service.app import create_app
from cds_service.config import Config
from cds_service.errors import SettingError

FEEDBACK = f"{SERVICE}/feedback"
EXAMPLE = Path(__file__).parents[2] / "examples" / "patient-view.json"


@pytest.fixture
def trail(tmp_path: Path) -> Path:
    """The file of the trail."""
    return tmp_path / "audit.ndjson"


@pytest.fixture
def service(tmp_path: Path, trail: Path) -> FlaskClient:
    """A service in production that keeps a trail."""
    return create_app(production_config(tmp_path, audit_file=str(trail))).test_client()


def events(trail: Path) -> list[dict[str, Any]]:
    """What the trail holds, each valid by two independent readers of FHIR R4."""
    found = [json.loads(line) for line in trail.read_text("utf-8").splitlines()]
    for event in found:
        AuditEvent.model_validate(event)
        assert [f"{item.path}: {item.message}" for item in fhirkit.validate(event)] == []
    return found


def test_the_validators_refuse_a_record_that_is_wrong(service: FlaskClient, trail: Path) -> None:
    """Or their silence would say nothing."""
    service.post(SERVICE, json={}, headers=EHR.bearer())
    (event,) = events(trail)
    no_agent = {name: value for name, value in event.items() if name != "agent"}
    for broken in (no_agent, {**event, "type": "rest"}, {**event, "outcom": "0"}):
        assert fhirkit.validate(broken)
        with pytest.raises(ValueError, match="validation error"):
            AuditEvent.model_validate(broken)


def test_an_answered_call_is_recorded_with_client_user_and_patient(
    service: FlaskClient, trail: Path
) -> None:
    """IHE BALP PatientQuery: agents client, server and user; entities query and patient."""
    body = json.loads(EXAMPLE.read_text("utf-8"))
    answer = service.post(SERVICE, json=body, headers=EHR.bearer())
    (event,) = events(trail)
    assert event["meta"]["profile"] == [
        "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientQuery"
    ]
    assert (event["type"]["code"], event["action"], event["outcome"]) == ("rest", "E", "0")
    assert "search" in {item["code"] for item in event["subtype"]}
    roles = {agent["type"]["coding"][0]["code"]: agent for agent in event["agent"]}
    assert roles["110153"]["who"]["identifier"]["value"] == EHR.iss
    assert roles["110153"]["network"] == {"address": "127.0.0.1", "type": "2"}
    assert roles["110152"]["network"]["address"] == "https://cds.example.org"
    assert roles["IRCP"]["who"] == {"reference": body["context"]["userId"]}
    assert [agent["requestor"] for agent in event["agent"]] == [False, False, True]
    query, patient, instance = event["entity"]
    assert base64.b64decode(query["query"]).decode() == f"POST {SERVICE}"
    decision = answer.json["extension"]["org.relapsed-all.response"]["decision"]
    assert query["detail"] == [{"type": "decision", "valueString": decision}]
    assert patient["what"] == {"reference": f"Patient/{body['context']['patientId']}"}
    assert instance["what"]["identifier"]["value"] == body["hookInstance"]


@pytest.mark.parametrize(
    ("path", "body", "status", "outcome", "patients"),
    [
        (SERVICE, {}, 400, "4", 0),
        (SERVICE, {"hook": "order-sign"}, 400, "4", 0),
        (SERVICE, {"prefetch": {}}, 412, "4", 1),
        (FEEDBACK, {"feedback": []}, 200, "0", 0),
        ("/cds-services/other", {}, 404, "4", 0),
    ],
)
def test_a_call_without_an_answer_is_recorded_too(  # noqa: PLR0913, PLR0917 - a row of a table
    path: str,
    body: dict[str, Any],
    status: int,
    outcome: str,
    patients: int,
    service: FlaskClient,
    trail: Path,
    hook_body: dict[str, Any],
) -> None:
    """With the patient where the call could be read, and never a profile it does not meet."""
    asked = {**hook_body, **body} if body and path == SERVICE else body
    headers = EHR.bearer(f"https://cds.example.org{path}")
    assert service.post(path, json=asked, headers=headers).status_code == status
    (event,) = events(trail)
    assert (event["outcome"], event["outcomeDesc"]) == (outcome, f"HTTP {status}")
    assert sum("Patient/" in str(entity) for entity in event["entity"]) == patients
    assert ("meta" in event) is (status == 200)
    assert event["agent"][0]["who"]["display"] == EHR.iss


def test_what_is_about_nobody_is_not_recorded(service: FlaskClient, trail: Path) -> None:
    """Discovery, health, preflights; calls without a good token, which could fill the disk."""
    service.post(SERVICE, json={})
    service.post(FEEDBACK, json={}, headers={"Authorization": "Bearer x.y.z"})
    service.get("/cds-services")
    service.get("/health")
    service.options(SERVICE)
    assert events(trail) == []


def test_neither_a_token_nor_the_record_of_the_patient_stands_in_the_trail(
    service: FlaskClient, trail: Path, hook_body: dict[str, Any]
) -> None:
    """Who, whom and when: not what."""
    hook_body["prefetch"]["patient"]["name"] = [{"family": "CANARY"}]
    hook_body["fhirServer"] = "https://CANARY.example/r4"
    hook_body["fhirAuthorization"] = {"access_token": "CANARY", "token_type": "Bearer"}
    headers = EHR.bearer()
    service.post(SERVICE, json=hook_body, headers=headers)
    assert len(events(trail)) == 1
    text = trail.read_text("utf-8")
    assert "CANARY" not in text
    assert headers["Authorization"].removeprefix("Bearer ") not in text


@pytest.mark.parametrize(
    "user", ["", "Dr Who", "x" * 5_000, 'Practitioner/1","x":"', "Practitioner/a b", 7, "\u2028\n"]
)
def test_whatever_the_client_writes_a_record_is_one_valid_line(
    user: Any, service: FlaskClient, trail: Path, hook_body: dict[str, Any]
) -> None:
    """User and instance are texts of the client."""
    hook_body["context"]["userId"] = user
    hook_body["hookInstance"] = f"{user}\n-"
    service.post(SERVICE, json=hook_body, headers=EHR.bearer())
    (event,) = events(trail)
    assert len(trail.read_text("utf-8")) < 5_000
    assert event["outcome"] == "0"


def test_records_of_many_calls_at_once_do_not_mix(
    tmp_path: Path, trail: Path, hook_body: dict[str, Any]
) -> None:
    """One write is one line."""
    app = create_app(production_config(tmp_path, audit_file=str(trail)))

    def post(_number: int) -> int:
        headers = EHR.bearer()
        return app.test_client().post(SERVICE, json=hook_body, headers=headers).status_code

    with ThreadPoolExecutor(8) as callers:
        assert set(callers.map(post, range(40))) == {200}
    assert len({event["id"] for event in events(trail)}) == 40


def test_the_file_is_for_its_owner_alone_and_may_be_moved_away(
    service: FlaskClient, trail: Path, hook_body: dict[str, Any]
) -> None:
    """As a log rotation does."""
    service.post(SERVICE, json=hook_body, headers=EHR.bearer())
    assert stat.S_IMODE(trail.stat().st_mode) == 0o600
    trail.rename(trail.with_suffix(".1"))
    service.post(SERVICE, json=hook_body, headers=EHR.bearer())
    assert len(events(trail)) == 1


def test_a_trail_that_cannot_be_written_is_logged_and_the_call_is_answered(
    service: FlaskClient, trail: Path, hook_body: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk must not cost a child its card."""
    trail.unlink()
    trail.mkdir()
    with caplog.at_level(logging.ERROR):
        answer = service.post(SERVICE, json=hook_body, headers=EHR.bearer())
    assert answer.status_code == 200
    assert "audit_failed" in caplog.text
    assert str(trail) not in caplog.text


def test_a_trail_that_cannot_be_opened_refuses_to_start(tmp_path: Path) -> None:
    """At start, not at the bedside."""
    with pytest.raises(SettingError, match="CDS_AUDIT_FILE"):
        create_app(Config(audit_file=str(tmp_path)))


def test_without_the_setting_there_is_no_trail(
    client: FlaskClient, hook_body: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Off by default: it names patients."""
    monkeypatch.chdir(tmp_path)
    assert client.post(SERVICE, json=hook_body).status_code == 200
    assert list(tmp_path.iterdir()) == []
