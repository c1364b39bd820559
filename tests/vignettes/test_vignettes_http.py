"""Every vignette, as FHIR through HTTP: the hook request of an EHR in, the decision out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient
from vignette_fhir import prefetch_for

from cds_service.app import create_app
from cds_service.config import Config

VIGNETTES = json.loads((Path(__file__).parent / "vignettes.json").read_text())["vignettes"]
SERVICE = "/cds-services/relapsed-all-stratification"
SILENT = {"OUT_OF_SCOPE_DISEASE", "OUT_OF_SCOPE_AGE", "NO_RELAPSE"}
EVALUATED = ("plan", "timing", "site", "s_group", "risk", "mrd")
"""Fields that a vignette states completely: absent there means not evaluated."""

DEVIATIONS = {
    # decision.md: "a site that may be involved ... where no dose can be stated yet". V209 leaves
    # local_therapy out although its enlarged testis may be involved and awaits its biopsy
    # (docs/reading-the-article.md).
    "V209": {"local_therapy": {"undetermined": ["testis"]}},
}


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    """A client of the service."""
    return create_app(Config()).test_client()


def hook_request(vignette: dict[str, Any]) -> dict[str, Any]:
    """The patient-view request of an EHR that satisfies every prefetch key."""
    prefetch = prefetch_for(vignette)
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid4()),
        "context": {"userId": "Practitioner/p1", "patientId": prefetch["patient"]["id"]},
        "prefetch": prefetch,
    }


@pytest.mark.parametrize("vignette", VIGNETTES, ids=[item["id"] for item in VIGNETTES])
def test_vignette(client: FlaskClient, vignette: dict[str, Any]) -> None:
    """The decision is the expected one, field by field, and the cards fit it."""
    response = client.post(SERVICE, json=hook_request(vignette))
    assert response.status_code == 200, response.data
    document = response.json["extension"]["org.relapsed-all.decision"]
    expected = {**vignette["expected"], **DEVIATIONS.get(vignette["id"], {})}

    found = {name: document.get(name) for name in EVALUATED}
    stated = {name: _sorted(expected.get(name)) for name in EVALUATED}
    assert found == stated, vignette["rationale"]
    assert document.get("local_therapy") == expected.get("local_therapy"), vignette["rationale"]
    if "cns_status" in expected:
        assert document["cns_status"] == expected["cns_status"], vignette["rationale"]
    assert bool(response.json["cards"]) == (document["plan"] not in SILENT)


def _sorted(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value
