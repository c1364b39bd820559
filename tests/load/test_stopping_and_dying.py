"""A stop finishes what is in work; a killed process loses nothing that was acknowledged."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import pytest
import requests
from shipped_service import BUSY, PATIENCE, ShippedService
from trusted_clients import EHR, SERVICE_URL

from cds_service.server import CONNECTIONS

SERVICE = "/cds-services/relapsed-all-stratification"
FEEDBACK = f"{SERVICE}/feedback"
AT = "2026-11-22T10:00:00Z"
SENDERS = 4
CYCLES = int(os.environ.get("CRASH_CYCLES", "5"))
"""``make crash`` runs 100."""


@dataclass
class SlowEhr:
    """A FHIR server whose answers wait until they are let go."""

    base: str
    asked: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)


@contextmanager
def slow_ehr() -> Iterator[SlowEhr]:
    """Running in this process; every search finds nothing, the patient is there."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ehr.asked.set()
            assert ehr.go.wait(PATIENCE)
            found = {"resourceType": "Bundle", "type": "searchset", "total": 0}
            if self.path.startswith("/fhir/Patient/"):
                found = {"resourceType": "Patient", "id": self.path.rpartition("/")[2]}
            body = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/fhir+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        ehr = SlowEhr(f"http://127.0.0.1:{server.server_address[1]}/fhir")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield ehr
        ehr.go.set()
        server.shutdown()


def test_a_stop_finishes_the_call_in_work(tmp_path: Path) -> None:
    """SIGTERM while the EHR's server is awaited: the answer still comes, and the status is 0."""
    settings = {
        "CDS_MODE": "development",
        "CDS_FEEDBACK_DATABASE": f"sqlite:///{tmp_path / 'feedback.sqlite3'}",
        "CDS_FHIR_DEADLINE_MS": "20000",
    }
    service = ShippedService(settings, tmp_path / "log")
    service.start()
    try:
        with slow_ehr() as ehr, ThreadPoolExecutor(2) as pool:
            hook = {
                "hook": "patient-view",
                "hookInstance": str(uuid4()),
                "fhirServer": ehr.base,
                "context": {"userId": "Practitioner/p", "patientId": "p"},
            }
            url = f"{service.base}{SERVICE}"
            call = pool.submit(requests.post, url, json=hook, timeout=PATIENCE)
            assert ehr.asked.wait(PATIENCE)
            stopped = pool.submit(service.stop)
            assert _refuses(service), "it still takes new calls"
            assert not call.done()
            assert not stopped.done()
            ehr.go.set()
            assert call.result(PATIENCE).status_code == requests.codes.ok
            assert stopped.result(PATIENCE) == 0
    finally:
        service.kill()


def _refuses(service: ShippedService) -> bool:
    """Whether new connections are refused, soon after the stop began."""
    give_up = time.monotonic() + PATIENCE
    while service.answers(1):
        if time.monotonic() > give_up:
            return False
        time.sleep(0.02)
    return True


@dataclass
class Acknowledged:
    """The cards whose feedback the service said it keeps, and how often it gave no answer."""

    cards: list[str] = field(default_factory=list)
    told_again: list[str] = field(default_factory=list)
    unanswered: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def test_no_feedback_is_lost_or_doubled_when_everything_is_killed_again_and_again(
    tmp_path: Path, production: ShippedService
) -> None:
    """Clients send until they are answered, as an EHR does; in the end each card is there once."""
    random.seed(20_121_120)
    told = Acknowledged()
    stop = threading.Event()
    with ThreadPoolExecutor(SENDERS) as pool:
        senders = [pool.submit(_send_until, stop, production, told) for _ in range(SENDERS)]
        for _ in range(CYCLES):
            _wait_for_more(told)
            time.sleep(random.random() * 0.1)  # noqa: S311 - any moment will do
            production.kill()
            production.start()
        _wait_for_more(told)
        stop.set()
        for sender in senders:
            sender.result()
    kept = _kept(tmp_path)
    print(  # noqa: T201 - the figures of make crash
        f"{CYCLES} kills: {len(told.cards)} outcomes acknowledged, {told.unanswered} calls without "
        f"an answer, {len(told.told_again)} of those had been kept; {len(kept)} kept"
    )
    assert sorted(kept) == sorted(told.cards)
    assert told.unanswered


def _send_until(stop: threading.Event, service: ShippedService, told: Acknowledged) -> None:
    """Send one outcome after the other, each until it is answered."""
    while not stop.is_set():
        card = str(uuid4())
        outcome = {"card": card, "outcome": "accepted", "outcomeTimestamp": AT}
        while (answer := _sent(service, outcome)) is None:
            with told.lock:
                told.unanswered += 1
            time.sleep(0.02)
        assert answer.status_code == requests.codes.ok, answer.text
        with told.lock:
            told.cards.append(card)
            if not answer.json()["new"]:
                told.told_again.append(card)


