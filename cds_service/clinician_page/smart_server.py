"""The EHR as a SMART App Launch 2 server: its configuration, and a token for a code.

The same guards as for its FHIR server: only what a setting lists, at addresses that may be
reached, no redirects, nothing from the environment, one deadline, a cap on bytes. The flow is
Authlib's (RFC 6749, RFC 7636); faults are fixed words and nothing that the EHR said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Timer
from typing import Any, Final

import msgspec
import requests
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped] # no types
from authlib.integrations.requests_client import (  # type: ignore[import-untyped] # no types
    OAuth2Session,
)
from urllib3.exceptions import HTTPError

from cds_service.clinician_page.launch_cookie import PendingLaunch
from cds_service.clinician_page.launch_faults import LaunchFault, LaunchRefused
from cds_service.clinician_page.smart_settings import SmartSettings
from cds_service.fhir_server.connection import LINE, Adapter, AddressRefusedError, Line
from cds_service.fhir_server.deadline import Deadline
from cds_service.fhir_server.reach import Reach
from cds_service.fhir_server.settings import BaseUrl
from fhir_mappings.queries import SPECIMENS, queries
from fhir_mappings.site_codes import SiteCodes

MOST_BYTES: Final = 100_000
"""Of a configuration or a token response."""

_CHUNK: Final = 16_384
_OK: Final = 200
_CONFIGURATION: Final = ".well-known/smart-configuration"
_TOKEN: Final = re.compile(r"[A-Za-z0-9\-._~+/]{1,8192}=*")
_FHIR_ID: Final = re.compile(r"[A-Za-z0-9\-._]{1,64}")
_FAILED: Final = (
    AddressRefusedError,
    AuthlibBaseError,
    requests.RequestException,
    HTTPError,
    OSError,
    ValueError,
    TypeError,
    RecursionError,
)
"""What a server can make Authlib, requests and the JSON reader raise."""


@dataclass(frozen=True, slots=True)
class SmartConfiguration:
    """Where to ask for access to the record at ``issuer``; ``v1_scopes``: it knows no others."""

    issuer: BaseUrl
    authorization_endpoint: str
    token_endpoint: str
    v1_scopes: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """What the EHR granted: an access token, for the patient whose chart is open."""

    token: str = field(repr=False)
    patient_id: str = field(repr=False)


class SmartServer:
    """One EHR during one step of a launch; ``deadline`` holds for all that is asked of it."""

    def __init__(self, settings: SmartSettings, reach: Reach, deadline: Deadline) -> None:
        """Nothing is asked yet; ``reach`` says where a connection may end."""
        self._settings = settings
        self._reach = reach
        self._deadline = deadline

    def configuration(self, issuer: BaseUrl) -> SmartConfiguration:
        """The configuration of ``issuer``, which must be known; raises LaunchRefused."""
        try:
            with requests.Session() as session:
                self._guard(session)
                answer = session.get(
                    f"{issuer}/{_CONFIGURATION}",
                    headers={"Accept": "application/json"},
                    allow_redirects=False,
                )
            told = msgspec.json.decode(answer.content) if answer.status_code == _OK else None
        except _FAILED:
            told = None
        if not isinstance(told, dict) or not self._usable(told, issuer):
            raise LaunchRefused(LaunchFault.NO_CONFIGURATION)
        capabilities = told.get("capabilities") or []
        return SmartConfiguration(
            issuer,
            told["authorization_endpoint"],
            told["token_endpoint"],
            v1_scopes="permission-v1" in capabilities and "permission-v2" not in capabilities,
        )

    def authorization_url(
        self, configuration: SmartConfiguration, pending: PendingLaunch, launch: str, scope: str
    ) -> str:
        """Where to send the browser to ask for ``scope``, for the chart that ``launch`` names."""
        with self._session(pending.redirect_uri, scope) as session:
            url, _ = session.create_authorization_url(
                configuration.authorization_endpoint,
                state=pending.state,
                code_verifier=pending.verifier,
                launch=launch,
                aud=str(configuration.issuer),
            )
        return str(url)

    def access(self, pending: PendingLaunch, code: str) -> Access:
        """Exchange ``code`` for access; raises LaunchRefused where there is none, or no patient."""
        try:
            with self._session(pending.redirect_uri) as session:
                told = session.fetch_token(
                    pending.token_endpoint,
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=pending.verifier,
                    allow_redirects=False,
                )
        except _FAILED:
            raise LaunchRefused(LaunchFault.NO_TOKEN) from None
        token, kind = told.get("access_token"), told.get("token_type")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise LaunchRefused(LaunchFault.NO_TOKEN)
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise LaunchRefused(LaunchFault.NO_TOKEN)
        patient = told.get("patient")
        if not isinstance(patient, str) or not _FHIR_ID.fullmatch(patient):
            raise LaunchRefused(LaunchFault.NO_PATIENT)
        return Access(token, patient)

    def _usable(self, told: Mapping[str, Any], issuer: BaseUrl) -> bool:
        """PKCE with S256, and both endpoints where the authorization server may be."""
        if "S256" not in (told.get("code_challenge_methods_supported") or []):
            return False
        urls = [told.get("authorization_endpoint"), told.get("token_endpoint")]
        endpoints = [BaseUrl.parse(url) if isinstance(url, str) else None for url in urls]
        return all(item is not None and self._settings.trusts(item, issuer) for item in endpoints)

    def _session(self, redirect_uri: str, scope: str | None = None) -> OAuth2Session:
        secret = self._settings.client_secret
        session = OAuth2Session(
            client_id=self._settings.client_id,
            client_secret=secret or None,
            token_endpoint_auth_method="client_secret_basic" if secret else "none",
            scope=scope,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )
        self._guard(session)
        return session

    def _guard(self, session: requests.Session) -> None:
        session.trust_env = False
        adapter = _GuardedAdapter(self._reach, self._deadline)
        session.mount("http://", adapter)
        session.mount("https://", adapter)


def scopes(site: SiteCodes, *, v1: bool = False) -> str:
    """The least that answers our queries: reading their types, for the patient in context."""
    rights = "read" if v1 else "rs"
    types = dict.fromkeys(query.resource_type for query in (*queries(site), SPECIMENS))
    return " ".join(["launch", *(f"patient/{name}.{rights}" for name in types)])


class _GuardedAdapter(Adapter):
    """Reads an answer only as far as deadline and cap allow, from where it may come alone."""

    def __init__(self, reach: Reach, deadline: Deadline) -> None:
        super().__init__(max_retries=0)
        self._reach = reach
        self._deadline = deadline

    def send(self, request: requests.PreparedRequest, **_options: Any) -> requests.Response:  # type: ignore[override]  # noqa: ANN401 - what a Session adds is not wanted
        remaining = self._deadline.remaining
        if not remaining:
            raise requests.Timeout
        line = Line(self._reach)
        LINE.set(line)
        # No timeout of a socket bounds a server that drips.
        end = Timer(remaining, line.end)
        end.start()
        try:
            return _read(super().send(request, stream=True, timeout=remaining, proxies={}))
        finally:
            end.cancel()
            line.let_go()


def _read(response: requests.Response) -> requests.Response:
    received = bytearray()
    while part := response.raw.read1(_CHUNK, decode_content=True):
        received += part
        if len(received) > MOST_BYTES:
            response.close()
            raise requests.ConnectionError
    response._content = bytes(received)  # noqa: SLF001 - how requests keeps a body that was read
    return response
