"""What the tests of the deployment share: the checkout, a clean environment, the example call."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of this checkout."""
    return ROOT


@pytest.fixture(scope="session")
def newcomer() -> dict[str, str]:
    """An environment without settings of the service, of make or of an activated Python."""
    ours = ("CDS_", "GIT_", "MAKE", "PYTHON", "PROMETHEUS_", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@pytest.fixture(scope="session")
def example() -> bytes:
    """The example request of the README."""
    return (ROOT / "examples/patient-view.json").read_bytes()
