"""When a failed request is sent again, and when a server is left alone."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from fault_calls import asked, service
from fault_kinds import KINDS
from fault_server import Asked, FaultServer

from cds_service.fhir_server.exchange import LATE, PAUSED, UNREACHABLE
from cds_service.fhir_server.pauses import FAILURES, LONGEST, PAUSE, Pauses
from cds_service.fhir_server.settings import BaseUrl


def requests_for(server: FaultServer, resource_type: str) -> int:
    """How often one type was asked for."""
    return sum(item.resource_type == resource_type for item in server.asked)


def failing_first(server: FaultServer, act: Any) -> None:
    """Let the first request for Conditions fail, and no other."""
    failed = threading.Event()

    def once(asked: Asked) -> None:
        if failed.is_set():
            server.right(asked)
            return
        failed.set()
        act(asked)

    server.faulty, server.fault = "Condition", once


@pytest.mark.parametrize("name", ["status-502", "status-503", "status-504"])
def test_a_gateway_that_fails_once_is_asked_once_more(server: FaultServer, name: str) -> None:
    """Then nothing is missing."""
    failing_first(server, KINDS[name].act)
    response = asked(service(20_000), server)
    assert response.status_code == 200
    assert "FHIR server" not in response.text
    assert requests_for(server, "Condition") == 2


@pytest.mark.parametrize("act", [Asked.hang_up, Asked.reset])
def test_a_connection_that_ends_before_any_answer_is_tried_once_more(
    server: FaultServer, act: Any
) -> None:
    """A server may close a kept connection just when the next request is on its way."""
    failing_first(server, act)
    assert asked(service(20_000), server).status_code == 200


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("status-502", 2),
        ("status-503", 2),
        ("status-504", 2),
        ("closed-before-headers", 2),
        ("status-400", 1),
        ("status-401", 1),
        ("status-403", 1),
        ("status-404", 1),
        ("status-429", 1),
        ("status-500", 1),
        ("reset-in-the-body", 1),
        ("broken-json", 1),
        ("silent", 1),
    ],
)
def test_a_request_is_sent_at_most_twice(server: FaultServer, name: str, times: int) -> None:
    """And once where a second try cannot help, or would show a token again that was refused."""
    server.faulty, server.fault = "Condition", KINDS[name].act
    assert asked(service(KINDS[name].milliseconds), server).status_code == 412
    assert requests_for(server, "Condition") == times


def test_a_retry_after_beyond_the_deadline_is_not_waited_for(server: FaultServer) -> None:
    """It is remembered: until then the server is not asked, and the answer comes at once."""
    server.faulty = "Condition"
    server.fault = lambda asked: asked.answer(b"", 503, Retry_After="600")
    client = service(20_000)
    assert "failed (503)" in asked(client, server).text
    assert requests_for(server, "Condition") == 1
    before = len(server.asked)
    assert "is given a pause" in asked(client, server).text
    assert len(server.asked) == before


def test_a_short_retry_after_is_waited_for(server: FaultServer) -> None:
    """The second try comes when the server asked for it."""
    failing_first(server, lambda asked: asked.answer(b"", 503, Retry_After="1"))
    assert asked(service(30_000), server).status_code == 200


@pytest.mark.parametrize(
    ("value", "paused"),
    [
        ("60", True),
        (format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True), True),
        (format_datetime(datetime.now(UTC) - timedelta(hours=1), usegmt=True), False),
        ("soon", False),
        ("-5", False),
        ("9" * 400, True),
        ("", False),
    ],
)
def test_a_server_that_is_asked_too_often_is_left_alone(
    server: FaultServer, value: str, paused: bool
) -> None:
    """429 with Retry-After in seconds or as a date; whatever else stands there is nothing."""
    server.faulty = "Procedure"
    server.fault = lambda asked: asked.answer(b"", 429, Retry_After=value)
    client = service(20_000)
    assert asked(client, server).status_code == 200
    assert ("is given a pause" in asked(client, server).text) is paused


def test_a_server_that_answers_nothing_is_given_a_pause(server: FaultServer) -> None:
    """After some calls in a row the answer comes without waiting for the deadline."""
    client = service(20_000)
    base = f"http://127.0.0.1:{closed_port()}/fhir"
    texts = [asked(client, server, base).text for _ in range(FAILURES + 1)]
    assert all(UNREACHABLE in text for text in texts[:FAILURES])
    assert PAUSED in texts[FAILURES]
    assert asked(client, server).status_code == 200, "another server is not concerned"


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def test_a_name_that_nobody_resolves_is_a_412(server: FaultServer) -> None:
    """The .invalid names exist nowhere."""
    base = "http://ehr.invalid/fhir"
    listed = BaseUrl.parse(base)
    assert listed is not None
    response = asked(service(3_000, servers=frozenset({listed})), server, base)
    assert response.status_code == 412
    assert UNREACHABLE in response.text or LATE in response.text


@pytest.fixture
def slow_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A resolver that does not answer until the test is over."""
    over = threading.Event()

    def never(*_: Any, **__: Any) -> Any:
        over.wait(30)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", never)
    yield
    over.set()


