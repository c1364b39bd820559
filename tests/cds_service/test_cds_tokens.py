"""Which tokens are accepted: hostile ones against two libraries and the running service."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt as pyjwt
import pytest
from cds_answers import SERVICE, outcome_of
from flask.testing import FlaskClient
from hostile_tokens import HOSTILE, PYJWT_ACCEPTS, raw, segment
from hypothesis import given
from hypothesis import strategies as st
from trusted_clients import (
    EHR,
    SERVICE_URL,
    TestClient,
    new_key,
    new_rsa_key,
    production_config,
    trust_file,
)

from cds_service.app import create_app
from cds_service.trust.clients import TrustedClient
from cds_service.trust.key_sources import ListedKeys
from cds_service.trust.tokens import Rejection, TokenRefused, TokenVerifier
from cds_service.trust.trust_file import sandbox_client, trusted_clients

LEEWAY = 10
RSA = TestClient(iss="https://rsa.example.org", key=new_rsa_key("rsa-1"), algorithm="RS384")
FETCHED = TestClient(iss="https://fetched.example.org")
JKU = "https://keys.example.org/jwks.json"

# Signed on 2026-11-24 by the public key of the CDS Hooks Sandbox.
SANDBOX_SIGNED_AT = 1795563085


def verifier(clients: Mapping[str, TrustedClient], **options: Any) -> TokenVerifier:
    """A verifier that knows ``clients`` by the keys of the trust file."""
    sources = {iss: ListedKeys(client.keys) for iss, client in clients.items()}
    return TokenVerifier(clients, sources, LEEWAY, **options)


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TrustedClient]:
    """The trust file of EHR and RSA, read as in production."""
    path = trust_file(tmp_path_factory.mktemp("trust"), [EHR, RSA])
    return trusted_clients(str(path), development=False)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A service in production that trusts EHR and RSA."""
    config = production_config(tmp_path_factory.mktemp("service"), [EHR, RSA])
    return create_app(config).test_client()


@pytest.mark.parametrize("client", [EHR, RSA], ids=lambda client: client.algorithm)
def test_a_good_token_is_verified_and_both_libraries_read_the_same(
    client: TestClient, trusted: dict[str, TrustedClient]
) -> None:
    """ES384 and RS384."""
    token = client.token(sub="somebody")
    found = verifier(trusted).verified(token, [SERVICE_URL])
    assert found.client.iss == client.iss
    assert by_pyjwt(client, token)["jti"]
    assert len(found.use) == 64


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_token_is_refused_for_its_reason(
    name: str, trusted: dict[str, TrustedClient]
) -> None:
    """By the verifier of the service, which rests on joserfc."""
    why, make = HOSTILE[name]
    with pytest.raises(TokenRefused) as refusal:
        verifier(trusted).verified(make(EHR), [SERVICE_URL])
    assert refusal.value.why is why


@pytest.mark.parametrize("name", HOSTILE)
def test_an_independent_library_refuses_it_too_unless_only_our_rules_can(name: str) -> None:
    """PyJWT as the second opinion: what it accepts is listed, token by token."""
    _, make = HOSTILE[name]
    try:
        by_pyjwt(EHR, make(EHR))
        accepted = True
    except (pyjwt.PyJWTError, ValueError, OverflowError, KeyError):
        accepted = False
    assert accepted is (name in PYJWT_ACCEPTS)


