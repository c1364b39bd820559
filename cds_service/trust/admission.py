"""Who may come in: the token, its one use, and the limits of its client.

Production starts with a trust file and a public https address alone, and answers nobody without a
token. Development accepts a call without a token, and refuses a bad one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Final
from urllib.parse import urlsplit

from cds_service import decision_log
from cds_service.config import Config
from cds_service.errors import SettingError, TooBusy, TooManyCalls
from cds_service.settings import is_loopback
from cds_service.trust.clients import ANONYMOUS, Caller, TrustedClient
from cds_service.trust.key_sources import key_source
from cds_service.trust.limits import Buckets, MemoryBuckets, RedisBuckets, Running
from cds_service.trust.replay import (
    MEMORY,
    SETTING,
    ReplayStore,
    is_redis,
    redis_client,
    replay_store,
)
from cds_service.trust.tokens import Rejection, TokenRefused, TokenVerifier
from cds_service.trust.trust_file import development_thumbprints, trusted_clients

_BEARER: Final = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_LOCAL_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_SHOWN: Final = 12
"""Characters of the hash of a token that a log shows."""
_OF_EACH_CLIENT: Final[Mapping[str, Callable[[Config], bool]]] = {
    "CDS_CLIENT_PROFILE": lambda config: config.client_profile != "generic",
    "CDS_CLIENT_LINKS": lambda config: bool(config.client_links),
    "CDS_FHIR_SERVERS": lambda config: bool(config.fhir.servers),
    "CDS_FHIR_OPEN_SERVERS": lambda config: bool(config.fhir.open_servers),
}
"""Settings that production does not know, because each client has its own."""


@dataclass(frozen=True, slots=True)
class Admission:
    """Decides about every call of one process.

    ``bases``: addresses under which this service is called; ``required``: whether a call needs a
    token; ``for_discovery``: whether discovery does.
    """

    clients: Mapping[str, TrustedClient]
    verifier: TokenVerifier
    replays: ReplayStore
    buckets: Buckets
    bases: tuple[str, ...]
    required: bool
    for_discovery: bool = False
    running: Running = field(default_factory=Running)

    def caller(self, authorization: str | None, path: str, *, discovery: bool = False) -> Caller:
        """The caller of ``path`` with this Authorization header.

        Raises TokenRefused, TrustUnavailable (503) and TooManyCalls (429). A refused or repeated
        token is not counted: nobody can use up the calls of another client.
        """
        if authorization is None:
            if self.for_discovery if discovery else self.required:
                raise TokenRefused(Rejection.NO_TOKEN)
            return ANONYMOUS
        bearer = _BEARER.fullmatch(authorization.strip())
        if bearer is None:
            raise TokenRefused(Rejection.MALFORMED)
        at = path.rstrip("/")
        audiences = {f"{base}{at}{slash}" for base in self.bases for slash in ("", "/")}
        token = self.verifier.verified(bearer.group(1), audiences)
        if not self.replays.first_use(token.use, token.ends):
            raise TokenRefused(Rejection.REPLAYED, token.client.iss)
        caller = Caller(token.client, token.tenant, token.use[:_SHOWN])
        wait = self.buckets.wait(_bucket(caller), token.client.limits)
        if wait:
            decision_log.record_limit("calls_per_minute", caller)
            raise TooManyCalls(ceil(wait))
        return caller

    def begin(self, caller: Caller) -> bool:
        """Count a call as in work; whether there is an ``end`` to come. Raises TooBusy (503)."""
        if caller.client is None:
            return False
        if not self.running.begin(_bucket(caller), caller.client.limits.concurrent):
            decision_log.record_limit("concurrent", caller)
            raise TooBusy
        return True

    def end(self, caller: Caller) -> None:
        """Count a call as finished."""
        self.running.end(_bucket(caller))


def admission(config: Config) -> Admission:
    """What ``config`` asks for; raises SettingError naming what keeps the service from starting."""
    trust = config.trust
    if not config.development:
        _check_production(config)
    decision_log.record_mode(config.mode)
    clients = trusted_clients(trust.file, development=config.development)
    denied = frozenset() if config.development else development_thumbprints()
    sources = {iss: key_source(client, denied) for iss, client in clients.items()}
    buckets: Buckets = MemoryBuckets()
    if is_redis(trust.replay_store):
        buckets = RedisBuckets(redis_client(trust.replay_store))
    return Admission(
        clients=clients,
        verifier=TokenVerifier(clients, sources, trust.leeway),
        replays=replay_store(trust.replay_store),
        buckets=buckets,
        bases=_bases(config),
        required=not config.development,
        for_discovery=trust.discovery_token,
    )


def _check_production(config: Config) -> None:
    if not config.trust.file:
        raise SettingError("CDS_TRUST_FILE", "must name the file of the clients in production")
    public = urlsplit(config.public_url)
    if public.scheme != "https" or is_loopback(public.hostname or ""):
        raise SettingError("CDS_PUBLIC_URL", "must be a public https URL in production")
    if config.trust.replay_store == MEMORY:
        raise SettingError(SETTING, "cannot be memory in production: each process has its own")
    for name, is_set in _OF_EACH_CLIENT.items():
        if is_set(config):
            raise SettingError(name, "stands with each client in the trust file in production")


def _bases(config: Config) -> tuple[str, ...]:
    """Addresses that a token may be for; never taken from a request."""
    public = (config.public_url,) if config.public_url else ()
    if not config.development:
        return public
    return (*public, *(f"http://{name}:{config.port}" for name in _LOCAL_NAMES))


def _bucket(caller: Caller) -> str:
    return f"{caller.iss} {caller.tenant}"
