"""A trusted CDS client, and the caller of one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cds_service.fhir_server.settings import BaseUrl
from cds_service.trust.signing_keys import ALGORITHMS, SigningKey

LIFETIME = 300
"""Seconds from ``iat`` to ``exp`` that a token may have where the trust file says nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How often one client (and tenant) may call, and how many calls may run at once.

    ``calls_per_minute`` is the steady rate, ``burst`` what may come at once, ``concurrent`` the
    calls in work in one process.
    """

    calls_per_minute: int = 1_200
    burst: int = 200
    concurrent: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedClient:
    """One entry of the trust file (docs/trust.md); has inline ``keys`` or a ``jku``."""

    iss: str
    keys: Mapping[str, SigningKey] = field(default_factory=dict, repr=False)
    jku: str = ""
    algorithms: frozenset[str] = ALGORITHMS
    tenants: frozenset[str] = frozenset()
    audiences: frozenset[str] = frozenset()
    longest_lifetime: int = LIFETIME
    fhir_servers: frozenset[BaseUrl] = frozenset()
    open_fhir_servers: frozenset[BaseUrl] = frozenset()
    profile: str = "generic"
    links: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a call: a client whose token was verified, or, in development, nobody known.

    ``token``: the first characters of the SHA-256 of ``iss`` and ``jti``, to be logged.
    """

    client: TrustedClient | None = None
    tenant: str = ""
    token: str = ""

    @property
    def iss(self) -> str:
        """The address of the client in the trust file; empty where no token came."""
        return self.client.iss if self.client else ""


ANONYMOUS = Caller()
"""A call without a token, which development accepts."""