@pytest.mark.parametrize("name", HOSTILE)
def test_the_service_answers_401_without_saying_why(
    name: str, service: FlaskClient, hook_body: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The same words for every token, and nothing of it in a log."""
    why, make = HOSTILE[name]
    token = make(EHR)
    with caplog.at_level(logging.DEBUG):
        response = service.post(
            SERVICE, json=hook_body, headers={"Authorization": f"Bearer {token}"}
        )
    assert response.status_code == 401
    assert outcome_of(response) == {
        "severity": "error",
        "code": "login",
        "diagnostics": "This call is not authorised.",
    }
    assert response.headers["WWW-Authenticate"] == "Bearer"
    (entry,) = [item for item in caplog.records if item.name == "cds_service.rejections"]
    assert json.loads(entry.getMessage())["why"] == why.value
    assert token not in caplog.text


def test_there_are_more_hostile_tokens_than_the_thirty_seven_that_were_asked_for() -> None:
    """Fewer would mean that some were lost; each is made by a function of its own name."""
    assert len(HOSTILE) >= 80


def by_pyjwt(client: TestClient, token: str) -> dict[str, Any]:
    """The claims as PyJWT verifies them, as strictly as it can be asked to."""
    header = pyjwt.get_unverified_header(token)
    if header.get("kid", client.key.kid) != client.key.kid:
        raise KeyError("kid")
    jwk = pyjwt.PyJWK(client.key.as_dict(private=False), algorithm=client.algorithm)
    claims: dict[str, Any] = pyjwt.decode(
        token,
        jwk,
        algorithms=["ES384", "RS384"],
        audience=SERVICE_URL,
        issuer=client.iss,
        leeway=LEEWAY,
        options={"require": ["exp", "iat", "jti", "aud", "iss"]},
    )
    return claims


@given(sent=st.binary(max_size=200))
def test_whatever_bytes_stand_in_the_header_the_answer_is_401(
    service: FlaskClient, sent: bytes
) -> None:
    """Never a bug, and never a way in."""
    header = sent.decode("latin-1").translate(dict.fromkeys(range(32)))
    for value in (header, f"Bearer {header}", f"Bearer {segment(sent)}.{segment(sent)}.x"):
        environ = {"HTTP_AUTHORIZATION": value}
        assert service.post(SERVICE, json={}, environ_overrides=environ).status_code == 401


@given(data=st.data())
def test_a_good_token_changed_in_any_character_is_refused(
    trusted: dict[str, TrustedClient], data: st.DataObject
) -> None:
    """In header, claims or signature."""
    token = EHR.token()
    place = data.draw(st.integers(0, len(token) - 1))
    signs = st.sampled_from("ABCxyz019-_.").filter(lambda sign: sign != token[place])
    changed = token[:place] + data.draw(signs) + token[place + 1 :]
    with pytest.raises(TokenRefused):
        verifier(trusted).verified(changed, [SERVICE_URL])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(
    claims=st.dictionaries(
        st.sampled_from(["iss", "aud", "exp", "iat", "nbf", "jti", "tenant", "sub"]), json_values
    )
)
def test_signed_claims_of_any_type_are_refused_and_never_a_bug(
    trusted: dict[str, TrustedClient], claims: dict[str, Any]
) -> None:
    """A client's own mistake is a refusal too."""
    text = json.dumps({**EHR.claims(), **claims})
    token = raw(EHR, json.dumps(EHR.header()), text)
    try:
        found = verifier(trusted).verified(token, [SERVICE_URL])
    except TokenRefused:
        return
    assert found.client.iss == EHR.iss
    assert found.tenant == ""


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        "Bearer a b",
        "bearer:x",
        "Bearer x, Bearer y",
        "Bearer \u00e9.\u00e9.\u00e9",
    ],
)
def test_an_authorization_header_that_is_no_bearer_token_is_refused(
    header: str, service: FlaskClient, hook_body: dict[str, Any]
) -> None:
    """Two tokens are none."""
    response = service.post(SERVICE, json=hook_body, headers={"Authorization": header})
    assert response.status_code == 401


def test_in_production_nothing_is_answered_without_a_token_but_what_is_about_nobody(
    service: FlaskClient, hook_body: dict[str, Any]
) -> None:
    """Discovery, health and source attributes are open; the service and its feedback are not."""
    assert service.post(SERVICE, json=hook_body).status_code == 401
    assert service.post(f"{SERVICE}/feedback", json={"feedback": []}).status_code == 401
    assert service.post("/cds-services/other", json=hook_body).status_code == 401
    assert service.post(f"{SERVICE}/", json=hook_body).status_code == 401
    for path in ("/cds-services", "/health", f"{SERVICE}/source-attributes"):
        assert service.get(path).status_code == 200


