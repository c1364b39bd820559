"""Slow and idle clients keep nobody waiting: the server of the Dockerfile, without a proxy.

Nothing here is about speed. An answer within ten seconds says that it did not wait for the others,
who hold on for as long as the test runs.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import requests
from shipped_service import BUSY, ShippedService
from trusted_clients import EHR, SERVICE_URL

from cds_service.server import THREADS

SERVICE = "/cds-services/relapsed-all-stratification"
PROMPT = 10.0
IDLE = 300
BEYOND_ALL_THREADS = 2 * THREADS + 100
"""More than both workers have threads."""


@contextmanager
def clients(
    service: ShippedService, number: int, begin: bytes, drip: bytes
) -> Iterator[list[socket.socket]]:
    """So many connections that send ``begin`` and then, now and again, ``drip``; kept open."""
    stop = threading.Event()
    with ExitStack() as stack:
        connections = [
            stack.enter_context(socket.create_connection(("127.0.0.1", service.port), 30))
            for _ in range(number)
        ]

        def keep_on() -> None:
            while not stop.wait(0.3):
                for connection in connections:
                    with _gone():
                        connection.send(drip)

        for connection in connections:
            if begin:
                connection.sendall(begin)
        dripping = threading.Thread(target=keep_on)
        if drip:
            dripping.start()
        try:
            yield connections
        finally:
            stop.set()
            if drip:
                dripping.join()


@contextmanager
def _gone() -> Iterator[None]:
    """The server may have closed a connection."""
    try:
        yield
    except OSError:
        return


def begun(length: int, authorization: str = "") -> bytes:
    """The headers of a call and the first byte of its body."""
    lines = [
        f"POST {SERVICE} HTTP/1.1",
        "Host: cds.example.org",
        "Content-Type: application/json",
        f"Content-Length: {length}",
    ]
    if authorization:
        lines.append(f"Authorization: {authorization}")
    return "\r\n".join([*lines, "", "{"]).encode()


def assert_others_are_answered(service: ShippedService, example: bytes) -> None:
    """Each worker is asked a few times: the system hands connections to either."""
    for _ in range(6):
        assert service.answers(PROMPT)
        answer = requests.post(
            f"{service.base}{SERVICE}",
            data=example,
            headers={"Content-Type": "application/json", **EHR.bearer()},
            timeout=PROMPT,
        )
        assert answer.status_code == requests.codes.ok, answer.text
        assert answer.json()["cards"]


def test_idle_connections_keep_nobody_waiting(production: ShippedService, example: bytes) -> None:
    """300 clients that connect and say nothing."""
    with clients(production, IDLE, b"", b""):
        assert_others_are_answered(production, example)


def test_slow_headers_keep_nobody_waiting(production: ShippedService, example: bytes) -> None:
    """300 clients whose headers never end."""
    begin = f"POST {SERVICE} HTTP/1.1\r\nHost: cds.example.org\r\n".encode()
    with clients(production, IDLE, begin, b"X-More: and more\r\n"):
        assert_others_are_answered(production, example)


def test_slow_bodies_of_strangers_keep_nobody_waiting(
    production: ShippedService, example: bytes
) -> None:
    """More than there are threads; without a token nobody waits for their bodies."""
    with clients(production, BEYOND_ALL_THREADS, begun(5_000), b" ") as strangers:
        assert_others_are_answered(production, example)
        strangers[0].settimeout(PROMPT)
        assert strangers[0].recv(100).startswith(b"HTTP/1.1 401")


def test_slow_bodies_of_a_trusted_client_hold_up_that_client_alone(
    production: ShippedService, example: bytes
) -> None:
    """It may have 16 calls in work in each worker; the next is told to come again."""
    with ExitStack() as stack:
        for _ in range(120):
            authorization = BUSY.bearer()["Authorization"]
            stack.enter_context(clients(production, 1, begun(5_000, authorization), b""))
        assert_others_are_answered(production, example)
        refused = requests.post(
            f"{production.base}{SERVICE}",
            data=example,
            headers={"Content-Type": "application/json", **BUSY.bearer()},
            timeout=PROMPT,
        )
        assert refused.status_code == requests.codes.unavailable
        assert "Retry-After" in refused.headers


def test_a_body_that_came_slowly_is_answered_like_any_other(
    production: ShippedService, example: bytes
) -> None:
    """Byte ranges at a time, over one connection."""
    authorization = EHR.bearer(SERVICE_URL)["Authorization"]
    with clients(production, 1, begun(len(example), authorization), b"") as (slow,):
        rest = example[1:]
        step = len(rest) // 5
        for start in range(0, len(rest), step):
            slow.sendall(rest[start : start + step])
        slow.settimeout(PROMPT)
        assert slow.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
def test_a_body_beyond_the_limit_is_refused_before_it_has_arrived(
    production: ShippedService, announced: bool
) -> None:
    """413 for a length that is too long at once, and for chunks as soon as they are too many."""
    headers = {"Content-Type": "application/json", **EHR.bearer()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    how = "Content-Length: 20000000" if announced else "Transfer-Encoding: chunked"
    head = f"POST {SERVICE} HTTP/1.1\r\nHost: cds.example.org\r\n{lines}{how}\r\n\r\n".encode()
    with clients(production, 1, head, b"") as (connection,):
        if not announced:
            chunk = b"%x\r\n" % 1_000_000 + b" " * 1_000_000 + b"\r\n"
            with _gone():
                for _ in range(12):
                    connection.sendall(chunk)
        connection.settimeout(30)
        assert connection.recv(100).startswith(b"HTTP/1.1 413")
