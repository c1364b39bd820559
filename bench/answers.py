"""Whether a server under load answers what the service answers in this process."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.request import Request, urlopen

import msgspec

from bench.bodies import Body
from cds_service.app import create_app
from cds_service.config import Config

PATH: Final = "/cds-services/relapsed-all-stratification"
_UUID: Final = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_CLOCK: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[0-9.:+Z-]*")
_PATIENCE: Final = 30


class OtherAnswerError(Exception):
    """The server's answer differs from the one made in this process."""


def comparable(answer: bytes) -> object:
    """An answer without what differs between two calls: UUIDs and times of day."""
    text = answer.decode()
    return msgspec.json.decode(_CLOCK.sub("time", _UUID.sub("uuid", text)))


def check(base: str, bodies: Iterable[Body], settings: Mapping[str, str], token: str = "") -> None:
    """Ask the server at ``base`` about every body; raises OtherAnswerError naming the child.

    ``settings``: those that the server was started with, for the application in this process.
    """
    client = create_app(Config.from_environment(settings)).test_client()
    for body in bodies:
        unbenched = client.post(PATH, data=body.content, content_type="application/json")
        if comparable(posted(base, body.content, token)) != comparable(unbenched.data):
            raise OtherAnswerError(f"about {body.patient_id}, {len(body.content)} bytes")


def posted(base: str, content: bytes, token: str = "") -> bytes:
    """The answer of the server at ``base`` to one body."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with urlopen(Request(f"{base}{PATH}", content, headers), timeout=_PATIENCE) as answer:
        return bytes(answer.read())
