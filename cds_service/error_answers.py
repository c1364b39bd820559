"""How an error becomes an answer: its status, an OperationOutcome, and for a bug a log line."""

from __future__ import annotations

from uuid import uuid4

from flask import Flask, Response
from werkzeug.exceptions import HTTPException

from cds_service import decision_log
from cds_service.answers import json_answer
from cds_service.errors import CdsServiceError, RequiredDataMissing, operation_outcome
from cds_service.watching import measures

_ISSUE_CODES = {404: "not-found", 405: "not-supported", 413: "too-long", 415: "not-supported"}
_WORDS = {
    404: "There is nothing at this address; start at GET /cds-services.",
    405: "This address does not answer this method; Allow lists those it does.",
}
_BUG = "The service failed to answer. This is a defect of the service; please report the id"


def answer_errors(app: Flask) -> None:
    """Let every error of ``app`` be answered here: refusals, HTTP errors and bugs."""

    @app.errorhandler(CdsServiceError)
    def _refused(error: CdsServiceError) -> Response:
        if isinstance(error, RequiredDataMissing):
            measures.data_missing(error.reasons)
        response = json_answer(error.outcome(), error.status)
        response.headers.update(error.headers)
        return response

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        status = error.code or 500
        words = _WORDS.get(status, "The request cannot be answered.")
        response = json_answer(
            operation_outcome(_ISSUE_CODES.get(status, "invalid"), words), status
        )
        for name, value in error.get_headers():
            if name in {"Allow", "Retry-After"}:
                response.headers[name] = value
        return response

    @app.errorhandler(Exception)
    def _bug(error: Exception) -> Response:
        bug_id = str(uuid4())
        decision_log.record_bug(bug_id, error)
        return json_answer(operation_outcome("exception", f"{_BUG} {bug_id}."), 500)
