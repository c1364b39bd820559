"""An operator sees which FHIR servers fail, how, and what that costs."""

from __future__ import annotations

import time

import pytest
from fault_calls import asked, service
from fault_kinds import KINDS
from fault_server import FaultServer
from measures_read import counted, grown
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from cds_service.fhir_server import access, exchange, search
from cds_service.watching import traces
from cds_service.watching.missing_reasons import OTHER, reason_class
from cds_service.watching.open_telemetry import Spans

CALLS = 'cds_fhir_calls_total{outcome="%s"}'
MISSING = 'cds_required_data_missing_total{key="conditions",reason="%s"}'
DEADLINES = "cds_fhir_deadline_hits_total"


@pytest.mark.parametrize(
    ("name", "outcome", "calls", "reason"),
    [
        ("status-500", "5xx", 1, "fhir_failed"),
        ("status-503", "5xx", 2, "fhir_failed"),
        ("status-401", "4xx", 1, "fhir_refused_access"),
        ("closed-before-headers", "unreachable", 2, "fhir_unreachable"),
        ("silent", "late", 1, "fhir_late"),
    ],
)
def test_failing_calls_are_counted_by_how_they_fail(
    server: FaultServer, name: str, outcome: str, calls: int, reason: str
) -> None:
    """Each try counts; the reason stands at the 412 too."""
    server.faulty, server.fault = "Condition", KINDS[name].act
    client = service(KINDS[name].milliseconds)
    before = counted(client)
    assert asked(client, server).status_code == 412
    give_up = time.monotonic() + 30
    while (told := grown(before, counted(client))).get(CALLS % outcome, 0) < calls:
        # A call that the deadline cut off ends in its own thread, a moment after the answer.
        assert time.monotonic() < give_up, told
        time.sleep(0.01)
    assert told[CALLS % outcome] == calls
    assert told[CALLS % "2xx"] >= 1
    assert told[MISSING % reason] == 1
    assert told.get(DEADLINES, 0) == (1 if outcome == "late" else 0)


def test_calls_that_succeed_are_counted_and_timed(server: FaultServer) -> None:
    """As many as arrived at the server, each with its time."""
    client = service()
    before = counted(client)
    assert asked(client, server).status_code == 200
    after = counted(client)
    told = grown(before, after)
    arrived = len(server.asked)
    assert {name: told[name] for name in told if "fhir" in name} == {CALLS % "2xx": arrived}
    timed = "cds_fhir_call_seconds_count"
    assert after[timed] - before[timed] == arrived


def test_every_fault_of_a_fhir_server_has_a_class_of_its_own() -> None:
    """A new sentence that no class fits would be counted as other."""
    faults = {
        f"{module.__name__}.{name}": text
        for module in (access, exchange, search)
        for name, text in vars(module).items()
        if isinstance(text, str) and text.startswith(("the FHIR server ", "the access token"))
    }
    assert len(faults) > 10
    classes = {
        name: reason_class(f"patient was not sent, and {text}.") for name, text in faults.items()
    }
    assert {name for name, found in classes.items() if found in {OTHER, "not_sent"}} == set()


def test_a_round_of_questions_is_a_span_without_addresses(server: FaultServer) -> None:
    """How many questions and how long; no address, id or token."""
    exporter = InMemorySpanExporter()
    client = service()
    traces.use(Spans(SimpleSpanProcessor(exporter)))
    try:
        assert asked(client, server).status_code == 200
    finally:
        traces.use(None)
    spans = exporter.get_finished_spans()
    assert {item.name for item in spans} == {"ask FHIR server"}
    told = "".join(item.to_json() for item in spans)
    assert str(server.port) not in told
    assert str(server.record[0]["id"]) not in told
    assert spans[0].attributes is not None
    assert spans[0].attributes["queries"] >= 2
