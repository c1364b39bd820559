"""The guard before the CDS Hooks addresses: every call gets its caller, or an answer that says no.

A refusal is 401 without any reason; the reason is in the log and counted.
"""

from __future__ import annotations

from typing import Final

from flask import Flask, g, request

from cds_service import decision_log
from cds_service.config import Config
from cds_service.errors import NotTrusted, OtherMachine
from cds_service.settings import is_loopback
from cds_service.trust.admission import Admission
from cds_service.trust.clients import ANONYMOUS, Caller
from cds_service.trust.tokens import TokenRefused

DISCOVERY: Final = "/cds-services"
_OPEN: Final = ("/source-attributes", "/source-attributes.json")
"""Ends of addresses that anybody may read: they hold nothing about anybody."""


def guard(app: Flask, config: Config, admission: Admission) -> None:
    """Let ``admission`` decide about every call of discovery, the service and its feedback."""

    @app.before_request
    def _admit() -> None:
        if config.development and not is_loopback(request.remote_addr or "127.0.0.1"):
            raise OtherMachine
        if request.method == "OPTIONS" or not is_guarded(request.path):
            return
        discovery = request.path.rstrip("/") == DISCOVERY
        try:
            caller = admission.caller(
                request.headers.get("Authorization"), request.path, discovery=discovery
            )
        except TokenRefused as refused:
            g.rejection = refused.why.value  # counted by watching.request_watch
            decision_log.record_rejection(refused.why.value, refused.iss)
            raise NotTrusted from None
        g.caller = caller
        g.in_work = admission.begin(caller)

    @app.teardown_request
    def _leave(_error: BaseException | None) -> None:
        if g.pop("in_work", False):
            admission.end(g.caller)


def current_caller() -> Caller:
    """Who makes the call that is being answered."""
    caller: Caller = g.get("caller", ANONYMOUS)
    return caller


def is_guarded(path: str) -> bool:
    """Whether ``path`` is discovery, the service or its feedback."""
    at = path.rstrip("/")
    return (at == DISCOVERY or at.startswith(f"{DISCOVERY}/")) and not at.endswith(_OPEN)
