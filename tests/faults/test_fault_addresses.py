"""Nothing is sent to an address that no setting means, and to no second host, whoever names it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_network
from typing import Any

import pytest
from fault_calls import TOKEN, asked, service
from fault_kinds import with_page
from fault_server import Asked, FaultServer

from cds_service.fhir_server.reach import Reach, networks
from cds_service.fhir_server.settings import BaseUrl

ELSEWHERE = "lies at a network address that this service may not reach"


class Canary:
    """A server that nobody may ask: it counts who comes."""

    def __init__(self, listening: socket.socket) -> None:
        """Listen on a port that was opened."""
        self.port = listening.getsockname()[1]
        self.visits = 0
        self.heard = b""


@pytest.fixture
def canary() -> Iterator[Canary]:
    """A second host."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.02)
        found = Canary(listening)

        def count() -> None:
            while not stop.is_set():
                with suppress(TimeoutError):
                    connection, _ = listening.accept()
                    found.visits += 1
                    with connection:
                        connection.settimeout(0.2)
                        with suppress(TimeoutError, OSError):
                            found.heard += connection.recv(65_536)

        thread = threading.Thread(target=count)
        thread.start()
        yield found
        stop.set()
        thread.join()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("faulty", ["Patient", "Condition", "Procedure"])
def test_a_redirect_to_another_host_is_not_followed(
    server: FaultServer, canary: Canary, status: int, faulty: str
) -> None:
    """The token would go with it."""
    elsewhere = f"http://127.0.0.1:{canary.port}/fhir/{faulty}"
    server.faulty = faulty
    server.fault = lambda asked: asked.answer(b"", status, Location=elsewhere)
    assert "not followed" in asked(service(), server).text
    assert canary.visits == 0


@pytest.mark.parametrize("faulty", ["Condition", "Observation", "Procedure"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_next_page_on_another_host_is_not_asked(
    server: FaultServer, canary: Canary, host: str, faulty: str
) -> None:
    """Nor is the same host under another port."""
    page = with_page(f"http://{host}:{canary.port}/fhir/{{type}}?page=2")

    def next_elsewhere(asked: Asked) -> None:
        found = server.found(asked)
        assert found is not None
        asked.answer(page(asked, found))

    server.faulty, server.fault = faulty, next_elsewhere
    assert "could be fetched" in asked(service(), server).text
    assert canary.visits == 0


@pytest.mark.parametrize("proxy", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_no_proxy_of_the_environment_is_used(
    server: FaultServer, canary: Canary, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would read records and tokens."""
    monkeypatch.setenv(proxy, f"http://127.0.0.1:{canary.port}")
    assert asked(service(20_000), server).status_code == 200
    assert canary.visits == 0


def resolving_to(monkeypatch: pytest.MonkeyPatch, address: str, port: int) -> None:
    """Let every name be resolved to one address."""

    def resolved(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)


def test_a_listed_name_that_leads_into_the_house_gets_nothing(
    server: FaultServer, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the connection is closed before the token is sent."""
    base = f"http://ehr.example.org:{canary.port}/fhir"
    listed = BaseUrl.parse(base)
    assert listed is not None
    resolving_to(monkeypatch, "127.0.0.1", canary.port)
    client = service(2_000, servers=frozenset({listed}), loopback=False)
    response = asked(client, server, base)
    assert response.status_code == 412
    assert ELSEWHERE in response.text
    assert canary.heard == b""


def test_a_listed_name_in_a_listed_network_is_asked(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hospital's server has a private address, which a setting names."""
    base = f"http://ehr.example.org:{server.port}/fhir"
    listed = BaseUrl.parse(base)
    assert listed is not None
    resolving_to(monkeypatch, "127.0.0.1", server.port)
    client = service(
        20_000,
        servers=frozenset({listed}),
        networks=frozenset({ip_network("127.0.0.0/8")}),
        loopback=False,
    )
    assert asked(client, server, base).status_code == 200
    assert {item.headers["host"] for item in server.asked} == {f"ehr.example.org:{server.port}"}


PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "0.0.0.0",  # noqa: S104 - an address that is refused
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00::1",
    "ff02::1",
    "::ffff:10.1.2.3",
    "::ffff:127.0.0.1",
    "64:ff9b::a01:203",
    "2002:a01:203::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_no_name_leads_to_an_address_that_is_not_public(address: str) -> None:
    """Also not wrapped into an IPv6 address."""
    assert not Reach().allows("ehr.example.org", address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34"])
def test_a_name_may_lead_to_a_public_address(address: str) -> None:
    """The usual case."""
    assert Reach().allows("ehr.example.org", address)


@pytest.mark.parametrize("address", ["169.254.169.254", "224.0.0.1", "fe80::1"])
def test_no_network_opens_link_local_addresses(address: str) -> None:
    """The metadata service of a cloud gives credentials to whoever asks."""
    assert not Reach(frozenset({ip_network("0.0.0.0/0"), ip_network("::/0")})).allows("a", address)


@pytest.mark.parametrize(
    ("host", "peer", "may"),
    [
        ("localhost", "127.0.0.1", True),
        ("localhost", "::1", True),
        ("localhost", "93.184.216.34", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "::ffff:10.1.2.3", True),
        ("10.1.2.3", "10.1.2.4", False),
    ],
)
def test_a_base_that_is_an_address_says_itself_where_it_lies(
    host: str, peer: str, may: bool
) -> None:
    """It was listed as such."""
    assert Reach().allows(host, peer) is may


def test_a_listed_network_holds_what_lies_in_it_and_no_more() -> None:
    """IPv4 and IPv6."""
    reach = Reach(networks("10.20.0.0/16, fd00:1::/32"))
    found = [reach.allows("a", peer) for peer in ("10.20.1.1", "10.21.0.1", "fd00:1::5", "fd00::5")]
    assert found == [True, False, True, False]


@pytest.mark.parametrize("text", ["10.0.0.1/8", "intranet", "169.254.0.0/16", "0.0.0.0/0", "::/0"])
def test_a_network_that_cannot_be_meant_is_refused_at_start(text: str) -> None:
    """Host bits, words, and networks that hold link-local addresses."""
    with pytest.raises(ValueError, match="must"):
        networks(text)


@pytest.mark.parametrize(
    ("authorization", "why"),
    [
        ({"expires_in": 0}, "has expired"),
        ({"expires_in": -5}, "has expired"),
        ({"token_type": "Basic"}, "cannot be used"),
        ({"access_token": f"{TOKEN}\r\nX: y"}, "cannot be used"),
        ({"access_token": "ä"}, "cannot be used"),
        ({"patient": "another"}, "is for another patient"),
    ],
)
def test_a_token_that_cannot_be_right_is_not_sent(
    server: FaultServer, authorization: dict[str, Any], why: str
) -> None:
    """412 with the reason; the server hears nothing."""
    response = asked(service(), server, **authorization)
    assert response.status_code == 412
    assert why in response.text
    assert server.opened == 0
