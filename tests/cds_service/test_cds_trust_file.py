"""The trust file is checked at start, and production does not start without a sound one."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from pathlib import Path

import pytest
from cds_answers import SERVICE
from joserfc.jwk import ECKey
from trusted_clients import EHR, key_toml, new_key, production_config, trust_file

from cds_service.app import create_app
from cds_service.config import Config
from cds_service.errors import SettingError
from cds_service.fhir_server.settings import BaseUrl
from cds_service.trust.clients import Limits, TrustedClient
from cds_service.trust.trust_file import SANDBOX, sandbox_client, trusted_clients

KEY = key_toml(new_key("key-1"))
ISS = 'iss = "https://ehr.example.org"\n'
OFF_CURVE = {**new_key("key-1").as_dict(private=False), "y": new_key("other").as_dict()["y"]}
# 1023 bits: 2 to the power of 1023, minus 1.
SHORT_RSA = f'[[clients.keys]]\nkty = "RSA"\nkid = "k"\ne = "AQAB"\nn = "f{"_" * 169}w"\n'
PRIVATE = new_key("key-1").as_dict(private=True)


def written(folder: Path, entry: str) -> str:
    """Path of a trust file with one client of this text."""
    path = folder / "trust.toml"
    path.write_text(f"[[clients]]\n{entry}", encoding="utf-8")
    return str(path)


def test_every_field_of_an_entry_arrives_at_the_client(tmp_path: Path) -> None:
    """What docs/trust.md describes."""
    entry = ISS + (
        'algorithms = ["ES384"]\n'
        'tenants = ["north"]\n'
        'audiences = ["urn:cds"]\n'
        "longest_lifetime = 1200\n"
        'fhir_servers = ["https://EHR.example.org/r4/"]\n'
        'open_fhir_servers = ["https://open.example.org/r4"]\n'
        'profile = "epic"\n'
        'links = ["https://doi.org"]\n'
        "[clients.limits]\ncalls_per_minute = 60\nburst = 5\nconcurrent = 2\n"
    )
    (client,) = trusted_clients(written(tmp_path, entry + KEY), development=False).values()
    assert client.iss == "https://ehr.example.org"
    assert client.algorithms == {"ES384"}
    assert client.tenants == {"north"}
    assert client.audiences == {"urn:cds"}
    assert client.longest_lifetime == 1_200
    assert client.fhir_servers == {BaseUrl("https", "ehr.example.org", 443, "/r4")}
    assert client.open_fhir_servers == {BaseUrl("https", "open.example.org", 443, "/r4")}
    assert (client.profile, client.links) == ("epic", ("https://doi.org",))
    assert client.limits == Limits(calls_per_minute=60, burst=5, concurrent=2)
    assert set(client.keys) == {"key-1"}


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        (KEY, "clients[0]: Object missing required field `iss`"),
        ('iss = ""\n' + KEY, "clients[0].iss"),
        ("iss = 1\n" + KEY, "clients[0].iss"),
        (ISS, "clients[0].jku"),
        (ISS + 'jku = "https://ehr.example.org/jwks"\n' + KEY, "clients[0].jku"),
        (ISS + 'jku = "http://ehr.example.org/jwks"\n', "clients[0].jku"),
        (ISS + 'jku = "http://127.0.0.1/jwks"\n', "clients[0].jku"),
        (ISS + 'jku = "https://u:p@ehr.example.org/jwks"\n', "clients[0].jku"),
        (ISS + 'jku = "file:///etc/keys.json"\n', "clients[0].jku"),
        (ISS + 'algorithms = ["ES384", "HS256"]\n' + KEY, "clients[0].algorithms"),
        (ISS + "algorithms = []\n" + KEY, "clients[0].algorithms"),
        (ISS + 'algorithms = ["RS384"]\n' + KEY, "clients[0].algorithms"),
        (ISS + 'profile = "cerner"\n' + KEY, "clients[0].profile"),
        (ISS + "longest_lifetime = 3601\n" + KEY, "clients[0].longest_lifetime"),
        (ISS + 'fhir_servers = ["http://ehr.example.org/r4"]\n' + KEY, "fhir_servers[0]"),
        (ISS + 'fhir_servers = ["http://127.0.0.1/r4"]\n' + KEY, "clients[0].fhir_servers[0]"),
        (ISS + 'fhir_servers = ["https://a.example/?x=1"]\n' + KEY, "clients[0].fhir_servers[0]"),
        (ISS + 'open_fhir_servers = ["x"]\n' + KEY, "clients[0].open_fhir_servers[0]"),
        (ISS + 'links = ["doi.org"]\n' + KEY, "clients[0].links[0]"),
        (ISS + "limits = { burst = 0 }\n" + KEY, "clients[0].limits.burst"),
        (ISS + 'secret = "x"\n' + KEY, "unknown field `secret`"),
        (ISS + KEY + KEY, "clients[0].keys[1].kid"),
        (ISS + key_toml(ECKey.generate_key("P-384")), "clients[0].keys[0]: needs a kid"),
        (ISS + key_toml(ECKey.generate_key("P-256", {"kid": "k"})), "clients[0].keys[0]"),
        (ISS + SHORT_RSA, "clients[0].keys[0]: must have 2048"),
        (ISS + KEY.replace("P-384", "P-385"), "clients[0].keys[0]"),
        (ISS + key_toml(OFF_CURVE), "clients[0].keys[0]: is not a sound key"),
        (ISS + f'{KEY}use = "enc"\n', "clients[0].keys[0]: is not for signatures"),
        (ISS + f'{KEY}alg = "ES256"\n', "clients[0].keys[0]: is for another algorithm"),
        (ISS + '[[clients.keys]]\nkty = "oct"\nkid = "k"\nk = "c2VjcmV0"\n', "private or symm"),
        (ISS + f'{KEY}d = "{PRIVATE["d"]}"\n', "clients[0].keys[0]: holds a private"),
        (ISS + KEY + "[[clients]]\n" + ISS + KEY, "clients[1].iss"),
        ('iss = "https://sandbox.cds-hooks.org"\n' + KEY, "clients[0].iss"),
        (ISS + 'jku = "https://sandbox.cds-hooks.org/.well-known/jwks.json"\n', "clients[0].iss"),
    ],
)
def test_a_fault_of_the_trust_file_is_named_by_its_place(
    entry: str, place: str, tmp_path: Path
) -> None:
    """And no key material is repeated."""
    with pytest.raises(SettingError, match="CDS_TRUST_FILE") as refusal:
        trusted_clients(written(tmp_path, entry), development=False)
    assert place in str(refusal.value)
    assert str(PRIVATE["d"]) not in str(refusal.value)


@pytest.mark.parametrize(
    "content", [b"", b"clients = []", b"[[clients]", b"\xff", b"clients = 1", b"[client]"]
)
def test_a_file_without_clients_is_refused(content: bytes, tmp_path: Path) -> None:
    """Nobody could call."""
    path = tmp_path / "trust.toml"
    path.write_bytes(content)
    with pytest.raises(SettingError, match="CDS_TRUST_FILE"):
        trusted_clients(str(path), development=False)
    with pytest.raises(SettingError, match="CDS_TRUST_FILE"):
        trusted_clients(str(tmp_path / "other.toml"), development=False)


def test_development_may_use_loopback_addresses_and_knows_the_sandbox(tmp_path: Path) -> None:
    """A test EHR on one's own machine has no certificate."""
    entry = ISS + 'jku = "http://127.0.0.1:9/jwks"\nfhir_servers = ["http://localhost:8/r4"]\n'
    known = trusted_clients(written(tmp_path, entry), development=True)
    assert set(known) == {"https://ehr.example.org", *sandbox_client()}


