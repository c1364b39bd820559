"""Answers as HTTP responses: JSON, and nothing at all."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response, request

FHIR_JSON = "application/fhir+json"
JSON = "application/json"


def json_answer(content: Any, status: int = 200) -> Response:  # noqa: ANN401 - any JSON value
    """``content`` as JSON, of the kind that its address serves; bytes are JSON already."""
    body = content if isinstance(content, bytes) else msgspec.json.encode(content)
    kind = FHIR_JSON if request.path.startswith("/fhir") else JSON
    return Response(body, status=status, mimetype=kind)


def empty_answer() -> Response:
    """204 without content, and so without a type of it."""
    response = Response(status=204)
    del response.headers["Content-Type"]  # Flask would say text/html of a body that is not there
    return response
