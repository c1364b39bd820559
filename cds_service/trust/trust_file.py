"""The trust file: which CDS clients may call, and what each may do (docs/trust.md).

Read and checked once, at start. Every fault names its place, such as ``clients[1].jku``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from cds_service.cards.client_profiles import PROFILES
from cds_service.errors import SettingError
from cds_service.fhir_server.settings import BaseUrl
from cds_service.settings import is_loopback, is_url
from cds_service.trust.clients import LIFETIME, Limits, TrustedClient
from cds_service.trust.signing_keys import ALGORITHMS, KeyFault, SigningKey, signing_key

SETTING: Final = "CDS_TRUST_FILE"
SANDBOX: Final = Path(__file__).with_name("sandbox_client.toml")
SANDBOX_HOST: Final = "sandbox.cds-hooks.org"

_Text = Annotated[str, Meta(min_length=1, max_length=300)]


class _Limits(msgspec.Struct, forbid_unknown_fields=True):
    calls_per_minute: Annotated[int, Meta(ge=1, le=1_000_000)] = Limits().calls_per_minute
    burst: Annotated[int, Meta(ge=1, le=100_000)] = Limits().burst
    concurrent: Annotated[int, Meta(ge=1, le=10_000)] = Limits().concurrent


class _Client(msgspec.Struct, forbid_unknown_fields=True):
    iss: _Text
    jku: str = ""
    keys: list[dict[str, Any]] = []
    algorithms: Annotated[list[str], Meta(min_length=1)] = msgspec.field(
        default_factory=lambda: sorted(ALGORITHMS)
    )
    tenants: list[_Text] = []
    audiences: list[_Text] = []
    longest_lifetime: Annotated[int, Meta(ge=30, le=3_600)] = LIFETIME
    fhir_servers: list[str] = []
    open_fhir_servers: list[str] = []
    profile: str = "generic"
    links: list[str] = []
    limits: _Limits = msgspec.field(default_factory=_Limits)


class _File(msgspec.Struct, forbid_unknown_fields=True):
    clients: Annotated[list[_Client], Meta(min_length=1, max_length=1_000)]


def trusted_clients(path: str, *, development: bool) -> dict[str, TrustedClient]:
    """Every client of the file by its ``iss``; in development the public sandbox too.

    ``path``: empty = no file. Raises SettingError naming the place of the first fault.
    """
    known = dict(sandbox_client()) if development else {}
    if path:
        try:
            content = tomllib.loads(Path(path).read_text("utf-8"))
        except (OSError, UnicodeDecodeError):
            raise SettingError(SETTING, "must name a file that can be read") from None
        except tomllib.TOMLDecodeError as error:
            raise SettingError(SETTING, f"is not TOML: {error}") from None
        known |= _clients(content, development=development)
    return known


@cache
def sandbox_client() -> Mapping[str, TrustedClient]:
    """The public CDS Hooks Sandbox by its ``iss``."""
    return _clients(tomllib.loads(SANDBOX.read_text("utf-8")), development=True)


@cache
def development_thumbprints() -> frozenset[str]:
    """Thumbprints of keys whose private half everybody has: never accepted in production."""
    return frozenset(
        key.thumbprint for client in sandbox_client().values() for key in client.keys.values()
    )


def _clients(content: Mapping[str, Any], *, development: bool) -> dict[str, TrustedClient]:
    try:
        file = msgspec.convert(content, _File)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")
        where = place.rstrip("`").lstrip(".") or "the file"
        raise SettingError(SETTING, f"{where}: {what}") from None
    found: dict[str, TrustedClient] = {}
    for number, entry in enumerate(file.clients):
        where = f"clients[{number}]"
        if entry.iss in found:
            _fault(f"{where}.iss", "stands in an earlier entry too")
        found[entry.iss] = _Entry(entry, where, development=development).client()
    return found


def _fault(where: str, what: str) -> NoReturn:
    raise SettingError(SETTING, f"{where}: {what}")


class _Entry:
    """One entry while it is checked: what it says, where it stands, and for which mode."""

    def __init__(self, entry: _Client, where: str, *, development: bool) -> None:
        self._entry = entry
        self._where = where
        self._development = development

    def client(self) -> TrustedClient:
        """The client; raises SettingError naming the field."""
        entry = self._entry
        if not self._development and SANDBOX_HOST in {_host(entry.iss), _host(entry.jku)}:
            self._fault("iss", "the public sandbox cannot be trusted in production")
        if bool(entry.jku) == bool(entry.keys):
            self._fault("jku", "needs either this one address of keys, or keys")
        if unknown := set(entry.algorithms) - ALGORITHMS:
            self._fault("algorithms", f"{min(unknown)!r} is none of ES384, RS384")
        if entry.profile not in PROFILES:
            self._fault("profile", f"must be one of {', '.join(PROFILES)}")
        keys = dict(self._keys())
        if keys and not {key.algorithm for key in keys.values()} & set(entry.algorithms):
            self._fault("algorithms", "fit none of the keys")
        self._check_addresses()
        return TrustedClient(
            iss=entry.iss,
            keys=keys,
            jku=entry.jku,
            algorithms=frozenset(entry.algorithms),
            tenants=frozenset(entry.tenants),
            audiences=frozenset(entry.audiences),
            longest_lifetime=entry.longest_lifetime,
            fhir_servers=frozenset(self._bases("fhir_servers", entry.fhir_servers)),
            open_fhir_servers=frozenset(self._bases("open_fhir_servers", entry.open_fhir_servers)),
            profile=entry.profile,
            links=tuple(entry.links),
            limits=Limits(**msgspec.structs.asdict(entry.limits)),
        )

    def _keys(self) -> Iterable[tuple[str, SigningKey]]:
        seen: set[str] = set()
        for number, jwk in enumerate(self._entry.keys):
            where = f"keys[{number}]"
            try:
                key = signing_key(jwk)
            except KeyFault as fault:
                self._fault(where, str(fault))
            if key.kid in seen:
                self._fault(f"{where}.kid", "stands in an earlier key too")
            if not self._development and key.thumbprint in development_thumbprints():
                self._fault(where, "is a public development key: everybody can sign with it")
            seen.add(key.kid)
            yield key.kid, key

    def _check_addresses(self) -> None:
        if self._entry.jku and not self._may_be_fetched(self._entry.jku):
            self._fault("jku", "must be an https URL without credentials, query or fragment")
        for number, link in enumerate(self._entry.links):
            if not is_url(link):
                self._fault(f"links[{number}]", "must be an absolute http or https URL")

    def _bases(self, field: str, texts: Iterable[str]) -> Iterable[BaseUrl]:
        for number, text in enumerate(texts):
            base = BaseUrl.parse(text)
            if base is None or not (base.scheme == "https" or self._may_be_plain(base.host)):
                self._fault(
                    f"{field}[{number}]", "must be a URL such as https://ehr.example.org/fhir/r4"
                )
            yield base

    def _may_be_fetched(self, text: str) -> bool:
        return is_url(text) and (
            urlsplit(text).scheme == "https" or self._may_be_plain(_host(text))
        )

    def _may_be_plain(self, host: str) -> bool:
        return self._development and is_loopback(host)

    def _fault(self, field: str, what: str) -> NoReturn:
        _fault(f"{self._where}.{field}", what)


def _host(text: str) -> str:
    try:
        return (urlsplit(text).hostname or "").lower()
    except ValueError:
        return ""
