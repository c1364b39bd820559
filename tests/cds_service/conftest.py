"""What the tests of the web package share: clients, a request that is right, decisions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import responses
from flask.testing import FlaskClient
from trusted_clients import production_config

from cds_service.app import create_app
from cds_service.config import Config
from cds_service.fhir_server.client import FhirClient


@pytest.fixture(scope="session")
def client() -> FlaskClient:
    """A client of the service in development mode, with sample patients."""
    return create_app(Config()).test_client()


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A client of the service in production mode that trusts ``trusted_clients.EHR``.

    One origin is allowed, and bodies of 2000 bytes.
    """
    config = production_config(
        tmp_path_factory.mktemp("production"),
        allowed_origins=("https://ehr.example.org",),
        body_limit=2_000,
    )
    return create_app(config).test_client()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database of either kind: a SQLite file, or one on a running PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'feedback.sqlite3'}"
        return
    yield request.getfixturevalue("postgresql").database(f"feedback-{uuid4()}")


@pytest.fixture
def hook_body() -> dict[str, Any]:
    """A patient-view request in which nothing is wrong and no data are on record."""
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid4()),
        "context": {"userId": "Practitioner/p1", "patientId": "p1"},
        "prefetch": {
            "patient": {"resourceType": "Patient", "id": "p1"},
            "conditions": {"resourceType": "Bundle", "type": "searchset", "total": 0},
        },
    }


@pytest.fixture
def fhir_client() -> Iterator[FhirClient]:
    """A client that is closed afterwards."""
    found = FhirClient()
    yield found
    found.close()


@pytest.fixture
def ehr() -> Iterator[responses.RequestsMock]:
    """Answers instead of the network; a request that no answer fits fails."""
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock
