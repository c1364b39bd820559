"""Settings of the clinician's page: how EHRs know it, and which EHRs may launch it."""

from __future__ import annotations

import secrets
from collections.abc import MutableMapping
from dataclasses import dataclass

from cds_service.errors import SettingError
from cds_service.fhir_server.settings import BaseUrl, base_urls
from cds_service.settings import FILE, origins, setting, text

LAUNCH, CALLBACK = "/launch", "/callback"
"""Where the page is launched, and where the EHR sends the browser back to."""

COOKIE_KEY = "CDS_SMART_COOKIE_KEY"
SHORTEST_KEY = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartSettings:
    """The registration of the page as a SMART app; an empty ``client_id`` switches it off."""

    client_id: str = setting(
        "CDS_SMART_CLIENT_ID",
        "id under which the EHRs know the clinician's page; empty: the page is off",
        text,
        "relapsed-all-cds",
        production="",
        example="relapsed-all",
    )
    client_secret: str = setting(
        "CDS_SMART_CLIENT_SECRET",
        "secret of the page at the EHRs, for a confidential client; empty: a public client",
        text,
        secret=True,
    )
    cookie_key: str = setting(
        COOKIE_KEY,
        f"secret of {SHORTEST_KEY} characters or more that signs the cookie of a launch and the "
        "facts in its page; needed in production, in development made at start",
        text,
        secret=True,
    )
    issuers: frozenset[BaseUrl] = setting(
        "CDS_SMART_ISSUERS",
        "FHIR base URLs of the EHRs that may launch the page, comma separated; development: also "
        "this machine",
        base_urls,
        example="https://ehr.example.org/fhir/r4",
    )
    authorization_origins: tuple[str, ...] = setting(
        "CDS_SMART_AUTHORIZATION_ORIGINS",
        "origins of the authorization servers of these EHRs, comma separated, where they are not "
        "the EHR's own",
        origins,
        example="https://login.example.org",
    )
    embedders: tuple[str, ...] = setting(
        "CDS_SMART_EMBEDDERS",
        "origins of EHRs that show the page in a frame, comma separated; empty: no frame",
        origins,
        example="https://ehr.example.org",
    )
    loopback: bool = True
    """Whether this machine may launch the page without being listed (development)."""

    def share_key(self, environ: MutableMapping[str, str]) -> None:
        """Give workers that read ``environ`` one key where none is set: each would make its own."""
        if self.on and not self.cookie_key:
            environ.pop(f"{COOKIE_KEY}{FILE}", None)
            environ[COOKIE_KEY] = secrets.token_hex(SHORTEST_KEY)

    @property
    def on(self) -> bool:
        """Whether the page is served."""
        return bool(self.client_id)

    def knows(self, issuer: BaseUrl) -> bool:
        """Whether this EHR may launch the page."""
        return issuer in self.issuers or (self.loopback and issuer.is_loopback)

    def trusts(self, endpoint: BaseUrl, issuer: BaseUrl) -> bool:
        """Whether ``endpoint`` is where an authorization server of ``issuer`` may be."""
        allowed = {issuer.origin, *(BaseUrl.parse(item) for item in self.authorization_origins)}
        return endpoint.origin in allowed

    def check(self, public_url: str) -> None:
        """Raise SettingError where the page is on and something that it needs is not there."""
        if not self.on:
            return
        if self.embedders and not public_url.startswith("https://"):
            raise SettingError("CDS_SMART_EMBEDDERS", "needs an https CDS_PUBLIC_URL")
        if self.cookie_key and len(self.cookie_key) < SHORTEST_KEY:
            raise SettingError(COOKIE_KEY, f"must have {SHORTEST_KEY} characters")
        if self.loopback:
            return
        if not public_url.startswith("https://"):
            raise SettingError("CDS_PUBLIC_URL", "must be https for the clinician's page")
        if not self.cookie_key:
            raise SettingError(COOKIE_KEY, "is needed for the clinician's page")
        if not self.issuers:
            raise SettingError("CDS_SMART_ISSUERS", "is needed for the clinician's page")
        if any(issuer.scheme != "https" for issuer in self.issuers):
            raise SettingError("CDS_SMART_ISSUERS", "must be https in production")
