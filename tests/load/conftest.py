"""The shipped service in production, and the example call."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from shipped_service import BUSY, ROOT, ShippedService
from trusted_clients import EHR, production_environment


@pytest.fixture(scope="session")
def example() -> bytes:
    """The example request of the README."""
    return (ROOT / "examples/patient-view.json").read_bytes()


@pytest.fixture(scope="session", autouse=True)
def _many_connections() -> Iterator[None]:
    """This process holds both ends of many connections."""
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 16_384), most))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, most))


@pytest.fixture
def production(tmp_path: Path) -> Iterator[ShippedService]:
    """Started in production, with two trusted clients."""
    service = ShippedService(production_environment(tmp_path, (EHR, BUSY)), tmp_path / "log")
    service.start()
    yield service
    service.kill()