@pytest.mark.usefixtures("slow_names")
def test_a_resolver_that_does_not_answer_does_not_make_the_answer_late(
    server: FaultServer,
) -> None:
    """A look-up cannot be ended; it is left behind."""
    response = asked(service(300), server)
    assert response.status_code == 412
    assert LATE in response.text


def test_a_server_that_accepts_no_connection_does_not_make_the_answer_late(
    server: FaultServer,
) -> None:
    """Its queue is full: the handshake stays unanswered."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        response = asked(service(300), server, f"http://127.0.0.1:{port}/fhir")
        for each in waiting:
            each.close()
    assert response.status_code == 412
    assert LATE in response.text


def test_a_late_conversation_leaves_no_thread_behind(server: FaultServer) -> None:
    """Its connection is ended at the deadline, however it drips."""
    server.faulty, server.fault = "Condition", KINDS["drip-headers"].act
    client = service(300)
    for _ in range(3):
        assert asked(client, server).status_code == 412
    ended = threading.Event()
    for _ in range(100):
        busy = [t for t in threading.enumerate() if t.name.startswith("fhir") and _in_a_read(t)]
        if not busy:
            return
        ended.wait(0.05)
    pytest.fail(f"{len(busy)} threads still read")


def _in_a_read(thread: threading.Thread) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001 - the documented way
    while frame is not None:
        if frame.f_code.co_name == "readinto":  # of the socket
            return True
        frame = frame.f_back
    return False


def test_cookies_of_a_server_are_not_sent_back(server: FaultServer) -> None:
    """A session at the server would outlive the call."""
    server.faulty = "Condition"

    def with_cookie(asked: Asked) -> None:
        asked.answer(server.found(asked), Set_Cookie="session=secret; Path=/")

    server.fault = with_cookie
    client = service(20_000)
    asked(client, server)
    asked(client, server)
    assert all("cookie" not in item.headers for item in server.asked)


class Clock:
    """Seconds that pass when a test says so."""

    now = 1_000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


BASE = BaseUrl("https", "ehr.example.org", 443, "/fhir")


def test_after_a_pause_one_caller_asks_alone() -> None:
    """What comes of it decides for the others."""
    clock = Clock()
    pauses = Pauses(clock)
    for _ in range(FAILURES):
        assert pauses.may_ask(BASE)
        pauses.note(BASE, failed=True, retry_after=0)
    assert not pauses.may_ask(BASE)
    clock.now += PAUSE
    assert [pauses.may_ask(BASE) for _ in range(3)] == [True, False, False]
    pauses.note(BASE, failed=True, retry_after=0)
    assert not pauses.may_ask(BASE)
    clock.now += PAUSE
    assert pauses.may_ask(BASE)
    pauses.note(BASE, failed=False, retry_after=0)
    assert [pauses.may_ask(BASE) for _ in range(3)] == [True, True, True]


def test_a_server_cannot_ask_to_be_left_alone_for_ever() -> None:
    """A Retry-After of years would shut it out."""
    clock = Clock()
    pauses = Pauses(clock)
    pauses.note(BASE, failed=False, retry_after=1e9)
    assert not pauses.may_ask(BASE)
    clock.now += LONGEST
    assert pauses.may_ask(BASE)


def test_some_failures_between_successes_are_no_reason_for_a_pause() -> None:
    """They count in a row."""
    pauses = Pauses(Clock())
    for _ in range(3 * FAILURES):
        pauses.note(BASE, failed=True, retry_after=0)
        pauses.note(BASE, failed=False, retry_after=0)
    assert pauses.may_ask(BASE)


def test_servers_in_trouble_are_remembered_within_bounds() -> None:
    """In development any port of this machine may be named."""
    pauses = Pauses(Clock())
    for port in range(3_000):
        pauses.note(BaseUrl("http", "localhost", port, ""), failed=False, retry_after=60)
    assert pauses.may_ask(BaseUrl("http", "localhost", 0, ""))
    assert not pauses.may_ask(BaseUrl("http", "localhost", 2_999, ""))
