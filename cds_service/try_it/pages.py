"""The try-it page: what an EHR would send, and what it would show; development only.

The answers come from the same path as the hook's, with the same presentation. Nothing is kept of a
record that is pasted or uploaded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
from flask import Blueprint, Response, render_template, request
from werkzeug.exceptions import RequestEntityTooLarge

from cds_service.body_errors import BodyTooLarge
from cds_service.cards.presentation import presentation
from cds_service.cards.rendering import card_html
from cds_service.cards.words import PlanWords, card_words
from cds_service.config import Config
from cds_service.content_policy import content_policy
from cds_service.discovery import SERVICE_ID
from cds_service.errors import CdsServiceError, RequiredDataMissing, UnknownSample
from cds_service.feedback.alert_fatigue import AlertMemory
from cds_service.own_record import hook_request_about, unread_in
from cds_service.patient_view import DECISION, RESPONSE, patient_view
from cds_service.prefetch import RecordSource
from cds_service.sample_patients.fhir import resources_by_type, sample_request
from cds_service.sample_patients.samples import samples
from cds_service.try_it.ehr import has_sample_ehr

OWN = "/try-it/own"
FEEDBACK = f"/cds-services/{SERVICE_ID}/feedback"
_URGENCY = ("critical", "warning", "info")
_FORM_EDGES = 10_000
"""Bytes that a form needs around what is pasted."""


def try_it(config: Config, source: RecordSource, memory: AlertMemory | None) -> Blueprint:
    """The routes of the try-it page and its files."""
    routes = Blueprint(
        "try_it",
        __name__,
        template_folder="templates",
        static_folder="static",
        static_url_path="/try-it/static",
    )
    shown = presentation(config, memory)
    by_type = resources_by_type(samples())

    @routes.get("/")
    def _patients() -> Response:
        children = samples().values()
        return _page("patients", children=children, plans=card_words().plans)

    @routes.get("/try-it/patients/<patient_id>")
    def _patient(patient_id: str) -> Response:
        if patient_id not in samples():
            raise UnknownSample
        asked = sample_request(by_type, patient_id, f"{request.host_url}fhir")
        body = msgspec.json.encode(asked)
        answer = patient_view(body, presentation=shown, source=source)
        child = samples()[patient_id]
        return _page("patient", child=child, **_told(asked, answer), launch=has_sample_ehr(config))

    @routes.get(OWN)
    def _own() -> Response:
        return _page("own", pasted="")

    @routes.post(OWN)
    def _own_record() -> Response:
        pasted, asked = "", b""
        try:
            pasted = _given(config.body_limit)
            asked = hook_request_about(pasted.encode())
            answer = patient_view(asked, presentation=shown, source=source)
        except CdsServiceError as error:
            faults = unread_in(asked) if isinstance(error, RequiredDataMissing) else []
            response = _page("own", pasted=pasted, refused=error, faults=faults)
            response.status_code = error.status
            return response
        told = _told(json.loads(asked), answer)
        return _page("own", pasted=pasted, **told, launch=False)

    return routes


def _given(limit: int) -> str:
    """What was pasted, or the file that was uploaded; raises BodyTooLarge (413)."""
    request.max_content_length = request.max_form_memory_size = limit + _FORM_EDGES
    try:
        upload = request.files.get("file")
        content = upload.read() if upload else b""
        return content.decode("utf-8", "replace") or request.form.get("record", "")
    except RequestEntityTooLarge:
        raise BodyTooLarge(limit) from None


def _told(asked: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, Any]:
    """What a page shows of one request and its answer."""
    cards = sorted(answer["cards"], key=lambda card: _URGENCY.index(card["indicator"]))
    decision = answer["extension"][DECISION]
    plan = card_words().plans[decision["plan"]]
    return {
        "cards": cards,
        "plan": plan.short,
        "silence": _silence(plan, held_back="heldBack" in answer["extension"][RESPONSE]),
        "asked": _as_text(asked),
        "decision": _as_text(decision),
        "answer": _as_text(answer),
        "answered": True,
    }


def _silence(plan: PlanWords, *, held_back: bool) -> str:
    """Why there is no card, where there is none."""
    if held_back:
        return "Every card was overridden lately and is not shown again for a while."
    if plan.kind == "silent":
        return f"Here: {plan.short}. The article does not apply, so the service stays silent."
    return "The record says that the child has died, so the service stays silent."


def _as_text(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False)


def _page(name: str, **content: Any) -> Response:  # noqa: ANN401 - what the template shows
    html = render_template(
        f"try_it/{name}.html",
        service=SERVICE_ID,
        feedback=FEEDBACK,
        card_html=card_html,
        **content,
    )
    response = Response(html, mimetype="text/html")
    response.headers["Content-Security-Policy"] = content_policy()
    return response
