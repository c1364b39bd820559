"""Whatever the FHIR server does, the answer says what is missing, in time, and nothing leaks.

One test per fault and place: 412 with the reason where required data are lost, a card with the
reason where optional data are, and never an answer that looks as if there were no data.
"""

from __future__ import annotations

import logging
import time
import tracemalloc
from typing import Any

import pytest
from fault_calls import TOKEN, asked, service
from fault_kinds import FINE, KINDS, PART, Kind
from fault_server import FaultServer

PLENTY = 1_500
"""Milliseconds beside the deadline: 100 are promised, and a busy machine gets more."""
MEMORY = 30_000_000
"""Bytes: 10 MB are held as parts, as a whole and decoded; a bomb here unpacks to 200 MB."""


def failing(server: FaultServer, kind: Kind, faulty: str) -> Any:
    """The answer while ``kind`` answers all requests for one resource type."""
    server.faulty, server.fault = faulty, kind.act
    client = service(kind.milliseconds)
    began = time.monotonic()
    response = asked(client, server)
    waited = (time.monotonic() - began) * 1000
    assert waited < kind.milliseconds + PLENTY
    return response


@pytest.mark.parametrize("name", KINDS)
def test_required_data_that_a_fault_withholds_are_a_412_with_the_reason(
    server: FaultServer, name: str
) -> None:
    """Conditions; of a part the card says that it is one."""
    kind = KINDS[name]
    response = failing(server, kind, "Condition")
    if kind.outcome in {FINE, PART}:
        assert response.status_code == 200, response.text
        assert len(response.json["cards"]) == 3
        said = "Only a part of conditions could be fetched." in response.text
        assert said is (kind.outcome == PART)
        return
    assert response.status_code == 412, response.text[:2000]
    (issue,) = response.json["issue"]
    assert "prefetch.conditions" in issue["expression"]
    assert kind.outcome in issue["diagnostics"]


@pytest.mark.parametrize("name", KINDS)
def test_optional_data_that_a_fault_withholds_are_named_on_the_card(
    server: FaultServer, name: str
) -> None:
    """Procedures; the decision is given, and says what it could not see."""
    kind = KINDS[name]
    response = failing(server, kind, "Procedure")
    assert response.status_code == 200, response.text
    detail = response.json["cards"][0]["detail"]
    if kind.outcome == PART:
        assert "Only a part of procedures could be fetched." in detail
    elif kind.outcome == FINE:
        assert "not available" not in detail.lower()
    else:
        assert "procedures were not sent, and " in detail
        assert kind.outcome in detail


@pytest.mark.parametrize("name", KINDS)
def test_nothing_of_the_call_is_logged_or_repeated(
    server: FaultServer, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither token, address nor patient, at any level, whatever fails."""
    caplog.set_level(logging.DEBUG)
    response = failing(server, KINDS[name], "Patient")
    for secret in (TOKEN, str(server.port), server.record[0]["id"]):
        assert secret not in caplog.text
    assert TOKEN not in response.text
    assert server.base not in response.text
    assert response.status_code in {200, 412}


@pytest.mark.parametrize(
    "name",
    [
        "endless-body",
        "endless-chunks",
        "gzip-bomb",
        "gzip-bomb-in-gzip",
        "huge-page",
        "huge-page-of-empty-entries",
        "redirect-with-endless-body",
        "header-flood",
        "one-huge-header",
        "deep",
        "next-without-end",
    ],
)
def test_no_answer_takes_memory_without_bound(server: FaultServer, name: str) -> None:
    """The caps are on what was unpacked, not on what was sent."""
    kind = KINDS[name]
    server.faulty, server.fault = "Procedure", kind.act
    client = service(kind.milliseconds)
    asked(client, server)  # what is made once is there before it is measured
    tracemalloc.start()
    try:
        asked(client, server)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEMORY


def test_the_record_without_a_fault_gives_three_cards_and_no_remark(server: FaultServer) -> None:
    """What the faults are measured against."""
    response = asked(service(20_000), server)
    assert response.status_code == 200
    assert len(response.json["cards"]) == 3
    assert "FHIR server" not in response.text
    assert "could be fetched" not in response.text
    assert all(item.headers["authorization"] == f"Bearer {TOKEN}" for item in server.asked)
