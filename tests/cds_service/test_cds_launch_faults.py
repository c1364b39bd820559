"""EHRs that answer a launch wrongly: each ends in a clear page, and nothing secret leaks."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
import responses
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from launches import query_of
from trusted_clients import production_config
from werkzeug.test import TestResponse

from cds_service.app import create_app
from cds_service.clinician_page import launch
from cds_service.clinician_page.launch_faults import LaunchFault
from cds_service.clinician_page.smart_settings import SmartSettings
from cds_service.fhir_server.settings import BaseUrl
from cds_service.sample_patients.samples import samples

ISS = "https://ehr.example.org/fhir/r4"
PUBLIC = "https://cds.example.org/all"
CHILD = "sample-s3-early-marrow"
NAME = "Inventedchild"
TOKEN = "canary-access-token-0123456789"  # noqa: S105 - invented, to be looked for
CODE = "canary-authorization-code"
CONFIGURATION: dict[str, Any] = {
    "authorization_endpoint": "https://ehr.example.org/oauth2/authorize",
    "token_endpoint": "https://ehr.example.org/oauth2/token",
    "code_challenge_methods_supported": ["S256"],
    "capabilities": ["launch-ehr", "permission-v2"],
}
GRANTED: dict[str, Any] = {
    "access_token": TOKEN,
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "launch patient/Patient.rs",
    "patient": CHILD,
}


def settings(**changes: Any) -> SmartSettings:
    """The settings of a site in production, with changes."""
    issuer = BaseUrl.parse(ISS)
    assert issuer is not None
    told = SmartSettings(
        client_id="page", cookie_key="k" * 32, issuers=frozenset({issuer}), loopback=False
    )
    return replace(told, **changes)


def client_of(audit_file: str = "", **changes: Any) -> FlaskClient:
    """A browser at a service in production."""
    config = production_config(public_url=PUBLIC, audit_file=audit_file, smart=settings(**changes))
    return create_app(config).test_client(use_cookies=False)


@pytest.fixture
def ehr() -> Iterator[responses.RequestsMock]:
    """An EHR in which nothing is wrong yet: what is added first wins."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def tell_configuration(ehr: responses.RequestsMock, **changes: Any) -> None:
    """The EHR answers with its configuration."""
    ehr.get(f"{ISS}/.well-known/smart-configuration", json={**CONFIGURATION, **changes})


def tell_record(ehr: responses.RequestsMock) -> None:
    """The EHR answers every read and search about the child."""
    by_type: dict[str, list[Any]] = {}
    for resource in samples()[CHILD].resources:
        by_type.setdefault(resource["resourceType"], []).append({"resource": resource})
    ehr.get(f"{ISS}/Patient/{CHILD}", json=by_type["Patient"][0]["resource"])
    for name in ("Condition", "Observation", "Procedure", "MedicationRequest", "Specimen"):
        bundle = {"resourceType": "Bundle", "type": "searchset", "entry": by_type.get(name, [])}
        ehr.get(f"{ISS}/{name}", json=bundle)


def launched(client: FlaskClient) -> TestResponse:
    """The answer to a launch by the EHR."""
    return client.get("/launch", query_string={"iss": ISS, "launch": "l"})


def called_back(client: FlaskClient, **query: str) -> TestResponse:
    """The answer to the callback of a launch, in the browser that was launched."""
    begun = launched(client)
    state = query_of(begun.headers["Location"])["state"]
    # The cookie by hand: the proxy before a site takes away the path that it is bound to.
    header = {"Cookie": begun.headers["Set-Cookie"].partition(";")[0]}
    return client.get("/callback", query_string={"state": state, **query}, headers=header)


def refused(response: TestResponse, fault: LaunchFault) -> bool:
    """Whether the answer is the page of ``fault`` and of nothing else."""
    text = response.get_data(as_text=True)
    heading = fault.heading.replace("'", "&#x27;")
    return response.status_code == fault.status and f"<h1>{heading}</h1>" in text


