"""Settings of trust: the trust file, the clock, and where used tokens are remembered."""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.settings import setting, switch, text, whole_number


@dataclass(frozen=True, slots=True)
class TrustSettings:
    """Who may call, and how strictly tokens are read."""

    file: str = setting(
        "CDS_TRUST_FILE",
        "TOML file of the CDS clients that may call (trust.md); needed in production",
        text,
        example="/etc/relapsed-all-cds/trust.toml",
    )
    leeway: int = setting(
        "CDS_CLOCK_LEEWAY",
        "seconds by which the clock of a client may be off, 5 to 30",
        whole_number(5, 30),
        "10",
    )
    replay_store: str = setting(
        "CDS_REPLAY_STORE",
        "where used tokens are remembered: `memory` (one process; development only), "
        "`sqlite:///PATH` (one host), or `redis://HOST` (several hosts; it then counts calls too)",
        text,
        "memory",
        production="sqlite:///replay.sqlite3",
        secret=True,
        example="redis://:PASSWORD@redis.example.org:6379/0",
    )
    discovery_token: bool = setting(
        "CDS_DISCOVERY_TOKEN", "demand a token for GET /cds-services too", switch, "off"
    )