def test_production_refuses_the_public_key_of_the_sandbox_under_any_name(tmp_path: Path) -> None:
    """Everybody can sign with it: by its fingerprint, whatever the entry calls it."""
    renamed = SANDBOX.read_text("utf-8").replace("sandbox.cds-hooks.org", "ehr.example.org")
    path = tmp_path / "trust.toml"
    path.write_text(renamed.replace("44823f3d", "a0000000"), encoding="utf-8")
    with pytest.raises(SettingError, match=r"clients\[0\].keys\[0\]: is a public development key"):
        trusted_clients(str(path), development=False)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("CDS_PUBLIC_URL", {"public_url": ""}),
        ("CDS_PUBLIC_URL", {"public_url": "http://cds.example.org"}),
        ("CDS_PUBLIC_URL", {"public_url": "https://localhost"}),
        ("CDS_PUBLIC_URL", {"public_url": "https://127.0.0.1:8443"}),
        ("CDS_CLIENT_PROFILE", {"client_profile": "epic"}),
        ("CDS_CLIENT_LINKS", {"client_links": ("https://doi.org",)}),
    ],
)
def test_production_does_not_start_with_a_setting_of_a_trial(
    name: str, changes: dict[str, object], tmp_path: Path
) -> None:
    """A public https address is needed; what belongs to a client stands with the client."""
    config = replace(production_config(tmp_path), **changes)  # type: ignore[arg-type] # any field
    with pytest.raises(SettingError) as refusal:
        create_app(config)
    assert refusal.value.setting == name


def test_production_does_not_start_without_a_trust_file_or_a_shared_replay_store(
    tmp_path: Path,
) -> None:
    """Each process of a memory store would accept a token once."""
    config = production_config(tmp_path)
    for name, trust in (
        ("CDS_TRUST_FILE", replace(config.trust, file="")),
        ("CDS_REPLAY_STORE", replace(config.trust, replay_store="memory")),
        ("CDS_REPLAY_STORE", replace(config.trust, replay_store="sqlite:///no/such/folder/x")),
        ("CDS_REPLAY_STORE", replace(config.trust, replay_store="postgresql://x")),
    ):
        with pytest.raises(SettingError) as refusal:
            create_app(replace(config, trust=trust))
        assert refusal.value.setting == name


