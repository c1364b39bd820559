"""Settings of the whole test suite, and the servers that tests of several folders need."""

from __future__ import annotations

import os
from collections.abc import Iterator

import debian_servers
import pytest
from hypothesis import settings

# A build must answer the same for the same commit: generated cases are drawn from a fixed seed
# there, and at random on a developer's machine, where a new counterexample is welcome.
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("local", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[debian_servers.PostgreSql]:
    """A running PostgreSQL."""
    with debian_servers.postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A running Redis."""
    with debian_servers.redis() as url:
        yield url
