"""What is counted, for Prometheus. Each label has a fixed set of values; none is about a patient.

A measure costs about a microsecond. Several worker processes share their counts through the files
of ``PROMETHEUS_MULTIPROC_DIR``, a variable of prometheus_client.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from cds_service.watching.missing_reasons import reason_class

_SHARED: Final = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
if _SHARED:  # each measure below opens a file there
    Path(_SHARED).mkdir(parents=True, exist_ok=True)

CONTENT_TYPE: Final = CONTENT_TYPE_LATEST
REGISTRY: Final = CollectorRegistry()

_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST"})
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_OTHER: Final = "other"

_REQUESTS = Counter(
    "cds_requests",
    "Requests answered, by route, method and status.",
    ["route", "method", "status"],
    registry=REGISTRY,
)
_REQUEST_SECONDS = Histogram(
    "cds_request_seconds",
    "Time from the request to its answer.",
    ["route"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
_DECISIONS = Counter("cds_decisions", "Decisions, by plan.", ["plan"], registry=REGISTRY)
_CARDS = Counter("cds_cards", "Cards shown, by topic.", ["topic"], registry=REGISTRY)
_MISSING = Counter(
    "cds_required_data_missing",
    "Answers 412, by prefetch key and why its data did not arrive.",
    ["key", "reason"],
    registry=REGISTRY,
)
_REJECTED = Counter(
    "cds_rejected_tokens", "Answers 401, by what was wrong.", ["reason"], registry=REGISTRY
)
_FHIR_CALLS = Counter(
    "cds_fhir_calls",
    "Calls of FHIR servers, by status class, or why there is none.",
    ["outcome"],
    registry=REGISTRY,
)
_FHIR_SECONDS = Histogram(
    "cds_fhir_call_seconds", "Time of one call.", buckets=_SECONDS, registry=REGISTRY
)
_DEADLINES = Counter(
    "cds_fhir_deadline_hits",
    "Queries to FHIR servers that the deadline of their call cut off.",
    registry=REGISTRY,
)


def request_answered(route: str, method: str, status: int, seconds: float) -> None:
    """One answer; ``route`` is the rule of the address, never the address."""
    _REQUESTS.labels(route, method if method in _METHODS else _OTHER, str(status)).inc()
    _REQUEST_SECONDS.labels(route).observe(seconds)


def decided(plan: str, topics: Iterable[str]) -> None:
    """One decision, with the topic of each card that is shown."""
    _DECISIONS.labels(plan).inc()
    for topic in topics:
        _CARDS.labels(topic).inc()


def data_missing(reasons: Mapping[str, str]) -> None:
    """One answer 412; ``reasons``: prefetch key to why its data did not arrive, in our words."""
    for key, reason in reasons.items():
        _MISSING.labels(key, reason_class(reason)).inc()


def token_rejected(reason: str) -> None:
    """One answer 401; ``reason`` is a class of the trust package."""
    _REJECTED.labels(reason).inc()


def fhir_call_ended(outcome: str, seconds: float) -> None:
    """One call of a FHIR server; ``outcome``: 2xx to 5xx, late, unreachable or not_allowed."""
    _FHIR_CALLS.labels(outcome).inc()
    _FHIR_SECONDS.observe(seconds)


def deadline_hit(queries: int) -> None:
    """So many queries of one call were not answered when its time was over."""
    _DEADLINES.inc(queries)


def exposition() -> bytes:
    """Everything counted so far, by all processes, in the text format of Prometheus."""
    if not _SHARED:
        return generate_latest(REGISTRY)
    merged = CollectorRegistry()
    MultiProcessCollector(merged)  # type: ignore[no-untyped-call] # untyped in the library
    return generate_latest(merged)
