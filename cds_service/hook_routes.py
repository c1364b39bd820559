"""``GET /cds-services`` and ``POST /cds-services/{id}``: discovery, and the hook itself."""

from __future__ import annotations

import msgspec
from flask import Blueprint, Response, g, request

from cds_service.answers import json_answer
from cds_service.caller_service import CallerServices
from cds_service.config import Config
from cds_service.discovery import SERVICE_ID, discovery
from cds_service.errors import UnknownService
from cds_service.hook_request import HookRequest
from cds_service.patient_view import RESPONSE, answer_to
from cds_service.request_body import json_body
from cds_service.trust.guard import current_caller
from cds_service.turns import turn
from cds_service.watching.stage_times import stage


def hook_routes(config: Config, served: CallerServices) -> Blueprint:
    """The routes of CDS Hooks; ``served``: what the service is for each caller."""
    services = msgspec.json.encode(discovery(config.local_codes))
    routes = Blueprint("hooks", __name__)

    @routes.get("/cds-services")
    def _services() -> Response:
        return json_answer(services)

    @routes.post("/cds-services/<service_id>")
    def _service(service_id: str) -> Response:
        known_service(service_id)
        sent = json_body(request, config.body_limit)
        with turn():
            with stage("decode"):
                hook = HookRequest.parse(sent)
            g.hook = hook  # for the audit trail, also when no answer can be given
            caller = current_caller()
            service = served.of(caller)
            answer = answer_to(
                hook, presentation=service.presentation, source=service.source, caller=caller
            )
            g.decision = answer["extension"][RESPONSE]["decision"]
            with stage("render"):
                return json_answer(answer)

    return routes


def known_service(service_id: str) -> None:
    """Raise UnknownService (404) unless it is the one of this program."""
    if service_id != SERVICE_ID:
        raise UnknownService
