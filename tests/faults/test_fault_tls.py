"""Certificates that are not to be trusted, and servers that speak no TLS."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fault_calls import TOKEN, asked, service
from fault_kinds import LATE, UNREACHABLE
from fault_server import FaultServer, fault_server

UNTRUSTED = "shows a certificate that is not trusted"
NOW = datetime.now(UTC)


def certificate(
    folder: Path, address: str = "127.0.0.1", until: datetime = NOW + timedelta(days=1)
) -> Path:
    """A certificate of its own authority for one address, with its key, as one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "invented")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=9))
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    encoding = serialization.Encoding.PEM
    secret = key.private_bytes(
        encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(encoding))
    return path


@pytest.fixture
def over_tls(child: list[dict[str, Any]]) -> Callable[[Path], Any]:
    """The FHIR server that holds the child, with a certificate."""

    @contextmanager
    def serve(path: Path) -> Iterator[FaultServer]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        with fault_server(child, context) as server:
            yield server

    return serve


def trusting(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Let this certificate be the authority that the system trusts."""
    monkeypatch.setenv("SSL_CERT_FILE", str(path))


def test_a_server_with_a_certificate_that_the_system_trusts_is_read(
    over_tls: Callable[[Path], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hospital's own authority is added to the system, or named by SSL_CERT_FILE."""
    path = certificate(tmp_path)
    trusting(monkeypatch, path)
    with over_tls(path) as server:
        response = asked(service(), server)
        assert response.status_code == 200
        assert "FHIR server" not in response.text
        assert server.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("wrong", ["unknown authority", "other address", "expired"])
def test_a_certificate_that_is_not_to_be_trusted_ends_the_call(
    over_tls: Callable[[Path], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wrong: str,
) -> None:
    """412 with the reason; the token is not sent, and nobody is asked twice."""
    if wrong == "other address":
        path = certificate(tmp_path, "192.0.2.1")
    elif wrong == "expired":
        path = certificate(tmp_path, until=NOW - timedelta(days=1))
    else:
        path = certificate(tmp_path)
    if wrong != "unknown authority":
        trusting(monkeypatch, path)
    with over_tls(path) as server:
        response = asked(service(), server)
        assert response.status_code == 412
        assert UNTRUSTED in response.text
        assert server.asked == []
        assert server.opened <= 6


def test_a_server_that_speaks_no_tls_cannot_be_reached(server: FaultServer) -> None:
    """Plain HTTP on the port of an https base: such a server calls the handshake a bad request."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.02)

        def refuse() -> None:
            while not over.is_set():
                with suppress(OSError):
                    connection, _ = listening.accept()
                    with connection:
                        connection.recv(9_000)
                        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        port = listening.getsockname()[1]
        response = asked(service(), server, f"https://127.0.0.1:{port}/fhir")
        over.set()
        thread.join()
    assert response.status_code == 412
    assert UNREACHABLE in response.text


def test_a_handshake_that_never_ends_does_not_make_the_answer_late(server: FaultServer) -> None:
    """The connection stands, and nothing follows."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        response = asked(service(400), server, f"https://127.0.0.1:{port}/fhir")
    assert response.status_code == 412
    assert LATE in response.text
