"""The settings, read once from the environment; a bad one refuses to start and is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cds_service.errors import SettingError
from cds_service.fhir_server.settings import FHIR_SETTINGS, FhirSettings, fhir_settings
from cds_service.local_codes import local_codes
from fhir_mappings.site_codes import NO_SITE_CODES, SiteCodes

SETTINGS = {
    "HOST": "address to listen on (127.0.0.1)",
    "PORT": "port to listen on, 1 to 65535 (8080)",
    "CDS_MODE": "development or production (development)",
    "CDS_ALLOWED_ORIGINS": "origins that browsers may call from, comma separated "
    "(development: any; production: none)",
    "CDS_SAMPLE_PATIENTS": "on or off: serve invented patients under /fhir "
    "(development: on; production: off, and cannot be on)",
    "CDS_BODY_LIMIT": "largest request body in bytes, 1000 to 100000000 (10000000)",
    "CDS_PUBLIC_URL": "where clients reach the service, for the links of the cards "
    "(http://HOST:PORT)",
    "CDS_SMART_URL": "launch address of the clinician's page, a SMART app (none: no link)",
    "CDS_CLIENT_PROFILE": "generic, sandbox, epic or oracle: what the client can take (generic)",
    "CDS_CLIENT_LINKS": "URL prefixes that the client has on its list of links, comma separated; "
    "profile oracle shows no other (none)",
    "CDS_FEEDBACK_DATABASE": "URL of the database of the feedback, SQLite or PostgreSQL "
    "(sqlite:///feedback.sqlite3)",
    "CDS_FEEDBACK_COMMENTS": "on or off: keep the free text of overrides, which may name a patient "
    "(off)",
    "CDS_FEEDBACK_DAYS": "days that feedback is kept, 0 to 36500; 0 keeps it (365)",
    "CDS_ALERT_FATIGUE_HOURS": "hours in which a card that a user overrode for a patient is not "
    "shown again, 0 to 8760; 0 shows it (0)",
    "CDS_ALERT_FATIGUE_KEY": "secret of 32 characters or more for the hashes that alert fatigue "
    "needs (none)",
    **FHIR_SETTINGS,
}
"""Every setting with its meaning and (default)."""

_SMALLEST_BODY, _LARGEST_BODY = 1_000, 100_000_000
_LARGEST_PORT = 65_535
_LONGEST_DAYS = 36_500
_LONGEST_HOURS = 8_760
_SHORTEST_KEY = 32
_DATABASE = "sqlite:///feedback.sqlite3"
CLIENT_PROFILES = ("generic", "sandbox", "epic", "oracle")
"""The names of the client profiles (client_profiles.PROFILES)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of one process; ``body_limit`` in bytes, the key of alert fatigue a secret."""

    host: str = "127.0.0.1"
    port: int = 8080
    mode: str = "development"
    allowed_origins: tuple[str, ...] = ()
    sample_patients: bool = True
    body_limit: int = 10_000_000
    public_url: str = ""
    smart_url: str = ""
    client_profile: str = "generic"
    client_links: tuple[str, ...] = ()
    feedback_database: str = _DATABASE
    feedback_comments: bool = False
    feedback_days: int = 365
    alert_fatigue_hours: int = 0
    alert_fatigue_key: str = field(default="", repr=False)
    fhir: FhirSettings = field(default_factory=FhirSettings)
    local_codes: SiteCodes = NO_SITE_CODES

    @property
    def development(self) -> bool:
        """Whether this is a trial on one's own machine: any origin, sample patients."""
        return self.mode == "development"

    @property
    def base_url(self) -> str:
        """Where a client on this machine reaches the service."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Config:
        """The settings of ``environ``; raises SettingError naming the first bad one.

        A name that starts with ``CDS_`` and is no setting is refused too: a misspelt setting
        would otherwise be a silent default.
        """
        for name in sorted(environ):
            if name.startswith("CDS_") and name not in SETTINGS:
                raise SettingError(name, f"is not known; known are {', '.join(SETTINGS)}")
        mode = environ.get("CDS_MODE", "development")
        if mode not in {"development", "production"}:
            raise SettingError("CDS_MODE", "must be development or production")
        samples = _switch(environ, "CDS_SAMPLE_PATIENTS", default=mode == "development")
        if samples and mode == "production":
            raise SettingError("CDS_SAMPLE_PATIENTS", "cannot be on in production")
        host = environ.get("HOST", "127.0.0.1").strip()
        if not host or any(character.isspace() for character in host):
            raise SettingError("HOST", "must be an address to listen on")
        return cls(
            host=host,
            port=_whole_number(environ, "PORT", 8080, 1, _LARGEST_PORT),
            mode=mode,
            allowed_origins=_origins(environ),
            sample_patients=samples,
            body_limit=_whole_number(
                environ, "CDS_BODY_LIMIT", 10_000_000, _SMALLEST_BODY, _LARGEST_BODY
            ),
            public_url=_url(environ, "CDS_PUBLIC_URL").rstrip("/"),
            smart_url=_url(environ, "CDS_SMART_URL"),
            client_profile=_one_of(environ, "CDS_CLIENT_PROFILE", CLIENT_PROFILES),
            client_links=_prefixes(environ),
            feedback_database=environ.get("CDS_FEEDBACK_DATABASE", _DATABASE),
            feedback_comments=_switch(environ, "CDS_FEEDBACK_COMMENTS", default=False),
            feedback_days=_whole_number(environ, "CDS_FEEDBACK_DAYS", 365, 0, _LONGEST_DAYS),
            **_alert_fatigue(environ),
            fhir=fhir_settings(environ, development=mode == "development"),
            local_codes=local_codes(environ),
        )


def _whole_number(
    environ: Mapping[str, str], name: str, default: int, least: int, most: int
) -> int:
    text = environ.get(name, str(default)).strip()
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise SettingError(name, f"must be a whole number from {least} to {most}")
    return int(text)


def _switch(environ: Mapping[str, str], name: str, *, default: bool) -> bool:
    text = environ.get(name)
    if text is None:
        return default
    if text not in {"on", "off"}:
        raise SettingError(name, "must be on or off")
    return text == "on"


def _url(environ: Mapping[str, str], name: str) -> str:
    """An absolute URL without credentials, query or fragment; empty when not set."""
    text = environ.get(name, "").strip()
    if text and not _is_url(text):
        raise SettingError(name, "must be an absolute http or https URL without credentials")
    return text


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.username is None
            and not (parts.query or parts.fragment)
            and text.isprintable()
            and " " not in text
        )
    except ValueError:
        return False


def _prefixes(environ: Mapping[str, str]) -> tuple[str, ...]:
    texts = [text.strip() for text in environ.get("CDS_CLIENT_LINKS", "").split(",")]
    prefixes = tuple(text for text in texts if text)
    if not all(_is_url(text) for text in prefixes):
        raise SettingError("CDS_CLIENT_LINKS", "must list absolute http or https URLs")
    return prefixes


def _one_of(environ: Mapping[str, str], name: str, values: tuple[str, ...]) -> str:
    text = environ.get(name, values[0])
    if text not in values:
        raise SettingError(name, f"must be one of {', '.join(values)}")
    return text


def _alert_fatigue(environ: Mapping[str, str]) -> dict[str, Any]:
    hours = _whole_number(environ, "CDS_ALERT_FATIGUE_HOURS", 0, 0, _LONGEST_HOURS)
    key = environ.get("CDS_ALERT_FATIGUE_KEY", "")
    if hours and len(key) < _SHORTEST_KEY:
        raise SettingError("CDS_ALERT_FATIGUE_KEY", f"must have {_SHORTEST_KEY} characters")
    return {"alert_fatigue_hours": hours, "alert_fatigue_key": key}


def _origins(environ: Mapping[str, str]) -> tuple[str, ...]:
    texts = [text.strip() for text in environ.get("CDS_ALLOWED_ORIGINS", "").split(",")]
    origins = tuple(text for text in texts if text)
    for origin in origins:
        if not _is_origin(origin):
            raise SettingError(
                "CDS_ALLOWED_ORIGINS",
                "must list origins such as https://ehr.example.org: scheme and host, no path, no *",
            )
    return origins


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and "*" not in text
        and text == f"{parts.scheme}://{parts.netloc}"
        and parts.username is None
    )
