"""Settings of the calls to the client's FHIR server: which servers, and how long.

The address of a FHIR server comes with the call, so it is asked only where a setting lists it
(or, in development, where it is this machine). A redirect or a page elsewhere is not followed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from cds_service.fhir_server.reach import LOOPBACK_NAMES, Network, networks
from cds_service.settings import listed, setting, whole_number

_PORTS = {"http": 80, "https": 443}
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
    def origin(self) -> BaseUrl:
        """Scheme, host and port alone."""
        return replace(self, path="")

    @property
    def is_loopback(self) -> bool:
        """Whether it names this machine."""
        return self.host in LOOPBACK_NAMES

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


def base_urls(value: str) -> frozenset[BaseUrl]:
    """Reads base URLs of FHIR servers, comma separated."""
    found = {BaseUrl.parse(item) for item in listed(value)}
    bases = frozenset(base for base in found if base is not None)
    if len(bases) < len(found):
        raise ValueError("must list base URLs such as https://ehr.example.org/fhir/r4")
    return bases


@dataclass(frozen=True, slots=True)
class FhirSettings:
    """How long to wait for FHIR servers (milliseconds), and which may be asked."""

    deadline_ms: int = setting(
        "CDS_FHIR_DEADLINE_MS",
        "milliseconds in which all FHIR servers together must answer",
        whole_number(100, 60_000),
        "2000",
    )
    servers: frozenset[BaseUrl] = setting(
        "CDS_FHIR_SERVERS",
        "base URLs of FHIR servers that may be asked with the access token of the call, comma "
        "separated; development: also this machine",
        base_urls,
        example="https://ehr.example.org/fhir/r4",
    )
    open_servers: frozenset[BaseUrl] = setting(
        "CDS_FHIR_OPEN_SERVERS",
        "base URLs of FHIR servers that may be asked without a token, comma separated; "
        "development: also this machine",
        base_urls,
        example="https://open.example.org/fhir",
    )
    networks: frozenset[Network] = setting(
        "CDS_FHIR_NETWORKS",
        "networks that are not public and in which the FHIR servers listed by name may lie, such "
        "as 10.20.0.0/16, comma separated; a server listed by its address needs none",
        networks,
        example="10.20.0.0/16",
    )
    loopback: bool = True
    """Whether this machine may be asked without being listed (development)."""

    def refusal(self, base: BaseUrl, *, with_token: bool) -> str:
        """Why the server at ``base`` is not asked; empty where it may be."""
        if base in self.open_servers or (self.loopback and base.is_loopback):
            return ""
        if base not in self.servers:
            return "the FHIR server of the call is not one that this service may ask"
        return "" if with_token else "the call brought no access token for its FHIR server"
