"""Trusted CDS clients for tests: their keys, the trust file that names them, and their tokens.

``EHR`` is a client with one key; ``trust_file(folder)`` writes the file that trusts it,
``production_config(folder)`` is a service that starts with it, and ``bearer(url)`` is the header of
one call to it.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

from cds_service.config import Config
from cds_service.trust.settings import TrustSettings

PUBLIC_URL = "https://cds.example.org"
SERVICE_URL = f"{PUBLIC_URL}/cds-services/relapsed-all-stratification"


@dataclass(frozen=True)
class TestClient:
    """A CDS client that signs with a key of its own; ``entry``: more lines of the trust file."""

    __test__ = False  # not a test class, for all its name

    iss: str = "https://ehr.example.org/r4"
    key: ECKey | RSAKey = field(default_factory=lambda: new_key("key-1"))
    algorithm: str = "ES384"
    entry: str = ""

    def claims(self, audience: str = SERVICE_URL, **changes: Any) -> dict[str, Any]:
        """Claims in which nothing is wrong, with some changed; None leaves a claim out."""
        now = int(time.time())
        claims = {
            "iss": self.iss,
            "aud": audience,
            "iat": now,
            "exp": now + 300,
            "jti": str(uuid4()),
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def header(self, **changes: Any) -> dict[str, Any]:
        """A header in which nothing is wrong, with some parts changed; None leaves one out."""
        header = {"alg": self.algorithm, "typ": "JWT", "kid": self.key.kid, **changes}
        return {name: value for name, value in header.items() if value is not None}

    def token(
        self,
        audience: str = SERVICE_URL,
        header: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A signed token; ``changes``: of its claims."""
        registry = JWSRegistry(algorithms=[self.algorithm], strict_check_header=False)
        made = dict(header) if header is not None else self.header()
        return jwt.encode(
            made,
            self.claims(audience, **changes),
            self.key,
            registry=registry,
            default_type=None,
        )

    def bearer(self, audience: str = SERVICE_URL, **changes: Any) -> dict[str, str]:
        """The Authorization header of one call."""
        return {"Authorization": f"Bearer {self.token(audience, **changes)}"}

    def toml(self) -> str:
        """The entry of this client in a trust file."""
        return f'[[clients]]\niss = "{self.iss}"\n{self.entry}\n{key_toml(self.key)}'


def new_key(kid: str) -> ECKey:
    """A new EC P-384 key with its private half."""
    return ECKey.generate_key("P-384", {"kid": kid})


def new_rsa_key(kid: str, bits: int = 2048) -> RSAKey:
    """A new RSA key with its private half."""
    return RSAKey.generate_key(bits, {"kid": kid})


def key_toml(key: ECKey | RSAKey | Mapping[str, Any]) -> str:
    """The public half of ``key``, or a JWK, as a table of the trust file."""
    jwk = key if isinstance(key, Mapping) else key.as_dict(private=False)
    parts = "\n".join(f'{name} = "{value}"' for name, value in jwk.items() if value)
    return f"[[clients.keys]]\n{parts}\n"


EHR = TestClient()
"""The client that tests call with where any trusted client will do."""


def trust_file(folder: Path, clients: Iterable[TestClient] = (EHR,)) -> Path:
    """A trust file in ``folder`` that trusts ``clients``."""
    path = folder / "trust.toml"
    path.write_text("\n".join(client.toml() for client in clients), encoding="utf-8")
    return path


def new_folder() -> Path:
    """An empty folder, removed when the tests end."""
    folder = Path(tempfile.mkdtemp(prefix="trusted-clients-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def production_config(
    folder: Path | None = None, clients: Iterable[TestClient] = (EHR,), **changes: Any
) -> Config:
    """Settings of a service in production that trusts ``clients``; files lie in ``folder``."""
    folder = folder or new_folder()
    trust = TrustSettings(
        file=str(trust_file(folder, clients)),
        replay_store=f"sqlite:///{folder / 'replay.sqlite3'}",
    )
    config = Config(
        mode="production",
        sample_patients=False,
        public_url=PUBLIC_URL,
        feedback_database=f"sqlite:///{folder / 'feedback.sqlite3'}",
        trust=trust,
    )
    return replace(config, fhir=replace(config.fhir, loopback=False), **changes)


def production_environment(
    folder: Path | None = None, clients: Iterable[TestClient] = (EHR,)
) -> dict[str, str]:
    """The same as environment variables, for a service in a process of its own."""
    folder = folder or new_folder()
    return {
        "CDS_MODE": "production",
        "CDS_PUBLIC_URL": PUBLIC_URL,
        "CDS_TRUST_FILE": str(trust_file(folder, clients)),
        "CDS_REPLAY_STORE": f"sqlite:///{folder / 'replay.sqlite3'}",
        "CDS_FEEDBACK_DATABASE": f"sqlite:///{folder / 'feedback.sqlite3'}",
    }
