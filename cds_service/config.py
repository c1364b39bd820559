"""The settings, read once from the environment; a bad one refuses to start and is named."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cds_service.errors import SettingError

SETTINGS = {
    "HOST": "address to listen on (127.0.0.1)",
    "PORT": "port to listen on, 1 to 65535 (8080)",
    "CDS_MODE": "development or production (development)",
    "CDS_ALLOWED_ORIGINS": "origins that browsers may call from, comma separated "
    "(development: any; production: none)",
    "CDS_SAMPLE_PATIENTS": "on or off: serve invented patients under /fhir "
    "(development: on; production: off, and cannot be on)",
    "CDS_BODY_LIMIT": "largest request body in bytes, 1000 to 100000000 (10000000)",
}
"""Every setting with its meaning and (default)."""

_SMALLEST_BODY, _LARGEST_BODY = 1_000, 100_000_000
_LARGEST_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of one process; ``body_limit`` in bytes."""

    host: str = "127.0.0.1"
    port: int = 8080
    mode: str = "development"
    allowed_origins: tuple[str, ...] = ()
    sample_patients: bool = True
    body_limit: int = 10_000_000

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
