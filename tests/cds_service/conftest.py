"""What the tests of the web package share: clients, a request that is right, decisions."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.config import Config


@pytest.fixture(scope="session")
def client() -> FlaskClient:
    """A client of the service in development mode, with sample patients."""
    return create_app(Config()).test_client()


@pytest.fixture(scope="session")
def production() -> FlaskClient:
    """A client of the service in production mode, with one allowed origin."""
    config = Config(
        mode="production",
        sample_patients=False,
        allowed_origins=("https://ehr.example.org",),
        body_limit=2_000,
    )
    return create_app(config).test_client()


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
