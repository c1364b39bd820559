"""Traces for OpenTelemetry, where a collector is set: what a request waited for, and how long.

A span carries route, method, status and counts; never an address, an id or anything of a record.
The libraries come with the extra ``opentelemetry``; without the setting nothing of them is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Protocol

from flask import Flask

from cds_service.errors import SettingError

SETTING: Final = "CDS_TRACES"


class Tracer(Protocol):
    """Starts spans; what is needed of OpenTelemetry here."""

    def span(self, name: str, counts: Mapping[str, int]) -> AbstractContextManager[Any]:
        """A span within the one that this thread is in."""


class _Tracing:
    """The tracer of this process, or None where nothing is traced."""

    tracer: Tracer | None = None


def trace(app: Flask, collector: str) -> None:
    """Trace the requests of ``app``, and send spans to ``collector``, base URL of OTLP over HTTP.

    Nothing without a collector. Raises SettingError where the extra is not installed.
    """
    if not collector:
        return
    try:
        # Whoever traces nothing need not install it.
        from cds_service.watching.open_telemetry import begin  # noqa: PLC0415
    except ImportError:
        raise SettingError(SETTING, "needs the extra opentelemetry to be installed") from None
    begin(app, collector)


def use(tracer: Tracer | None) -> None:
    """Let ``tracer`` make the spans of this process from now on; None: trace nothing."""
    _Tracing.tracer = tracer


def span(name: str, **counts: int) -> AbstractContextManager[Any]:
    """A span within the request that this thread answers; nothing where nothing is traced."""
    if _Tracing.tracer is None:
        return nullcontext()
    return _Tracing.tracer.span(name, counts)
