"""Settings of the calls to the client's FHIR server: which servers, and how long.

The address of a FHIR server comes with the call, so it is asked only where a setting lists it
(or, in development, where it is this machine). A redirect or a page elsewhere is not followed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cds_service.errors import SettingError

FHIR_SETTINGS = {
    "CDS_FHIR_DEADLINE_MS": "milliseconds in which all FHIR servers together must answer, "
    "100 to 60000 (2000)",
    "CDS_FHIR_SERVERS": "base URLs of FHIR servers that may be asked with the access token of the "
    "call, comma separated (development: also this machine; production: none)",
    "CDS_FHIR_OPEN_SERVERS": "base URLs of FHIR servers that may be asked without a token, comma "
    "separated (development: also this machine; production: none)",
    "CDS_LOCAL_CODES": "TOML file of the site's own codes, docs/local-codes.md (none)",
}
"""Every setting with its meaning and (default)."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"http": 80, "https": 443}
_SHORTEST, _LONGEST = 100, 60_000
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")
_DOTS = frozenset({".", ".."})


@dataclass(frozen=True, slots=True, order=True)
class BaseUrl:
    """The base of a FHIR server, normalised: lower case, port filled in, no slash at the end."""

    scheme: str
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, text: str) -> BaseUrl | None:
        """The base URL that ``text`` is, or None: no user, query, fragment, dots or escapes."""
        try:
            parts = urlsplit(text.strip())
            port = parts.port
        except ValueError:
            return None
        path = parts.path.rstrip("/")
        if (
            parts.scheme not in _PORTS
            or not parts.hostname
            or "@" in parts.netloc
            or parts.query
            or parts.fragment
            or not _PATH.fullmatch(path)
            or _DOTS & set(path.split("/"))
        ):
            return None
        return cls(parts.scheme, parts.hostname.lower(), port or _PORTS[parts.scheme], path)

    @property
    def is_loopback(self) -> bool:
        """Whether it names this machine."""
        return self.host in _LOOPBACK

    def holds(self, url: str) -> bool:
        """Whether ``url`` has the same origin and lies at or under this base path."""
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS.get(parts.scheme)
        except ValueError:
            return False
        origin = (parts.scheme, (parts.hostname or "").lower(), port)
        path = parts.path.rstrip("/")
        return (
            origin == (self.scheme, self.host, self.port)
            and "@" not in parts.netloc
            and (path == self.path or path.startswith(f"{self.path}/"))
            and _PATH.fullmatch(path) is not None
            and not _DOTS & set(path.split("/"))
        )

    def __str__(self) -> str:
        """The URL, without the port that its scheme implies."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


@dataclass(frozen=True, slots=True)
class FhirSettings:
    """How long to wait for FHIR servers (milliseconds), and which may be asked."""

    deadline_ms: int = 2_000
    servers: frozenset[BaseUrl] = frozenset()
    open_servers: frozenset[BaseUrl] = frozenset()
    loopback: bool = True
    """Whether this machine may be asked without being listed (development)."""

    def refusal(self, base: BaseUrl, *, with_token: bool) -> str:
        """Why the server at ``base`` is not asked; empty where it may be."""
        if base in self.open_servers or (self.loopback and base.is_loopback):
            return ""
        if base not in self.servers:
            return "the FHIR server of the call is not one that this service may ask"
        return "" if with_token else "the call brought no access token for its FHIR server"


def fhir_settings(environ: Mapping[str, str], *, development: bool) -> FhirSettings:
    """The settings of ``environ``; raises SettingError naming the first bad one."""
    text = environ.get("CDS_FHIR_DEADLINE_MS", "2000").strip()
    if not (text.isascii() and text.isdigit() and _SHORTEST <= int(text) <= _LONGEST):
        raise SettingError(
            "CDS_FHIR_DEADLINE_MS", f"must be a whole number from {_SHORTEST} to {_LONGEST}"
        )
    return FhirSettings(
        deadline_ms=int(text),
        servers=_bases(environ, "CDS_FHIR_SERVERS"),
        open_servers=_bases(environ, "CDS_FHIR_OPEN_SERVERS"),
        loopback=development,
    )


def _bases(environ: Mapping[str, str], name: str) -> frozenset[BaseUrl]:
    found = set()
    for text in environ.get(name, "").split(","):
        base = BaseUrl.parse(text) if text.strip() else None
        if text.strip() and base is None:
            raise SettingError(name, "must list base URLs such as https://ehr.example.org/fhir/r4")
        if base is not None:
            found.add(base)
    return frozenset(found)
