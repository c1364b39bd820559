"""``GET /openapi.json``: the addresses, statuses and shapes of the service, as OpenAPI 3.1.

The document is data, ``openapi.json`` beside this module; a test holds that it lists the routes
and statuses of the production service, all of them and no others.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import msgspec
from flask import Blueprint, Response

from cds_service.answers import json_answer
from cds_service.health import software_version


def openapi() -> dict[str, Any]:
    """The document, with the version of this program."""
    text = files("cds_service").joinpath("openapi.json").read_bytes()
    document: dict[str, Any] = msgspec.json.decode(text)
    document["info"]["version"] = software_version()
    return document


def openapi_routes() -> Blueprint:
    """The route of the document, which is made once."""
    document = msgspec.json.encode(openapi())
    routes = Blueprint("openapi", __name__)

    @routes.get("/openapi.json")
    def _openapi() -> Response:
        return json_answer(document)

    return routes
