"""EHRs that misbehave on the wire: a launch ends in its page, in time and in bounds."""

from __future__ import annotations

import gzip
import socket
from dataclasses import replace
from typing import Any

import pytest
from fault_server import Asked, Fault, fault_server
from flask.testing import FlaskClient

from cds_service.app import create_app
from cds_service.clinician_page.launch_faults import LaunchFault
from cds_service.clinician_page.smart_settings import SmartSettings
from cds_service.config import Config
from cds_service.fhir_server.settings import BaseUrl, FhirSettings

CONFIGURATION = ".well-known"


def client_of(deadline_ms: int = 1_000, **smart: Any) -> FlaskClient:
    """A browser at a service that waits so long for EHRs."""
    config = Config(
        feedback_database="sqlite://",
        fhir=FhirSettings(deadline_ms=deadline_ms),
        smart=replace(SmartSettings(), **smart),
    )
    return create_app(config).test_client()


def drip_head(asked: Asked) -> None:
    """A header that never ends."""
    asked.send(b"HTTP/1.1 200 OK\r\nX: ")
    asked.drip(b"x")


def drip_body(asked: Asked) -> None:
    """A body that comes byte by byte."""
    asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n")
    asked.drip(b" ")


def silence(asked: Asked) -> None:
    """Nothing, while the connection stands."""
    asked.wait(5)


def bomb(asked: Asked) -> None:
    """50 MB in 50 kB."""
    asked.answer(gzip.compress(b" " * 50_000_000), Content_Encoding="gzip")


def hang_up(asked: Asked) -> None:
    """Half an answer."""
    asked.send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
    asked.hang_up()


def no_http(asked: Asked) -> None:
    """Something else."""
    asked.send(b"220 mail.example.org ESMTP\r\n")
    asked.hang_up()


@pytest.mark.parametrize("fault", [drip_head, drip_body, silence, bomb, hang_up, no_http])
def test_an_ehr_that_never_finishes_its_configuration_is_given_up(fault: Fault) -> None:
    """The deadline ends the connection; what is unpacked is counted, not what is sent."""
    with fault_server([]) as server:
        server.faulty, server.fault = CONFIGURATION, fault
        response = client_of().get("/launch", query_string={"iss": server.base, "launch": "l"})
    assert response.status_code == LaunchFault.NO_CONFIGURATION.status
    assert LaunchFault.NO_CONFIGURATION.heading in response.get_data(as_text=True)
    assert len(server.asked) <= 1, "none where this machine was too busy; never a second"


def test_a_redirect_of_the_configuration_is_not_followed() -> None:
    """Not even to the same server."""
    with fault_server([]) as server:
        server.faulty = CONFIGURATION
        server.fault = lambda asked: asked.answer(status=302, Location=f"{server.base}/elsewhere")
        response = client_of(20_000).get(
            "/launch", query_string={"iss": server.base, "launch": "l"}
        )
    assert response.status_code == LaunchFault.NO_CONFIGURATION.status
    assert len(server.asked) == 1


def test_a_listed_name_that_leads_into_the_house_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: the connection is closed before a byte is sent."""
    with fault_server([]) as server:
        there = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", server.port))]
        monkeypatch.setattr("urllib3.util.connection.socket.getaddrinfo", lambda *_: there)
        iss = "http://ehr.example.org/fhir"
        issuer = BaseUrl.parse(iss)
        assert issuer is not None
        client = client_of(20_000, issuers=frozenset({issuer}))
        response = client.get("/launch", query_string={"iss": iss, "launch": "l"})
    assert response.status_code == LaunchFault.NO_CONFIGURATION.status
    assert (server.opened, server.asked) == (1, []), "connected, and told nothing"
