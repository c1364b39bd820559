"""The token of a CDS client: parsed, matched with the trust file, its signature and claims checked.

The order: shape and size, the client that ``iss`` names, algorithm, ``jku`` (compared, never
followed), key, signature, claims. Why a token was refused is for the log alone: the caller is told
nothing. Source: cds-hooks_2.0 "Trusting CDS Clients"; RFC 7515, 7519, 8725.

A header or payload with a member twice is refused: readers differ about which of the two holds.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from joserfc import jws
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError
from joserfc.jws import JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from cds_service.trust.clients import TrustedClient
from cds_service.trust.key_sources import KeySource
from cds_service.trust.signing_keys import SigningKey

LONGEST: Final = 8_192
"""Characters of a token."""
LONGEST_JTI: Final = 255
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_LATEST: Final = 2**40
"""Seconds: the year 36812. A later time is a mistake or an attack."""
_TIMES: Final = ("exp", "iat", "nbf")


class Rejection(StrEnum):
    """Why a token is refused: for logs and metrics, never for the caller."""

    NO_TOKEN = "no_token"  # noqa: S105 - a word for the log
    MALFORMED = "malformed"
    ISSUER = "issuer"
    HEADER = "header"
    ALGORITHM = "algorithm"
    JKU = "jku"
    KEY = "key"
    SIGNATURE = "signature"
    CLAIMS = "claims"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    TOO_EARLY = "too_early"
    LIFETIME = "lifetime"
    TENANT = "tenant"
    REPLAYED = "replayed"


class TokenRefused(Exception):  # noqa: N818 - what happened, as in cds_service.errors
    """A token is not accepted. ``iss``: of the client it names, where the trust file has it."""

    def __init__(self, why: Rejection, iss: str = "") -> None:
        """``why``: one of the fixed words; nothing of the token."""
        super().__init__(why.value)
        self.why = why
        self.iss = iss


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """A token that is what it says.

    ``use``: SHA-256 of ``iss`` and ``jti``. ``ends``: seconds since 1970 from which the token is
    refused as expired, so that its use need not be remembered longer.
    """

    client: TrustedClient
    tenant: str
    use: str
    ends: int


class _Registry(JWSRegistry):
    """joserfc's checks of the header, with room for a ``jku`` and a certificate chain."""

    max_header_length = LONGEST
    max_payload_length = LONGEST


