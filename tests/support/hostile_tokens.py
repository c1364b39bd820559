"""Tokens that must not be accepted, each with what it tries; made anew whenever they are asked for.

Each is a function of the client whose name it abuses, and carries the reason for which it must be
refused. ``PYJWT_ACCEPTS`` are those that a generic library lets through: only rules of ours refuse
them.
"""

# ruff: noqa: D103 - the name of each function says what its token tries

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry
from trusted_clients import SERVICE_URL, TestClient, new_key, new_rsa_key

from cds_service.trust.tokens import Rejection

Maker = Callable[[TestClient], str]

HOSTILE: dict[str, tuple[Rejection, Maker]] = {}
PYJWT_ACCEPTS: set[str] = set()
_DAY = 86_400
_OTHER = new_key("key-1")
_RSA = new_rsa_key("key-1")


def hostile(why: Rejection, *, pyjwt_accepts: bool = False) -> Callable[[Maker], Maker]:
    """Register a hostile token under its name, with why it must be refused."""

    def register(make: Maker) -> Maker:
        HOSTILE[make.__name__] = (why, make)
        if pyjwt_accepts:
            PYJWT_ACCEPTS.add(make.__name__)
        return make

    return register


def segment(content: Any) -> str:
    """base64url of bytes, of a text, or of an object as JSON."""
    if not isinstance(content, (bytes, str)):
        content = json.dumps(content)
    raw = content if isinstance(content, bytes) else content.encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unsigned(header: Any, payload: Any, signature: bytes = b"x" * 96) -> str:
    """A token with any signature."""
    return f"{segment(header)}.{segment(payload)}.{segment(signature)}"


def raw(client: TestClient, header: str, payload: str | bytes) -> str:
    """A token over exactly these texts, with the good signature of ``client``."""
    algorithm = jws.JWSRegistry.algorithms[client.algorithm]
    signed = f"{segment(header)}.{segment(payload)}"
    return f"{signed}.{segment(algorithm.sign(signed.encode(), client.key))}"


def signed_with(client: TestClient, key: Any, algorithm: str, **header: Any) -> str:
    """A token whose claims are good, signed with another key or algorithm."""
    registry = JWSRegistry(algorithms=[algorithm], strict_check_header=False)
    made = client.header(alg=algorithm, **header)
    return jws.serialize_compact(made, json.dumps(client.claims()), key, registry=registry)


def with_hmac(client: TestClient, algorithm: str, secret: bytes) -> str:
    """Good claims under an HMAC, for which libraries refuse to take such a secret."""
    signed = f"{segment(client.header(alg=algorithm))}.{segment(client.claims())}"
    digest = hmac.digest(secret, signed.encode(), f"sha{algorithm.removeprefix('HS')}")
    return f"{signed}.{segment(digest)}"


def duplicated(client: TestClient, member: str, first: Any) -> str:
    """Good claims in which one stands twice, the wrong value first."""
    good = json.dumps(client.claims())
    twice = f"{{{json.dumps(member)}: {json.dumps(first)}, {good.removeprefix('{')}"
    return raw(client, json.dumps(client.header()), twice)


def with_text(client: TestClient, name: str, text: str) -> str:
    """Good claims, one of which is this text of JSON."""
    claims = json.dumps({**client.claims(), name: "@"}).replace('"@"', text)
    return raw(client, json.dumps(client.header()), claims)


# --- Algorithm and signature ---------------------------------------------------------------------


@hostile(Rejection.MALFORMED)
def none_without_a_signature(client: TestClient) -> str:
    return f"{segment(client.header(alg='none'))}.{segment(client.claims())}."


@hostile(Rejection.ALGORITHM)
def none_with_a_signature(client: TestClient) -> str:
    return unsigned(client.header(alg="none"), client.claims())


@hostile(Rejection.ALGORITHM)
def none_in_mixed_case(client: TestClient) -> str:
    return unsigned(client.header(alg="nOnE"), client.claims())


@hostile(Rejection.ALGORITHM)
def hmac_with_the_public_key_as_pem(client: TestClient) -> str:
    pem = client.key.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return with_hmac(client, "HS256", pem)


@hostile(Rejection.ALGORITHM)
def hmac_384_with_the_public_key_as_jwk_text(client: TestClient) -> str:
    return with_hmac(client, "HS384", json.dumps(client.key.as_dict(private=False)).encode())


@hostile(Rejection.ALGORITHM)
def es256_with_another_curve(client: TestClient) -> str:
    return signed_with(client, ECKey.generate_key("P-256"), "ES256")


@hostile(Rejection.ALGORITHM)
def es512_with_another_curve(client: TestClient) -> str:
    return signed_with(client, ECKey.generate_key("P-521"), "ES512")


@hostile(Rejection.ALGORITHM)
def rs256_with_an_rsa_key(client: TestClient) -> str:
    return signed_with(client, _RSA, "RS256")


