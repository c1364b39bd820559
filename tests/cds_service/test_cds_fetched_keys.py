"""Keys from a `jku`: fetched within bounds, kept, rotated, and never asked for in floods."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from cds_answers import SERVICE
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from key_server import PATH, KeyServer, key_server
from trusted_clients import EHR, TestClient, new_key, new_rsa_key, production_config

from cds_service.app import create_app
from cds_service.config import Config
from cds_service.errors import TrustUnavailable
from cds_service.trust.admission import admission
from cds_service.trust.key_document import KeysUnreachable, key_document
from cds_service.trust.key_sources import HARD, PAUSE, SOFT, UNKNOWN, FetchedKeys
from cds_service.trust.trust_file import sandbox_client

OLD, NEW = new_key("old"), new_key("new")
PATIENCE = 10


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        """Any start."""
        self.now = 1_000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


@pytest.fixture
def server() -> Iterator[KeyServer]:
    """A server that holds the old key."""
    with key_server() as serving:
        serving.serve([OLD])
        yield serving


@pytest.fixture
def clock() -> Clock:
    """A clock of the test."""
    return Clock()


@pytest.fixture
def keys(server: KeyServer, clock: Clock) -> FetchedKeys:
    """The keys of that server."""
    return FetchedKeys(server.url, clock=clock)


def test_keys_are_fetched_once_and_then_kept(keys: FetchedKeys, server: KeyServer) -> None:
    """However many tokens arrive."""
    found = [keys.key("old") for _ in range(50)]
    assert all(key is not None and key.thumbprint == OLD.thumbprint() for key in found)
    assert len(server.asked) == 1


def test_a_new_key_is_found_when_a_token_names_it(
    keys: FetchedKeys, server: KeyServer, clock: Clock
) -> None:
    """Rotation: the client publishes, signs, and is understood at once."""
    assert keys.key("old")
    server.serve([OLD, NEW])
    clock.now += PAUSE
    assert keys.key("new")
    server.serve([NEW])
    clock.now += SOFT
    assert keys.key("new")
    assert len(server.asked) >= 2


def test_a_key_that_is_withdrawn_is_forgotten(
    keys: FetchedKeys, server: KeyServer, clock: Clock
) -> None:
    """After the time for which keys are kept unasked."""
    assert keys.key("old")
    server.serve([NEW])
    clock.now += SOFT
    keys.key("old")  # kept, and asked for in the background
    for _ in range(PATIENCE * 100):
        if keys.key("old") is None:
            break
        threading.Event().wait(0.01)
    assert keys.key("old") is None
    assert keys.key("new")


def test_a_flood_of_unknown_ids_is_one_fetch(
    keys: FetchedKeys, server: KeyServer, clock: Clock
) -> None:
    """One in every PAUSE seconds, whatever arrives; and the good key still works."""
    assert keys.key("old")
    for second in range(int(PAUSE) * 4):
        clock.now += 1
        assert all(keys.key(f"unknown-{second}-{number}") is None for number in range(50))
        assert keys.key("old")
    assert len(server.asked) == 5


def test_one_unknown_id_is_not_asked_for_again_for_a_while(
    keys: FetchedKeys, server: KeyServer, clock: Clock
) -> None:
    """A client that signs with a wrong key every second costs one fetch in UNKNOWN seconds."""
    assert keys.key("old")
    clock.now += PAUSE
    for _ in range(int(UNKNOWN)):
        assert keys.key("other") is None
        clock.now += 1
    assert len(server.asked) == 2
    assert keys.key("other") is None
    assert len(server.asked) == 3


def test_many_callers_at_once_are_one_fetch(keys: FetchedKeys, server: KeyServer) -> None:
    """All of them wait for it, and all get the key."""
    with ThreadPoolExecutor(20) as callers:
        found = list(callers.map(lambda _number: keys.key("old"), range(200)))
    assert all(found)
    assert len(server.asked) == 1


def test_the_last_good_keys_are_kept_while_the_server_fails(
    keys: FetchedKeys, server: KeyServer, clock: Clock
) -> None:
    """For a day; then nobody can say whether they still hold."""
    assert keys.key("old")
    server.status = 500
    clock.now += HARD - 1
    assert keys.key("old")
    assert keys.key("unknown") is None
    clock.now += 2
    with pytest.raises(TrustUnavailable):
        keys.key("old")
    server.status = 200
    clock.now += PAUSE
    assert keys.key("old")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": []}',
        b'{"keys": [1]}',
        b'{"keys": [{"kty": "EC"}]}',
        b"<html>Sign in</html>",
        b"\xff",
        b'{"keys":' + b"[" * 50_000,
    ],
)
def test_a_document_without_a_usable_key_changes_nothing(
    body: bytes, keys: FetchedKeys, server: KeyServer, clock: Clock
) -> None:
    """What was good stays; where nothing was, nobody is let in."""
    good, server.body = server.body, body
    with pytest.raises(TrustUnavailable):
        keys.key("old")
    server.body = good
    clock.now += PAUSE
    assert keys.key("old")
    server.body = body
    clock.now += PAUSE
    assert keys.key("unknown") is None
    assert keys.key("old")


def test_keys_that_cannot_be_used_are_left_out_of_a_set(
    keys: FetchedKeys, server: KeyServer
) -> None:
    """For encryption, of another curve or size, private, without id, twice, or denied."""
    denied = next(iter(sandbox_client().values())).keys
    (kid, public) = next(iter(denied.items()))
    server.serve(
        [
            OLD,
            {**NEW.as_dict(private=False), "kid": "encryption", "use": "enc"},
            {**NEW.as_dict(private=True), "kid": "private"},
            {**NEW.as_dict(private=False), "kid": "twice"},
            {**new_key("x").as_dict(private=False), "kid": "twice"},
            {**NEW.as_dict(private=False), "kid": ""},
            {"kty": "oct", "kid": "secret", "k": "c2VjcmV0"},
            {"kty": "OKP", "kid": "other", "crv": "Ed25519", "x": "eA"},
            public.key.as_dict(private=False) | {"kid": kid},
            new_rsa_key("rsa"),
        ]
    )
    strict = FetchedKeys(server.url, frozenset({public.thumbprint}))
    names = ["old", "rsa", "encryption", "private", "twice", "", "secret", "other", kid]
    assert [name for name in names if strict.key(name)] == ["old", "rsa"]
    assert keys.key(kid)  # in development it is known


def test_a_redirect_is_not_followed(keys: FetchedKeys, server: KeyServer) -> None:
    """Not even to the same server."""
    server.status, server.headers = 302, {"Location": f"{server.url}/elsewhere"}
    with pytest.raises(TrustUnavailable):
        keys.key("old")
    assert [path for path, _ in server.asked] == [PATH]


@pytest.mark.parametrize("way", ["drip", "silent"])
def test_a_slow_server_is_cut_off_at_the_total_time(way: str, server: KeyServer) -> None:
    """A byte now and then does not extend it."""
    server.answer = getattr(server, way)
    with pytest.raises(KeysUnreachable, match="in time"):
        key_document(server.url, seconds=0.3)
    server.leave.set()


@pytest.mark.parametrize(
    ("way", "told"), [("endless", "more than 5000 bytes"), ("plain", "more than 5000 bytes")]
)
def test_a_huge_document_is_cut_off_at_the_limit(way: str, told: str, server: KeyServer) -> None:
    """Announced or not."""
    server.body = b" " * 5_001
    server.answer = getattr(server, way)
    with pytest.raises(KeysUnreachable, match=told):
        key_document(server.url, seconds=PATIENCE, most_bytes=5_000)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"headers": {"Content-Encoding": "gzip"}}, "encoding"),
        ({"status": 404}, "404"),
        ({"status": 204, "body": b""}, "204"),
        ({"headers": {"Content-Length": "99999"}}, "in part"),
    ],
)
def test_what_is_no_plain_document_is_refused(
    changes: dict[str, Any], told: str, server: KeyServer
) -> None:
    """Nothing is unpacked, and a body cut short is none."""
    for name, value in changes.items():
        setattr(server, name, value)
    with pytest.raises(KeysUnreachable, match=told):
        key_document(server.url, seconds=PATIENCE)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/jwks.json", "https://keys.invalid/jwks.json", "http://[::1]:1/"]
)
def test_a_server_that_is_not_there_is_said_in_words_without_its_address(url: str) -> None:
    """The words go into no answer, but might go into a log."""
    with pytest.raises(KeysUnreachable) as fault:
        key_document(url, seconds=PATIENCE)
    assert "jwks" not in str(fault.value)


def test_tls_is_verified(server: KeyServer) -> None:
    """A server that speaks no TLS, or shows an unknown certificate, gives no keys."""
    with pytest.raises(KeysUnreachable):
        key_document(server.url.replace("http:", "https:"), seconds=PATIENCE)


def test_a_certificate_must_be_known_to_the_system_and_fit_the_host(
    server: KeyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unknown: no keys. Listed by SSL_CERT_FILE: keys, but for its own name alone."""
    url = server.with_tls(own_certificate(tmp_path))
    with pytest.raises(KeysUnreachable, match="TLS"):
        key_document(url, seconds=PATIENCE)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    assert json.loads(key_document(url, seconds=PATIENCE))["keys"]
    with pytest.raises(KeysUnreachable, match="TLS"):
        key_document(url.replace("127.0.0.1", "localhost"), seconds=PATIENCE)