def test_production_does_not_start_with_fhir_servers_for_every_client(tmp_path: Path) -> None:
    """Each client has its own: no hospital's token is sent to another one's server."""
    config = production_config(tmp_path)
    base = frozenset({BaseUrl("https", "ehr.example.org", 443, "/r4")})
    for name, fhir in (
        ("CDS_FHIR_SERVERS", replace(config.fhir, servers=base)),
        ("CDS_FHIR_OPEN_SERVERS", replace(config.fhir, open_servers=base)),
    ):
        with pytest.raises(SettingError) as refusal:
            create_app(replace(config, fhir=fhir))
        assert refusal.value.setting == name


def test_the_log_says_at_start_who_is_let_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A trial left running by mistake is seen."""
    for config, mode in ((Config(), "development"), (production_config(tmp_path), "production")):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            create_app(config)
        assert json.loads(caplog.records[0].getMessage())["mode"] == mode


def test_the_cards_have_the_profile_of_the_client_that_asks(tmp_path: Path) -> None:
    """Oracle gets only the links that it lists; another client of the same service gets all."""
    oracle = replace(
        EHR,
        iss="https://oracle.example.org",
        entry='profile = "oracle"\nlinks = ["https://doi.org"]',
    )
    service = create_app(production_config(tmp_path, [EHR, oracle])).test_client()
    body = json.loads(
        (Path(__file__).parents[2] / "examples" / "patient-view.json").read_text("utf-8")
    )
    links = {}
    for client in (EHR, oracle):
        answer = service.post(SERVICE, json=body, headers=client.bearer())
        links[client.iss] = {link["url"] for card in answer.json["cards"] for link in card["links"]}
    assert all(url.startswith("https://doi.org/") for url in links[oracle.iss])
    assert links[oracle.iss] < links[EHR.iss]


def test_a_fhir_server_is_asked_only_for_the_client_that_lists_it(tmp_path: Path) -> None:
    """Another client's server, and in production a loopback address, are refused with 412."""
    other = replace(
        EHR,
        iss="https://other.example.org",
        entry='fhir_servers = ["https://fhir.invalid/r4"]',
    )
    service = create_app(production_config(tmp_path, [EHR, other])).test_client()
    body = {
        "hook": "patient-view",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/p1", "patientId": "p1"},
        "fhirServer": "https://fhir.invalid/r4",
        "fhirAuthorization": {
            "access_token": "t",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "patient/*.read",
            "subject": "cds",
        },
    }
    refused = "not one that this service may ask"
    for client, server, told in (
        (EHR, "https://fhir.invalid/r4", refused),
        (EHR, "http://127.0.0.1:9/fhir", refused),
        (other, "https://fhir.invalid/r4", "cannot be reached"),
    ):
        asked = {**body, "fhirServer": server}
        answer = service.post(SERVICE, json=asked, headers=client.bearer())
        assert answer.status_code == 412
        assert told in answer.json["issue"][0]["diagnostics"]


def test_feedback_of_two_clients_about_one_card_is_two_outcomes(tmp_path: Path) -> None:
    """And told twice by one of them it is one."""
    other = replace(EHR, iss="https://other.example.org")
    service = create_app(production_config(tmp_path, [EHR, other])).test_client()
    item = {
        "card": "4e0a3a1e-3283-4575-ab82-028d55fe2719",
        "outcome": "overridden",
        "outcomeTimestamp": "2026-11-20T10:00:00Z",
    }
    address = f"https://cds.example.org{SERVICE}/feedback"
    for client, new in ((EHR, 1), (other, 1), (EHR, 0)):
        answer = service.post(
            f"{SERVICE}/feedback", json={"feedback": [item]}, headers=client.bearer(address)
        )
        assert answer.json == {"received": 1, "new": new}


def test_the_trust_file_of_the_documentation_is_sound(tmp_path: Path) -> None:
    """docs/trust.md shows what is read, and names every field."""
    text = (Path(__file__).parents[2] / "docs" / "trust.md").read_text("utf-8")
    path = tmp_path / "trust.toml"
    path.write_text(text.partition("```toml\n")[2].partition("```")[0], encoding="utf-8")
    assert len(trusted_clients(str(path), development=False)) == 2
    told = {
        name.removeprefix("limits.")
        for name in re.findall(r"^\| `([a-z_.]+)` \|", text, re.MULTILINE)
    }
    assert told >= {*TrustedClient.__slots__, *Limits.__slots__} - {"limits"}


def test_the_trust_file_of_the_tests_is_read_as_in_production(tmp_path: Path) -> None:
    """What other tests build on is itself sound."""
    assert set(trusted_clients(str(trust_file(tmp_path)), development=False)) == {EHR.iss}
