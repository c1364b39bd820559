"""Bodies as they come over the wire, through the server that ``make run`` starts."""

from __future__ import annotations

import json
import socket
from contextlib import suppress
from typing import Any

import pytest

ADDRESS = "/cds-services/relapsed-all-stratification"
LIMIT = 10_000_000
PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "p1"}


def hook(filler: int = 0, patient: str = "p1") -> bytes:
    """A request whose Patient stands at its end, after so many bytes that nobody reads."""
    body = {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/a", "patientId": "p1"},
        "prefetch": {
            "conditions": {"resourceType": "Bundle", "type": "searchset"},
            "unheard-of": {"text": "x" * filler},
            "patient": {"resourceType": "Patient", "id": patient},
        },
    }
    return json.dumps(body).encode()


def chunked(body: bytes, size: int) -> bytes:
    """The body in chunks of one size."""
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"


def answer(port: int, body: bytes, *headers: str, end: bool = False) -> tuple[int, Any]:
    """Status and JSON of a POST written by hand; 0 and None where there is no answer.

    ``end``: say that nothing follows, as a client that breaks off does.
    """
    lines = [
        f"POST {ADDRESS} HTTP/1.1",
        "Host: service",
        "Connection: close",
        "Content-Type: application/json",
        *headers,
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        received = b""
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before its end
            connection.sendall(body)
        with suppress(OSError):
            if end:
                connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65_536):
                received += part
    head, _, content = received.partition(b"\r\n\r\n")
    if not head:
        return 0, None
    status = int(head.split(b" ")[1])
    try:
        return status, json.loads(content)
    except ValueError:
        return status, None


CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize("size", [1_000, 65_536, 3_000_000])
@pytest.mark.parametrize("filler", [0, 100_000, 2_000_000, 9_000_000])
def test_a_chunked_body_is_read_to_its_end(service: Any, filler: int, size: int) -> None:
    """Whoever stands at its end is seen: another patient there is a 422, the right one a 200."""
    for patient, status in (("p1", 200), ("another", 422)):
        sent = chunked(hook(filler, patient), size)
        assert answer(service.port, sent, CHUNKED)[0] == status


@pytest.mark.parametrize("size", [65_536, 3_000_000])
def test_a_chunked_body_over_the_limit_is_a_413(service: Any, size: int) -> None:
    """It announces no length; it is not cut off in silence either."""
    status, outcome = answer(service.port, chunked(hook(LIMIT), size), CHUNKED)
    assert status == 413
    assert outcome["issue"][0]["code"] == "too-long"


def test_a_body_over_the_limit_is_a_413_before_it_is_read(service: Any) -> None:
    """By the length that it announces."""
    status, outcome = answer(service.port, b"{", f"Content-Length: {LIMIT + 1}")
    assert status == 413
    assert outcome["issue"][0]["code"] == "too-long"


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: -5"],
        ["Content-Length: five"],
        ["Transfer-Encoding: gzip, chunked"],
        ["Transfer-Encoding: identity, chunked"],
    ],
)
def test_a_length_that_can_be_read_in_two_ways_is_refused(service: Any, headers: list[str]) -> None:
    """A proxy may have read the other one."""
    status, _ = answer(service.port, chunked(hook(), 100), *headers)
    assert status in {400, 415}


def test_beside_a_length_the_chunks_count(service: Any) -> None:
    """RFC 9112, 6.3; refusing it would be right too."""
    sent = chunked(hook(patient="another"), 100)
    assert answer(service.port, sent, CHUNKED, "Content-Length: 5")[0] in {400, 422}


@pytest.mark.parametrize("body", [b"zz\r\n{}\r\n0\r\n\r\n", b"-5\r\n{}\r\n0\r\n\r\n"])
def test_chunks_that_are_none_are_a_400(service: Any, body: bytes) -> None:
    """And no defect of the service."""
    assert answer(service.port, body, CHUNKED)[0] == 400


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity, gzip"])
def test_a_compressed_body_is_a_415(service: Any, encoding: str) -> None:
    """Nothing here unpacks it."""
    body = hook()
    status, _ = answer(
        service.port, body, f"Content-Length: {len(body)}", f"Content-Encoding: {encoding}"
    )
    assert status == 415


@pytest.mark.parametrize(
    ("body", "header"),
    [(hook(), f"Content-Length: {len(hook()) + 1}"), (chunked(hook(), 100)[:-9], CHUNKED)],
)
def test_a_body_that_ends_too_early_gets_no_cards(service: Any, body: bytes, header: str) -> None:
    """The client broke off: a server may hang up, or say that it did."""
    status, outcome = answer(service.port, body, header, end=True)
    assert status in {0, 400}
    assert status == 0 or outcome["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (hook()[:-1], 400),
        (hook().replace(b'"p1"', b'"p\\u0000"'), 400),
        (hook().replace(b'"p1"', b'"p\\ud800"'), 400),
        (hook().replace(b'"p1"', b"NaN"), 400),
        (hook().replace(b'"p1"', b"1e400"), 400),
        (hook().replace(b'"p1"', b"[" * 90_000 + b"]" * 90_000), 400),
        (hook().decode().encode("utf-16"), 400),
        (b"\xef\xbb\xbf" + hook(), 400),
        (b"", 400),
        (hook()[:-1] + b',"hook":"patient-view"}', 400),
        (hook(), 200),
    ],
)
def test_what_cannot_be_read_is_a_400_also_through_the_server(
    service: Any, body: bytes, status: int
) -> None:
    """With an OperationOutcome, and the service goes on."""
    told, document = answer(service.port, body, f"Content-Length: {len(body)}")
    assert told == status
    if status != 200:
        assert document["resourceType"] == "OperationOutcome"