def test_production_takes_no_public_development_key_from_a_key_address(
    server: KeyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that published it would let everybody sign."""
    ((kid, public),) = next(iter(sandbox_client().values())).keys.items()
    server.serve([OLD, public.key.as_dict(private=False) | {"kid": kid}])
    url = server.with_tls(own_certificate(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    config = production_config(tmp_path)
    path = tmp_path / "trust.toml"
    path.write_text(f'[[clients]]\niss = "{EHR.iss}"\njku = "{url}"\n', encoding="utf-8")
    keys = admission(config).verifier.sources[EHR.iss]
    assert keys.key("old")
    assert keys.key(kid) is None


def own_certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that nobody else signed, with its key, in ``folder``."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "keys")])
    now = datetime.now(UTC)
    address = x509.IPAddress(IPv4Address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM)
    (folder / "certificate.pem").write_bytes(pem)
    both = folder / "with_key.pem"
    both.write_bytes(pem + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return both


def test_nothing_of_the_environment_is_used(
    server: KeyServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No proxy, no password of a .netrc, no cookie."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login canary password canary\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert json.loads(key_document(server.url, seconds=PATIENCE))["keys"]
    ((_, headers),) = server.asked
    assert {"Authorization", "Cookie"} & set(headers) == set()


def test_the_service_verifies_with_keys_from_the_address_of_the_client(
    server: KeyServer, tmp_path: Path, hook_body: dict[str, Any]
) -> None:
    """Good, of another key, of an unknown key, and of another address of keys."""
    path = tmp_path / "trust.toml"
    path.write_text(f'[[clients]]\niss = "{EHR.iss}"\njku = "{server.url}"\n', encoding="utf-8")
    config = Config(feedback_database="sqlite://")
    service = create_app(replace(config, trust=replace(config.trust, file=str(path)))).test_client()
    audience = f"http://127.0.0.1:8080{SERVICE}"
    good, forged = TestClient(key=OLD), TestClient(key=new_key("old"))
    for client, header, status in (
        (good, good.header(), 200),
        (good, good.header(jku=server.url), 200),
        (good, good.header(jku="https://evil.example/jwks.json"), 401),
        (good, good.header(kid="unknown"), 401),
        (forged, forged.header(), 401),
    ):
        token = client.token(audience, header=header)
        answer = service.post(SERVICE, json=hook_body, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status
    assert len(server.asked) == 1


def test_the_service_answers_503_where_no_key_can_be_had(
    server: KeyServer, tmp_path: Path, hook_body: dict[str, Any]
) -> None:
    """Nobody is let in, and the client may come again."""
    path = tmp_path / "trust.toml"
    path.write_text(f'[[clients]]\niss = "{EHR.iss}"\njku = "{server.url}"\n', encoding="utf-8")
    config = Config(feedback_database="sqlite://")
    service = create_app(replace(config, trust=replace(config.trust, file=str(path)))).test_client()
    server.status = 500
    headers = EHR.bearer(f"http://127.0.0.1:8080{SERVICE}")
    answer = service.post(SERVICE, json=hook_body, headers=headers)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