def _sent(service: ShippedService, outcome: dict[str, str]) -> requests.Response | None:
    """The answer; None where the service is away or its store is busy."""
    headers = BUSY.bearer(f"{SERVICE_URL}/feedback")
    try:
        answer = requests.post(
            f"{service.base}{FEEDBACK}",
            json={"feedback": [outcome]},
            headers=headers,
            timeout=PATIENCE,
        )
    except requests.RequestException:
        return None
    return None if answer.status_code == requests.codes.unavailable else answer


def _wait_for_more(told: Acknowledged) -> None:
    """Until some more outcomes were acknowledged."""
    due, give_up = len(told.cards) + 3 * SENDERS, time.monotonic() + PATIENCE
    while len(told.cards) < due:
        assert time.monotonic() < give_up, "no answers"
        time.sleep(0.005)


def _kept(folder: Path) -> list[str]:
    with closing(sqlite3.connect(folder / "feedback.sqlite3")) as database:
        return [card for (card,) in database.execute("SELECT card FROM card_feedback")]


def test_a_killed_worker_is_replaced_and_what_it_kept_is_there(
    tmp_path: Path, production: ShippedService
) -> None:
    """The other one goes on; the service never ends."""
    outcome = {"card": str(uuid4()), "outcome": "accepted", "outcomeTimestamp": AT}
    answer = _sent(production, outcome)
    assert answer is not None
    assert answer.ok
    before = production.workers
    assert len(before) == 2

    os.kill(before[0], signal.SIGKILL)

    give_up = time.monotonic() + PATIENCE
    while not (len(production.workers) == 2 and before[0] not in production.workers):
        assert time.monotonic() < give_up, production.log.read_text()
        time.sleep(0.05)
    assert _kept(tmp_path) == [outcome["card"]]
    assert before[1] in production.workers
    answer = _sent(production, outcome)
    assert answer is not None
    assert answer.json() == {"received": 1, "new": 0}


def test_workers_do_not_outlive_the_first_process(production: ShippedService) -> None:
    """Or they would answer beside the service that is started in its place."""
    assert production.process is not None
    production.process.kill()
    production.process.wait()

    production.await_free_port()
    production.start()

    assert production.answers(PATIENCE)


def test_json_that_is_nested_beyond_measure_kills_no_worker(production: ShippedService) -> None:
    """A thread of the server has room enough for the reader to notice: 400, in every worker."""
    before = production.workers
    body = b'{"hook":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    for _ in range(6):
        answer = requests.post(
            f"{production.base}{SERVICE}",
            data=body,
            headers={"Content-Type": "application/json", **EHR.bearer()},
            timeout=PATIENCE,
        )
        assert answer.status_code == requests.codes.bad_request
    assert production.workers == before


def test_a_worker_may_hold_more_connections_than_a_shell_lets_it(
    production: ShippedService,
) -> None:
    """Each open connection is a file; a shell often sets 1,024."""
    limits = Path(f"/proc/{production.workers[0]}/limits").read_text()
    (line,) = [line for line in limits.splitlines() if line.startswith("Max open files")]
    allowed, most = line.removeprefix("Max open files").split()[:2]
    assert allowed == most or int(allowed) >= 2 * CONNECTIONS


@pytest.mark.parametrize("setting", ["CDS_TRUST_FILE", "CDS_PUBLIC_URL"])
def test_a_bad_setting_ends_the_start_before_there_are_workers(
    tmp_path: Path, production: ShippedService, setting: str
) -> None:
    """Status 2 and one line that names it; nobody is answered by half a service."""
    settings = {**production.settings, setting: "nothing of use"}
    service = ShippedService(settings, tmp_path / "bad-log")

    with pytest.raises(pytest.fail.Exception, match=setting):
        service.start()

    assert service.process is not None
    assert service.process.wait(PATIENCE) == 2


def test_the_command_of_the_image_trusts_strangers_no_more_than_elsewhere(
    production: ShippedService, example: bytes
) -> None:
    """What is tested here is production: a call without a token is 401, with one it is 200."""
    json_type = {"Content-Type": "application/json"}
    url = f"{production.base}{SERVICE}"

    without = requests.post(url, data=example, headers=json_type, timeout=PATIENCE)
    signed = {**json_type, **EHR.bearer()}
    with_token = requests.post(url, data=example, headers=signed, timeout=PATIENCE)

    assert (without.status_code, with_token.status_code) == (401, 200)
