"""Addresses, statuses, headers and errors of the service, through HTTP."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from cds_answers import SERVICE, outcome_of
from flask.testing import FlaskClient
from trusted_clients import EHR

from cds_service import patient_view
from cds_service.discovery import discovery

ORIGIN = {"Origin": "https://sandbox.example"}


def test_discovery_lists_the_service_with_everything_a_client_needs(client: FlaskClient) -> None:
    """cds-hooks_2.0@4 to @13, @29 and @36: id, hook, description, title, prefetch keys."""
    response = client.get("/cds-services")
    assert response.status_code == 200
    assert response.content_type == "application/json"
    (service,) = response.json["services"]
    assert service["id"] == "relapsed-all-stratification"
    assert service["hook"] == "patient-view"
    assert service["title"]
    assert service["description"]
    assert "FHIR R4" in service["usageRequirements"]
    assert {"patient", "conditions"} <= set(service["prefetch"])


def test_prefetch_templates_use_only_the_patient_token_and_the_query_subset() -> None:
    """cds-hooks_2.0@55 to @59: delimited tokens, a root-level context field, no modifiers."""
    for template in discovery()["services"][0]["prefetch"].values():
        assert template.count("{{") == template.count("{{context.patientId}}") == 1
        assert not template.startswith("/")
        _, _, query = template.partition("?")
        names = [pair.partition("=")[0] for pair in query.split("&")] if query else []
        assert len(names) == len(set(names)), "the sandbox joins repeated parameters"
        assert not any(":" in name and not name.endswith(":in") for name in names)


@pytest.mark.parametrize("path", ["/cds-services", "/health", SERVICE])
def test_a_trailing_slash_is_tolerated_without_a_redirect(client: FlaskClient, path: str) -> None:
    """A redirect would lose the POST and, in a browser, the preflight."""
    method = client.post if path == SERVICE else client.get
    assert method(f"{path}/").status_code == method(path).status_code
    assert method(f"{path}/").status_code in {200, 400}


def test_a_request_without_data_on_record_is_answered_with_no_card(
    client: FlaskClient, hook_body: dict[str, Any]
) -> None:
    """cds-hooks_2.0@74 and @77: 200, ``cards: []``, and the decision in the extension."""
    response = client.post(SERVICE, json=hook_body)
    assert response.status_code == 200
    assert response.content_type == "application/json"
    assert response.json["cards"] == []
    assert response.json["extension"]["org.relapsed-all.decision"]["plan"] == "OUT_OF_SCOPE_DISEASE"


def test_extension_values_are_objects_under_reverse_dns_keys(
    client: FlaskClient, hook_body: dict[str, Any]
) -> None:
    """cds-hooks_2.0@214 and @215."""
    extension = client.post(SERVICE, json=hook_body).json["extension"]
    assert all(isinstance(value, dict) for value in extension.values())
    assert all(key.startswith("org.relapsed-all.") for key in extension)


@pytest.mark.parametrize(
    ("sent", "status", "named"),
    [
        ({"hook": ...}, 400, "hook"),
        ({"hook": "order-sign"}, 400, "hook"),
        ({"hookInstance": ...}, 400, "hookInstance"),
        ({"context": ...}, 400, "context"),
        ({"context": {}}, 400, "context.patientId"),
        ({"prefetch": []}, 400, "prefetch"),
        ({"prefetch": {"patient": 3}}, 400, "prefetch.patient"),
        ({"prefetch": ...}, 412, "prefetch.patient"),
        ({"prefetch": {"patient": None}}, 412, "prefetch.conditions"),
        (
            {"prefetch": {"patient": {"resourceType": "Patient", "id": "p2"}, "conditions": None}},
            422,
            "prefetch.patient",
        ),
    ],
)
def test_each_error_has_its_status_and_an_operation_outcome_that_names_the_field(
    client: FlaskClient, hook_body: dict[str, Any], sent: dict[str, Any], status: int, named: str
) -> None:
    """cds-hooks_2.0@14, @54 and @76; OperationOutcome bodies as 3.0 asks for."""
    body = {key: value for key, value in {**hook_body, **sent}.items() if value is not ...}
    response = client.post(SERVICE, json=body)
    assert response.status_code == status
    assert response.content_type == "application/json"
    assert named in outcome_of(response)["expression"]


def test_an_unknown_service_is_a_404_with_an_operation_outcome(client: FlaskClient) -> None:
    """Before the body is looked at."""
    response = client.post("/cds-services/other", data=b"{")
    assert response.status_code == 404
    assert "no cds service" in outcome_of(response)["diagnostics"].lower()


@pytest.mark.parametrize(
    ("path", "status"), [("/nothing", 404), ("/launch/x", 404), ("/cds-services//", 404)]
)
def test_an_unknown_address_is_a_404_with_an_operation_outcome(
    client: FlaskClient, path: str, status: int
) -> None:
    """Errors of Flask are told like ours, never as HTML."""
    response = client.get(path)
    assert response.status_code == status
    assert outcome_of(response)["code"] == "not-found"


def test_the_wrong_method_is_a_405_that_says_which_are_right(client: FlaskClient) -> None:
    """GET on the service, POST on discovery."""
    for response, right in ((client.get(SERVICE), "POST"), (client.post("/cds-services"), "GET")):
        assert response.status_code == 405
        assert right in response.headers["Allow"]
        assert outcome_of(response)["code"] == "not-supported"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "text/json"])
def test_another_content_type_is_a_415(client: FlaskClient, kind: str) -> None:
    """cds-hooks_2.0@1: JSON is what is exchanged."""
    response = client.post(SERVICE, data=b"{}", content_type=kind)
    assert response.status_code == 415
    assert "application/json" in outcome_of(response)["diagnostics"]


def test_a_compressed_body_is_a_415(client: FlaskClient) -> None:
    """Nothing here unpacks it, and a small body may unpack to a large one."""
    response = client.post(
        SERVICE, data=b"{}", content_type="application/json", headers={"Content-Encoding": "gzip"}
    )
    assert response.status_code == 415


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "application/fhir+json", None]
)
def test_json_under_its_usual_names_is_read(
    client: FlaskClient, hook_body: dict[str, Any], kind: str | None
) -> None:
    """A missing Content-Type is tolerated."""
    response = client.post(SERVICE, data=json.dumps(hook_body), content_type=kind)
    assert response.status_code == 200


def test_a_body_over_the_limit_is_a_413(production: FlaskClient) -> None:
    """The limit is a setting."""
    response = production.post(
        SERVICE, data=b" " * 2_001, content_type="application/json", headers=EHR.bearer()
    )
    assert response.status_code == 413
    assert "2000 bytes" in outcome_of(response)["diagnostics"]


class Chunks(BytesIO):
    """A chunked body: it has no length, and may give less than it is asked for."""

    def read(self, size: int | None = -1) -> bytes:
        """At most 500 bytes."""
        return super().read(500 if size is None or size < 0 else min(size, 500))


@pytest.mark.parametrize(("size", "status"), [(2_000, 400), (2_500, 413)])
def test_a_chunked_body_is_read_whole_and_refused_over_the_limit(
    production: FlaskClient, size: int, status: int
) -> None:
    """No length is announced: werkzeug alone would cut it off in silence and answer 200."""
    response = production.post(
        SERVICE,
        content_type="application/json",
        headers=EHR.bearer(),
        input_stream=Chunks(b" " * size),
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert response.status_code == status


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"\xff", b'{"a":NaN}', b"[" * 100_000, b'{"hook":"\\ud800"}']
)
def test_a_body_that_cannot_be_read_is_a_400_and_never_a_500(
    client: FlaskClient, body: bytes
) -> None:
    """Whatever bytes arrive."""
    response = client.post(SERVICE, data=body, content_type="application/json")
    assert response.status_code == 400
    assert outcome_of(response)["diagnostics"]


PATHS = [
    ("GET", "/cds-services", 200),
    ("POST", SERVICE, 400),
    ("GET", "/health", 200),
    ("GET", "/nothing", 404),
    ("GET", SERVICE, 405),
    ("GET", "/fhir/metadata", 200),
    ("GET", "/fhir/Patient/nobody", 404),
    ("POST", "/fhir/Condition/_search", 200),
]


@pytest.mark.parametrize(("method", "path", "status"), PATHS)
def test_every_response_may_be_read_by_a_browser_client(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    """cds-hooks_2.0@208: CORS on every answer, errors included; no credentials."""
    response = client.open(path, method=method, headers=ORIGIN)
    assert response.status_code == status
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]
    assert "Origin" in response.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize("path", sorted({path for _, path, _ in PATHS}))
def test_every_address_answers_a_preflight_without_authentication(
    client: FlaskClient, path: str
) -> None:
    """The sandbox asks for authorization and content-type."""
    response = client.options(
        path,
        headers={
            **ORIGIN,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )
    assert response.status_code == 204
    assert "Content-Type" not in response.headers
    assert response.headers["Access-Control-Allow-Methods"] == "GET, POST, OPTIONS"
    assert response.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"
    assert response.headers["Access-Control-Allow-Origin"] == ORIGIN["Origin"]


def test_the_hosted_sandbox_may_call_a_service_on_this_machine(client: FlaskClient) -> None:
    """Browsers ask a loopback address whether it wants to be called from the internet."""
    asked = {**ORIGIN, "Access-Control-Request-Private-Network": "true"}
    response = client.options("/cds-services", headers=asked)
    assert response.headers["Access-Control-Allow-Private-Network"] == "true"


def test_in_production_only_listed_origins_are_allowed(production: FlaskClient) -> None:
    """No echo, no star."""
    listed = production.get("/cds-services", headers={"Origin": "https://ehr.example.org"})
    other = production.get("/cds-services", headers={"Origin": "https://evil.example"})
    assert listed.headers["Access-Control-Allow-Origin"] == "https://ehr.example.org"
    assert "Access-Control-Allow-Origin" not in other.headers
    assert "Origin" in other.headers["Vary"]


@pytest.mark.parametrize(("method", "path", "status"), PATHS)
def test_every_response_carries_the_security_headers_and_is_never_html(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    """No store, no sniffing, no referrer, nothing to load."""
    response = client.open(path, method=method)
    assert response.status_code == status
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert {"base-uri 'none'", "frame-ancestors 'none'"} <= set(policy.split("; "))
    assert "json" in response.content_type
    assert "html" not in response.content_type


@pytest.mark.parametrize(("method", "path", "status"), PATHS)
def test_no_answer_of_the_api_sets_a_cookie_and_none_that_is_sent_matters(
    client: FlaskClient, method: str, path: str, status: int
) -> None:
    """There is no session, so there is nothing that a foreign page could ride on."""
    response = client.open(path, method=method, headers={"Cookie": "session=canary; x=1"})
    assert response.status_code == status
    assert "Set-Cookie" not in response.headers
    assert "Access-Control-Allow-Credentials" not in response.headers


@pytest.mark.parametrize("status", [200, 401, 413])
def test_in_production_every_answer_to_a_listed_origin_can_be_read_by_its_page(
    production: FlaskClient, status: int
) -> None:
    """Refusals too: a browser shows the reader why there is no card."""
    origin = {"Origin": "https://ehr.example.org"}
    answer = {
        200: lambda: production.get("/cds-services", headers=origin),
        401: lambda: production.post(SERVICE, json={}, headers=origin),
        413: lambda: production.post(
            SERVICE, data=b" " * 2_001, headers={**origin, **EHR.bearer()}
        ),
    }[status]()
    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == origin["Origin"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://ehr.example.org.evil.example",
        "https://evil-ehr.example.org",
        "http://ehr.example.org",
        "https://ehr.example.org:8443",
        "https://EHR.example.org",
        "null",
        "*",
        "https://ehr.example.org, https://evil.example",
    ],
)
def test_an_origin_is_compared_character_by_character(production: FlaskClient, origin: str) -> None:
    """No prefix, no suffix, no other port or scheme."""
    for method in ("GET", "OPTIONS"):
        answer = production.open("/cds-services", method=method, headers={"Origin": origin})
        assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_production_serves_no_sample_patients(production: FlaskClient) -> None:
    """The FHIR server of invented children is for development."""
    assert production.get("/fhir/Patient").status_code == 404
    assert production.get("/sample-requests/sample-adult").status_code == 404


def test_health_names_the_versions(client: FlaskClient) -> None:
    """Which software and which tables answer."""
    document = client.get("/health").json
    assert document["status"] == "ok"
    assert document["tables"].startswith("sha256:")
    assert document["version"]


def test_a_bug_is_a_500_with_fixed_words_and_an_id_and_never_an_empty_card_list(
    client: FlaskClient,
    hook_body: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The id leads to module and line in the log; neither answer nor log repeats a value."""

    def broken(_facts: object) -> None:
        raise ValueError("CANARY-VALUE")

    monkeypatch.setattr(patient_view, "decide", broken)
    response = client.post(SERVICE, json=hook_body)
    assert response.status_code == 500
    issue = outcome_of(response)
    assert issue["code"] == "exception"
    line = json.loads(caplog.records[-1].getMessage())
    assert line["event"] == "bug"
    assert line["bug"] in issue["diagnostics"]
    assert line["type"] == "ValueError"
    assert any(frame.startswith("patient_view.py:") for frame in line["frames"])
    assert "CANARY" not in response.text + caplog.text
