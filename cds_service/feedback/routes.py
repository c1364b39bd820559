"""``POST /cds-services/{id}/feedback``."""

from __future__ import annotations

from flask import Blueprint, Response, request

from cds_service.answers import json_answer
from cds_service.config import Config
from cds_service.feedback.alert_fatigue import AlertMemory
from cds_service.feedback.outcomes import feedback_items
from cds_service.feedback.store import FeedbackStore
from cds_service.hook_routes import known_service
from cds_service.request_body import json_body
from cds_service.trust.guard import current_caller


def feedback_routes(config: Config, store: FeedbackStore, memory: AlertMemory | None) -> Blueprint:
    """The route that takes feedback into ``store``, and into ``memory`` where there is one."""
    routes = Blueprint("feedback", __name__)

    @routes.post("/cds-services/<service_id>/feedback")
    def _feedback(service_id: str) -> Response:
        known_service(service_id)
        body = json_body(request, config.body_limit)
        items = feedback_items(body, comments=config.feedback_comments)
        new = store.add(items, service_id, current_caller().iss)
        if memory is not None:
            memory.remember(items)
        return json_answer({"received": len(items), "new": new})

    return routes
