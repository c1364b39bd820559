"""Counts and times every request of the application, refusals and bugs included."""

from __future__ import annotations

from time import perf_counter

from flask import Blueprint, Flask, Response, g, request

from cds_service.watching import measures

_NO_ROUTE = "none"
METRICS = "/metrics"


def watch(app: Flask) -> None:
    """Measure each request of ``app``; to be called before anything else may refuse one."""

    @app.before_request
    def _begin() -> None:
        g.began = perf_counter()

    @app.after_request
    def _end(response: Response) -> Response:
        seconds = perf_counter() - g.get("began", perf_counter())
        route = request.url_rule.rule if request.url_rule else _NO_ROUTE
        measures.request_answered(route, request.method, response.status_code, seconds)
        if rejection := g.get("rejection"):  # a class of the trust package
            measures.token_rejected(rejection)
        return response


def metrics_routes() -> Blueprint:
    """``GET /metrics``; the proxy in front lets nobody but the monitoring through to it."""
    routes = Blueprint("metrics", __name__)

    @routes.get(METRICS)
    def _metrics() -> Response:
        return Response(measures.exposition(), content_type=measures.CONTENT_TYPE)

    return routes
