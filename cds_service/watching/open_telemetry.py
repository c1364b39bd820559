"""The spans of ``traces`` as OpenTelemetry makes and sends them; loaded only where it is used."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Final

from flask import Flask, Response, g, request
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from cds_service.health import DISTRIBUTION, software_version
from cds_service.watching.traces import use

_PATH: Final = "/v1/traces"
_BUG: Final = 500
_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "POST"})


class Spans:
    """Makes spans. An exception's text could quote a record, so none is kept in a span."""

    def __init__(self, processor: SpanProcessor) -> None:
        """Hand every finished span to ``processor``."""
        about = {"service.name": DISTRIBUTION, "service.version": software_version()}
        provider = TracerProvider(resource=Resource(about))
        provider.add_span_processor(processor)
        self._tracer: Tracer = provider.get_tracer("cds_service")

    def span(self, name: str, counts: Mapping[str, int]) -> AbstractContextManager[Span]:
        """A span within the one that this thread is in."""
        return self._tracer.start_as_current_span(
            name, attributes=counts, record_exception=False, set_status_on_exception=False
        )

    def of_request(self) -> AbstractContextManager[Span]:
        """The span of the request that is being answered, in the trace that its caller names."""
        route = request.url_rule.rule if request.url_rule else "none"
        method = request.method if request.method in _METHODS else "other"
        named = {"traceparent": request.headers.get("traceparent", "")}
        return self._tracer.start_as_current_span(
            f"{method} {route}",
            context=TraceContextTextMapPropagator().extract(named),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "http.route": route},
            record_exception=False,
            set_status_on_exception=False,
        )


def begin(app: Flask, collector: str) -> None:
    """Trace ``app``; a thread that no request waits for sends the spans to ``collector``."""
    spans = Spans(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{collector}{_PATH}")))
    use(spans)
    trace_requests(app, spans)


def trace_requests(app: Flask, spans: Spans) -> None:
    """One span for each request of ``app``, with its status."""

    @app.before_request
    def _begin() -> None:
        g.scope = spans.of_request()
        g.span = g.scope.__enter__()

    @app.after_request
    def _status(response: Response) -> Response:
        if "span" in g:
            g.span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= _BUG:
                g.span.set_status(StatusCode.ERROR)
        return response

    @app.teardown_request
    def _end(_error: BaseException | None) -> None:
        if "scope" in g:
            g.pop("scope").__exit__(None, None, None)
