"""``GET /cds-services`` and ``POST /cds-services/{id}``: discovery, and the hook itself."""

from __future__ import annotations

import msgspec
from flask import Blueprint, Response, request

from cds_service.answers import json_answer
from cds_service.cards.presentation import presentation
from cds_service.config import Config
from cds_service.discovery import SERVICE_ID, discovery
from cds_service.errors import UnknownService
from cds_service.feedback.alert_fatigue import AlertMemory
from cds_service.patient_view import patient_view
from cds_service.prefetch import RecordSource
from cds_service.request_body import json_body


def hook_routes(config: Config, source: RecordSource, memory: AlertMemory | None) -> Blueprint:
    """The routes of CDS Hooks; ``source``: where a record may come from."""
    shown = presentation(config, memory)
    services = msgspec.json.encode(discovery(config.local_codes))
    routes = Blueprint("hooks", __name__)

    @routes.get("/cds-services")
    def _services() -> Response:
        return json_answer(services)

    @routes.post("/cds-services/<service_id>")
    def _service(service_id: str) -> Response:
        known_service(service_id)
        body = json_body(request, config.body_limit)
        return json_answer(patient_view(body, presentation=shown, source=source))

    return routes


def known_service(service_id: str) -> None:
    """Raise UnknownService (404) unless it is the one of this program."""
    if service_id != SERVICE_ID:
        raise UnknownService
