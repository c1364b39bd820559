"""Every way in which a FHIR server is made to fail, and what must come of it.

``LOST``: nothing could be had, for a stated reason: 412 where the data are required, a remark on
the card where they are not. ``PART``: what came is used and the card says that it is a part.
``FINE``: odd, but nothing is missing.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fault_server import Asked, Fault, Json

IN_TIME = 20_000
"""Milliseconds: for faults that something else than the deadline ends."""
SOON = 400
PART = "part"
FINE = "fine"
LATE = "did not answer in time"
UNREACHABLE = "cannot be reached"
BROKEN_OFF = "broke off its answer"
NO_FHIR = "answered with something that is not FHIR"
UNREADABLE = "nothing that the FHIR server answered could be read"
NOT_ASKED = "answered with something that was not asked for"
OTHERS = "answered with records of another patient"
COUNTED = "counts records that it did not send"
TOO_LONG = "answered with more than 10000000 bytes"
TOO_MANY = "answered with more than 5000 records"
COMPLAINED = "answered that the search failed in part"
REDIRECT = "answered with a redirect, which is not followed"

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/fhir+json\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
GZIP = HEAD + b"Content-Encoding: gzip\r\n"
BLANKS = b" " * 65_536


@dataclass(frozen=True)
class Kind:
    """One fault: what the server does, and the outcome.

    ``outcome``: PART, FINE, or the reason of what is lost. ``milliseconds``: the deadline; longer
    where a cap and not the deadline must end it.
    """

    act: Fault
    outcome: str
    milliseconds: int = IN_TIME


KINDS: dict[str, Kind] = {}


def kind(name: str, outcome: str, milliseconds: int = IN_TIME) -> Callable[[Fault], Fault]:
    """Give a fault its name and outcome."""

    def named(act: Fault) -> Fault:
        KINDS[name] = Kind(act, outcome, milliseconds)
        return act

    return named


def raw(name: str, outcome: str, *parts: bytes, milliseconds: int = IN_TIME) -> None:
    """A fault that sends these bytes and hangs up."""

    def act(asked: Asked) -> None:
        for part in parts:
            asked.send(part)
        asked.hang_up()

    KINDS[name] = Kind(act, outcome, milliseconds)


def body(name: str, outcome: str, content: Any, kind: str = "application/fhir+json") -> None:
    """A fault that is a whole answer with status 200."""
    KINDS[name] = Kind(lambda asked: asked.answer(content, kind=kind), outcome)


def status(code: int, outcome: str, **headers: str) -> None:
    """A fault that is a status, with an OperationOutcome as its body."""
    content: Json = {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}
    KINDS[f"status-{code}"] = Kind(lambda asked: asked.answer(content, code, **headers), outcome)


def changed(name: str, outcome: str, change: Callable[[Asked, Json], Any]) -> None:
    """A fault in the right answer."""

    def act(asked: Asked) -> None:
        found = asked.server.found(asked)
        assert found is not None
        asked.answer(change(asked, found))

    KINDS[name] = Kind(act, outcome)


# --- time -------------------------------------------------------------------------------------


@kind("silent", LATE, SOON)
def _silent(asked: Asked) -> None:
    asked.wait(10)


@kind("drip-status-line", LATE, SOON)
def _drip_status(asked: Asked) -> None:
    asked.drip(b"HTTP/1.1 " + b"0" * 60_000)


@kind("drip-headers", LATE, SOON)
def _drip_headers(asked: Asked) -> None:
    asked.send(HEAD)
    asked.drip(b"X: y\r\n")


@kind("drip-body", LATE, SOON)
def _drip_body(asked: Asked) -> None:
    asked.send(HEAD + b"Content-Length: 90000\r\n\r\n{")
    asked.drip(b" ")


@kind("drip-chunks", LATE, SOON)
def _drip_chunks(asked: Asked) -> None:
    asked.send(CHUNKED)
    asked.drip(b"1\r\n \r\n")


@kind("drip-gzip", LATE, SOON)
def _drip_gzip(asked: Asked) -> None:
    asked.send(GZIP + b"\r\n")
    asked.drip(gzip.compress(b""))


@kind("endless-100-continue", LATE, SOON)
def _endless_continue(asked: Asked) -> None:
    while not asked.wait(0.001):
        asked.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


@kind("stops-in-the-middle", LATE, SOON)
def _stops(asked: Asked) -> None:
    asked.send(HEAD + b'Content-Length: 90000\r\n\r\n{"resourceType":"Bundle"')
    asked.wait(10)


# --- size -------------------------------------------------------------------------------------


@kind("endless-body", TOO_LONG)
def _endless(asked: Asked) -> None:
    asked.send(HEAD + b"\r\n")
    while not asked.stop.is_set():
        asked.send(BLANKS)


@kind("endless-chunks", TOO_LONG)
def _endless_chunks(asked: Asked) -> None:
    asked.send(CHUNKED)
    while not asked.stop.is_set():
        asked.send(b"10000\r\n" + BLANKS + b"\r\n")


BOMB = gzip.compress(b" " * 200_000_000, 9)


@kind("gzip-bomb", TOO_LONG)
def _bomb(asked: Asked) -> None:
    asked.answer(BOMB, Content_Encoding="gzip")


@kind("gzip-bomb-in-gzip", TOO_LONG)
def _nested_bomb(asked: Asked) -> None:
    asked.answer(gzip.compress(BOMB), Content_Encoding="gzip, gzip")


@kind("redirect-with-endless-body", REDIRECT)
def _redirect_endless(asked: Asked) -> None:
    asked.send(b"HTTP/1.1 302 Found\r\nLocation: /fhir/other\r\n\r\n")
    while not asked.stop.is_set():
        asked.send(BLANKS)


@kind("huge-page", TOO_MANY)
def _huge_page(asked: Asked) -> None:
    entry = {"resource": {"resourceType": asked.resource_type, "subject": {}}}
    asked.answer({"resourceType": "Bundle", "type": "searchset", "entry": [entry] * 60_000})


@kind("huge-page-of-empty-entries", TOO_MANY)
def _huge_empty(asked: Asked) -> None:
    asked.answer({"resourceType": "Bundle", "type": "searchset", "entry": [{}] * 900_000})


@kind("one-huge-header", UNREACHABLE)
def _huge_header(asked: Asked) -> None:
    asked.send(HEAD + b"X-Long: " + b"x" * 1_000_000 + b"\r\n\r\n")


@kind("header-flood", UNREACHABLE)
def _flood(asked: Asked) -> None:
    asked.send(HEAD + b"X: y\r\n" * 100_000 + b"\r\n{}")


# --- connection -------------------------------------------------------------------------------


@kind("closed-before-headers", UNREACHABLE)
def _closed(asked: Asked) -> None:
    asked.hang_up()


@kind("reset-before-headers", UNREACHABLE)
def _reset(asked: Asked) -> None:
    asked.reset()


@kind("reset-after-headers", BROKEN_OFF)
def _reset_after(asked: Asked) -> None:
    asked.send(HEAD + b"Content-Length: 90000\r\n\r\n")
    asked.wait(0.05)
    asked.reset()


@kind("reset-in-the-body", BROKEN_OFF)
def _reset_in_body(asked: Asked) -> None:
    asked.send(HEAD + b'Content-Length: 90000\r\n\r\n{"resourceType":"Bundle",')
    asked.wait(0.05)
    asked.reset()


# --- HTTP that is none ------------------------------------------------------------------------

EMPTY = b'{"resourceType":"Bundle","type":"searchset"}'
LENGTH = b"Content-Length: %d\r\n\r\n"

raw("garbage", UNREACHABLE, bytes(range(128, 256)) * 20)
raw("body-without-head", UNREACHABLE, EMPTY)
raw("status-line-without-number", UNREACHABLE, b"HTTP/1.1 OK\r\n\r\n", EMPTY)
raw("status-of-five-digits", UNREACHABLE, b"HTTP/1.1 20000 OK\r\n\r\n", EMPTY)
raw("length-longer-than-the-body", BROKEN_OFF, HEAD, LENGTH % 9_000, EMPTY)
raw("length-shorter-than-the-body", NO_FHIR, HEAD, LENGTH % 20, EMPTY)
raw("length-of-nothing", NO_FHIR, HEAD, LENGTH % 0)
raw("chunk-without-size", BROKEN_OFF, CHUNKED, b"zz\r\n", EMPTY)
raw("chunk-longer-than-sent", BROKEN_OFF, CHUNKED, b"fff\r\n", EMPTY)
raw("chunks-without-end", BROKEN_OFF, CHUNKED, b"5\r\n     \r\n")
raw("gzip-that-is-none", BROKEN_OFF, GZIP, LENGTH % len(EMPTY), EMPTY)
raw("gzip-cut-off", NO_FHIR, GZIP, b"\r\n", gzip.compress(EMPTY * 99)[:-30])
raw("unknown-content-encoding", NO_FHIR, HEAD, b"Content-Encoding: secret\r\n\r\n", b"\x00\x01" * 9)

# --- bodies that are no FHIR ------------------------------------------------------------------

body("empty-body", NO_FHIR, b"")
body("blank-body", NO_FHIR, b" \n ")
body("null", NO_FHIR, b"null")
body("array", NO_FHIR, b"[]")
body("array-of-resources", NO_FHIR, b'[{"resourceType":"Condition"}]')
body("text", NO_FHIR, b'"no"')
body("number", NO_FHIR, b"7")
body("empty-object", NO_FHIR, b"{}")
body("resource-type-null", NO_FHIR, {"resourceType": None})
body("html-login-page", NO_FHIR, b"<!DOCTYPE html><form>Log in</form>", "text/html")
body("xml", NO_FHIR, b'<Bundle xmlns="http://hl7.org/fhir"/>', "application/fhir+xml")
body("broken-json", NO_FHIR, EMPTY[:-1] + b",}")
body("two-documents", NO_FHIR, EMPTY + EMPTY)
body("nan", NO_FHIR, EMPTY[:-1] + b',"total":NaN}')
body("utf-16", NO_FHIR, EMPTY.decode().encode("utf-16"))
body("bad-utf-8", NO_FHIR, EMPTY[:-1] + b',"id":"\xff\xfe"}')
body("nul", NO_FHIR, EMPTY[:-1] + rb',"id":"\u0000"}')
body("half-a-surrogate-pair", NO_FHIR, EMPTY[:-1] + rb',"id":"\ud800"}')
body("deep", NO_FHIR, EMPTY[:-1] + b',"link":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
body("deep-in-an-unread-element", NO_FHIR, EMPTY[:-1] + b',"x":' + b'{"a":' * 99_999 + b"1}")
body("entry-is-an-object", NO_FHIR, {"resourceType": "Bundle", "entry": {"resource": {}}})
body("total-is-a-text", NO_FHIR, {"resourceType": "Bundle", "total": "many"})
body(
    "operation-outcome",
    NO_FHIR,
    {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]},
)

# --- FHIR that is not what was asked for ------------------------------------------------------


def entries(bundle: Json) -> list[Json]:
    """The resources of a searchset."""
    return [entry["resource"] for entry in bundle.get("entry", [])]


def outcome_entry(severity: str) -> Json:
    """An entry in which a server says something beside the data."""
    issue = [{"severity": severity, "code": "processing"}]
    outcome = {"resourceType": "OperationOutcome", "issue": issue}
    return {"resource": outcome, "search": {"mode": "outcome"}}


def with_page(page: str) -> Callable[[Asked, Json], Json]:
    """The right answer, with a link to a next page."""

    def change(asked: Asked, found: Json) -> Json:
        url = page.format(base=asked.server.base, type=asked.resource_type, port=asked.server.port)
        return found | {"link": [{"relation": "next", "url": url}]}

    return change


def for_another(found: Json, subject: str, most: int) -> Json:
    """The right answer with the first ``most`` resources about somebody else."""
    for resource in entries(found)[:most]:
        resource["subject"] = {"reference": subject}
    return found


changed("truncated-json", NO_FHIR, lambda _, found: json.dumps(found).encode()[:-9])
changed("one-resource-for-a-search", NOT_ASKED, lambda _, found: (entries(found) or [found])[0])
changed(
    "resources-of-another-type",
    NOT_ASKED,
    lambda _, found: {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [
            {"resource": {"resourceType": "Specimen", "id": r["id"]}} for r in entries(found)
        ],
    },
)
changed(
    "resources-that-nobody-knows",
    NOT_ASKED,
    lambda *_: {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Zebra"}}]},
)
changed("another-patient", OTHERS, lambda _, found: for_another(found, "Patient/other", 99))
changed(
    "entries-without-resource",
    UNREADABLE,
    lambda _, found: found | {"entry": [{"fullUrl": "urn:uuid:1"}] * 3},
)
changed("entries-that-are-null", UNREADABLE, lambda _, found: found | {"entry": [None, None]})
changed(
    "entries-that-cannot-be-read",
    UNREADABLE,
    lambda _, found: found | {"entry": [{"resource": r | {"code": 5}} for r in entries(found)]},
)
changed("counted-and-not-sent", COUNTED, lambda _, found: found | {"entry": [], "total": 9})
changed("more-counted-than-sent", PART, lambda _, found: found | {"total": 99})
changed(
    "error-instead-of-entries",
    COMPLAINED,
    lambda _, found: found | {"entry": [outcome_entry("error")], "total": 0},
)
changed(
    "error-beside-the-entries",
    PART,
    lambda _, found: found | {"entry": [*found.get("entry", []), outcome_entry("fatal")]},
)
changed(
    "warning-beside-the-entries",
    FINE,
    lambda _, found: found | {"entry": [*found.get("entry", []), outcome_entry("warning")]},
)
KINDS["json-called-text"] = Kind(
    lambda asked: asked.answer(asked.server.found(asked), kind="text/plain"), FINE
)
KINDS["no-content-type"] = Kind(
    lambda asked: asked.answer(asked.server.found(asked), kind=""), FINE
)

# --- pages ------------------------------------------------------------------------------------

for _name, _page in {
    "next-is-the-same-page": "{base}/{type}?page=1",
    "next-on-another-host": "http://localhost:{port}/fhir/{type}?page=2",
    "next-on-another-port": "http://127.0.0.1:1/fhir/{type}?page=2",
    "next-of-another-scheme": "https://127.0.0.1:{port}/fhir/{type}?page=2",
    "next-is-a-file": "file:///etc/passwd",
    "next-above-the-base": "http://127.0.0.1:{port}/admin",
    "next-by-dots": "{base}/../admin",
    "next-by-escaped-dots": "{base}/%2e%2e/admin",
    "next-with-credentials": "http://user:word@127.0.0.1:{port}/fhir/{type}",
    "next-by-protocol-alone": "//evil.example.org/fhir/{type}",
    "next-is-no-url": "http://[bad",
    "next-is-empty": "",
}.items():
    changed(_name, PART, with_page(_page))


@kind("next-without-end", PART)
def _ever_new(asked: Asked) -> None:
    number = len(asked.server.asked)
    page = with_page(f"{{base}}/{{type}}?page={number}")
    found = asked.server.found(asked)
    assert found is not None
    asked.answer(page(asked, found))


def second_page(name: str, act: Fault, outcome: str = PART) -> None:
    """A right first page, and a fault on the second."""

    def both(asked: Asked) -> None:
        if "page=2" in asked.target:
            act(asked)
            return
        found = asked.server.found(asked)
        assert found is not None
        asked.answer(with_page("{base}/{type}?page=2")(asked, found))

    KINDS[name] = Kind(both, outcome)


second_page("second-page-fails", lambda asked: asked.answer(b"", 500))
second_page("second-page-is-html", lambda asked: asked.answer(b"<html>", kind="text/html"))
second_page("second-page-resets", Asked.reset)
second_page("second-page-is-gone", lambda asked: asked.answer(b"", 410))
second_page("second-page-is-empty", lambda asked: asked.answer(EMPTY), FINE)
second_page(
    "second-page-redirects",
    lambda asked: asked.answer(b"", 302, Location=f"{asked.server.base}/Condition"),
)
second_page("second-page-unreadable", lambda asked: asked.answer(b'{"resourceType":"Bundle"'))

# --- statuses ---------------------------------------------------------------------------------

for _code, _said in {
    400: "refused the search (400)",
    401: "refused access (401)",
    403: "refused access (403)",
    404: "does not know it (404)",
    406: "failed (406)",
    410: "has deleted it (410)",
    412: "failed (412)",
    418: "failed (418)",
    422: "failed (422)",
    429: "is asked too often (429)",
    500: "failed (500)",
    501: "failed (501)",
    502: "failed (502)",
    503: "failed (503)",
    504: "failed (504)",
    201: "failed (201)",
    202: "failed (202)",
    206: "failed (206)",
    300: REDIRECT,
    304: REDIRECT,
    999: "failed (999)",
}.items():
    status(_code, _said)
KINDS["status-204"] = Kind(
    lambda asked: asked.send(b"HTTP/1.1 204 No Content\r\n\r\n"), "failed (204)"
)
for _code in (301, 302, 303, 307, 308):
    status(_code, REDIRECT, Location="/fhir/Condition?page=2")