@hostile(Rejection.ALGORITHM)
def ps384_with_an_rsa_key(client: TestClient) -> str:
    return signed_with(client, _RSA, "PS384")


@hostile(Rejection.ALGORITHM)
def rs384_named_for_a_key_of_es384(client: TestClient) -> str:
    return signed_with(client, _RSA, "RS384")


@hostile(Rejection.ALGORITHM)
def algorithm_in_lower_case(client: TestClient) -> str:
    return raw(client, json.dumps(client.header(alg="es384")), json.dumps(client.claims()))


@hostile(Rejection.ALGORITHM)
def algorithm_missing(client: TestClient) -> str:
    return raw(client, json.dumps(client.header(alg=None)), json.dumps(client.claims()))


@hostile(Rejection.ALGORITHM)
def algorithm_as_a_list(client: TestClient) -> str:
    return raw(client, json.dumps(client.header(alg=["ES384"])), json.dumps(client.claims()))


@hostile(Rejection.SIGNATURE)
def another_key_under_the_same_kid(client: TestClient) -> str:
    return signed_with(client, _OTHER, "ES384")


@hostile(Rejection.SIGNATURE)
def key_embedded_in_the_header(client: TestClient) -> str:
    return signed_with(client, _OTHER, "ES384", jwk=_OTHER.as_dict(private=False))


@hostile(Rejection.SIGNATURE)
def address_of_other_keys_in_the_header(client: TestClient) -> str:
    return signed_with(client, _OTHER, "ES384", jku="https://evil.example/jwks.json")


@hostile(Rejection.SIGNATURE)
def address_of_a_certificate_in_the_header(client: TestClient) -> str:
    return signed_with(client, _OTHER, "ES384", x5u="https://evil.example/cert.pem")


@hostile(Rejection.SIGNATURE)
def zero_signature(client: TestClient) -> str:
    return unsigned(client.header(), client.claims(), bytes(96))


@hostile(Rejection.SIGNATURE)
def truncated_signature(client: TestClient) -> str:
    return client.token()[:-8]


@hostile(Rejection.SIGNATURE)
def signature_in_der(client: TestClient) -> str:
    head, _, signature = client.token().rpartition(".")
    plain = base64.urlsafe_b64decode(signature)
    der = encode_dss_signature(int.from_bytes(plain[:48], "big"), int.from_bytes(plain[48:], "big"))
    return f"{head}.{segment(der)}"


@hostile(Rejection.SIGNATURE)
def signature_of_another_token(client: TestClient) -> str:
    return f"{client.token().rpartition('.')[0]}.{client.token().rpartition('.')[2]}"


@hostile(Rejection.SIGNATURE)
def claims_changed_after_signing(client: TestClient) -> str:
    header, _, signature = client.token().split(".")
    return f"{header}.{segment(client.claims(tenant='other'))}.{signature}"


@hostile(Rejection.SIGNATURE)
def header_changed_after_signing(client: TestClient) -> str:
    _, payload, signature = client.token().split(".")
    return f"{segment(client.header(jku='https://evil.example'))}.{payload}.{signature}"


# --- Header --------------------------------------------------------------------------------------


@hostile(Rejection.KEY)
def unknown_kid(client: TestClient) -> str:
    return client.token(header=client.header(kid="key-2"))


@hostile(Rejection.KEY)
def kid_that_is_a_path(client: TestClient) -> str:
    return client.token(header=client.header(kid="../../../../dev/null"))


@hostile(Rejection.KEY)
def kid_that_is_a_query(client: TestClient) -> str:
    return client.token(header=client.header(kid="x' UNION SELECT 'key"))


@hostile(Rejection.HEADER, pyjwt_accepts=True)
def kid_missing(client: TestClient) -> str:
    return client.token(header=client.header(kid=None))


@hostile(Rejection.HEADER)
def kid_that_is_a_number(client: TestClient) -> str:
    return raw(client, json.dumps(client.header(kid=1)), json.dumps(client.claims()))


@hostile(Rejection.HEADER)
def critical_extension_that_nobody_knows(client: TestClient) -> str:
    header = client.header(crit=["urn:x"], **{"urn:x": True})
    return raw(client, json.dumps(header), json.dumps(client.claims()))


@hostile(Rejection.HEADER)
def critical_extension_without_its_member(client: TestClient) -> str:
    return raw(client, json.dumps(client.header(crit=["exp"])), json.dumps(client.claims()))


@hostile(Rejection.HEADER)
def payload_that_is_not_encoded(client: TestClient) -> str:
    header = client.header(crit=["b64"], b64=False)
    return raw(client, json.dumps(header), json.dumps(client.claims()))


@hostile(Rejection.HEADER, pyjwt_accepts=True)
def type_missing(client: TestClient) -> str:
    return client.token(header=client.header(typ=None))


