"""Two services share PostgreSQL and Redis, and are killed and started again under load."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
import sqlalchemy as sa
from debian_servers import free_port
from service_process import PATIENCE, Service
from trusted_clients import EHR, SERVICE_URL, TestClient, production_environment

SERVICE = "cds-services/relapsed-all-stratification"
CLIENTS, CALLS, CARDS, KILLS = 4, 30, 3, 4

REPLAYING = TestClient(iss="https://replaying.example.org")


@dataclass
class Acknowledged:
    """What the services said that they keep, counted over all clients."""

    calls: int = 0
    new: int = 0
    unanswered: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, answer: requests.Response | None) -> bool:
        """Note one answer, or none; whether the client is done with its call."""
        with self.lock:
            if answer is None or answer.status_code == requests.codes.unavailable:
                self.unanswered += 1
                return False
            assert answer.ok, answer.text
            self.calls += 1
            self.new += answer.json()["new"]
            return True


@pytest.fixture
def database(postgresql: Any) -> str:
    """An empty database on PostgreSQL."""
    url: str = postgresql.database(f"two-services-{uuid4()}")
    return url


@pytest.fixture
def services(
    database: str,
    redis_url: str,
    environment: dict[str, str],
    root: Path,
    tmp_path: Path,
) -> Iterator[tuple[Service, Service]]:
    """Two services over one database and one store of used tokens, not started."""
    settings = {
        **environment,
        "PYTHONPATH": str(root),
        **production_environment(tmp_path, (EHR, REPLAYING)),
        "CDS_FEEDBACK_DATABASE": database,
        "CDS_REPLAY_STORE": redis_url,
    }
    pair = tuple(Service(free_port(), settings, tmp_path / f"{name}.log") for name in "ab")
    try:
        yield pair[0], pair[1]
    finally:
        for service in pair:
            service.kill()


def test_nothing_is_lost_doubled_or_let_in_twice_when_services_are_killed_under_load(
    services: tuple[Service, Service], database: str
) -> None:
    """Clients send again until they are answered; in the end each outcome is there once.

    A token that is sent to both services at once is accepted by one of them at most.
    """
    first, second = services
    with ThreadPoolExecutor(2) as starting:  # together: both find an empty database
        list(starting.map(lambda service: service.start(), services))
    acknowledged = Acknowledged()
    cards = [[[str(uuid4()) for _ in range(CARDS)] for _ in range(CALLS)] for _ in range(CLIENTS)]
    stop = threading.Event()
    with ThreadPoolExecutor(CLIENTS + 1) as clients:
        replaying = clients.submit(_replay, services, stop)
        running = [clients.submit(_send, services, calls, acknowledged) for calls in cards]
        for number, service in zip(range(1, KILLS + 1), cycle((first, second)), strict=False):
            _wait(lambda due=number: acknowledged.calls > due * CLIENTS * CALLS // (KILLS + 2))
            service.kill()
            service.start()
        for client in running:
            client.result()
        stop.set()
        accepted = replaying.result()

    engine = sa.create_engine(database)
    with engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT card FROM card_feedback").scalars().all()
    engine.dispose()
    assert sorted(kept) == sorted(card for calls in cards for call in calls for card in call)
    assert acknowledged.calls == CLIENTS * CALLS
    # A call that was kept but killed before its answer is told again, and is not new then.
    assert acknowledged.new <= len(kept)
    assert acknowledged.unanswered >= 1
    assert max(accepted) == 1
    assert accepted.count(1) >= KILLS


def _replay(services: tuple[Service, Service], stop: threading.Event) -> list[int]:
    """Send each of many tokens to both services at once; how often each was accepted."""
    accepted = []
    with ThreadPoolExecutor(2) as both:
        while not stop.is_set():
            headers = REPLAYING.bearer(f"{SERVICE_URL}/feedback")
            answers = both.map(lambda service, told=headers: _answer(service, [], told), services)
            accepted.append(sum(answer is not None and answer.ok for answer in answers))
            time.sleep(0.05)  # below the calls that the client may make
    return accepted


def _send(
    services: tuple[Service, Service], calls: list[list[str]], acknowledged: Acknowledged
) -> None:
    """Send every call to one service, and to the other if it does not answer, until one does."""
    for call, service in zip(calls, cycle(services), strict=False):
        items = [
            {"card": card, "outcome": "accepted", "outcomeTimestamp": "2026-11-22T10:00:00Z"}
            for card in call
        ]
        targets = cycle([service, *(other for other in services if other is not service)])
        audience = f"{SERVICE_URL}/feedback"
        while not acknowledged.note(_answer(next(targets), items, EHR.bearer(audience))):
            time.sleep(0.02)


def _answer(
    service: Service, items: list[dict[str, str]], headers: dict[str, str]
) -> requests.Response | None:
    try:
        return requests.post(
            f"{service.base}/{SERVICE}/feedback",
            json={"feedback": items},
            headers=headers,
            timeout=PATIENCE,
        )
    except requests.RequestException:
        return None


def _wait(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, "the load does not get on"
        time.sleep(0.01)
