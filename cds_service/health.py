"""``GET /health`` and ``/health/live``: that the service is up, and what it is made of."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
from flask import Blueprint, Response

from cds_service.answers import json_answer
from relapse_model.loader import tables

DISTRIBUTION = "relapsed-all-cds"


def software_version() -> str:
    """Version of the installed package, or of the source tree it is run from."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        project = Path(__file__).parents[1] / "pyproject.toml"
        if not project.exists():
            return "unknown"
        return str(tomllib.loads(project.read_text())["project"]["version"])


def health() -> dict[str, str]:
    """The health document: status, version of the software, digest of the decision tables."""
    return {
        "status": "ok",
        "version": software_version(),
        "tables": tables().digest,
        "fhir": "4.0.1",
        "cdsHooks": "2.0",
    }


def health_routes() -> Blueprint:
    """The routes of the health document, which is made once."""
    document = msgspec.json.encode(health())
    routes = Blueprint("health", __name__)

    @routes.get("/health")
    @routes.get("/health/live")
    def _health() -> Response:
        return json_answer(document)

    return routes