@hostile(Rejection.HEADER, pyjwt_accepts=True)
def type_of_an_access_token(client: TestClient) -> str:
    return client.token(header=client.header(typ="at+jwt"))


@hostile(Rejection.MALFORMED, pyjwt_accepts=True)
def algorithm_twice(client: TestClient) -> str:
    good = json.dumps(client.header())
    twice = f'{{"alg": "none", {good.removeprefix("{")}'
    return raw(client, twice, json.dumps(client.claims()))


@hostile(Rejection.MALFORMED)
def header_that_is_a_list(client: TestClient) -> str:
    return raw(client, json.dumps([client.header()]), json.dumps(client.claims()))


@hostile(Rejection.MALFORMED)
def header_that_is_no_json(client: TestClient) -> str:
    return raw(client, "{alg: ES384}", json.dumps(client.claims()))


# --- Times ---------------------------------------------------------------------------------------


@hostile(Rejection.EXPIRED)
def expired(client: TestClient) -> str:
    now = int(time.time())
    return client.token(iat=now - 200, exp=now - 60)


@hostile(Rejection.EXPIRED)
def issued_long_ago(client: TestClient) -> str:
    now = int(time.time())
    return client.token(iat=now - _DAY, exp=now - _DAY + 300)


@hostile(Rejection.TOO_EARLY)
def issued_in_the_future(client: TestClient) -> str:
    now = int(time.time())
    return client.token(iat=now + 60, exp=now + 200)


@hostile(Rejection.TOO_EARLY)
def not_valid_yet(client: TestClient) -> str:
    return client.token(nbf=int(time.time()) + 60)


@hostile(Rejection.LIFETIME, pyjwt_accepts=True)
def valid_for_ten_years(client: TestClient) -> str:
    return client.token(exp=int(time.time()) + 3_650 * _DAY)


@hostile(Rejection.LIFETIME, pyjwt_accepts=True)
def valid_for_a_second_too_long(client: TestClient) -> str:
    now = int(time.time())
    return client.token(iat=now, exp=now + 301)


@hostile(Rejection.LIFETIME, pyjwt_accepts=True)
def expiring_before_it_was_issued(client: TestClient) -> str:
    now = int(time.time())
    return client.token(iat=now + 5, exp=now + 4)


@hostile(Rejection.CLAIMS)
def expiry_missing(client: TestClient) -> str:
    return client.token(exp=None)


@hostile(Rejection.CLAIMS)
def time_of_issue_missing(client: TestClient) -> str:
    return client.token(iat=None)


@hostile(Rejection.CLAIMS, pyjwt_accepts=True)
def expiry_as_a_string(client: TestClient) -> str:
    return client.token(exp=str(int(time.time()) + 200))


@hostile(Rejection.CLAIMS)
def expiry_null(client: TestClient) -> str:
    return with_text(client, "exp", "null")


@hostile(Rejection.CLAIMS)
def expiry_true(client: TestClient) -> str:
    return with_text(client, "exp", "true")


@hostile(Rejection.CLAIMS)
def expiry_beyond_every_number(client: TestClient) -> str:
    return with_text(client, "exp", "1e400")


@hostile(Rejection.CLAIMS, pyjwt_accepts=True)
def expiry_of_a_thousand_digits(client: TestClient) -> str:
    return with_text(client, "exp", "9" * 1_000)


@hostile(Rejection.MALFORMED)
def expiry_not_a_number(client: TestClient) -> str:
    return with_text(client, "exp", "NaN")


@hostile(Rejection.CLAIMS)
def expiry_negative(client: TestClient) -> str:
    return client.token(exp=-1)


# --- Audience, issuer, id, tenant ----------------------------------------------------------------


@hostile(Rejection.AUDIENCE)
def another_audience(client: TestClient) -> str:
    return client.token("https://other.example.org/cds-services/x")


@hostile(Rejection.AUDIENCE)
def audience_of_discovery(client: TestClient) -> str:
    return client.token(SERVICE_URL.rpartition("/")[0])


@hostile(Rejection.AUDIENCE)
def audience_of_feedback(client: TestClient) -> str:
    return client.token(f"{SERVICE_URL}/feedback")


@hostile(Rejection.AUDIENCE)
def audience_without_tls(client: TestClient) -> str:
    return client.token(SERVICE_URL.replace("https:", "http:"))


@hostile(Rejection.AUDIENCE)
def audience_of_a_longer_host(client: TestClient) -> str:
    return client.token(SERVICE_URL.replace("example.org", "example.org.evil.example"))


@hostile(Rejection.AUDIENCE)
def audience_in_upper_case(client: TestClient) -> str:
    return client.token(SERVICE_URL.upper())


@hostile(Rejection.AUDIENCE)
def audiences_without_this_one(client: TestClient) -> str:
    return client.token(aud=["https://a.example", "https://b.example"])


