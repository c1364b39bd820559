"""Two services share PostgreSQL, and are killed and started again while they are loaded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
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

SERVICE = "cds-services/relapsed-all-stratification"
CLIENTS, CALLS, CARDS, KILLS = 4, 30, 3, 4
_PATIENCE = 60


@dataclass
class Service:
    """One service process group on a port of its own; it may be killed and started again."""

    port: int
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        workers = ["--workers", "2", "--threads", "4", "--worker-class", "gthread"]
        command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{self.port}", *workers]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*command, "cds_service.wsgi:app"],
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        give_up = time.monotonic() + _PATIENCE
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > give_up:
                pytest.fail(f"does not start:\n{self.log.read_text()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill master and workers at once, in the middle of whatever they do."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.base}/health", timeout=2).ok
        except requests.RequestException:
            return False


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
    environment: dict[str, str],
    free_port: Callable[[], int],
    root: Path,
    tmp_path: Path,
) -> Iterator[tuple[Service, Service]]:
    """Two services over one database, not started."""
    settings = {
        **environment,
        "PYTHONPATH": str(root),
        "CDS_MODE": "production",
        "CDS_FEEDBACK_DATABASE": database,
    }
    pair = tuple(Service(free_port(), settings, tmp_path / f"{name}.log") for name in "ab")
    try:
        yield pair[0], pair[1]
    finally:
        for service in pair:
            service.kill()


def test_no_feedback_is_lost_or_doubled_when_services_are_killed_under_load(
    services: tuple[Service, Service], database: str
) -> None:
    """Clients send again until they are answered; in the end each outcome is there once."""
    first, second = services
    with ThreadPoolExecutor(2) as starting:  # together: both find an empty database
        list(starting.map(lambda service: service.start(), services))
    acknowledged = Acknowledged()
    cards = [[[str(uuid4()) for _ in range(CARDS)] for _ in range(CALLS)] for _ in range(CLIENTS)]
    with ThreadPoolExecutor(CLIENTS) as clients:
        running = [clients.submit(_send, services, calls, acknowledged) for calls in cards]
        for number, service in zip(range(1, KILLS + 1), cycle((first, second)), strict=False):
            _wait(lambda due=number: acknowledged.calls > due * CLIENTS * CALLS // (KILLS + 2))
            service.kill()
            service.start()
        for client in running:
            client.result()

    engine = sa.create_engine(database)
    with engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT card FROM card_feedback").scalars().all()
    engine.dispose()
    assert sorted(kept) == sorted(card for calls in cards for call in calls for card in call)
    assert acknowledged.calls == CLIENTS * CALLS
    # A call that was kept but killed before its answer is told again, and is not new then.
    assert acknowledged.new <= len(kept)
    assert acknowledged.unanswered >= 1


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
        while not acknowledged.note(_answer(next(targets), items)):
            time.sleep(0.02)


def _answer(service: Service, items: list[dict[str, str]]) -> requests.Response | None:
    try:
        return requests.post(
            f"{service.base}/{SERVICE}/feedback", json={"feedback": items}, timeout=_PATIENCE
        )
    except requests.RequestException:
        return None


def _wait(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < give_up, "the load does not get on"
        time.sleep(0.01)
