"""The addresses of the clinician's page: its style and script, and "what if"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from cds_service.clinician_page.facts_seal import FactsSeal
from cds_service.clinician_page.html_pages import html_page
from cds_service.clinician_page.page import Frame, compile_templates, error_page, page_of
from cds_service.clinician_page.what_if import OFFERED, hypothesis
from cds_service.config import Config
from cds_service.errors import CdsServiceError
from cds_service.patient_view import DecidedRecord
from relapse_model.decide import decide
from relapse_model.errors import FactsError

FORM_LIMIT = 1_000_000
"""Most bytes of a form: the facts of one child take about 5 kB, remarks included."""

_FORM = "application/x-www-form-urlencoded"
_REFUSED = "This request cannot be answered"


def record_page(config: Config, seal: FactsSeal) -> Callable[[DecidedRecord], str]:
    """The page of a record that was read and decided, as ``launch`` shows it."""

    def page(record: DecidedRecord) -> str:
        frame = Frame(_root(config), seal.sealed(record.facts))
        return page_of(record.facts, record.decision, frame)

    return page


def _root(config: Config) -> str:
    """The path before the addresses of this service, as a browser sees it."""
    return urlsplit(config.public_url).path.rstrip("/")


def what_if_routes(config: Config, seal: FactsSeal) -> Blueprint:
    """The routes under ``/clinician-page``; ``seal``: that of ``record_page``."""
    routes = Blueprint(
        "what_if", __name__, static_folder="static", static_url_path="/clinician-page/static"
    )
    root, embedders = _root(config), config.smart.embedders
    compile_templates()

    @routes.post("/clinician-page/what-if")
    def _what_if() -> Response:
        request.max_content_length = request.max_form_memory_size = FORM_LIMIT
        if request.mimetype != _FORM:
            return refused(f"The form must be sent as {_FORM}.", 415)
        sealed = request.form.get("facts", "")
        facts = seal.opened(sealed)
        frame = Frame(root, sealed)
        decision = decide(facts)
        try:
            found = hypothesis(facts, _settings())
        except FactsError as error:
            frame = replace(frame, problem=f"{error}.")
            return answer(page_of(facts, decision, frame), 400)
        return answer(page_of(facts, decision, frame, hypothesis=found))

    def answer(page: str, status: int = 200) -> Response:
        response = html_page(page, embedders)
        response.status_code = status
        return response

    def refused(text: str, status: int) -> Response:
        return answer(error_page(_REFUSED, text, root=root), status)

    @routes.errorhandler(CdsServiceError)
    def _unreadable(error: CdsServiceError) -> Response:
        return refused(error.diagnostics, error.status)

    @routes.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        if isinstance(error, RequestEntityTooLarge):
            return refused(f"The form is larger than {FORM_LIMIT} bytes.", 413)
        return refused("The form could not be read.", error.code or 400)

    return routes


def _settings() -> dict[str, str]:
    """What the form assumes: its fields, and the answer whose "Try" was pressed."""
    settings = {name: request.form.get(name, "") for name in OFFERED}
    name, _, value = request.form.get("try", "").partition("=")
    return {**settings, name: value} if name else settings
