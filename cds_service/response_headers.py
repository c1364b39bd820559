"""Headers of every response, errors included: CORS (cds-hooks_2.0@208) and browser safety."""

from __future__ import annotations

from flask import Request, Response

from cds_service.config import Config

SECURITY = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "600",
}


def with_headers(response: Response, request: Request, config: Config) -> Response:
    """``response`` with the headers that a browser client and its user need."""
    for name, value in SECURITY.items():
        # A page has a policy of its own, as strict, that lets its one style through.
        response.headers.setdefault(name, value)
    # The answer differs by origin, also for a request without one: caches must know.
    response.vary.add("Origin")
    origin = request.headers.get("Origin")
    if origin and (config.development or origin in config.allowed_origins):
        response.headers["Access-Control-Allow-Origin"] = origin
        if request.method == "OPTIONS":
            response.headers.update(_PREFLIGHT)
            _allow_loopback(response, request, config)
    return response


def _allow_loopback(response: Response, request: Request, config: Config) -> None:
    # The hosted sandbox may call a service on one's own machine only if the service says so.
    if config.development and request.headers.get("Access-Control-Request-Private-Network"):
        response.headers["Access-Control-Allow-Private-Network"] = "true"
