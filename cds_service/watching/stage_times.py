"""Where the time of one answer goes, as the response header ``Server-Timing`` tells it.

Off unless ``CDS_SERVER_TIMING`` is on: whoever may see how long a record takes to read learns
something of its size. The stages do not overlap; what is left of the whole is HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import Final

from flask import Flask, Response

HEADER: Final = "Server-Timing"
STAGES: Final[Mapping[str, str]] = {
    "decode": "JSON to typed resources",
    "fetch": "asking the FHIR server",
    "map": "resources to facts",
    "decide": "facts to the decision",
    "render": "decision to cards and JSON",
}
"""Every stage, in its order, and what is done in it."""

_TIMES: Final[ContextVar[dict[str, float] | None]] = ContextVar("stage_times", default=None)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Time what is done inside as ``name``, one of STAGES, where anybody wants to know."""
    times = _TIMES.get()
    if times is None:
        yield
        return
    began = perf_counter()
    try:
        yield
    finally:
        times[name] = times.get(name, 0.0) + perf_counter() - began


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """The seconds of each stage that is passed inside."""
    times: dict[str, float] = {}
    token = _TIMES.set(times)
    try:
        yield times
    finally:
        _TIMES.reset(token)


def tell_stage_times(app: Flask) -> None:
    """Let every answer of ``app`` carry the times of the stages it passed, in milliseconds."""

    @app.before_request
    def _begin() -> None:
        _TIMES.set({})

    @app.after_request
    def _tell(response: Response) -> Response:
        times = _TIMES.get() or {}
        if told := [f"{name};dur={times[name] * 1000:.3f}" for name in STAGES if name in times]:
            response.headers[HEADER] = ", ".join(told)
        return response
