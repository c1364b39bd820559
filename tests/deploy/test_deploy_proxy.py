"""nginx as it is deployed, really in front of the service."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from debian_servers import free_port
from nginx_proxy import Proxy, nginx, time_limit
from service_process import Service
from trusted_clients import EHR, production_environment

SERVICE = "/cds-services/relapsed-all-stratification"
CANARY = "CANARY-4711"
TEN_MEGABYTES = 10 * 1024 * 1024


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, newcomer: dict[str, str], root: Path
) -> Iterator[Service]:
    """The service in production, with metrics, which are not for the public."""
    folder = tmp_path_factory.mktemp("service")
    settings = {
        **newcomer,
        "PYTHONPATH": str(root),
        **production_environment(folder),
        "CDS_METRICS": "on",
    }
    running = Service(free_port(), settings, folder / "log")
    running.start()
    yield running
    running.kill()


@pytest.fixture(scope="module")
def proxy(service: Service) -> Iterator[Proxy]:
    """The proxy in front of it."""
    with nginx(service.port) as running:
        yield running


def get(proxy: Proxy, path: str) -> requests.Response:
    """One request over TLS."""
    return requests.get(proxy.base + path, verify=str(proxy.certificate), timeout=20)


def connection(proxy: Proxy) -> ssl.SSLSocket:
    """A raw TLS connection."""
    context = ssl.create_default_context(cafile=str(proxy.certificate))
    raw = socket.create_connection(("127.0.0.1", proxy.port), timeout=30)
    return context.wrap_socket(raw, server_hostname="localhost")


def test_nginx_accepts_the_configuration() -> None:
    """``nginx -t`` on the file that is deployed, at the places of this machine."""
    with nginx(free_port(), once=True) as checked:
        assert checked.port


def test_a_signed_call_passes_through_and_an_unsigned_one_is_401(
    proxy: Proxy, example: bytes
) -> None:
    """Header and body arrive as they were sent, and the service's headers come back."""
    headers = {"Content-Type": "application/json"}
    answers = [
        requests.post(
            proxy.base + SERVICE,
            data=example,
            headers=more,
            verify=str(proxy.certificate),
            timeout=20,
        )
        for more in ({**headers, **EHR.bearer()}, headers)
    ]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert answers[0].json()["cards"]
    for answer in answers:
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Server"] == "nginx"


@pytest.mark.parametrize("path", ["/metrics", "/health/ready", "/health/ready/cards"])
def test_what_the_operator_watches_is_not_for_the_public(
    proxy: Proxy, service: Service, path: str
) -> None:
    """The service answers it, the proxy does not."""
    assert requests.get(service.base + path, timeout=10).status_code == 200
    assert get(proxy, path).status_code == 404
    assert get(proxy, "/health/live").status_code == 200


def test_a_body_above_the_limit_is_refused_by_the_proxy_in_fhir(proxy: Proxy) -> None:
    """413 before the service sees a byte of it; an OperationOutcome like every refusal."""
    with connection(proxy) as channel:
        head = f"POST {SERVICE} HTTP/1.1\r\nHost: x\r\nContent-Length: {TEN_MEGABYTES + 1}\r\n\r\n"
        channel.sendall(head.encode())
        answer = channel.recv(65536).decode()
    assert answer.startswith("HTTP/1.1 413 ")
    outcome = json.loads(answer.partition("\r\n\r\n")[2])
    assert outcome["issue"][0]["code"] == "too-long"


@pytest.mark.parametrize(
    ("sent", "limit"),
    [
        (f"POST {SERVICE} HTTP/1.1\r\nHost: x\r\n", "client_header_timeout"),
        (
            f"POST {SERVICE} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{",
            "client_body_timeout",
        ),
    ],
    ids=["headers", "body"],
)
def test_many_slow_clients_are_dropped_and_hold_nobody_up(
    proxy: Proxy, sent: str, limit: str
) -> None:
    """More of them than the service has threads; they are ended, and others are answered."""
    channels = [connection(proxy) for _ in range(40)]
    try:
        for channel in channels:
            channel.sendall(sent.encode())
        assert get(proxy, "/health/live").status_code == 200
        for channel in channels:
            channel.settimeout(time_limit(limit) * 4)
            assert _ended(channel)
    finally:
        for channel in channels:
            channel.close()


def _ended(channel: ssl.SSLSocket) -> bool:
    """Whether the other side ends the connection, with 408 or without a word."""
    try:
        answer = channel.recv(4096)
    except (ConnectionResetError, ssl.SSLError):
        return True
    return answer == b"" or answer.startswith(b"HTTP/1.1 408 ")


def test_a_service_that_is_away_is_a_503_in_fhir() -> None:
    """The client may ask again; the answer says so in its own words."""
    with nginx(free_port()) as alone:
        answer = get(alone, "/cds-services")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.json()["issue"][0]["code"] == "transient"


def test_no_log_of_the_proxy_holds_an_address(proxy: Proxy, service: Service) -> None:
    """Addresses may hold a patient's id, also those of requests that fail."""
    get(proxy, f"/fhir/Patient/{CANARY}?name={CANARY}")
    with nginx(free_port()) as alone:
        get(alone, f"/{CANARY}")
        logs = [path.read_text() for path in alone.log.parent.glob("*.log")]
    logs += [path.read_text() for path in proxy.log.parent.glob("*.log")]
    logs.append(service.log.read_text())
    assert any(" GET 404 " in log for log in logs)
    assert not any(CANARY in log for log in logs)
