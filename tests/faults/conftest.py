"""What the fault tests share: one invented child's record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fault_server import FaultServer, fault_server

from tests.support.vignette_fhir import chart_for

FILE = Path(__file__).parents[1] / "vignettes" / "vignettes.json"


@pytest.fixture
def child() -> list[dict[str, Any]]:
    """A child with a very early marrow relapse, the Patient first."""
    vignettes = json.loads(FILE.read_text("utf-8"))["vignettes"]
    resources: list[dict[str, Any]] = chart_for(vignettes[0], "ehr").resources
    return resources


@pytest.fixture
def server(child: list[dict[str, Any]]) -> Iterator[FaultServer]:
    """A FHIR server that holds the child and can fail."""
    with fault_server(child) as running:
        yield running