def test_a_good_token_opens_the_service_once(
    service: FlaskClient, hook_body: dict[str, Any]
) -> None:
    """The second use is a replay, even for the same question."""
    headers = EHR.bearer()
    answers = [service.post(SERVICE, json=hook_body, headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 401, 401]


def test_a_token_that_was_refused_is_not_remembered_as_used(
    service: FlaskClient, hook_body: dict[str, Any]
) -> None:
    """Or somebody without the key could use up the ids of a client."""
    claims = EHR.claims()
    forged = replace(EHR, key=new_key("key-1"))
    for client, status in ((forged, 401), (EHR, 200)):
        token = raw(client, json.dumps(client.header()), json.dumps(claims))
        headers = {"Authorization": f"Bearer {token}"}
        assert service.post(SERVICE, json=hook_body, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("path", "audience", "status"),
    [
        (SERVICE, SERVICE_URL, 200),
        (SERVICE, f"{SERVICE_URL}/", 200),
        (f"{SERVICE}/", SERVICE_URL, 200),
        (f"{SERVICE}/feedback", f"{SERVICE_URL}/feedback", 200),
        (f"{SERVICE}/feedback", SERVICE_URL, 401),
        (SERVICE, f"{SERVICE_URL}/feedback", 401),
        (SERVICE, f"http://localhost{SERVICE}", 401),
    ],
)
def test_the_audience_is_the_address_that_is_called(
    path: str, audience: str, status: int, service: FlaskClient, hook_body: dict[str, Any]
) -> None:
    """By the public address of the settings: the Host header of a call says nothing."""
    body = {"feedback": []} if path.endswith("feedback") else hook_body
    headers = {**EHR.bearer(audience), "Host": "localhost"}
    assert service.post(path, json=body, headers=headers).status_code == status


def test_an_audience_may_be_one_of_several_or_an_alias_of_the_client(
    tmp_path: Path, hook_body: dict[str, Any]
) -> None:
    """Epic's audience is configured by hand; another client does not share the alias."""
    alias = "urn:hospital:cds"
    aliased = replace(EHR, entry=f'audiences = ["{alias}"]')
    service = create_app(production_config(tmp_path, [aliased, RSA])).test_client()
    for client, audience, status in (
        (aliased, alias, 200),
        (aliased, ["https://other.example", SERVICE_URL], 200),
        (RSA, alias, 401),
    ):
        headers = client.bearer(aud=audience)
        assert service.post(SERVICE, json=hook_body, headers=headers).status_code == status


def test_a_longer_lifetime_can_be_given_to_one_client(tmp_path: Path) -> None:
    """Epic's tokens are valid for 20 minutes, from five minutes ago."""
    epic = replace(EHR, entry="longest_lifetime = 1200")
    clients = trusted_clients(str(trust_file(tmp_path, [epic, RSA])), development=False)
    now = int(time.time())
    times = {"iat": now, "nbf": now - 300, "exp": now + 900}
    assert verifier(clients).verified(epic.token(**times), [SERVICE_URL])
    with pytest.raises(TokenRefused, match="lifetime"):
        verifier(clients).verified(RSA.token(**times), [SERVICE_URL])


def test_clocks_may_differ_by_the_leeway_and_not_more(trusted: dict[str, TrustedClient]) -> None:
    """The sandbox rounds its clock up by half a second."""
    token = EHR.token(iat=1_000, exp=1_200)
    for now in (990.0, 1_209.0):
        at = verifier(trusted, clock=lambda now=now: now)
        assert at.verified(token, [SERVICE_URL])
    for now, why in ((989.0, Rejection.TOO_EARLY), (1_210.0, Rejection.EXPIRED)):
        at = verifier(trusted, clock=lambda now=now: now)
        with pytest.raises(TokenRefused, match=why.value):
            at.verified(token, [SERVICE_URL])


def test_a_used_token_is_remembered_until_it_is_refused_as_expired(
    trusted: dict[str, TrustedClient],
) -> None:
    """The leeway counts too: in it a forgotten token would be accepted again."""
    token = EHR.token(iat=1_000, exp=1_200)
    found = verifier(trusted, clock=lambda: 1_000.0).verified(token, [SERVICE_URL])
    with pytest.raises(TokenRefused, match="expired"):
        verifier(trusted, clock=lambda: float(found.ends)).verified(token, [SERVICE_URL])


def test_the_address_of_keys_in_a_header_is_compared_and_never_followed(tmp_path: Path) -> None:
    """With a `jku` in the trust file every other one is refused, before any key is looked up."""
    path = tmp_path / "trust.toml"
    path.write_text(f'[[clients]]\niss = "{FETCHED.iss}"\njku = "{JKU}"\n', encoding="utf-8")
    clients = trusted_clients(str(path), development=False)
    asked = []

    class Keys:
        def key(self, kid: str) -> Any:
            asked.append(kid)
            return ListedKeys(trusted_keys).key(kid)

    trusted_keys = trusted_clients(str(trust_file(tmp_path, [FETCHED])), development=False)[
        FETCHED.iss
    ].keys
    checks = TokenVerifier(clients, {FETCHED.iss: Keys()}, LEEWAY)
    for jku, accepted in (
        (JKU, True),
        (None, True),
        (f"{JKU}?", False),
        (JKU.upper(), False),
        ("https://keys.example.org:443/jwks.json", False),
        ("file:///etc/passwd", False),
        (1, False),
    ):
        header = FETCHED.header(jku=jku)
        token = raw(FETCHED, json.dumps(header), json.dumps(FETCHED.claims()))
        asked.clear()
        if accepted:
            assert checks.verified(token, [SERVICE_URL])
        else:
            with pytest.raises(TokenRefused, match="jku"):
                checks.verified(token, [SERVICE_URL])
        assert bool(asked) is accepted


def test_the_public_sandbox_is_known_in_development() -> None:
    """Its key verifies a token that the sandbox's published key signed."""
    (client,) = sandbox_client().values()
    assert client.profile == "sandbox"
    checks = verifier(sandbox_client(), clock=lambda: SANDBOX_SIGNED_AT + 1.0)
    found = checks.verified(SANDBOX_SIGNED, [SANDBOX_AUDIENCE])
    assert found.client is client


SANDBOX_AUDIENCE = f"http://127.0.0.1:8080{SERVICE}"
SANDBOX_SIGNED = (
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzM4NCIsImtpZCI6IjQ0ODIzZjNkLTBiMDEtNGE2Yy1hODBlLWI5"
    "ZDNlOGE3MjI2ZiIsImprdSI6Imh0dHBzOi8vc2FuZGJveC5jZHMtaG9va3Mub3JnLy53ZWxsLWtub3du"
    "L2p3a3MuanNvbiJ9.eyJpc3MiOiJodHRwczovL3NhbmRib3guY2RzLWhvb2tzLm9yZyIsImF1ZCI6Imh"
    "0dHA6Ly8xMjcuMC4wLjE6ODA4MC9jZHMtc2VydmljZXMvcmVsYXBzZWQtYWxsLXN0cmF0aWZpY2F0aW9"
    "uIiwiZXhwIjoxNzk1NTYzMzg1LCJpYXQiOjE3OTU1NjMwODUsImp0aSI6Ijc5M2YwMDkxLWU3MWQtNDU"
    "wYy04MTMwLWVlN2UzZjlhYjc4YSJ9.rt3Drz56rJtsSx9m2ubbbTjDrM51oMQulNCGYnlZrEaYxWpJmX"
    "2h0JYzzw9qh42Kb1iAPL7KIvW0RwKh3IzGzokffD7StMuqcp9mI3i_FFl1UOMf0o4VmRbC2mvDY4Lg"
)
