"""The arrangement of the server that needs no running one; tests/load holds the rest."""

from __future__ import annotations

import socket

import pytest
from flask import Flask

from cds_service import server
from cds_service.config import Config
from cds_service.errors import StartError


@pytest.mark.parametrize(
    ("host", "numeric"), [("127.0.0.1", {"127.0.0.1"}), ("localhost", {"127.0.0.1", "::1"})]
)
def test_a_host_may_be_given_by_its_name(host: str, numeric: set[str]) -> None:
    """Granian takes numbers alone."""
    assert server.address(host) in numeric


def test_an_address_is_free_unless_somebody_listens_there() -> None:
    """Two servers on one address would share its calls, and nobody would notice."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config = Config(port=taken.getsockname()[1])
        assert not server.is_free(config)

    assert server.is_free(config)


def test_a_worker_makes_its_application_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the first process was told, and as strictly."""
    monkeypatch.setattr(server, "write_to_stderr", lambda: None)  # the logs of the other tests
    monkeypatch.setenv("CDS_FEEDBACK_DATABASE", "sqlite://")
    assert isinstance(server.application(), Flask)

    monkeypatch.setenv("CDS_MODE", "sometimes")
    with pytest.raises(StartError, match="CDS_MODE"):
        server.application()