def test_a_launch_at_a_site_ends_in_the_page(ehr: responses.RequestsMock) -> None:
    """Public URL behind a proxy, an https EHR: the token opens the FHIR server, in a header."""
    tell_configuration(ehr)
    ehr.post(CONFIGURATION["token_endpoint"], json=GRANTED)
    tell_record(ehr)
    response = called_back(client_of(), code=CODE)
    assert response.status_code == 200
    assert "S3" in response.get_data(as_text=True)
    asked = [call.request for call in ehr.calls if "/fhir/r4/" in str(call.request.url)][1:]
    assert {request.headers["Authorization"] for request in asked} == {f"Bearer {TOKEN}"}
    assert not [request.url for request in asked if TOKEN in str(request.url)]


def test_a_page_about_a_patient_is_in_the_audit_trail(
    ehr: responses.RequestsMock, tmp_path: Path
) -> None:
    """As a call of the hook is; a launch that reached no record is about nobody."""
    tell_configuration(ehr)
    ehr.post(CONFIGURATION["token_endpoint"], json=GRANTED)
    tell_record(ehr)
    trail = tmp_path / "audit.ndjson"
    client = client_of(audit_file=str(trail))
    called_back(client, error="access_denied")
    assert trail.read_text("utf-8") == ""
    called_back(client, code=CODE)
    (line,) = trail.read_text("utf-8").splitlines()
    event = json.loads(line)
    assert event["outcome"] == "0"
    assert f"Patient/{CHILD}" in [entity["what"].get("reference") for entity in event["entity"][1:]]
    assert TOKEN not in line
    assert CODE not in line


def test_the_exchange_of_the_code_is_bound_to_the_launch(ehr: responses.RequestsMock) -> None:
    """The public client sends its id, the verifier of its challenge, and the same redirect URI."""
    tell_configuration(ehr)
    ehr.post(CONFIGURATION["token_endpoint"], json=GRANTED)
    tell_record(ehr)
    called_back(client_of(), code=CODE)
    (exchange,) = [call.request for call in ehr.calls if call.request.method == "POST"]
    form = {name: values[0] for name, values in parse_qs(str(exchange.body)).items()}
    assert form["code"] == CODE
    assert form["client_id"] == "page"
    assert form["redirect_uri"] == f"{PUBLIC}/callback"
    assert len(form["code_verifier"]) >= 43
    assert "Authorization" not in exchange.headers


