"""Traces leave every worker for the collector; one that is away harms nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from debian_servers import free_port
from service_process import PATIENCE, Service

CANARY = "CANARY-4711"
SERVICE = "cds-services/relapsed-all-stratification"


@dataclass
class Collector:
    """An OTLP collector: what it was sent, by path."""

    url: str
    sent: list[tuple[str, bytes]] = field(default_factory=list)


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A running one."""
    found: list[tuple[str, bytes]] = []

    class Receiving(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.append((self.path, body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiving)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Collector(f"http://127.0.0.1:{server.server_port}", found)
    server.shutdown()
    thread.join()
    server.server_close()


def service(environment: dict[str, str], root: Path, folder: Path, url: str) -> Service:
    """A service that sends its traces to ``url``, soon."""
    settings = {
        **environment,
        "PYTHONPATH": str(root),
        "CDS_FEEDBACK_DATABASE": "sqlite://",
        "CDS_TRACES": url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    return Service(free_port(), settings, folder / "log")


def test_each_request_reaches_the_collector_as_a_span_that_names_no_patient(
    environment: dict[str, str], root: Path, tmp_path: Path, collector: Collector
) -> None:
    """From workers that were forked, over OTLP."""
    running = service(environment, root, tmp_path, collector.url)
    running.start()
    try:
        body = requests.get(f"{running.base}/sample-requests/sample-no-relapse", timeout=20).json()
        body["prefetch"]["patient"]["name"] = [{"family": CANARY}]
        answer = requests.post(f"{running.base}/{SERVICE}", json=body, timeout=20)
        assert answer.ok
        give_up = time.monotonic() + PATIENCE
        while b"POST /cds-services/<service_id>" not in b"".join(b for _, b in collector.sent):
            assert time.monotonic() < give_up, "no span of the call arrived"
            time.sleep(0.05)
    finally:
        running.kill()
    assert {path for path, _ in collector.sent} == {"/v1/traces"}
    told = b"".join(body for _, body in collector.sent)
    assert b"relapsed-all-cds" in told
    assert CANARY.encode() not in told
    assert b"sample-no-relapse" not in told


def test_a_collector_that_is_away_changes_no_answer(
    environment: dict[str, str], root: Path, tmp_path: Path
) -> None:
    """Spans are lost, calls are not; the log does not quote them either."""
    running = service(environment, root, tmp_path, f"http://127.0.0.1:{free_port()}")
    running.start()
    try:
        for _ in range(5):
            path = f"fhir/Patient/{CANARY}"
            assert requests.get(f"{running.base}/{path}", timeout=20).status_code == 404
        assert requests.get(f"{running.base}/cds-services", timeout=20).ok
        time.sleep(0.5)
    finally:
        running.kill()
    assert CANARY not in running.log.read_text()
