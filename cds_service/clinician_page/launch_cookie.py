"""The one thing that is kept between launch and callback: a signed cookie in the browser.

It holds the state, the PKCE verifier and which EHR was asked, for a few minutes; the server keeps
nothing. A cookie is named by its state, so that two charts can be opened side by side, and is
deleted by the first callback. The EHR takes the code of a launch once.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from urllib.parse import urlsplit

from flask import Request, Response
from itsdangerous import BadData, URLSafeTimedSerializer

from cds_service.clinician_page.smart_settings import SmartSettings

LIFETIME = 600
"""Seconds from launch to callback: long enough to log in and consent."""

_MOST = 4_000
_NAME = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingLaunch:
    """What callback needs to finish a launch; a secret of this browser."""

    issuer: str
    token_endpoint: str
    redirect_uri: str
    state: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(64), repr=False)


class LaunchCookies:
    """Signs, reads and deletes the cookies of launches."""

    def __init__(self, settings: SmartSettings) -> None:
        """Without a key (development) one is made, good for as long as the process runs."""
        self._embedded = bool(settings.embedders)
        self._signed = URLSafeTimedSerializer(
            settings.cookie_key or secrets.token_hex(32),
            salt="smart-launch",
            signer_kwargs={"key_derivation": "hmac", "digest_method": sha256},
        )

    def keep(self, response: Response, launch: PendingLaunch) -> None:
        """Set the cookie of ``launch`` on ``response``."""
        address = urlsplit(launch.redirect_uri)
        response.set_cookie(
            _name(launch.state),
            self._signed.dumps(asdict(launch)),
            max_age=LIFETIME,
            path=address.path,
            secure=address.scheme == "https",
            httponly=True,
            samesite="None" if self._embedded else "Lax",
            partitioned=self._embedded,
        )

    def kept(self, request: Request, state: str) -> PendingLaunch | None:
        """The launch of ``state`` that this browser began; None where it did not, or long ago."""
        value = request.cookies.get(_name(state), "")
        if not value or len(value) > _MOST:
            return None
        try:
            launch = PendingLaunch(**self._signed.loads(value, max_age=LIFETIME))
        except (BadData, TypeError):
            return None
        return launch if hmac.compare_digest(launch.state.encode(), state.encode()) else None

    def delete(self, response: Response, launch: PendingLaunch) -> None:
        """Delete the cookie of ``launch``: it is used."""
        address = urlsplit(launch.redirect_uri)
        response.delete_cookie(
            _name(launch.state),
            path=address.path,
            secure=address.scheme == "https",
            httponly=True,
            samesite="None" if self._embedded else "Lax",
            partitioned=self._embedded,
        )


def _name(state: str) -> str:
    return f"launch-{sha256(state.encode()).hexdigest()[:_NAME]}"