def test_neither_token_nor_code_nor_patient_appear_in_log_cookie_or_page(
    ehr: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    """Every log of every library at its lowest level, every header, and the page itself."""
    caplog.set_level(logging.DEBUG)
    tell_configuration(ehr)
    ehr.post(CONFIGURATION["token_endpoint"], json=GRANTED)
    tell_record(ehr)
    client = client_of(client_secret="canary-client-secret")  # noqa: S106 - to be looked for
    response = called_back(client, code=CODE)
    assert response.status_code == 200
    page = response.get_data(as_text=True)
    headers = str(response.headers)
    for secret in (TOKEN, CODE, "canary-client-secret"):
        assert secret not in caplog.text
        assert secret not in headers
        assert secret not in page
    assert CHILD not in caplog.text
    assert CHILD not in headers
    assert '"hook":"smart-launch"' in caplog.text, "the decision itself is logged"


def test_an_ehr_is_not_asked_for_its_configuration_at_every_launch(
    ehr: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever launches often does not make this service ask often; a failure is not kept."""
    address = f"{ISS}/.well-known/smart-configuration"
    ehr.get(address, status=503)
    client = client_of()
    assert refused(launched(client), LaunchFault.NO_CONFIGURATION)
    ehr.replace(responses.GET, address, json=CONFIGURATION)
    assert [launched(client).status_code for _ in range(3)] == [302, 302, 302]
    assert len(ehr.calls) == 2
    monkeypatch.setattr(launch, "KEPT_SECONDS", 0)
    other = client_of()
    assert [launched(other).status_code for _ in range(3)] == [302, 302, 302]
    assert len(ehr.calls) == 5


def test_an_ehr_of_smart_1_is_asked_in_its_own_words(ehr: responses.RequestsMock) -> None:
    """One that knows v1 scopes alone gets ``.read``."""
    tell_configuration(ehr, capabilities=["launch-ehr", "permission-v1"])
    scope = query_of(launched(client_of()).headers["Location"])["scope"]
    assert "patient/Condition.read" in scope.split()
    assert ".rs" not in scope


def test_an_authorization_server_elsewhere_must_be_listed(ehr: responses.RequestsMock) -> None:
    """A configuration may not send reader or code to an origin that no setting names."""
    elsewhere = "https://login.example.net"
    tell_configuration(ehr, authorization_endpoint=f"{elsewhere}/authorize")
    assert refused(launched(client_of()), LaunchFault.NO_CONFIGURATION)
    listed = client_of(authorization_origins=(elsewhere,))
    assert launched(listed).headers["Location"].startswith(f"{elsewhere}/authorize?")


@pytest.mark.parametrize(
    "changes",
    [
        {"token_endpoint": "https://elsewhere.example/token"},
        {"token_endpoint": "http://ehr.example.org/oauth2/token"},
        {"token_endpoint": "https://ehr.example.org:8443/oauth2/token"},
        {"token_endpoint": "https://ehr.example.org@elsewhere.example/token"},
        {"token_endpoint": None},
        {"authorization_endpoint": ["https://ehr.example.org/authorize"]},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"code_challenge_methods_supported": ["plain"]},
        {"code_challenge_methods_supported": None},
    ],
)
def test_a_configuration_that_cannot_be_trusted_ends_the_launch(
    ehr: responses.RequestsMock, changes: dict[str, Any]
) -> None:
    """Foreign origins, other schemes and ports, and no PKCE."""
    tell_configuration(ehr, **changes)
    assert refused(launched(client_of()), LaunchFault.NO_CONFIGURATION)


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 302, "headers": {"Location": "https://elsewhere.example/"}},
        {"status": 404, "body": "{}"},
        {"status": 500, "body": json.dumps(CONFIGURATION)},
        {"body": "<html>"},
        {"body": "[]"},
        {"body": "null"},
        {"body": "[" * 100_000},
        {"body": json.dumps({**CONFIGURATION, "x": "x" * 200_000})},
        {"body": requests.ConnectionError("canary")},
        {"body": requests.Timeout("canary")},
    ],
)
def test_an_ehr_that_does_not_tell_its_configuration_is_explained(
    ehr: responses.RequestsMock, answer: dict[str, Any]
) -> None:
    """Redirects are not followed, errors and endless answers not taken."""
    ehr.get(f"{ISS}/.well-known/smart-configuration", **answer)
    response = launched(client_of())
    assert refused(response, LaunchFault.NO_CONFIGURATION)
    assert "canary" not in response.get_data(as_text=True)
    assert len(ehr.calls) == 1


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        ({"status": 400, "json": {"error": "invalid_grant"}}, LaunchFault.NO_TOKEN),
        ({"status": 200, "json": {"error": ["odd"]}}, LaunchFault.NO_TOKEN),
        ({"status": 503, "body": "later"}, LaunchFault.NO_TOKEN),
        ({"body": "<html>"}, LaunchFault.NO_TOKEN),
        ({"body": "[1]"}, LaunchFault.NO_TOKEN),
        ({"status": 302, "headers": {"Location": "https://elsewhere.example/"}},
         LaunchFault.NO_TOKEN),
        ({"body": requests.ConnectionError("canary")}, LaunchFault.NO_TOKEN),
        ({"json": {**GRANTED, "access_token": ""}}, LaunchFault.NO_TOKEN),
        ({"json": {**GRANTED, "access_token": "a\r\nX: y"}}, LaunchFault.NO_TOKEN),
        ({"json": {**GRANTED, "access_token": 7}}, LaunchFault.NO_TOKEN),
        ({"json": {**GRANTED, "token_type": "mac"}}, LaunchFault.NO_TOKEN),
        ({"json": {**GRANTED, "expires_in": ["x"]}}, LaunchFault.NO_TOKEN),
        ({"json": {**GRANTED, "x": "x" * 200_000}}, LaunchFault.NO_TOKEN),
        ({"json": {**GRANTED, "patient": None}}, LaunchFault.NO_PATIENT),
        ({"json": {**GRANTED, "patient": "../Patient/other"}}, LaunchFault.NO_PATIENT),
    ],
)  # fmt: skip
def test_a_token_response_that_is_none_ends_the_launch(
    ehr: responses.RequestsMock, answer: dict[str, Any], fault: LaunchFault
) -> None:
    """Nothing is read, and nothing that the EHR said is shown."""
    tell_configuration(ehr)
    ehr.post(CONFIGURATION["token_endpoint"], **answer)
    response = called_back(client_of(), code=CODE)
    assert refused(response, fault)
    assert "canary" not in response.get_data(as_text=True)
    assert len(ehr.calls) == 2


@pytest.mark.parametrize("status", [401, 403, 500])
def test_a_record_that_cannot_be_read_is_no_all_clear(
    ehr: responses.RequestsMock, status: int
) -> None:
    """The page does not say "nothing found" where nothing could be read."""
    tell_configuration(ehr)
    ehr.post(CONFIGURATION["token_endpoint"], json=GRANTED)
    ehr.get(f"{ISS}/Condition", status=status, body=NAME)
    tell_record(ehr)
    response = called_back(client_of(), code=CODE)
    assert refused(response, LaunchFault.NO_RECORD)
    assert NAME not in response.get_data(as_text=True)


def test_the_record_of_another_patient_is_not_shown(ehr: responses.RequestsMock) -> None:
    """The Patient that the server answers with is not the one whose chart is open."""
    tell_configuration(ehr)
    ehr.post(CONFIGURATION["token_endpoint"], json=GRANTED)
    other = {"resourceType": "Patient", "id": "other", "name": [{"family": NAME}]}
    ehr.get(f"{ISS}/Patient/{CHILD}", json=other)
    tell_record(ehr)
    response = called_back(client_of(), code=CODE)
    assert refused(response, LaunchFault.NO_RECORD)
    assert NAME not in response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        ("access_denied", LaunchFault.DENIED),
        ("server_error", LaunchFault.REFUSED),
        ("<script>", LaunchFault.REFUSED),
    ],
)
def test_an_error_of_the_authorization_server_is_told_in_our_words(
    ehr: responses.RequestsMock, error: str, fault: LaunchFault
) -> None:
    """Also where a code comes beside it: that is not exchanged."""
    tell_configuration(ehr)
    response = called_back(client_of(), error=error, error_description="canary", code=CODE)
    assert refused(response, fault)
    assert "canary" not in response.get_data(as_text=True)
    assert "<script>" not in response.get_data(as_text=True)
    assert len(ehr.calls) == 1


def test_the_cookie_is_secure_behind_https_and_bound_to_the_public_path(
    ehr: responses.RequestsMock,
) -> None:
    """The public URL decides, not what a proxy passes on."""
    tell_configuration(ehr)
    told = launched(client_of()).headers["Set-Cookie"].split("; ")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/all/callback"} <= set(told)


def test_a_page_in_a_frame_of_a_listed_ehr_keeps_its_cookie(ehr: responses.RequestsMock) -> None:
    """SameSite=None and a partition of its own; only that EHR may frame the page."""
    tell_configuration(ehr)
    client = client_of(embedders=("https://ehr.example.org",))
    told = launched(client).headers["Set-Cookie"].split("; ")
    assert {"Secure", "SameSite=None", "Partitioned"} <= set(told)
    policy = client.get("/launch").headers["Content-Security-Policy"]
    assert policy.endswith("frame-ancestors https://ehr.example.org")


@pytest.mark.parametrize("path", ["/launch", "/callback"])
@given(
    query=st.dictionaries(
        st.sampled_from(["iss", "launch", "state", "code", "error", "x"]),
        st.one_of(st.text(max_size=40), st.sampled_from([ISS, "x" * 5_000, "a\x00b"])),
    )
)
def test_whatever_is_asked_a_launch_answers_with_a_page(path: str, query: dict[str, str]) -> None:
    """Never a defect, never data, and nothing of what was sent is repeated."""
    with responses.RequestsMock(assert_all_requests_are_fired=False):
        response = FUZZED.get(path, query_string=query)
    assert response.status_code in {400, 403, 502}
    assert response.mimetype == "text/html"
    long = [value for value in query.values() if len(value) > 20]
    assert not [value for value in long if value in response.get_data(as_text=True)]


FUZZED = client_of()


def test_a_defect_is_a_page_too_and_is_logged_without_values(
    ehr: responses.RequestsMock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The clinician is told to decide without the page."""
    tell_configuration(ehr)
    client = client_of()
    monkeypatch.setattr("cds_service.clinician_page.launch.PendingLaunch", None)
    response = launched(client)
    assert refused(response, LaunchFault.DEFECT)
    assert '"event":"bug"' in caplog.text
    assert ISS not in caplog.text
