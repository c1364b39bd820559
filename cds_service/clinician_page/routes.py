"""The addresses of the clinician's page: its style and script, and "what if"."""

from __future__ import annotations

from importlib.resources import files

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from cds_service.clinician_page.carried_facts import facts_carried
from cds_service.clinician_page.page import error_page, page_of
from cds_service.clinician_page.what_if import OFFERED, hypothesis
from cds_service.errors import CdsServiceError
from relapse_model.decide import decide
from relapse_model.errors import FactsError

FORM_LIMIT = 1_000_000
"""Most bytes of a form: the facts of one child take about 5 kB, remarks included."""

_FORM = "application/x-www-form-urlencoded"
_STATIC = {"page.css": "text/css", "page.js": "text/javascript"}
_REFUSED = "This request cannot be answered"


def page_policy(frame_ancestors: tuple[str, ...] = ()) -> str:
    """Content security policy of the page: nothing but its own style, script and form.

    ``frame_ancestors``: origins of EHRs that may show the page in a frame; none without.
    """
    framing = " ".join(frame_ancestors) or "'none'"
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"form-action 'self'; base-uri 'none'; frame-ancestors {framing}"
    )


def html(page: str, status: int = 200, frame_ancestors: tuple[str, ...] = ()) -> Response:
    """A page as it leaves, with its policy."""
    response = Response(page, status=status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = page_policy(frame_ancestors)
    return response


def clinician_page(root: str = "", frame_ancestors: tuple[str, ...] = ()) -> Blueprint:
    """The routes under ``/clinician-page``; ``root``: path before them as a browser sees it."""
    routes = Blueprint("clinician_page", __name__)
    static = {
        name: files("cds_service.clinician_page").joinpath("static", name).read_bytes()
        for name in _STATIC
    }

    @routes.get("/clinician-page/page.css")
    def _style() -> Response:
        return Response(static["page.css"], mimetype=_STATIC["page.css"])

    @routes.get("/clinician-page/page.js")
    def _script() -> Response:
        return Response(static["page.js"], mimetype=_STATIC["page.js"])

    @routes.post("/clinician-page/what-if")
    def _what_if() -> Response:
        request.max_content_length = request.max_form_memory_size = FORM_LIMIT
        if request.mimetype != _FORM:
            return refused(f"The form must be sent as {_FORM}.", 415)
        facts = facts_carried(request.form.get("facts", ""))
        decision = decide(facts)
        try:
            found = hypothesis(facts, _settings())
        except FactsError as error:
            page = page_of(facts, decision, problem=f"{error}.", root=root)
            return html(page, 400, frame_ancestors)
        return html(page_of(facts, decision, hypothesis=found, root=root), 200, frame_ancestors)

    def refused(text: str, status: int) -> Response:
        return html(error_page(_REFUSED, text, root=root), status, frame_ancestors)

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
