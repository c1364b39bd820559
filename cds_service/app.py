"""The Flask application: its parts, put together. Nothing is decided here."""

from __future__ import annotations

import os

from flask import Flask, Response, request

from cds_service.answers import empty_answer
from cds_service.caller_service import CallerServices
from cds_service.cards.presentation import presentation
from cds_service.cards.suggestions import orders
from cds_service.cards.words import card_words
from cds_service.clinician_page.facts_seal import FactsSeal
from cds_service.clinician_page.launch import clinician_page
from cds_service.clinician_page.routes import record_page, what_if_routes
from cds_service.config import Config
from cds_service.error_answers import answer_errors
from cds_service.feedback.alert_fatigue import alert_memory
from cds_service.feedback.routes import feedback_routes
from cds_service.feedback.store import FeedbackStore
from cds_service.fhir_server.client import FhirClient
from cds_service.fhir_server.reach import Reach
from cds_service.health import health_routes
from cds_service.hook_routes import hook_routes
from cds_service.openapi import openapi_routes
from cds_service.prefetch import RecordSource
from cds_service.response_headers import with_headers
from cds_service.sample_patients.fhir import sample_fhir
from cds_service.source_attributes import source_attributes_routes
from cds_service.trust.admission import admission
from cds_service.trust.guard import guard
from cds_service.try_it.ehr import has_sample_ehr, sample_ehr
from cds_service.try_it.pages import try_it
from cds_service.watching.audit import audit, audit_trail
from cds_service.watching.readiness import FEEDBACK, REPLAYS, TABLES, readiness_routes
from cds_service.watching.request_watch import metrics_routes, watch
from cds_service.watching.stage_times import tell_stage_times
from cds_service.watching.traces import trace
from relapse_model.loader import tables


def create_app(config: Config | None = None) -> Flask:
    """The application; raises StartError or the errors of the model and mappings, naming the place.

    Tables, code sets, words and settings are read and checked here, once.
    """
    config = config or Config.from_environment(os.environ)
    admitted = admission(config)
    tables()
    card_words()
    orders()
    store = FeedbackStore(config.feedback_database, config.feedback_days)
    memory = alert_memory(config, store)
    source = RecordSource(FhirClient(Reach(config.fhir.networks)), config.fhir, config.local_codes)
    served = CallerServices(admitted.clients, presentation(config, memory), source)

    app = Flask(__name__, static_folder=None)
    # A redirect would lose the POST and, in a browser, the CORS preflight.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    watch(app)
    if config.server_timing:
        tell_stage_times(app)
    trace(app, config.traces)
    app.register_blueprint(hook_routes(config, served))
    app.register_blueprint(feedback_routes(config, store, memory))
    app.register_blueprint(source_attributes_routes())
    app.register_blueprint(health_routes())
    app.register_blueprint(openapi_routes())
    if config.smart.on:
        seal = FactsSeal(config.smart.cookie_key)
        app.register_blueprint(clinician_page(config, source, record_page(config, seal)))
        app.register_blueprint(what_if_routes(config, seal))
    checks = {
        FEEDBACK: store.answers,
        TABLES: lambda: bool(tables().digest),
        REPLAYS: admitted.replays.answers,
    }
    app.register_blueprint(readiness_routes(checks))
    if config.metrics:
        app.register_blueprint(metrics_routes())
    if config.sample_patients:
        app.register_blueprint(sample_fhir(config))
        app.register_blueprint(try_it(config, source, memory))
    if has_sample_ehr(config):
        app.register_blueprint(sample_ehr(config))
    answer_errors(app)

    guard(app, config, admitted)

    @app.before_request
    def _preflight() -> Response | None:
        # Without authentication and on every address: a browser asks before it shows a 404 too.
        return empty_answer() if request.method == "OPTIONS" else None

    if trail := audit_trail(config.audit_file, config.url):
        audit(app, trail)

    @app.after_request
    def _headers(response: Response) -> Response:
        return with_headers(response, request, config)

    return app
