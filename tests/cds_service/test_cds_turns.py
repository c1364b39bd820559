"""One record is read at a time, and nobody waits for the server of somebody else."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cds_answers import SERVICE
from flask.testing import FlaskClient

from cds_service import hook_routes
from cds_service.app import create_app
from cds_service.config import Config
from cds_service.feedback.alert_fatigue import AlertMemory
from cds_service.fhir_server.client import FhirClient
from cds_service.turns import turn

CHILD = "sample-s3-early-marrow"
PATIENCE = 20.0


@pytest.fixture
def service(tmp_path: Path) -> FlaskClient:
    """A service that remembers overridden cards."""
    database = f"sqlite:///{tmp_path / 'feedback.sqlite3'}"
    config = Config(feedback_database=database, alert_fatigue_hours=24, alert_fatigue_key="k" * 32)
    return create_app(config).test_client()


def test_one_record_is_read_at_a_time(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight clients at once, nothing to wait for; each reading gives the others time to begin."""
    body = client.get(f"/sample-requests/{CHILD}").json
    del body["fhirServer"]
    answer, reading, most = hook_routes.answer_to, [0], [0]

    def watched(*given: Any, **named: Any) -> dict[str, Any]:
        reading[0] += 1
        most[0] = max(most[0], reading[0])
        threading.Event().wait(0.02)
        try:
            return answer(*given, **named)
        finally:
            reading[0] -= 1

    monkeypatch.setattr(hook_routes, "answer_to", watched)
    with ThreadPoolExecutor(8) as clients:
        asked = [clients.submit(_status, client, body) for _ in range(8)]
    assert [one.result() for one in asked] == [200] * 8
    assert most == [1]


def test_nobody_waits_long_for_a_turn(client: FlaskClient) -> None:
    """A record that takes for ever holds up no other."""
    body = client.get(f"/sample-requests/{CHILD}").json
    answered = threading.Event()

    def endless() -> bool:
        with turn():
            return answered.wait(PATIENCE)

    with ThreadPoolExecutor(1) as clients:
        first = clients.submit(endless)
        assert _status(client, body) == 200
        answered.set()
        assert first.result()


@pytest.mark.parametrize(
    ("kind", "method"), [(FhirClient, "fetch"), (AlertMemory, "without_overridden")]
)
def test_a_record_is_read_while_another_waits_for_a_server(
    service: FlaskClient, monkeypatch: pytest.MonkeyPatch, kind: type, method: str
) -> None:
    """The EHR of one call, or the database, answers only after another call was answered."""
    body = service.get(f"/sample-requests/{CHILD}").json
    del body["prefetch"]["medications"]
    other = service.get(f"/sample-requests/{CHILD}").json
    del other["context"]["userId"]
    began, answered, original = threading.Event(), threading.Event(), getattr(kind, method)

    def slow(*given: Any) -> Any:
        if not began.is_set():
            began.set()
            assert answered.wait(PATIENCE), "the other call was held up"
        return original(*given)

    monkeypatch.setattr(kind, method, slow)
    with ThreadPoolExecutor(1) as clients:
        first = clients.submit(_status, service, body)
        assert began.wait(PATIENCE)
        assert _status(service, other) == 200
        answered.set()
        assert first.result() == 200


def _status(service: FlaskClient, body: dict[str, Any]) -> int:
    """The status of one call, by a client of its own."""
    return service.application.test_client().post(SERVICE, json=body).status_code
