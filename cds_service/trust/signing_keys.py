"""Public keys that clients sign with: EC P-384 for ES384, RSA for RS384, and nothing else."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

ES384: Final = "ES384"
RS384: Final = "RS384"
ALGORITHMS: Final = frozenset({ES384, RS384})
"""What CDS Hooks recommends (cds-hooks_2.0 "Trusting CDS Clients"); no other is ever accepted."""

_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_LONGEST_KID: Final = 300
_LEAST_BITS: Final = 2_048
_MOST_BITS: Final = 8_192
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {"EC": ("crv", "x", "y"), "RSA": ("n", "e")}


class KeyFault(ValueError):  # noqa: N818 - what is wrong with the key, in words
    """A JWK cannot be used; the text says why and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One public key: its id, the algorithm it is for, and its RFC 7638 thumbprint (SHA-256)."""

    kid: str
    algorithm: str
    thumbprint: str
    key: ECKey | RSAKey = field(repr=False)


def signing_key(jwk: object) -> SigningKey:
    """The key of one JWK; raises KeyFault."""
    if not isinstance(jwk, dict):
        raise KeyFault("is no object")
    if _PRIVATE & set(jwk):
        raise KeyFault("holds a private or symmetric key; only public keys belong here")
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= _LONGEST_KID:
        raise KeyFault(f"needs a kid of 1 to {_LONGEST_KID} characters")
    if jwk.get("use", "sig") != "sig" or "verify" not in jwk.get("key_ops", ["verify"]):
        raise KeyFault("is not for signatures")
    key, algorithm = _imported(jwk)
    if jwk.get("alg", algorithm) != algorithm:
        raise KeyFault(f"is for another algorithm than {algorithm}, which its type is used with")
    return SigningKey(kid, algorithm, key.thumbprint(), key)


def _imported(jwk: Mapping[str, Any]) -> tuple[ECKey | RSAKey, str]:
    kind = str(jwk.get("kty"))
    if kind not in _NEEDED:
        raise KeyFault("must be of type EC or RSA")
    if kind == "EC" and jwk.get("crv") != "P-384":
        raise KeyFault("must be on the curve P-384")
    numbers: dict[str, str | list[str]] = {"kty": kind}
    for name in _NEEDED[kind]:
        text = jwk.get(name)
        if not isinstance(text, str) or not text:
            raise KeyFault(f"needs the text {name}")
        numbers[name] = text
    if kind == "RSA" and not _LEAST_BITS <= _bits(str(numbers["n"])) <= _MOST_BITS:
        raise KeyFault(f"must have {_LEAST_BITS} to {_MOST_BITS} bits")
    try:
        if kind == "RSA":
            return RSAKey.import_key(numbers), RS384
        return ECKey.import_key(numbers), ES384
    except (JoseError, ValueError, TypeError):
        raise KeyFault("is not a sound key") from None


def _bits(modulus: str) -> int:
    try:
        octets = base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))
    except ValueError:
        raise KeyFault("is not a sound key") from None
    return int.from_bytes(octets, "big").bit_length()


def signing_keys(jwks: Iterable[object], denied: frozenset[str]) -> dict[str, SigningKey]:
    """The usable keys of a fetched JWK Set by their kid; what cannot be used is left out.

    Other keys than those for signatures may well stand in such a set. Two keys of one kid are
    both left out: nobody could say which one is meant. ``denied``: thumbprints never accepted.
    """
    found: dict[str, SigningKey] = {}
    twice: set[str] = set()
    for jwk in jwks:
        try:
            key = signing_key(jwk)
        except KeyFault:
            continue
        if key.thumbprint in denied:
            continue
        twice |= {key.kid} & set(found)
        found[key.kid] = key
    return {kid: key for kid, key in found.items() if kid not in twice}
