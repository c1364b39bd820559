"""What prefetch left out is asked of the client's FHIR server, in time and of no other server."""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
import time
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import requests
import responses
from asked_ehr import (
    BASE,
    PATIENT,
    TOKEN,
    Json,
    ask,
    asked,
    bundle,
    condition,
    everything,
    references,
    told,
)

from cds_service.errors import OtherPatient, RequiredDataMissing
from cds_service.fhir_server.client import FhirClient
from cds_service.fhir_server.settings import BaseUrl, FhirSettings, base_urls
from fhir_mappings.queries import QUERIES


def test_what_was_not_sent_is_fetched_and_nothing_is_missing(
    fhir_client: FhirClient, ehr: responses.RequestsMock
) -> None:
    """The token in the header, strict handling, no cookie; each search once where it has hits."""
    everything(ehr, Condition={"json": bundle(condition())})
    prefetch = ask(fhir_client)
    assert (references(prefetch), told(prefetch)) == (["Condition/c1"], "")
    for call in ehr.calls:
        assert call.request.headers["Authorization"] == f"Bearer {TOKEN}"
        assert call.request.headers["Prefer"] == "handling=strict"
        assert "Cookie" not in call.request.headers
        assert TOKEN not in (call.request.url or "")


def test_only_what_is_needed_is_asked(fhir_client: FhirClient, ehr: responses.RequestsMock) -> None:
    """A key that was sent, or is null, is not asked for; nor is one whose query failed."""
    everything(ehr)
    failed = {"resourceType": "OperationOutcome", "issue": []}
    sent = {
        "patient": PATIENT,
        "conditions": bundle(condition()),
        "observations": None,
        "laboratory": failed,
        "medications": bundle(),
    }
    prefetch = ask(fhir_client, prefetch=sent)
    assert {urlsplit(url).path.rpartition("/")[2] for url in asked(ehr)} == {"Procedure"}
    assert told(prefetch) == "Not available: the client's query for laboratory failed."


def test_tokens_are_percent_encoded_and_pages_are_large(
    fhir_client: FhirClient, ehr: responses.RequestsMock
) -> None:
    """``system|code`` lists survive any proxy; a server's own page size is small."""
    everything(ehr)
    ask(fhir_client)
    (url, *_) = [url for url in asked(ehr) if "/Observation?" in url and "code=" in url]
    query = urlsplit(url).query
    assert not set("|:,/") & set(query)
    assert "http://loinc.org|11150-0" in unquote(query)
    for url in asked(ehr):
        if "?" in url:
            assert parse_qs(urlsplit(url).query)["_count"] == ["200"]


def test_a_search_that_finds_nothing_is_spelled_another_way(
    fhir_client: FhirClient, ehr: responses.RequestsMock
) -> None:
    """Some servers want ``subject=Patient/id``."""
    everything(ehr)
    ehr.remove(responses.GET, re.compile(f"{re.escape(BASE)}/Condition\\?.*"))
    ehr.get(f"{BASE}/Condition?patient=p1&_count=200", json=bundle())
    ehr.get(f"{BASE}/Condition?subject=Patient%2Fp1&_count=200", json=bundle(condition()))
    assert references(ask(fhir_client)) == ["Condition/c1"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"status": 401}, "refused access (401)"),
        ({"status": 403, "json": PATIENT}, "refused access (403)"),
        ({"status": 404}, "does not know it (404)"),
        ({"status": 400}, "refused the search (400)"),
        ({"status": 429}, "is asked too often (429)"),
        ({"status": 500}, "failed (500)"),
        ({"status": 204}, "failed (204)"),
        ({"status": 302, "headers": {"Location": "https://evil.example.org/"}}, "a redirect"),
        ({"body": b"<html>login</html>"}, "is not FHIR"),
        ({"body": b"null"}, "is not FHIR"),
        ({"body": b""}, "is not FHIR"),
        ({"body": b"[]"}, "is not FHIR"),
        ({"json": {"resourceType": "OperationOutcome", "issue": []}}, "is not FHIR"),
        ({"body": requests.ConnectionError("canary")}, "cannot be reached"),
        ({"body": requests.ReadTimeout("canary")}, "did not answer in time"),
        ({"body": b" " * 10_000_001}, "more than 10000000 bytes"),
    ],
)
def test_required_data_that_cannot_be_had_are_a_412_that_says_why(
    fhir_client: FhirClient, ehr: responses.RequestsMock, answer: Json, why: str
) -> None:
    """Never an empty answer; what the server said is not repeated."""
    everything(ehr, Condition=answer)
    with pytest.raises(RequiredDataMissing) as refusal:
        ask(fhir_client)
    assert refusal.value.fields == ("prefetch.conditions",)
    assert why in refusal.value.diagnostics
    assert all(url.startswith(f"{BASE}/") for url in asked(ehr))
    for secret in (TOKEN, "ehr.example.org", "canary", "p1"):
        assert secret not in refusal.value.diagnostics


def test_optional_data_that_cannot_be_had_are_a_remark_that_says_why(
    fhir_client: FhirClient, ehr: responses.RequestsMock
) -> None:
    """Degrade and say so."""
    everything(ehr, Procedure={"status": 503})
    assert told(ask(fhir_client)) == (
        "Not available: procedures were not sent, and the FHIR server failed (503)."
    )


