"""Calls with a JWT: one trusted client, its key, and enough tokens that each is used once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey

from bench.answers import PATH

PUBLIC_URL: Final = "https://cds.example.org"
_ISS: Final = "https://bench.example.org"
_SECONDS: Final = 300
_ENTRY: Final = """
[[clients]]
iss = "{iss}"

[clients.limits]
calls_per_minute = 100000
burst = 10000
concurrent = 64

[[clients.keys]]
kty = "EC"
crv = "P-384"
kid = "bench"
x = "{x}"
y = "{y}"
"""


class SigningClient:
    """A CDS client with a new ES384 key."""

    def __init__(self) -> None:
        """Make the key."""
        self._key = ECKey.generate_key("P-384", {"kid": "bench"})

    def settings(self, folder: Path) -> dict[str, str]:
        """Settings of a service in production that trusts this client; files lie in ``folder``."""
        public = self._key.as_dict(private=False)
        file = folder / "trust.toml"
        file.write_text(_ENTRY.format(iss=_ISS, x=public["x"], y=public["y"]))
        return {
            "CDS_MODE": "production",
            "CDS_TRUST_FILE": str(file),
            "CDS_REPLAY_STORE": f"sqlite:///{folder / 'replay.sqlite3'}",
        }

    def tokens(self, number: int) -> Iterator[str]:
        """So many tokens for the service, good for five minutes from now."""
        now = int(time.time())
        for _ in range(number):
            claims = {
                "iss": _ISS,
                "aud": f"{PUBLIC_URL}{PATH}",
                "iat": now,
                "exp": now + _SECONDS,
                "jti": str(uuid4()),
            }
            header = {"alg": "ES384", "kid": "bench", "typ": "JWT"}
            yield jwt.encode(header, claims, self._key, algorithms=["ES384"])
