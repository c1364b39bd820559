"""Calls to the service that send no data and name a FHIR server to fetch them from."""

from __future__ import annotations

from typing import Any

from fault_server import FaultServer
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.config import Config
from cds_service.fhir_server.settings import FhirSettings

TOKEN = "Canary.Token-0451"  # noqa: S105 - invented
SERVICE = "/cds-services/relapsed-all-stratification"


def service(milliseconds: int = 20_000, **settings: Any) -> FlaskClient:
    """The service, in development, with a deadline."""
    fhir = FhirSettings(deadline_ms=milliseconds, **settings)
    return create_app(Config(fhir=fhir)).test_client()


def asked(client: FlaskClient, server: FaultServer, base: str = "", **authorization: Any) -> Any:
    """The answer to a call without data; ``base``: the server under another name."""
    granted = {
        "access_token": TOKEN,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.read",
        "subject": "cds",
    }
    return client.post(
        SERVICE,
        json={
            "hook": "patient-view",
            "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "fhirServer": base or server.base,
            "fhirAuthorization": granted | authorization,
            "context": {"userId": "Practitioner/a", "patientId": server.record[0]["id"]},
        },
    )