@pytest.mark.parametrize(
    ("server", "authorization", "why"),
    [
        ("https://other.example.org/fhir", {}, "is not one that this service may ask"),
        (f"{BASE}/../x", {}, "cannot be used"),
        ("file:///etc/passwd", {}, "cannot be used"),
        (BASE, {"access_token": None}, "brought no access token"),
        (BASE, {"access_token": "a\r\nX-Evil: 1"}, "token of the call cannot be used"),
        (BASE, {"token_type": "mac"}, "token of the call cannot be used"),
        (BASE, {"access_token": 5}, "token of the call cannot be used"),
        (BASE, {"patient": "p2"}, "is for another patient"),
        ("http://127.0.0.1:9/fhir", {}, "is not one that this service may ask"),
    ],
)
def test_a_server_or_token_that_may_not_be_used_is_not_asked(
    fhir_client: FhirClient,
    ehr: responses.RequestsMock,
    server: str,
    authorization: Json,
    why: str,
) -> None:
    """412 with the reason, and nothing leaves the house."""
    with pytest.raises(RequiredDataMissing) as refusal:
        ask(fhir_client, server=server, **authorization)
    assert refusal.value.fields == ("prefetch.patient", "prefetch.conditions")
    assert why in refusal.value.diagnostics
    assert asked(ehr) == []


def test_an_open_server_is_asked_without_a_token_where_the_settings_say_so(
    fhir_client: FhirClient, ehr: responses.RequestsMock
) -> None:
    """Listed as open; or, in development, on this machine."""
    everything(ehr, Condition={"json": bundle(condition())})
    settings = FhirSettings(open_servers=base_urls(f"{BASE}/"), loopback=False)
    assert references(ask(fhir_client, settings=settings, access_token=None)) == ["Condition/c1"]
    assert all("Authorization" not in call.request.headers for call in ehr.calls)


def test_another_patient_from_the_server_is_a_422(
    fhir_client: FhirClient, ehr: responses.RequestsMock
) -> None:
    """Merged records answer with another id."""
    everything(ehr, Patient={"json": {"resourceType": "Patient", "id": "p2"}})
    with pytest.raises(OtherPatient):
        ask(fhir_client)


def test_the_environment_adds_nothing_to_a_request(
    fhir_client: FhirClient,
    ehr: responses.RequestsMock,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Any,
) -> None:
    """No proxy and no .netrc: the latter would replace the token."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine ehr.example.org login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    everything(ehr, Condition={"json": bundle(condition())})
    ask(fhir_client)
    for call in ehr.calls:
        assert call.request.headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("drip", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n{"])
def test_no_server_makes_the_answer_late(fhir_client: FhirClient, drip: bytes) -> None:
    """One that never answers, and one that answers a byte at a time."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)
        thread = threading.Thread(target=_drip, args=(listening, drip, stop))
        thread.start()
        port = listening.getsockname()[1]
        began = time.monotonic()
        with pytest.raises(RequiredDataMissing, match="did not answer in time"):
            ask(
                fhir_client,
                server=f"http://127.0.0.1:{port}/fhir",
                settings=FhirSettings(deadline_ms=300, loopback=True),
            )
        waited = time.monotonic() - began
        stop.set()
        thread.join()
    assert waited < 2


def _drip(listening: socket.socket, head: bytes, stop: threading.Event) -> None:
    connections: list[socket.socket] = []
    while not stop.is_set():
        try:
            connection, _ = listening.accept()
        except TimeoutError:
            pass
        else:
            connection.sendall(head)
            connections.append(connection)
        for connection in connections if head else ():
            try:
                connection.sendall(b" ")
            except OSError:
                continue
    for connection in connections:
        connection.close()


def test_searches_run_side_by_side(fhir_client: FhirClient, ehr: responses.RequestsMock) -> None:
    """Six searches take the time of one, not of six."""
    running = threading.Barrier(len(QUERIES), timeout=10)

    def slow(request: requests.PreparedRequest) -> tuple[int, Json, str]:
        running.wait()  # passes only when all of them are under way
        name = urlsplit(request.url or "").path.removeprefix("/fhir/r4/").partition("/")[0]
        subject = {"reference": "Patient/p1"}
        found = bundle({"resourceType": name, "id": "1", "subject": subject})
        return 200, {}, json.dumps(PATIENT if name == "Patient" else found)

    ehr.add_callback(responses.GET, re.compile(f"{BASE}/.*"), callback=slow)
    base = BaseUrl.parse(BASE)
    assert base is not None
    settings = FhirSettings(deadline_ms=20_000, servers=frozenset({base}))
    assert told(ask(fhir_client, settings=settings)) == ""


def test_neither_token_nor_address_nor_id_is_logged(
    fhir_client: FhirClient, ehr: responses.RequestsMock, caplog: pytest.LogCaptureFixture
) -> None:
    """At the levels at which the service logs."""
    caplog.set_level(logging.INFO)
    everything(ehr, Procedure={"body": requests.ConnectionError(f"{BASE}/Procedure?patient=p1")})
    prefetch = ask(fhir_client)
    for secret in (TOKEN, "ehr.example.org", "p1"):
        assert secret not in caplog.text
        assert secret not in told(prefetch)