@dataclass(frozen=True, slots=True)
class TokenVerifier:
    """Verifies tokens of ``clients``; ``leeway`` in seconds, ``clock`` in seconds since 1970."""

    clients: Mapping[str, TrustedClient]
    sources: Mapping[str, KeySource]
    leeway: int = 10
    clock: Callable[[], float] = time.time

    def verified(self, token: str, audiences: Collection[str]) -> VerifiedToken:
        """``token`` as verified for one of ``audiences``, or for an alias of its client.

        Raises TokenRefused, and TrustUnavailable where no key of the client can be had.
        """
        header, unverified = _parsed(token)
        iss = unverified.get("iss")
        client = self.clients.get(iss) if isinstance(iss, str) else None
        if client is None:
            raise TokenRefused(Rejection.ISSUER)
        try:
            key = self._key(client, header)
            claims = _signed(token, key)
            self._check_times(client, claims)
            self._check_claims(client, claims, {*audiences, *client.audiences})
        except _Refusal as refusal:
            raise TokenRefused(refusal.why, client.iss) from None
        use = hashlib.sha256(f"{client.iss}|{claims['jti']}".encode()).hexdigest()
        ends = int(claims["exp"]) + self.leeway + 1
        return VerifiedToken(client, claims.get("tenant", ""), use, ends)

    def _key(self, client: TrustedClient, header: Mapping[str, Any]) -> SigningKey:
        kid, kind = header.get("kid"), header.get("typ")
        # `typ` is REQUIRED to be JWT: a token made for something else is none for us (RFC 8725).
        if not isinstance(kid, str) or not isinstance(kind, str) or kind.upper() != "JWT":
            raise _Refusal(Rejection.HEADER)
        if "crit" in header or "b64" in header:
            raise _Refusal(Rejection.HEADER)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in client.algorithms:
            raise _Refusal(Rejection.ALGORITHM)
        if client.jku and header.get("jku", client.jku) != client.jku:
            raise _Refusal(Rejection.JKU)
        key = self.sources[client.iss].key(kid)
        if key is None:
            raise _Refusal(Rejection.KEY)
        if key.algorithm != algorithm:
            raise _Refusal(Rejection.ALGORITHM)
        return key

    @staticmethod
    def _check_times(client: TrustedClient, claims: Mapping[str, Any]) -> None:
        """``exp`` and ``iat`` are times, and not far apart.

        With ``exp`` not yet over that bounds the age of ``iat`` too, and so the store of used
        tokens.
        """
        for name in _TIMES:
            moment = claims.get(name, 0)
            if isinstance(moment, bool) or not isinstance(moment, (int, float)):
                raise _Refusal(Rejection.CLAIMS)
            if not 0 <= moment <= _LATEST:  # also refuses NaN
                raise _Refusal(Rejection.CLAIMS)
        if "exp" not in claims or "iat" not in claims:
            raise _Refusal(Rejection.CLAIMS)
        expires, issued = claims["exp"], claims["iat"]
        if not 0 < expires - issued <= client.longest_lifetime:
            raise _Refusal(Rejection.LIFETIME)

    def _check_claims(
        self, client: TrustedClient, claims: Mapping[str, Any], audiences: Collection[str]
    ) -> None:
        registry = JWTClaimsRegistry(
            now=int(self.clock()),
            leeway=self.leeway,
            iss={"essential": True, "value": client.iss},
            aud={"essential": True, "values": list(audiences)},
            exp={"essential": True},
            iat={"essential": True},
            jti={"essential": True},
        )
        try:
            registry.validate(dict(claims))
        except ExpiredTokenError:
            raise _Refusal(Rejection.EXPIRED) from None
        except MissingClaimError:
            raise _Refusal(Rejection.CLAIMS) from None
        except InvalidClaimError as error:
            raise _Refusal(_OF_CLAIM.get(error.claim, Rejection.CLAIMS)) from None
        jti, tenant = claims["jti"], claims.get("tenant", "")
        if len(jti) > LONGEST_JTI or not jti.isprintable():
            raise _Refusal(Rejection.CLAIMS)
        # Where the trust file lists tenants a token names one of them; else it names none.
        allowed = client.tenants or {""}
        if not isinstance(tenant, str) or tenant not in allowed:
            raise _Refusal(Rejection.TENANT)


_OF_CLAIM: Final = {
    "aud": Rejection.AUDIENCE,
    "iat": Rejection.TOO_EARLY,
    "nbf": Rejection.TOO_EARLY,
}


class _Refusal(Exception):  # noqa: N818 - becomes a TokenRefused that knows the client
    def __init__(self, why: Rejection) -> None:
        super().__init__(why.value)
        self.why = why


def _parsed(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and payload, not verified; raises TokenRefused."""
    if len(token) > LONGEST or not _SHAPE.fullmatch(token):
        raise TokenRefused(Rejection.MALFORMED)
    header, payload, _ = token.split(".")
    return _object(header), _object(payload)


def _object(segment: str) -> dict[str, Any]:
    try:
        text = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode("utf-8")
        content = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except (binascii.Error, ValueError, RecursionError):
        raise TokenRefused(Rejection.MALFORMED) from None
    if not isinstance(content, dict):
        raise TokenRefused(Rejection.MALFORMED)
    return content


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a member stands twice")
    return content


def _no_number(_text: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")


def _signed(token: str, key: SigningKey) -> dict[str, Any]:
    """The claims under a good signature; raises _Refusal."""
    registry = _REGISTRIES[key.algorithm]
    try:
        payload = jws.deserialize_compact(token, key.key, registry=registry).payload
        claims = json.loads(payload or b"")
    except (JoseError, ValueError, TypeError, RecursionError):
        raise _Refusal(Rejection.SIGNATURE) from None
    return dict(claims)


_REGISTRIES: Final = {
    name: _Registry(algorithms=[name], strict_check_header=False) for name in ("ES384", "RS384")
}
"""By algorithm: each key is used with its own alone."""