@hostile(Rejection.AUDIENCE)
def audiences_of_no_one(client: TestClient) -> str:
    return client.token(aud=[])


@hostile(Rejection.AUDIENCE)
def audience_that_is_an_object(client: TestClient) -> str:
    return client.token(aud={"url": SERVICE_URL})


@hostile(Rejection.AUDIENCE)
def audience_beside_a_number(client: TestClient) -> str:
    return client.token(aud=[SERVICE_URL, 1])


@hostile(Rejection.CLAIMS)
def audience_missing(client: TestClient) -> str:
    return client.token(aud=None)


@hostile(Rejection.ISSUER)
def unknown_issuer(client: TestClient) -> str:
    return client.token(iss="https://evil.example")


@hostile(Rejection.ISSUER)
def issuer_with_a_slash(client: TestClient) -> str:
    return client.token(iss=f"{client.iss}/")


@hostile(Rejection.ISSUER)
def issuer_as_a_list(client: TestClient) -> str:
    return client.token(iss=[client.iss])


@hostile(Rejection.ISSUER)
def issuer_missing(client: TestClient) -> str:
    return client.token(iss=None)


@hostile(Rejection.ISSUER)
def issuer_that_is_the_public_sandbox(client: TestClient) -> str:
    return client.token(iss="https://sandbox.cds-hooks.org")


@hostile(Rejection.CLAIMS)
def id_missing(client: TestClient) -> str:
    return client.token(jti=None)


@hostile(Rejection.CLAIMS)
def id_that_is_a_number(client: TestClient) -> str:
    return client.token(jti=1)


@hostile(Rejection.CLAIMS, pyjwt_accepts=True)
def id_empty(client: TestClient) -> str:
    return client.token(jti="")


@hostile(Rejection.CLAIMS, pyjwt_accepts=True)
def id_too_long(client: TestClient) -> str:
    return client.token(jti="x" * 256)


@hostile(Rejection.CLAIMS, pyjwt_accepts=True)
def id_with_a_line_break(client: TestClient) -> str:
    return client.token(jti="a\nb")


@hostile(Rejection.CLAIMS, pyjwt_accepts=True)
def id_with_half_a_surrogate_pair(client: TestClient) -> str:
    return with_text(client, "jti", '"\\ud800"')


@hostile(Rejection.TENANT, pyjwt_accepts=True)
def tenant_that_is_not_listed(client: TestClient) -> str:
    return client.token(tenant="other")


@hostile(Rejection.TENANT, pyjwt_accepts=True)
def tenant_that_is_a_list(client: TestClient) -> str:
    return client.token(tenant=["north"])


# --- Shape ---------------------------------------------------------------------------------------


@hostile(Rejection.MALFORMED, pyjwt_accepts=True)
def expiry_twice(client: TestClient) -> str:
    return duplicated(client, "exp", 9_999_999_999)


@hostile(Rejection.MALFORMED, pyjwt_accepts=True)
def id_twice(client: TestClient) -> str:
    return duplicated(client, "jti", "seen before")


@hostile(Rejection.MALFORMED, pyjwt_accepts=True)
def issuer_twice(client: TestClient) -> str:
    return duplicated(client, "iss", "https://evil.example")


@hostile(Rejection.MALFORMED)
def payload_that_is_a_list(client: TestClient) -> str:
    return raw(client, json.dumps(client.header()), json.dumps([client.claims()]))


@hostile(Rejection.MALFORMED)
def payload_that_is_a_text(client: TestClient) -> str:
    return raw(client, json.dumps(client.header()), json.dumps(SERVICE_URL))


@hostile(Rejection.MALFORMED)
def payload_that_is_not_utf8(client: TestClient) -> str:
    return raw(client, json.dumps(client.header()), b'{"iss": "\xff"}')


@hostile(Rejection.MALFORMED)
def payload_nested_deeply(client: TestClient) -> str:
    return raw(client, json.dumps(client.header()), "[" * 2_500 + "]" * 2_500)


@hostile(Rejection.MALFORMED, pyjwt_accepts=True)
def longer_than_eight_kib(client: TestClient) -> str:
    return client.token(sub="x" * 8_192)


@hostile(Rejection.MALFORMED)
def five_parts_like_an_encrypted_token(client: TestClient) -> str:
    return f"{client.token()}.x.y"


@hostile(Rejection.MALFORMED)
def two_parts(client: TestClient) -> str:
    return client.token().rpartition(".")[0]


@hostile(Rejection.MALFORMED)
def garbage(_client: TestClient) -> str:
    return "garbage"


@hostile(Rejection.MALFORMED)
def characters_outside_base64url(client: TestClient) -> str:
    head, dot, signature = client.token().rpartition(".")
    return f"{head}{dot}{signature}+/"
