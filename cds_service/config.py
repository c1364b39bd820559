"""The settings of the service, read once from the environment; a bad one refuses to start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cds_service.clinician_page.smart_settings import SmartSettings
from cds_service.errors import SettingError
from cds_service.fhir_server.settings import FhirSettings
from cds_service.local_codes import local_codes
from cds_service.settings import (
    group,
    is_loopback,
    one_of,
    origins,
    refuse_unknown,
    setting,
    settings_of,
    switch,
    text,
    url,
    urls,
    whole_number,
)
from cds_service.trust.settings import TrustSettings
from fhir_mappings.site_codes import SiteCodes

DEVELOPMENT, PRODUCTION = "development", "production"
CLIENT_PROFILES = ("generic", "sandbox", "epic", "oracle")
"""The names of the client profiles (client_profiles.PROFILES)."""

_SHORTEST_KEY = 32
_LOOPBACK = "127.0.0.1"


def _listening(value: str) -> str:
    if not value.strip() or any(character.isspace() for character in value.strip()):
        raise ValueError("must be an address to listen on")
    return value.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of one process; what each means stands in its declaration."""

    host: str = setting(
        "HOST",
        "address to listen on",
        _listening,
        _LOOPBACK,
        example="0.0.0.0",  # noqa: S104 - an example
    )
    port: int = setting("PORT", "port to listen on", whole_number(1, 65_535), "8080")
    workers: int = setting(
        "CDS_WORKERS",
        "processes that answer; one for each core is as many as help",
        whole_number(1, 64),
        "1",
        production="2",
    )
    mode: str = setting(
        "CDS_MODE",
        "development is a trial on one's own machine; production is everything else",
        one_of(DEVELOPMENT, PRODUCTION),
        DEVELOPMENT,
    )
    public_url: str = setting(
        "CDS_PUBLIC_URL",
        "where clients reach the service, for the links of the cards; empty: http://HOST:PORT",
        url,
        example="https://cds.example.org",
    )
    allowed_origins: tuple[str, ...] = setting(
        "CDS_ALLOWED_ORIGINS",
        "origins that browsers may call from, comma separated; development lets any call",
        origins,
        example="https://ehr.example.org",
    )
    sample_patients: bool = setting(
        "CDS_SAMPLE_PATIENTS",
        "serve invented patients under /fhir; cannot be on in production",
        switch,
        "on",
        production="off",
    )
    body_limit: int = setting(
        "CDS_BODY_LIMIT",
        "largest request body in bytes",
        whole_number(1_000, 100_000_000),
        "10000000",
    )
    client_profile: str = setting(
        "CDS_CLIENT_PROFILE", "what the client can take", one_of(*CLIENT_PROFILES), "generic"
    )
    client_links: tuple[str, ...] = setting(
        "CDS_CLIENT_LINKS",
        "URL prefixes that the client has on its list of links, comma separated; profile oracle "
        "shows no other",
        urls,
        example="https://doi.org/,https://cds.example.org/",
    )
    feedback_database: str = setting(
        "CDS_FEEDBACK_DATABASE",
        "URL of the database of the feedback, SQLite or PostgreSQL",
        str,
        "sqlite:///feedback.sqlite3",
        secret=True,
        example="postgresql+psycopg://cds:PASSWORD@db.example.org/feedback",
    )
    feedback_comments: bool = setting(
        "CDS_FEEDBACK_COMMENTS",
        "keep the free text of overrides, which may name a patient",
        switch,
        "off",
    )
    feedback_days: int = setting(
        "CDS_FEEDBACK_DAYS",
        "days that feedback is kept; 0 keeps it",
        whole_number(0, 36_500),
        "365",
    )
    alert_fatigue_hours: int = setting(
        "CDS_ALERT_FATIGUE_HOURS",
        "hours in which a card that a user overrode for a patient is not shown again; 0 shows it",
        whole_number(0, 8_760),
        "0",
    )
    alert_fatigue_key: str = setting(
        "CDS_ALERT_FATIGUE_KEY",
        f"secret of {_SHORTEST_KEY} characters or more for the hashes that alert fatigue needs",
        text,
        secret=True,
    )
    metrics: bool = setting(
        "CDS_METRICS",
        "serve /metrics for Prometheus; to be kept from the public by the proxy in front",
        switch,
        "on",
        production="off",
    )
    traces: str = setting(
        "CDS_TRACES",
        "base URL of an OpenTelemetry collector, OTLP over HTTP; empty: no traces",
        url,
        example="http://collector.example.org:4318",
    )
    server_timing: bool = setting(
        "CDS_SERVER_TIMING",
        "on: answers say in Server-Timing where their time went",
        switch,
        "off",
    )
    local_codes: SiteCodes = setting(
        "CDS_LOCAL_CODES",
        "TOML file of the site's own codes (local-codes.md)",
        local_codes,
        example="/etc/relapsed-all-cds/codes.toml",
    )
    audit_file: str = setting(
        "CDS_AUDIT_FILE",
        "file to which an AuditEvent is appended for each call; it names patients and users "
        "(security.md); empty: none",
        text,
        example="/var/log/relapsed-all-cds/audit.ndjson",
    )
    fhir: FhirSettings = group(FhirSettings)
    smart: SmartSettings = group(SmartSettings)
    trust: TrustSettings = group(TrustSettings)

    @property
    def development(self) -> bool:
        """Whether this is a trial on one's own machine: any origin, sample patients."""
        return self.mode == DEVELOPMENT

    @property
    def base_url(self) -> str:
        """Where a client on this machine reaches the service."""
        host = _LOOPBACK if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def url(self) -> str:
        """Where clients reach the service."""
        return self.public_url or self.base_url

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Config:
        """The settings of ``environ``; raises SettingError naming the first bad one."""
        refuse_unknown(cls, environ)
        mode = environ.get("CDS_MODE", DEVELOPMENT)
        config = settings_of(cls, environ, mode)
        if not config.development:
            config = replace(
                config,
                fhir=replace(config.fhir, loopback=False),
                smart=replace(config.smart, loopback=False),
            )
        config.check()
        return config

    def check(self) -> None:
        """Raise SettingError where settings that are sound alone do not go together."""
        if self.development and not is_loopback(self.host):
            raise SettingError(
                "HOST", "must be this machine, such as 127.0.0.1: development mode lets anybody in"
            )
        if self.sample_patients and not self.development:
            raise SettingError("CDS_SAMPLE_PATIENTS", "cannot be on in production")
        if self.alert_fatigue_hours and len(self.alert_fatigue_key) < _SHORTEST_KEY:
            raise SettingError("CDS_ALERT_FATIGUE_KEY", f"must have {_SHORTEST_KEY} characters")
        self.smart.check(self.public_url)
