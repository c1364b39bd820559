"""Operators can tell how the service is, and learn nothing about a patient by it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cds_answers import SERVICE, outcome_of
from flask.testing import FlaskClient
from measures_read import counted, grown
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from trusted_clients import EHR, production_config

from cds_service.app import create_app
from cds_service.config import Config
from cds_service.errors import SettingError
from cds_service.trust.tokens import Rejection
from cds_service.watching import traces
from cds_service.watching.missing_reasons import CLASSES, OTHER, reason_class
from cds_service.watching.open_telemetry import Spans, trace_requests
from cds_service.watching.readiness import FEEDBACK, REPLAYS, TABLES, readiness_routes
from cds_service.watching.traces import span

SAMPLE = "sample-s3-early-marrow"
CANARY = "CANARY-4711"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def watched() -> FlaskClient:
    """A client of a service that keeps its feedback in memory."""
    return create_app(Config(feedback_database="sqlite://")).test_client()


def test_requests_decisions_and_cards_are_counted(watched: FlaskClient) -> None:
    """By route and status, by plan, by topic."""
    body = watched.get(f"/sample-requests/{SAMPLE}").json
    before = counted(watched)
    cards = watched.post(SERVICE, json=body).json["cards"]
    told = grown(before, counted(watched))
    route = 'route="/cds-services/<service_id>",status="200"'
    assert told.pop(f'cds_requests_total{{method="POST",{route}}}') == 1
    assert told.pop('cds_decisions_total{plan="HSCT_HR"}') == 1
    topics = [card["source"]["topic"]["code"] for card in cards]
    assert told == {f'cds_cards_total{{topic="{topic}"}}': 1 for topic in topics}


def test_a_412_is_counted_by_key_and_reason(watched: FlaskClient, hook_body: Any) -> None:
    """What an operator has to repair: prefetch, access, network."""
    del hook_body["prefetch"]["conditions"]
    hook_body["prefetch"]["patient"] = {"resourceType": "OperationOutcome"}
    before = counted(watched)
    assert watched.post(SERVICE, json=hook_body).status_code == 412
    told = grown(before, counted(watched))
    missing = 'cds_required_data_missing_total{key="%s",reason="%s"}'
    assert told[missing % ("conditions", "not_sent")] == 1
    assert told[missing % ("patient", "client_query_failed")] == 1


def test_whatever_a_client_sends_no_measure_repeats_it(
    watched: FlaskClient, hook_body: Any
) -> None:
    """Canaries in path, query, method, headers and body; the labels stay the same few."""
    before = set(counted(watched))
    hook_body["prefetch"]["patient"]["name"] = [{"family": CANARY}]
    hook_body["context"]["patientId"] = hook_body["prefetch"]["patient"]["id"] = CANARY
    for number in range(20):
        tail = f"{CANARY}-{number}"
        watched.get(f"/{tail}?{tail}={tail}", headers={"Authorization": f"Bearer {tail}"})
        watched.get(f"/fhir/Patient/{tail}")
        watched.get(f"/fhir/Observation?patient={tail}&code={tail}")
        watched.post(f"/cds-services/{tail}", json=hook_body)
        watched.post(f"/cds-services/{tail}/feedback", json={"feedback": tail})
        watched.open("/cds-services", method=tail.upper())
        watched.post(SERVICE, json={**hook_body, "hookInstance": tail, "hook": tail})
        watched.post(SERVICE, json=hook_body, headers={"traceparent": tail})
    after = counted(watched)
    assert CANARY not in str(after).upper()
    families = {name for name in set(after) - before if "_bucket" not in name}
    assert len(families) < 60
    assert sum('route="none"' in name for name in families if "_requests_total" in name) <= 3


def test_a_rejected_token_is_counted_by_its_class(tmp_path: Path, hook_body: Any) -> None:
    """The client is told nothing; the operator sees whether it is the clock, a key or an attack."""
    client = create_app(production_config(tmp_path, metrics=True)).test_client()
    before = counted(client)
    headers = (
        {},
        {"Authorization": f"Bearer {CANARY}"},
        EHR.bearer(f"https://{CANARY}.example"),
        EHR.bearer(iat=0, exp=300),
        EHR.bearer(iss=f"https://{CANARY}.example"),
    )
    for sent in headers:
        assert client.post(SERVICE, json=hook_body, headers=sent).status_code == 401
    told = grown(before, counted(client))
    rejected = {name: number for name, number in told.items() if "rejected" in name}
    assert sum(rejected.values()) == len(headers) == len(rejected)
    reasons = {name.partition('reason="')[2].removesuffix('"}') for name in rejected}
    assert reasons <= {item.value for item in Rejection}


def test_measures_are_served_in_production_only_when_asked_for() -> None:
    """CDS_METRICS: a service that is reached without a proxy tells nobody its figures."""
    assert Config.from_environment({"CDS_METRICS": "on"}).metrics
    app = create_app(Config(metrics=False))
    assert app.test_client().get("/metrics").status_code == 404


def test_live_is_the_health_document_under_a_second_name(watched: FlaskClient) -> None:
    """It asks no part: a restart does not help a database."""
    assert watched.get("/health/live").json == watched.get("/health").json


def test_ready_names_each_part_that_answers(watched: FlaskClient) -> None:
    """With the database of the feedback; for cards alone without it."""
    ready = watched.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json["status"] == "ready"
    assert ready.json["parts"][FEEDBACK] == ready.json["parts"][TABLES] == "ok"
    assert FEEDBACK not in watched.get("/health/ready/cards").json["parts"]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_feedback_store_that_is_away_is_named_and_cards_go_on(kind: str, tmp_path: Path) -> None:
    """503 with an OperationOutcome; a load balancer that asks for cards keeps the service."""
    folder = tmp_path / "gone"
    folder.mkdir()
    url = f"sqlite:///{folder / 'f.sqlite3'}"
    if kind == "postgresql":
        url = f"postgresql+psycopg://u:{CANARY}@127.0.0.1:1/{CANARY}"
    client = create_app(Config(feedback_database=url)).test_client()
    folder.rmdir()
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert outcome_of(response)["diagnostics"] == f"Not ready: no answer from {FEEDBACK}."
    assert CANARY not in response.text
    assert client.get("/health/ready/cards").status_code == 200
    body = client.get(f"/sample-requests/{SAMPLE}").json
    assert client.post(SERVICE, json=body).json["cards"]


def test_every_part_that_does_not_answer_is_named() -> None:
    """A check that says no, and one that raises."""
    app = create_app(Config(feedback_database="sqlite://"))

    def broken() -> bool:
        raise OSError(CANARY)

    routes = readiness_routes({REPLAYS: broken, TABLES: lambda: False, FEEDBACK: lambda: True})
    app.register_blueprint(routes, name="again", url_prefix="/again")
    for place in ("/again/health/ready", "/again/health/ready/cards"):
        response = app.test_client().get(place)
        told = outcome_of(response)["diagnostics"]
        assert (response.status_code, CANARY in told) == (503, False)
        assert REPLAYS in told
        assert TABLES in told
        assert FEEDBACK not in told


@pytest.mark.parametrize(
    ("reason", "name"),
    [
        ("conditions were not sent.", "not_sent"),
        ("the client's query for patient failed.", "client_query_failed"),
        ("nothing of conditions could be read.", "unreadable"),
        ("patient was not sent, and the FHIR server did not answer in time.", "fhir_late"),
        ("patient was not sent, and the FHIR server cannot be reached.", "fhir_unreachable"),
        (
            "patient was not sent, and the FHIR server refused access (401).",
            "fhir_refused_access",
        ),
        ("patient was not sent, and the FHIR server failed (500).", "fhir_failed"),
        (
            "not sent, and the FHIR server of the call is not one that this service may ask.",
            "server_not_allowed",
        ),
        (
            "patient was not sent, and the access token of the call cannot be used.",
            "no_usable_token",
        ),
        ("something else", OTHER),
    ],
)
def test_a_reason_has_the_class_that_an_operator_can_act_on(reason: str, name: str) -> None:
    """What was tried last decides."""
    assert reason_class(reason) == name
    assert name in CLASSES


@pytest.fixture
def spans() -> Iterator[tuple[FlaskClient, InMemorySpanExporter]]:
    """A traced service and what it traced."""
    exporter = InMemorySpanExporter()
    made = Spans(SimpleSpanProcessor(exporter))
    app = create_app(Config(feedback_database="sqlite://"))
    traces.use(made)
    trace_requests(app, made)
    yield app.test_client(), exporter
    traces.use(None)


def test_a_request_is_one_span_in_the_trace_of_its_caller(
    spans: tuple[FlaskClient, InMemorySpanExporter],
) -> None:
    """Route, method and status; the trace id that the caller sent."""
    client, exporter = spans
    body = client.get(f"/sample-requests/{SAMPLE}").json
    exporter.clear()
    client.post(SERVICE, json=body, headers={"traceparent": PARENT})
    (found,) = exporter.get_finished_spans()
    assert found.name == "POST /cds-services/<service_id>"
    assert dict(found.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/cds-services/<service_id>",
        "http.response.status_code": 200,
    }
    assert f"{found.context.trace_id:032x}" == PARENT.split("-")[1]
    assert found.resource.attributes["service.name"] == "relapsed-all-cds"


def test_spans_say_nothing_about_a_patient(
    spans: tuple[FlaskClient, InMemorySpanExporter], hook_body: Any, monkeypatch: Any
) -> None:
    """Not in names, attributes or events, also not of a bug."""
    client, exporter = spans
    hook_body["prefetch"]["patient"]["name"] = [{"family": CANARY}]
    client.post(SERVICE, json=hook_body)
    client.get(f"/fhir/Patient/{CANARY}?name={CANARY}", headers={"traceparent": CANARY})
    client.open(f"/{CANARY}", method=CANARY)

    def bug(*_: object, **__: object) -> None:
        raise ValueError(CANARY)

    monkeypatch.setattr("cds_service.hook_routes.answer_to", bug)
    assert client.post(SERVICE, json=hook_body).status_code == 500
    finished = exporter.get_finished_spans()
    assert [_status(item) for item in finished] == ["UNSET", "UNSET", "UNSET", "ERROR"]
    assert all(CANARY not in item.to_json() for item in finished)


def _status(item: ReadableSpan) -> str:
    return item.status.status_code.name


def test_without_a_collector_nothing_is_traced(watched: FlaskClient) -> None:
    """The default: a span is nothing, and costs nothing."""
    assert watched.get("/health").status_code == 200
    with span("anything", number=1) as found:
        assert found is None


def test_traces_without_the_extra_are_refused_at_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting is named."""
    monkeypatch.setitem(__import__("sys").modules, "cds_service.watching.open_telemetry", None)
    with pytest.raises(SettingError, match="CDS_TRACES needs the extra opentelemetry"):
        create_app(Config(traces="http://127.0.0.1:4318"))


def test_the_exposition_is_what_prometheus_reads(watched: FlaskClient) -> None:
    """Type of content and form of each line."""
    response = watched.get("/metrics")
    assert response.content_type.startswith("text/plain; version=")
    sample = re.compile(r'[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [0-9.e+\-]+')
    lines = [line for line in response.text.splitlines() if not line.startswith("#")]
    assert lines
    assert all(sample.fullmatch(line) for line in lines)
