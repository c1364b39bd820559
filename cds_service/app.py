"""The Flask application: addresses, statuses and headers. Nothing is decided here."""

from __future__ import annotations

import os
from typing import Any
from uuid import uuid4

import msgspec
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from cds_service import decision_log
from cds_service.cards.presentation import presentation
from cds_service.cards.suggestions import orders
from cds_service.cards.words import card_words
from cds_service.config import Config
from cds_service.discovery import SERVICE_ID, discovery
from cds_service.errors import CdsServiceError, UnknownService, operation_outcome
from cds_service.feedback.alert_fatigue import AlertMemory
from cds_service.feedback.outcomes import feedback_items
from cds_service.feedback.store import FeedbackStore
from cds_service.fhir_server.client import FhirClient
from cds_service.health import health
from cds_service.patient_view import patient_view
from cds_service.prefetch import RecordSource
from cds_service.request_body import json_body
from cds_service.response_headers import with_headers
from cds_service.sample_patients.fhir import sample_fhir
from cds_service.source_attributes import PAGE_POLICY, page, source_attributes
from relapse_model.loader import tables

_ISSUE_CODES = {404: "not-found", 405: "not-supported", 413: "too-long", 415: "not-supported"}
_WORDS = {
    404: "There is nothing at this address; start at GET /cds-services.",
    405: "This address does not answer this method; Allow lists those it does.",
}
_BUG = "The service failed to answer. This is a defect of the service; please report the id"


def create_app(config: Config | None = None) -> Flask:
    """The application; raises StartError or the errors of the model and mappings, naming the place.

    Tables, code sets, words and settings are read and checked here, once.
    """
    config = config or Config.from_environment(os.environ)
    tables()
    card_words()
    orders()
    store = FeedbackStore(config.feedback_database, config.feedback_days)
    memory = alert_memory(config, store)
    shown = presentation(config, memory)
    source = RecordSource(FhirClient(), config.fhir, config.local_codes)
    services = msgspec.json.encode(discovery(config.local_codes))
    state = msgspec.json.encode(health())

    app = Flask(__name__, static_folder=None)
    # A redirect would lose the POST and, in a browser, the CORS preflight.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False

    @app.get("/cds-services")
    def _services() -> Response:
        return _json(services)

    @app.post("/cds-services/<service_id>")
    def _service(service_id: str) -> Response:
        if service_id != SERVICE_ID:
            raise UnknownService
        body = json_body(request, config.body_limit)
        answer = patient_view(body, presentation=shown, source=source)
        return _json(msgspec.json.encode(answer))

    @app.get("/health")
    def _health() -> Response:
        return _json(state)

    _take_feedback(app, config, store, memory)
    _tell_source_attributes(app)
    if config.sample_patients:
        app.register_blueprint(sample_fhir(config))
    _answer_errors(app)

    @app.before_request
    def _preflight() -> Response | None:
        # Without authentication and on every address: a browser asks before it shows a 404 too.
        return _nothing() if request.method == "OPTIONS" else None

    @app.after_request
    def _headers(response: Response) -> Response:
        return with_headers(response, request, config)

    return app


def alert_memory(config: Config, store: FeedbackStore) -> AlertMemory | None:
    """What alert fatigue remembers; None where it is switched off."""
    if not config.alert_fatigue_hours:
        return None
    return AlertMemory(store, config.alert_fatigue_key.encode(), config.alert_fatigue_hours)


def _take_feedback(
    app: Flask, config: Config, store: FeedbackStore, memory: AlertMemory | None
) -> None:
    @app.post("/cds-services/<service_id>/feedback")
    def _feedback(service_id: str) -> Response:
        if service_id != SERVICE_ID:
            raise UnknownService
        body = json_body(request, config.body_limit)
        items = feedback_items(body, comments=config.feedback_comments)
        new = store.add(items, service_id)
        if memory is not None:
            memory.remember(items)
        return _json(msgspec.json.encode({"received": len(items), "new": new}))


def _tell_source_attributes(app: Flask) -> None:
    """The page for a browser; JSON for whoever asks for it, or for the address with ``.json``."""
    document = source_attributes()
    as_json, as_page = msgspec.json.encode(document), page(document)

    @app.get("/cds-services/<service_id>/source-attributes")
    def _attributes(service_id: str) -> Response:
        if service_id != SERVICE_ID:
            raise UnknownService
        if request.accept_mimetypes.best_match(["text/html", "application/json"]) != "text/html":
            return _json(as_json)
        response = Response(as_page, mimetype="text/html")
        response.headers["Content-Security-Policy"] = PAGE_POLICY
        response.vary.add("Accept")
        return response

    @app.get("/cds-services/<service_id>/source-attributes.json")
    def _attributes_json(service_id: str) -> Response:
        if service_id != SERVICE_ID:
            raise UnknownService
        return _json(as_json)


def _answer_errors(app: Flask) -> None:
    @app.errorhandler(CdsServiceError)
    def _refused(error: CdsServiceError) -> Response:
        return _json(msgspec.json.encode(error.outcome()), error.status)

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        status = error.code or 500
        words = _WORDS.get(status, "The request cannot be answered.")
        outcome = operation_outcome(_ISSUE_CODES.get(status, "invalid"), words)
        response = _json(msgspec.json.encode(outcome), status)
        for name, value in error.get_headers():
            if name in {"Allow", "Retry-After"}:
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def _bug(error: Exception) -> Response:
        bug_id = str(uuid4())
        decision_log.record_bug(bug_id, error)
        outcome: dict[str, Any] = operation_outcome("exception", f"{_BUG} {bug_id}.")
        return _json(msgspec.json.encode(outcome), 500)


def _nothing() -> Response:
    response = Response(status=204)
    del response.headers["Content-Type"]  # Flask would say text/html of a body that is not there
    return response


def _json(body: bytes, status: int = 200) -> Response:
    fhir = request.path.startswith("/fhir")
    kind = "application/fhir+json" if fhir else "application/json"
    return Response(body, status=status, mimetype=kind)
